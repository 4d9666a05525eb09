"""The parts of a run of scores: the context of a key, ciphertexts, and those that return.

A context is a run of its own, named by its digest: it is sent once, and lies here for a day after
it was last used.
"""

from typing import TYPE_CHECKING, Final

from unseen.evidence.contracts.scoring import KIND, Scoring, scoring_in
from unseen.evidence.releases.shared import shared_name
from unseen.node.errors import FieldInvalidError
from unseen.node.privacy.guard import most_items
from unseen.node.runs.files import ANSWER
from unseen.node.runs.kind import Head, Room, RunKind
from unseen.node.runs.uploads import refused

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.runs.sessions import Run

CONTEXT: Final = "context"
BATCHES: Final = "batches"
_BESIDE: Final = 4096  # statement and the like


def batch_bytes(clause: Scoring) -> int:
    """Return how many bytes are sent for a ciphertext that returns: one for each column."""
    from unseen.protocols.he.checks import sent_bytes  # noqa: PLC0415 - with vectors' library

    return clause.model.columns * sent_bytes(clause.ring)


def answer_bytes(clause: Scoring, responses: int) -> int:
    """Return how many bytes an answer has."""
    from unseen.protocols.he.checks import back_bytes  # noqa: PLC0415 - with vectors' library

    return responses * back_bytes(clause.ring)


def _check(contract: "Contract", run: "Run", head: Head) -> None:
    clause = scoring_in(contract.terms.parameters)
    if head.part == CONTEXT:
        _check_context(clause, head)
        return
    if head.part != BATCHES:
        raise refused("part", "a buyer sends the context of its key, and ciphertexts")
    if run.has(BATCHES):  # what is here already is not asked for room
        return
    most = min(clause.most, most_items(contract.terms.quota.units, contract.units_used))
    count, rest = divmod(head.size, batch_bytes(clause))
    if rest or not 1 <= count <= most:
        raise FieldInvalidError(
            f"a run of this contract is over 1 to {most:,} batches of {clause.model.columns:,}"
            f" ciphertexts, {batch_bytes(clause):,} bytes each, now",
            clause="parameters.score.most",
            remedy="score fewer rows at once, or ask for a further contract",
        )


def _check_context(clause: Scoring, head: Head) -> None:
    from unseen.protocols.he.scorers import context_bytes  # noqa: PLC0415 - with vectors' library

    if head.request != shared_name(head.digest):
        raise refused("request", "a context is named by the beginning of its digest")
    if head.size != context_bytes(clause.ring):
        raise refused("size", "a context of this contract's ring has another size")


def _room(_node: "Node", contract: "Contract", head: Head) -> Room | None:
    if head.part == CONTEXT:
        return Room(head.size + _BESIDE, head.size)
    clause = scoring_in(contract.terms.parameters)
    return Room(run_bytes(clause, head.size // batch_bytes(clause)), head.size)


def run_bytes(clause: Scoring, responses: int) -> int:
    """Return how many bytes a run may come to."""
    return responses * batch_bytes(clause) + answer_bytes(clause, responses) + _BESIDE


SCORES = RunKind(
    name=KIND,
    folder="scores",
    setting="scores_mb",
    check=_check,
    room=_room,
    leaves={ANSWER: True},
)
