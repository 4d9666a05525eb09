"""Jobs as their parties see them: work of the node that takes longer than a call.

What the node says of a job is its word, as any progress bar is. What a job yields that counts (a
manifest, a release) is in the log, and is checked where it is used.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from unseen.client.agreements.contracts import resource
from unseen.client.cards import Card, Row
from unseen.client.errors import ClientError, UnreachableError
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.v1 import job_pb2, job_pb2_grpc

_WATCH_SECONDS = 600.0
_FETCH_SECONDS = 600.0
_PAGE = 500
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 5.0


class JobState(Enum):
    """Where a job stands."""

    QUEUED = "queued"  # waits for its turn
    RUNNING = "running"
    REVIEW = "review"  # its result waits for a person
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # its result was destroyed unfetched


_LIVE = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.REVIEW})
_STATES: dict[job_pb2.JobState, JobState] = {
    getattr(job_pb2, f"JOB_STATE_{state.name}"): state for state in JobState
}
_BACK = {state: value for value, state in _STATES.items()}


class JobNotDoneError(ClientError):
    """A job that was waited for did not come to a good end. `job` is how it ended."""

    reason = "JOB_NOT_DONE"

    def __init__(self, job: "Job") -> None:
        """Take over what the job says."""
        why = job.failure or job.cause
        super().__init__(
            f"the job is {job.state.value}" + (f": {why}" if why else ""),
            clause="job.state",
            remedy=f"see how it stands: unseen job show {job.id}",
        )
        self.job = job


@dataclass(frozen=True, slots=True, repr=False)
class Job(Card):
    """A job as it stood when it was asked for. `total` is 0 where nobody knows it."""

    id: str
    kind: str
    state: JobState
    about: str
    contract: str
    buyer: str
    owner: str
    phase: str
    done: int
    total: int
    chunk: int
    attempts: int
    created_at: str
    started_at: str
    ended_at: str
    ended_by: str
    cause: str
    failure: str
    result_bytes: int
    result_until: str
    _jobs: "Jobs" = field(repr=False, compare=False)

    @property
    def live(self) -> bool:
        """Whether the job is still to end."""
        return self.state in _LIVE

    def watch(self) -> Iterator["Job"]:
        """Yield the job now and at each change until it has ended; survives a lost connection."""
        return self._jobs.watch(self.id)

    def wait(self) -> "Job":
        """Return the job once it is done.

        Raises:
            JobNotDoneError: it failed, was cancelled, or waits for a person.

        """
        last = self
        for job in self.watch():
            last = job
            if job.state is JobState.REVIEW:
                break
        if last.state is not JobState.DONE:
            raise JobNotDoneError(last)
        return last

    def cancel(self, cause: str = "") -> "Job":
        """Stop the job at its next step."""
        return self._jobs.cancel(self.id, cause)

    def retry(self) -> "Job":
        """Begin anew what failed or was cancelled (operator only); return the new job."""
        return self._jobs.retry(self.id)

    def result(self, keep: Callable[[bytes], object] = lambda _: None) -> bytes:
        """Return the job's result. `keep` is called with it before the node destroys its own."""
        return self._jobs.result(self.id, keep)

    def _title(self) -> str:
        return f"Job {self.id}: {self.kind}, {self.about}"

    def _rows(self) -> Iterator[Row]:
        yield "state", self.state.value
        yield "progress", self.progress
        if self.contract:
            yield "contract", self.contract
        if self.buyer:
            yield "for", self.buyer
        yield "asked for by", self.owner
        yield "created", self.created_at
        yield "started", self.started_at or None
        yield "ended", f"{self.ended_at} by {self.ended_by}" if self.ended_at else None
        yield "runs begun", self.attempts
        for name, text in (("cause", self.cause), ("failure", self.failure)):
            if text:
                yield name, text
        if self.result_bytes:
            yield "result", f"{self.result_bytes:,} bytes, kept until {self.result_until}"

    @property
    def progress(self) -> str:
        """How far it is, as people read it."""
        if not self.phase or self.state is JobState.DONE:
            return "-"
        if not self.total:
            return f"{self.phase}: {self.done:,}" if self.done else self.phase
        return f"{self.phase}: {self.done:,} of {self.total:,} ({self.done / self.total:.0%})"


class Jobs:
    """The jobs that one party sees at one node."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = job_pb2_grpc.JobServiceStub(session.channel.grpc)

    def get(self, identifier: str) -> Job:
        """Return a job as it stands now."""
        request = job_pb2.GetJobRequest(name=_name(identifier))
        return self._read(self._session.call(self._stub.GetJob, request).job)

    def list(
        self, contract: str = "", states: Sequence[JobState] = (), limit: int | None = None
    ) -> list[Job]:
        """Return jobs, the newest first."""
        found: list[Job] = []
        token = ""
        while limit is None or len(found) < limit:
            request = job_pb2.ListJobsRequest(
                page_size=_PAGE if limit is None else min(_PAGE, limit - len(found)),
                page_token=token,
                contract=resource(contract) if contract else "",
                states=[_BACK[state] for state in states],
            )
            answer = self._session.call(self._stub.ListJobs, request)
            found += [self._read(job) for job in answer.jobs]
            token = answer.next_page_token
            if not token:
                break
        return found

    def watch(self, identifier: str) -> Iterator[Job]:
        """Yield a job at each change until it has ended; see `Job.watch`."""
        cursor, pause = "", _FIRST_PAUSE
        while True:
            request = job_pb2.WatchJobRequest(name=_name(identifier), cursor=cursor)
            try:
                for answer in self._session.channel.stream(
                    self._stub.WatchJob, request, _WATCH_SECONDS
                ):
                    cursor, pause = answer.cursor, _FIRST_PAUSE
                    job = self._read(answer.job)
                    yield job
                    if not job.live:
                        return
            except UnreachableError:
                # A limit of the call, or a node that is being started: the cursor goes on.
                if pause > _LAST_PAUSE:
                    raise
                time.sleep(pause)
                pause *= 2

    def cancel(self, identifier: str, cause: str = "") -> Job:
        """Stop a job; see `Job.cancel`."""
        request = job_pb2.CancelJobRequest(name=_name(identifier), cause=cause)
        return self._read(self._session.call(self._stub.CancelJob, request).job)

    def retry(self, identifier: str) -> Job:
        """Begin a job anew; see `Job.retry`."""
        request = job_pb2.RetryJobRequest(name=_name(identifier))
        return self._read(self._session.call(self._stub.RetryJob, request).job)

    def result(self, identifier: str, keep: Callable[[bytes], object]) -> bytes:
        """Return a job's result and have the node destroy its own; see `Job.result`."""
        name, parts = _name(identifier), bytearray()
        request = job_pb2.FetchResultRequest(name=name)
        for answer in self._session.channel.stream(self._stub.FetchResult, request, _FETCH_SECONDS):
            parts += answer.chunk
        result = bytes(parts)
        keep(result)
        done = job_pb2.AcknowledgeResultRequest(
            name=name, digest=self._session.suite.digest(result)
        )
        self._session.call(self._stub.AcknowledgeResult, done)
        return result

    def _read(self, message: job_pb2.Job) -> Job:
        return Job(
            id=short(message.name),
            kind=message.kind,
            state=_STATES.get(message.state, JobState.QUEUED),
            about=message.about,
            contract=short(message.contract),
            buyer=message.buyer,
            owner=message.owner,
            phase=message.phase,
            done=message.done,
            total=message.total,
            chunk=message.chunk,
            attempts=message.attempts,
            created_at=message.created_at,
            started_at=message.started_at,
            ended_at=message.ended_at,
            ended_by=message.ended_by,
            cause=message.cause,
            failure=message.failure,
            result_bytes=message.result_bytes,
            result_until=message.result_until,
            _jobs=self,
        )


def _name(identifier: str) -> str:
    return f"jobs/{identifier}"
