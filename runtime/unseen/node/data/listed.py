"""Which rows an iteration of an encrypted training reads: all of a table, or those of a list.

As canonical JSON, for its way to a worker.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.node.data.counting import Counting, decode_counting, encode_counting
from unseen.protocols.lookup.subject import SubjectColumn

if TYPE_CHECKING:
    from unseen.protocols.train import Feature


@dataclass(frozen=True, slots=True)
class Listed:
    """A buyer's list: the hashes at the head of `file`, 32 bytes each, of its subjects.

    A hash is `suite`'s digest of the canonical form of a subject of the columns `subject` under
    `domain`.
    """

    file: Path
    subject: tuple[SubjectColumn, ...]
    domain: bytes
    suite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read of a table for an encrypted training.

    `counting` has an axis for each feature of values and an amount for each number, in the order of
    the features, a label that is a number last. `count` is how many rows there are, registered or
    listed. `condition` is the label's expression where it is yes or no.
    """

    counting: Counting
    clause: Encrypted
    count: int
    condition: str = ""
    listed: Listed | None = None

    @property
    def columns(self) -> int:
        """Return how many columns a row has, the constant with them."""
        return self.clause.columns

    @property
    def label(self) -> "Feature | None":
        """Return the label, unless the buyer has the labels."""
        return None if self.clause.vertical else self.clause.label


def encode_reading(asked: Reading) -> dict[str, Json]:
    """Return the JSON of a reading; it holds no key."""
    listed = asked.listed
    return {
        "counting": encode_counting(asked.counting),
        "clause": asked.clause.to_json(),
        "count": asked.count,
        "condition": asked.condition,
        "listed": None if listed is None else _encode_list(listed),
    }


def decode_reading(value: Any) -> Reading:
    """Return the reading that `encode_reading` wrote."""
    listed = value["listed"]
    return Reading(
        counting=decode_counting(value["counting"]),
        clause=Encrypted.from_json(value["clause"]),
        count=value["count"],
        condition=value["condition"],
        listed=None if listed is None else _decode_list(listed),
    )


def _encode_list(listed: Listed) -> Json:
    return {
        "file": str(listed.file),
        "subject": [{"name": c.name, "type": c.type, "form": c.form} for c in listed.subject],
        "domain": listed.domain.hex(),
        "suite": listed.suite,
    }


def _decode_list(value: Any) -> Listed:
    return Listed(
        file=Path(value["file"]),
        subject=tuple(SubjectColumn(**column) for column in value["subject"]),
        domain=bytes.fromhex(value["domain"]),
        suite=value["suite"],
    )
