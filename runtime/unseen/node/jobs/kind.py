"""What a kind of job has to say to be run: one `JobKind`, handed to the driver.

A kind computes in `run`, in steps that can be cut short at any await, and changes nothing in the
store by itself: what it yields is an `Outcome`, and the driver writes that, the job's end and its
leaf in one transaction, under the lease. So a run that was given up leaves nothing behind.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from unseen.node.jobs.record import Job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from unseen.node.context import Node
    from unseen.node.release.gate import Held, Released
    from unseen.node.store.writer import Change, Transaction

MAX_RESULT_BYTES = 16 << 20


class Lane(Enum):
    """What a job waits for: jobs of one lane share its places, those of another have their own."""

    COMPUTE = "compute"  # `max_jobs` of node.toml at once
    SCAN = "scan"  # one pass over a table, which the operator waits for


class Running(Protocol):
    """A run of a job, as its kind sees it."""

    @property
    def job(self) -> Job:
        """The job as it was claimed: `ask`, and `checkpoint` with `chunk` of the run before."""
        ...

    def progress(self, phase: str, done: int, total: int = 0) -> None:
        """Tell how far the present phase is; cheap, kept in memory and written now and then."""
        ...

    async def keep(self, chunk: int, checkpoint: bytes) -> None:
        """Write down durably that `chunk` chunks are done and where a next run goes on.

        Raises:
            JobLeaseLostError: the job is not this run's any more; stop.
            StorageFullError: nothing was written.

        """
        ...


def _nothing_followed(value: object) -> None:
    del value


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run yields.

    `change` is applied in the transaction that ends the job, and what it raises fails the job;
    `follow` is told what it returned. `result` is what the gate let out or holds, one part, sealed
    for the owner (`MAX_RESULT_BYTES` at most); what it holds, a person has to pass first
    (`release/yielding.py` makes both). `value` is handed to whoever waits in this process, if
    `change` yields nothing.
    """

    change: "Change[Any] | None" = None
    result: "Released | Held | None" = field(default=None, repr=False)
    value: object = None
    follow: "Callable[[Any], None]" = _nothing_followed


def _nothing_lost(transaction: "Transaction", job: Job, reason: str) -> None:
    del transaction, job, reason


def _nothing_ended(node: "Node", job: Job) -> None:
    del node, job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job.

    `attempts` is how many runs may begin without one of them keeping a chunk. `lost` writes, in
    the transaction that fails or cancels a job, what else that means; `ended` lets memory and
    files follow after every end. `again` begins anew what failed or was cancelled. A result is
    kept for `kept_for` unless it is fetched before.
    """

    name: str
    run: "Callable[[Node, Running], Awaitable[Outcome]]"
    lane: Lane = Lane.COMPUTE
    attempts: int = 3
    kept_for: timedelta = timedelta(days=7)
    lost: "Callable[[Transaction, Job, str], None]" = _nothing_lost
    ended: "Callable[[Node, Job], None]" = _nothing_ended
    again: "Callable[[Node, Job], Awaitable[Job]] | None" = None
