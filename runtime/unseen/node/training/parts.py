"""The parts of an iteration: a key's context, the buyer's rows, its weights, and what returns.

Context and rows are runs of their own, named by their digests: each is sent once, and lies here
for a day after it was last used.
"""

from typing import TYPE_CHECKING, Final

from unseen.evidence.contracts.encrypted import KIND, Encrypted, encrypted_of
from unseen.evidence.releases.shared import shared_name
from unseen.evidence.suite import DIGEST_BYTES
from unseen.node.errors import FieldInvalidError, KindRefusedError
from unseen.node.runs.files import ANSWER
from unseen.node.runs.kind import Head, Room, RunKind
from unseen.node.runs.uploads import refused

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.runs.sessions import Run

CONTEXT: Final = "context"
ROWS: Final = "rows"
WEIGHTS: Final = "weights"
SHARED: Final = (CONTEXT, ROWS)  # by all iterations of a contract
_BESIDE: Final = 4096  # statement and the like


def clause_in(contract: "Contract") -> Encrypted:
    """Return what a contract trains under encryption.

    Raises:
        KindRefusedError: it trains nothing, or jointly.

    """
    found = encrypted_of(contract.terms.parameters)
    if found is None:
        raise KindRefusedError(
            "the contract is over no training under encryption",
            clause="protocol",
            remedy='ask for one whose file says protocol = "ckks":'
            " unseen contract request PRODUCT --train FILE",
        )
    return found


def listed_in(clause: Encrypted, size: int) -> int:
    """Return how many rows of the buyer's are in `size` bytes.

    Raises:
        FieldInvalidError: the training is not vertical, or such rows are too few, too many or none.

    """
    from unseen.protocols.he.training.sizes import rows_in  # noqa: PLC0415 - with vectors' library

    if not clause.vertical:
        raise refused("part", "a training of a secret model has no rows of the buyer's")
    count = rows_in(clause.chain(), size, DIGEST_BYTES)
    if count is None:
        raise refused("size", "so many bytes are rows for no number of subjects")
    check_rows(clause, count)
    return count


def check_rows(clause: Encrypted, count: int) -> None:
    """Return if a gradient may be over so many rows, registered or of the buyer's list.

    Raises:
        FieldInvalidError: they are too few, or too many.

    """
    if clause.least_rows <= count <= clause.most_rows:
        return
    field = "least_rows" if count < clause.least_rows else "most_rows"
    raise FieldInvalidError(
        f"a gradient of this contract is over {clause.least_rows:,} to {clause.most_rows:,} rows,"
        f" and these are {count:,}",
        clause=f"parameters.encrypted.{field}",
        remedy=f"ask for a further contract, with another {field}",
    )


def asked_bytes(clause: Encrypted, rows: int) -> int:
    """Return how many bytes the weights of an iteration have, over `rows` of the buyer's."""
    from unseen.protocols.he.training import sizes  # noqa: PLC0415 - with vectors' library

    return sizes.asked_bytes(clause.chain(), rows)


def answer_bytes(clause: Encrypted) -> int:
    """Return how many bytes an answer has."""
    from unseen.protocols.he.training import sizes  # noqa: PLC0415 - with vectors' library

    return sizes.answer_bytes(clause.chain())


def run_bytes(clause: Encrypted, sent: int) -> int:
    """Return how many bytes an iteration may come to whose weights have `sent`."""
    return sent + answer_bytes(clause) + _BESIDE


def _check(contract: "Contract", run: "Run", head: Head) -> None:
    clause = clause_in(contract)
    if head.part in SHARED:
        if head.request != shared_name(head.digest):
            raise refused("request", f"{head.part} is named by the beginning of its digest")
        _check_shared(clause, head)
        return
    if head.part != WEIGHTS:
        raise refused("part", "a buyer sends the context of its key, its rows, and weights")
    if run.has(WEIGHTS):  # what is here already is not asked for room
        return
    least, most = _weights(clause)
    if not least <= head.size <= most:
        raise refused("size", f"weights of this contract have {least:,} to {most:,} bytes")


def _check_shared(clause: Encrypted, head: Head) -> None:
    from unseen.protocols.he.training import sizes  # noqa: PLC0415 - with vectors' library

    if head.part == ROWS:
        listed_in(clause, head.size)
    elif head.size != sizes.context_bytes(clause.chain()):
        raise refused("size", "a context of this contract's ring has another size")


def _weights(clause: Encrypted) -> tuple[int, int]:
    """Return how many bytes weights have at least and at most: how many rows is told at the run."""
    if not clause.own:
        size = asked_bytes(clause, 0)
        return size, size
    return asked_bytes(clause, clause.least_rows), asked_bytes(clause, clause.most_rows)


def _room(_node: "Node", contract: "Contract", head: Head) -> Room | None:
    if head.part in SHARED:
        return Room(head.size + _BESIDE, head.size)
    return Room(run_bytes(clause_in(contract), head.size), head.size)


TRAININGS = RunKind(
    name=KIND,
    folder="trainings",
    setting="trainings_mb",
    check=_check,
    room=_room,
    leaves={ANSWER: True},
)
