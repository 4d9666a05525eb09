"""The changes of state that jobs pass through, each one transaction under the writer's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.states import State as ContractState
from unseen.evidence.suite import Suite
from unseen.node.errors import JobAbandonedError, ResultNotFoundError
from unseen.node.jobs import steps
from unseen.node.jobs.kind import JobKind
from unseen.node.jobs.record import NODE, Job, Progress, find, live
from unseen.node.jobs.states import Event, State
from unseen.node.jobs.steps import NewJob
from unseen.node.store.schema import contracts
from unseen.node.store.schema_jobs import results, stops
from unseen.node.store.writer import Change, Transaction

LEASE = timedelta(seconds=60)
_RUNNABLE = (ContractState.ACTIVE.value, ContractState.EXHAUSTED.value)
_STOPPED = select(stops.c.number).where(stops.c.target == "node", stops.c.lifted_at == "")


@dataclass(frozen=True, slots=True)
class Submit(Change[Job]):
    """Put a job in."""

    new: NewJob

    def apply(self, transaction: Transaction) -> Job:
        """Write it as QUEUED."""
        return steps.put_in(transaction, self.new)


@dataclass(frozen=True, slots=True)
class Claim(Change[Job]):
    """Take the lease of a job that waits.

    What comes back is RUNNING, or as it was while the node is stopped, or ended: cancelled if its
    contract is not in force, failed if it was begun too often.
    """

    suite: Suite
    kinds: Mapping[str, JobKind]
    job: str
    token: str

    def apply(self, transaction: Transaction) -> Job:
        """Write lease and state.

        Raises:
            JobStateError: it does not wait.

        """
        job = find(transaction.connection, self.job)
        if transaction.connection.execute(_STOPPED).first():
            return job
        if ended := _contract_over(transaction, job):
            cause = f"the contract is {ended}"
            return steps.cancel(transaction, self.suite, self.kinds, job, NODE, cause)
        if job.state is State.QUEUED and job.attempts >= self.kinds[job.kind].attempts:
            return _fail(transaction, self.suite, self.kinds, job, JobAbandonedError.reason)
        return steps.step(
            transaction,
            self.suite,
            job,
            Event.CLAIM,
            attempts=job.attempts + 1,
            lease_token=self.token,
            lease_until=format_time(transaction.now + LEASE),
            not_before="",
        )


@dataclass(frozen=True, slots=True)
class Renew(Change[Job]):
    """Hold on to a lease, and write how far the run is; with `chunk`, what it has kept as well."""

    job: str
    token: str = field(repr=False)
    progress: Progress
    chunk: int = 0
    checkpoint: bytes | None = field(default=None, repr=False)

    def apply(self, transaction: Transaction) -> Job:
        """Write lease and progress; a chunk more makes the attempts count anew.

        Raises:
            JobLeaseLostError: the lease is not this one.

        """
        job = steps.held(transaction, self.job, self.token)
        until = format_time(transaction.now + LEASE)
        after = replace(job, lease_until=until, progress=self.progress)
        if self.checkpoint is not None:
            counted = 1 if self.chunk > job.chunk else job.attempts
            after = replace(after, chunk=self.chunk, checkpoint=self.checkpoint, attempts=counted)
        steps.write(transaction, after)
        return after


@dataclass(frozen=True, slots=True)
class Sealed:
    """A result under its job's key, and that key under the vault; `size` is the result's own."""

    key: bytes = field(repr=False)
    body: bytes = field(repr=False)
    size: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Finish(Change[tuple[Job, Any]]):
    """End a run with what it has yielded; return the job and what `change` returned."""

    suite: Suite
    job: str
    token: str = field(repr=False)
    progress: Progress
    change: Change[Any] | None = None
    result: Sealed | None = None
    review: bool = False

    def apply(self, transaction: Transaction) -> tuple[Job, Any]:
        """Write change, state, leaf and result.

        Raises:
            JobLeaseLostError: the lease is not this one.
            UnseenError: what the change raises.

        """
        job = steps.held(transaction, self.job, self.token)
        value = self.change.apply(transaction) if self.change else None
        event = Event.HOLD if self.review else Event.FINISH
        after = steps.step(transaction, self.suite, job, event, progress=self.progress)
        if self.result:
            row = {
                "job": job.id,
                "sealed_key": self.result.key,
                "body": self.result.body,
                "size": self.result.size,
                "until": format_time(self.result.until),
            }
            transaction.connection.execute(insert(results), [row])
        return after, value


@dataclass(frozen=True, slots=True)
class Fail(Change[Job]):
    """End a run that cannot go on; `reason` is an error's, and names no data."""

    suite: Suite
    kinds: Mapping[str, JobKind]
    job: str
    token: str = field(repr=False)
    reason: str

    def apply(self, transaction: Transaction) -> Job:
        """Write state and leaf.

        Raises:
            JobLeaseLostError: the lease is not this one.

        """
        job = steps.held(transaction, self.job, self.token)
        return _fail(transaction, self.suite, self.kinds, job, self.reason)


@dataclass(frozen=True, slots=True)
class GiveBack(Change[Job]):
    """Give a lease back, uncounted, so that another run may go on; not before `wait` is over.

    `phase` says what it waits for.
    """

    suite: Suite
    job: str
    token: str = field(repr=False)
    wait: timedelta = timedelta(0)
    phase: str = ""

    def apply(self, transaction: Transaction) -> Job:
        """Write state and time.

        Raises:
            JobLeaseLostError: the lease is not this one.

        """
        job = steps.held(transaction, self.job, self.token)
        again = format_time(transaction.now + self.wait) if self.wait else ""
        left = max(job.attempts - 1, 0)
        now = Progress(self.phase) if self.phase else job.progress
        return steps.step(
            transaction,
            self.suite,
            job,
            Event.LAPSE,
            attempts=left,
            not_before=again,
            progress=now,
        )


@dataclass(frozen=True, slots=True)
class Lapse(Change[list[Job]]):
    """Free the jobs whose leases have ended; with `all_of_them` every lease there is.

    The latter is for a start: whoever held them then is gone, since it held the home's lock.
    """

    suite: Suite
    all_of_them: bool = False

    def apply(self, transaction: Transaction) -> list[Job]:
        """Write the states and return the jobs."""
        now = format_time(transaction.now)
        return [
            steps.step(transaction, self.suite, job, Event.LAPSE)
            for job in live(transaction.connection)
            if job.state is State.RUNNING and (self.all_of_them or job.lease_until < now)
        ]


@dataclass(frozen=True, slots=True)
class Cancel(Change[Job]):
    """Cancel a job."""

    suite: Suite
    kinds: Mapping[str, JobKind]
    job: str
    by: str
    cause: str

    def apply(self, transaction: Transaction) -> Job:
        """Write state and leaf.

        Raises:
            JobStateError: it has ended.

        """
        job = find(transaction.connection, self.job)
        return steps.cancel(transaction, self.suite, self.kinds, job, self.by, self.cause)


@dataclass(frozen=True, slots=True)
class Review(Change[Job]):
    """Pass or refuse, by `by`, a result that waits for a person; `reason` is a refusal's."""

    suite: Suite
    kinds: Mapping[str, JobKind]
    job: str
    by: str
    passed: bool
    reason: str = ""
    cause: str = ""

    def apply(self, transaction: Transaction) -> Job:
        """Write state and leaf; a passed result is kept for as long as its kind says from now on.

        Raises:
            JobStateError: it waits for nobody.

        """
        job = find(transaction.connection, self.job)
        if not self.passed:
            values = {"failure": self.reason, "cause": self.cause}
            refused = steps.step(transaction, self.suite, job, Event.REFUSE, self.by, **values)
            steps.lose(transaction, self.kinds, refused, self.reason)
            return refused
        until = transaction.now + self.kinds[job.kind].kept_for
        transaction.connection.execute(
            update(results).where(results.c.job == job.id).values(until=format_time(until))
        )
        return steps.step(transaction, self.suite, job, Event.RELEASE, self.by)


@dataclass(frozen=True, slots=True)
class Destroy(Change[Job]):
    """Destroy a result that its owner has: the key first of all."""

    job: str

    def apply(self, transaction: Transaction) -> Job:
        """Delete key and result.

        Raises:
            ResultNotFoundError: there is none to fetch.

        """
        job = find(transaction.connection, self.job)
        found = transaction.connection.execute(delete(results).where(results.c.job == job.id))
        if job.state is not State.DONE or not found.rowcount:
            raise no_result()
        return job


@dataclass(frozen=True, slots=True)
class Expire(Change[Sequence[Job]]):
    """Destroy the results that nobody has fetched, or reviewed, in time."""

    suite: Suite

    def apply(self, transaction: Transaction) -> list[Job]:
        """Write the states, delete keys and results, and return the jobs."""
        overdue = transaction.connection.execute(
            select(results.c.job).where(results.c.until <= format_time(transaction.now))
        ).scalars()
        return [
            steps.step(transaction, self.suite, find(transaction.connection, job), Event.EXPIRE)
            for job in overdue.all()
        ]


def no_result() -> ResultNotFoundError:
    """Return the error for a result that is not there."""
    return ResultNotFoundError(
        "the job has no result to fetch: none yet, or not any more",
        clause="job.result",
        remedy="see how it stands: unseen job show ID",
    )


def _fail(
    transaction: Transaction, suite: Suite, kinds: Mapping[str, JobKind], job: Job, reason: str
) -> Job:
    failed = steps.step(transaction, suite, job, Event.FAIL, failure=reason)
    steps.lose(transaction, kinds, failed, reason)
    return failed


def _contract_over(transaction: Transaction, job: Job) -> str:
    """Return the state of a job's contract if no job may run under it."""
    if not job.contract:
        return ""
    state = transaction.connection.execute(
        select(contracts.c.state).where(contracts.c.id == job.contract)
    ).scalar_one_or_none()
    return "" if state in _RUNNABLE else str(state or "unknown")
