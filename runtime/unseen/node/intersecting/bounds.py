"""What a run may take before somebody pays: bytes (`runs/room.py`), and work on a table.

What was computed for nothing is counted by the jobs in the store, which stay: the runs of a
contract since one of them was charged, within a day.

It does not bound what is charged, nor what several runs of a contract that compute at the same time
compute for nothing: of those there are as many as may be open.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.intersection import COUNT, ITEMS, KIND, SUM
from unseen.node.errors import RateExceededError
from unseen.node.jobs.record import Job, from_row
from unseen.node.jobs.states import State
from unseen.node.store.schema_jobs import jobs

if TYPE_CHECKING:
    from unseen.node.context import Node

MASK: Final = "mask"  # the step of a job that ends uncharged
COUNTING: Final = "count"  # and of one that works on no table, but on what came back
UNPAID: Final = 4  # jobs of a contract that may come to nothing, of each sort
_WITHIN: Final = timedelta(days=1)
# What lies in a run's folder and its job's spool at most, in bytes. Of a row: its element and eight
# bytes beside it, sorted from pieces, 80; of a sum also 96 with its value that go out, and as many
# that come back.
_ROW: Final = {ITEMS: 80, COUNT: 80, SUM: 192}
_ITEM: Final = 128  # as it came, masked once more, sorted from pieces, and in an answer
_HEAD: Final = 4096  # statement, share, what stands before elements
_JUDGED = frozenset({"RELEASE_REFUSED", "RELEASE_HELD"})  # computed, and the buyer's part is done
# What a buyer sent; and that it revoked the instance that asked, before the charge.
_THEIRS = frozenset(
    {
        "MALFORMED_MESSAGE",
        "ELEMENT_INVALID",
        "PROOF_INVALID",
        "SCALAR_INVALID",
        "CERTIFICATE_REVOKED",
    }
)


def most_bytes(output: str, rows: int, items: int) -> int:
    """Return how many bytes a run may come to, of so many rows and items."""
    return _ROW[output] * max(rows, 1) + _ITEM * items + _HEAD


def check_unpaid(node: "Node", contract: str, *, counting: bool) -> None:
    """Return if a contract may have work done, as not too much of it came to nothing.

    Of two sorts: over the table, and over what came back.

    Raises:
        RateExceededError: as many as may be have come to nothing since one was charged.

    """
    since = format_time(node.clock.now() - _WITHIN)
    if unpaid(node.reader.connection, contract, since, counting=counting) < UNPAID:
        return
    raise RateExceededError(
        f"{UNPAID} runs of this contract were computed within a day, and none was charged since",
        clause="contract.unpaid",
        remedy="finish one that is open: unseen receipt fetch ID; or ask again in a day",
    )


def unpaid(connection: Connection, contract: str, since: str, *, counting: bool) -> int:
    """Return how many jobs of one sort have come to nothing, from `since` or the last charge on."""
    found = connection.execute(
        select(jobs)
        .where(
            jobs.c.contract == contract,
            jobs.c.kind == KIND,
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
