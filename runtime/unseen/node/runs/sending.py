"""What leaves of a run in chunks: what is to be worked on, or an answer that is paid for."""

from collections.abc import Iterator

from unseen.node.context import Node
from unseen.node.errors import (
    FieldInvalidError,
    JobStateError,
    ReplyNotFoundError,
    ResultNotFoundError,
)
from unseen.node.identity.parties import Caller
from unseen.node.metering.charged import find_charge
from unseen.node.metering.metered import check_going, check_held
from unseen.node.runs.kind import RunKind
from unseen.node.runs.sessions import Run, job_at, run_of
from unseen.node.runs.uploads import contract_of
from unseen.streams.chunks import chunks as chunks_of


def opened(node: Node, who: Caller, kind: RunKind, contract: str, request: str, part: str) -> Run:
    """Return a run of the caller's, one file of which may leave now.

    Raises:
        ContractNotFoundError: the caller has no such contract.
        FieldInvalidError: nothing of this name leaves.
        ResultNotFoundError: it is not there yet, or not any more, or not paid for.
        ReplyNotFoundError: it is paid for, and no longer kept.
        UnseenError: node or contract stands still.

    """
    found = contract_of(node, who, kind, contract)
    run = run_of(node, kind, found.id, request)
    if part not in kind.leaves:
        raise FieldInvalidError(
            f"a node sends {' and '.join(sorted(kind.leaves))}, and nothing else",
            clause="part",
            remedy="name one of them",
        )
    if kind.leaves[part]:
        if find_charge(node.reader.connection, found.id, request) is None:
            raise _nothing()
        check_held(node, found)
        if not run.has(part):
            raise ReplyNotFoundError(
                "the run was charged, and its answer is no longer kept: a day has gone by, or its"
                " files were deleted",
                clause="part",
                remedy="the charge stands in the log; ask anew with a fresh request id",
            )
    else:
        check_going(node, found.id)
    if not run.has(part):
        raise _nothing()
    return run


def chunks(run: Run, part: str, offset: int) -> Iterator[bytes]:
    """Return a file of a run from `offset` on, in chunks.

    Raises:
        FieldInvalidError: the offset lies outside of it.

    """
    if not 0 <= offset <= run.size(part):
        raise FieldInvalidError("the offset lies outside the part", clause="offset")
    return chunks_of(run.path(part), offset)


async def end(node: Node, who: Caller, kind: RunKind, contract: str, request: str) -> None:
    """Delete what is kept of a run of the caller's.

    Raises:
        ContractNotFoundError: the caller has no such contract.
        JobStateError: a job is at it.

    """
    found = contract_of(node, who, kind, contract)
    run = run_of(node, kind, found.id, request)
    async with node.runs.lock:  # no job begins in between, over a set that is sent anew
        job = job_at(node, run)
        if job is not None:
            raise JobStateError(
                "a job is at this run",
                clause="job.state",
                remedy=f"wait for its end, or cancel it: unseen job cancel {job.id}",
            )
        run.end()


def _nothing() -> ResultNotFoundError:
    return ResultNotFoundError(
        "nothing of this run can be fetched: not yet, or not any more",
        clause="part",
        remedy="send the request again, which says how far it is",
    )
