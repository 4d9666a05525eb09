"""What is to be read of a table's rows for a step of a training; as canonical JSON, for its way."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.training.clause import read_training
from unseen.node.data.counting import Counting, decode_counting, encode_counting

if TYPE_CHECKING:
    from unseen.protocols.train import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read for a training.

    `counting` has an axis for each feature of values and an amount for each number, in the order of
    the features, a label that is a number last. `label` is the condition where it is yes or no.
    `party` is the node's name in the roster.
    """

    counting: Counting
    spec: "Spec"
    party: str
    label: str = ""


def encode_reading(asked: Reading) -> Json:
    """Return the JSON of a reading; it holds no key."""
    return {
        "counting": encode_counting(asked.counting),
        "spec": asked.spec.to_json(),
        "party": asked.party,
        "label": asked.label,
    }


def decode_reading(value: Any) -> Reading:
    """Return the reading that `encode_reading` wrote."""
    return Reading(
        counting=decode_counting(value["counting"]),
        spec=read_training(value["spec"]),
        party=value["party"],
        label=value["label"],
    )
