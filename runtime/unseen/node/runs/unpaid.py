"""How much a buyer may have computed before it pays for any of it.

What was computed for nothing is counted by the jobs in the store, which stay: the runs of a
contract since one of them was charged, within a day.

It does not bound what is charged, nor what several runs of a contract that compute at the same time
compute for nothing: of those there are as many as may be open.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from unseen.evidence.canonical import format_time
from unseen.node.errors import RateExceededError
from unseen.node.jobs.record import Job, from_row
from unseen.node.jobs.states import State
from unseen.node.store.schema_jobs import jobs

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.runs.kind import RunKind

MASK: Final = "mask"  # the step of a job that ends uncharged
COUNTING: Final = "count"  # and of one that works on no table, but on what came back
UNPAID: Final = 4  # jobs of a contract that may come to nothing, of each sort
_WITHIN: Final = timedelta(days=1)
_JUDGED = frozenset({"RELEASE_REFUSED", "RELEASE_HELD"})  # computed, and the buyer's part is done
# What a buyer sent; and that it revoked the instance that asked, before the charge.
_THEIRS = frozenset(
    {
        "MALFORMED_MESSAGE",
        "ELEMENT_INVALID",
        "PROOF_INVALID",
        "SCALAR_INVALID",
        "COUNT_MISMATCH",
        "CERTIFICATE_REVOKED",
    }
)


def check_unpaid(node: "Node", kind: "RunKind", contract: str, *, counting: bool = False) -> None:
    """Return if a contract may have work done, as not too much of it came to nothing.

    Of two sorts: over the table, and over what came back.

    Raises:
        RateExceededError: as many as may be have come to nothing since one was charged.

    """
    since = format_time(node.clock.now() - _WITHIN)
    if unpaid(node.reader.connection, kind, contract, since, counting=counting) < UNPAID:
        return
    raise RateExceededError(
        f"{UNPAID} runs of this contract were computed within a day, and none was charged since",
        clause="contract.unpaid",
        remedy="finish one that is open: unseen receipt fetch ID; or ask again in a day",
    )


def unpaid(
    connection: Connection, kind: "RunKind", contract: str, since: str, *, counting: bool
) -> int:
    """Return how many jobs of one sort have come to nothing, from `since` or the last charge on."""
    found = connection.execute(
        select(jobs)
        .where(
            jobs.c.contract == contract,
            jobs.c.kind == kind.name,
            jobs.c.created_at >= since,
            jobs.c.started_at != "",
        )
        .order_by(jobs.c.number.desc())
    )
    number, excused = 0, set[Any]()
    for job in map(from_row, found):
        last = job.ask.get("step") == COUNTING
        if _is_charged(job):
            break
        if job.failure in _JUDGED:
            excused.add(job.ask.get("request"))
        elif last is counting and _is_for_nothing(job) and job.ask.get("request") not in excused:
            number += 1
    return number


def _is_charged(job: Job) -> bool:
    return job.state in {State.DONE, State.EXPIRED} and job.ask.get("step") != MASK


def _is_for_nothing(job: Job) -> bool:
    """Return whether a job ended as its buyer had it end, or is of a run that waits for it."""
    if job.state is State.CANCELLED:
        return job.ended_by == job.owner
    if job.state is State.FAILED:
        return job.failure in _THEIRS
    return job.state is State.DONE
