"""Running the jobs that are in the store: whose turn it is, under a lease, to one end.

The store decides and memory follows: a job is claimed, kept alive and ended by transactions that
check its lease, so whatever kills the node or a run loses no job and ends none twice. A stop (a
cancelled job, an ended contract, a stopped node) is written first; then the run is cut short at
its next await, which kills the bulk processes it has started. What it does after that, the lease
refuses.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from unseen.evidence.canonical import format_time
from unseen.node.errors import (
    ClusterLostError,
    InternalError,
    JobAbandonedError,
    JobCancelledError,
    JobError,
    StorageFullError,
    disk_full,
)
from unseen.node.failpoints import hit
from unseen.node.hardening import whereabouts
from unseen.node.jobs import changes, record
from unseen.node.jobs.kind import JobKind, Lane, Outcome
from unseen.node.jobs.record import Job, Progress
from unseen.node.jobs.sealing import seal_result
from unseen.node.jobs.shares import Shares, Waiting
from unseen.node.jobs.states import State
from unseen.node.jobs.steps import NewJob
from unseen.node.release.gate import Held
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.store.writer import Change

_logger = logging.getLogger("unseen.node.jobs")
_TICK_SECONDS = 5.0
_BEAT_SECONDS = changes.LEASE.total_seconds() / 4
_WATCH_SECONDS = 0.1  # between two messages to one who watches
_SCANS = 2  # passes over tables at once
_WAIT = timedelta(seconds=15)  # before what met a full disk or no cluster is tried again
_FOR = {StorageFullError: "waiting for space", ClusterLostError: "waiting for the cluster"}


class Run:
    """One run of a job, from its claim to its end."""

    def __init__(self, driver: "Driver", job: Job) -> None:
        """Run `job`, whose lease was just taken."""
        self._driver = driver
        self.job = job
        self.token = job.lease_token
        self.now = job.progress
        self.task: asyncio.Task[None] | None = None
        self.value: object = None
        self.error: UnseenError | None = None

    def progress(self, phase: str, done: int, total: int = 0) -> None:
        """Tell how far the present phase is."""
        self.now = Progress(phase, done, total)
        self._driver.note_progress(self)

    async def keep(self, chunk: int, checkpoint: bytes) -> None:
        """Write down durably that `chunk` chunks are done and where a next run goes on."""
        await self._driver.renew(self, chunk, checkpoint)
        hit("job.kept")

    def cut(self) -> None:
        """End the run at its next await."""
        if self.task:
            self.task.cancel()


class Driver:
    """The jobs of one node that are still to end, in memory beside the store."""

    def __init__(self, node: "Node", kinds: Mapping[str, JobKind]) -> None:
        """Take over what the store holds; nothing runs before `serve`."""
        self._node = node
        self.kinds = kinds
        self._limits = {Lane.COMPUTE: node.settings.max_jobs, Lane.SCAN: _SCANS}
        self._shares = dict.fromkeys(Lane, Shares())
        self._runs: dict[str, Run] = {}
        self._waiters: dict[str, asyncio.Future[object]] = {}
        self._wake = asyncio.Event()
        self._boot = secrets.token_hex(4)
        self._versions: Counter[str] = Counter()
        self._changed: dict[str, asyncio.Event] = {}
        with node.engine.connect() as connection:
            self._jobs = {job.id: job for job in record.live(connection)}

    def get(self, identifier: str) -> Job:
        """Return a job as it stands now.

        Raises:
            JobNotFoundError: none of this id.

        """
        return self._jobs.get(identifier) or self._read(identifier)

    def live(self, kind: str = "", contract: str = "") -> list[Job]:
        """Return the jobs that are still to end, in order of arrival."""
        found = sorted(self._jobs.values(), key=lambda job: job.number)
        return [
            job
            for job in found
            if job.live
            and (not kind or job.kind == kind)
            and (not contract or job.contract == contract)
        ]

    def cursor(self, job: Job) -> str:
        """Return what names the present moment of a job, for `watch`."""
        return f"{self._boot}-{self._versions[job.id]}" if job.live else job.state.value

    async def watch(self, identifier: str, cursor: str = "") -> AsyncIterator[Job]:
        """Yield the job now, unless `cursor` says that this moment is known, and at each change.

        It ends with the job, whose end is always told. Changes in quick succession are one.

        Raises:
            JobNotFoundError: none of this id.

        """
        while (job := self.get(identifier)).live:
            changed = self._changed.setdefault(identifier, asyncio.Event())
            if cursor != self.cursor(job):
                cursor = self.cursor(job)
                yield job
                await asyncio.sleep(_WATCH_SECONDS)
            await changed.wait()
        yield job

    async def submit(self, new: NewJob) -> Job:
        """Put a job in."""
        return self.adopt([await self._node.writer.submit(changes.Submit(new))])[0]

    def adopt(self, jobs: Iterable[Job]) -> list[Job]:
        """Follow the store after a commit: these jobs are as given. Return them.

        A run whose job has ended or is another's now is cut short.
        """
        found = list(jobs)
        for job in found:
            run = self._runs.get(job.id)
            known = job.live or job.id in self._jobs  # else its end was followed before
            if known:
                self._jobs[job.id] = job
            if run is not None and job.lease_token != run.token:
                run.cut()
            elif run is None and known:
                self._settle(job)
            self._notify(job.id)
        self._wake.set()
        return found

    def wake(self) -> None:
        """Look at once whether a job may run."""
        self._wake.set()

    def look(self) -> None:
        """Follow the store where a change put jobs in, or ended some, by itself."""
        with self._node.engine.connect() as connection:
            found = {job.id: job for job in record.live(connection)}
        ended = [self._read(known) for known in self._jobs.keys() - found.keys()]
        new = [job for job in found.values() if job.id not in self._jobs]
        self.adopt([*ended, *new])

    async def outcome(self, job: Job) -> object:
        """Wait for the end of a job that was just put in; return what it yields in this process.

        Raises:
            JobCancelledError: it was cancelled.
            UnseenError: what failed it.

        """
        waiter = self._waiters.get(job.id)
        if waiter is None:
            waiter = self._waiters[job.id] = asyncio.get_running_loop().create_future()
            waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(waiter)  # the job goes on if whoever waits hangs up

    async def cancel(self, job: Job, by: str, cause: str = "") -> Job:
        """Cancel a job that is still to end.

        Raises:
            JobStateError: it has ended.

        """
        step = changes.Cancel(self._node.suite, self.kinds, job.id, by, cause)
        return self.adopt([await self._node.writer.submit(step)])[0]

    async def expire(self) -> None:
        """Destroy the results whose time is over."""
        self.adopt(await self._node.writer.submit(changes.Expire(self._node.suite)))

    async def renew(self, run: Run, chunk: int = 0, checkpoint: bytes | None = None) -> None:
        """Hold on to a run's lease; with `checkpoint`, keep what it has done.

        Raises:
            JobLeaseLostError: the job is not this run's any more.

        """
        step = changes.Renew(run.job.id, run.token, run.now, chunk, checkpoint)
        self.adopt([await self._node.writer.submit(step)])

    def note_progress(self, run: Run) -> None:
        """Tell those who watch how far a job is."""
        known = self._jobs.get(run.job.id)
        if known is not None and known.lease_token == run.token:
            self._jobs[known.id] = replace(known, progress=run.now)
            self._notify(known.id)

    async def serve(self) -> None:
        """Run jobs until cancelled."""
        # Whoever held a lease before held the home's lock too, which is ours now: they are gone.
        lapsed = changes.Lapse(self._node.suite, all_of_them=True)
        for job in self.adopt(await self._node.writer.submit(lapsed)):
            _logger.info("job %s (%s, %s) goes on", job.id, job.kind, job.about)
        while True:
            self._wake.clear()
            try:
                await self._turn()
            except UnseenError as error:
                _logger.error("jobs wait: %s", error.reason)  # noqa: TRY400
            except Exception as error:  # noqa: BLE001 - the next turn may succeed
                _logger.error("jobs wait: %s", whereabouts(error))  # noqa: TRY400
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _TICK_SECONDS)

    async def close(self) -> None:
        """Cut every run short and give its job back, to go on at the next start."""
        runs = list(self._runs.values())
        for run in runs:
            with contextlib.suppress(UnseenError):
                step = changes.GiveBack(self._node.suite, run.job.id, run.token)
                self.adopt([await self._node.writer.submit(step)])
            run.cut()
        await asyncio.gather(*(run.task for run in runs if run.task), return_exceptions=True)

    async def _turn(self) -> None:
        node, now = self._node, format_time(self._node.clock.now())
        if any(job.lease_until < now for job in self.live() if job.state is State.RUNNING):
            self.adopt(await node.writer.submit(changes.Lapse(node.suite)))
        for lane in Lane:
            while job := self._next(lane, now):
                if not await self._claim(job):
                    break

    def _next(self, lane: Lane, now: str) -> Job | None:
        busy = sum(self.kinds[run.job.kind].lane is lane for run in self._runs.values())
        if busy >= self._limits[lane] or self._node.stopped or self._node.draining:
            return None
        waiting = [
            Waiting(job.id, job.account, job.cost)
            for job in self.live()
            if job.state is State.QUEUED
            and job.id not in self._runs
            and job.kind in self.kinds
            and self.kinds[job.kind].lane is lane
            and job.not_before <= now
        ]
        if not waiting:
            return None
        chosen, self._shares[lane] = self._shares[lane].choose(waiting)
        return self._jobs[chosen.id]

    async def _claim(self, job: Job) -> bool:
        """Begin a run of `job`; return whether the job has gone on from where it stood."""
        token = secrets.token_hex(16)
        step = changes.Claim(self._node.suite, self.kinds, job.id, token)
        claimed = await self._node.writer.submit(step)
        hit("job.claimed")
        if claimed.state is State.RUNNING:
            run = self._runs[job.id] = Run(self, claimed)
            run.task = asyncio.create_task(self._run(run))
            # Not in the task itself: one that is cut before its first step never runs a line.
            run.task.add_done_callback(lambda _: self._ended(run))
        self.adopt([claimed])
        return claimed.state is not State.QUEUED

    async def _run(self, run: Run) -> None:
        beat = asyncio.create_task(self._beat(run))
        try:
            await self._finish(run, await self.kinds[run.job.kind].run(self._node, run))
        except asyncio.CancelledError:
            pass  # whoever cut it short has written down why
        except Exception as error:  # noqa: BLE001 - told apart in _fail
            await self._fail(run, error)
        finally:
            beat.cancel()

    def _ended(self, run: Run) -> None:
        del self._runs[run.job.id]
        # From the store: what was written last may have been written without us.
        job = self._jobs[run.job.id] = self._read(run.job.id)
        self._settle(job, run)
        self._notify(job.id)
        self._wake.set()

    async def _beat(self, run: Run) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            try:
                await self.renew(run)
            except JobError:
                run.cut()
                return
            except UnseenError as error:  # it may yet be renewed before it ends
                _logger.warning("job %s: its lease was not renewed: %s", run.job.id, error.reason)

    async def _finish(self, run: Run, outcome: Outcome) -> None:
        node, kind = self._node, self.kinds[run.job.kind]
        sealed, review = None, isinstance(outcome.result, Held)
        if outcome.result is not None:
            until = node.clock.now() + kind.kept_for
            if review:  # the queue in front of a person ends it sooner
                until += timedelta(hours=node.settings.review_hours)
            sealed = seal_result(node.vault, run.job.id, outcome.result, until)
        step = changes.Finish(
            node.suite, run.job.id, run.token, run.now, outcome.change, sealed, review
        )
        hit("job.before_finish")
        _, value = await node.writer.submit(step)
        hit("job.after_finish")
        outcome.follow(value)
        run.value = outcome.value if outcome.change is None else value

    async def _fail(self, run: Run, error: Exception) -> None:
        run.error = refusal = _as_refusal(run.job, error)
        suite, job = self._node.suite, run.job
        step: Change[Job] = changes.Fail(suite, self.kinds, job.id, run.token, refusal.reason)
        if isinstance(refusal, StorageFullError | ClusterLostError):
            phase = _FOR.get(type(refusal), "")
            step = changes.GiveBack(suite, job.id, run.token, _WAIT, phase)
        _logger.error("job %s (%s, %s): %s", job.id, job.kind, job.about, refusal)
        try:
            await self._node.writer.submit(step)
        except UnseenError as unwritten:  # its lease ends by itself, and then it runs again
            _logger.error("job %s: not written down: %s", job.id, unwritten.reason)  # noqa: TRY400

    def _settle(self, job: Job, run: Run | None = None) -> None:
        """Let memory and files follow the end of a job that no run has any more."""
        if job.live:
            return
        self._jobs.pop(job.id, None)
        self._versions.pop(job.id, None)
        if job.kind in self.kinds:
            self.kinds[job.kind].ended(self._node, job)
        waiter = self._waiters.pop(job.id, None)
        if waiter is None or waiter.done():
            return
        if job.state is State.DONE:
            waiter.set_result(run.value if run else None)
        else:
            waiter.set_exception((run and run.error) or _as_told(job))

    def _notify(self, identifier: str) -> None:
        if identifier in self._jobs:
            self._versions[identifier] += 1
        changed = self._changed.pop(identifier, None)
        if changed:
            changed.set()

    def _read(self, identifier: str) -> Job:
        with self._node.engine.connect() as connection:
            return record.find(connection, identifier)


def _as_refusal(job: Job, error: Exception) -> UnseenError:
    if isinstance(error, UnseenError):
        return error
    if full := disk_full(error):
        return full
    _logger.error("job %s (%s): %s", job.id, job.kind, whereabouts(error))
    return InternalError(
        "the job failed by a fault of the node",
        clause="job",
        remedy="tell the operator: the node's output says where",
    )


def _as_told(job: Job) -> UnseenError:
    """Return the error for a job that ended without a run to say why."""
    if job.state is State.CANCELLED:
        said = f": {job.cause}" if job.cause else ""
        return JobCancelledError(
            f"the job was cancelled by {job.ended_by}{said}",
            clause="job.state",
            remedy="the operator begins it again: unseen job retry ID",
        )
    return JobAbandonedError(
        f"the job ended: {job.failure or job.state.value}",
        clause="job.state",
        remedy="see how it stands: unseen job show ID",
    )
