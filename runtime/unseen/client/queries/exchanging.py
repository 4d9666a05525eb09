"""Runs whose parts travel in chunks, from a request that was written down to a checked answer.

What is alike whatever is computed: parts are sent, a job is waited for, the receipt is checked
before anything is believed, and a run that comes to nothing is forgotten on both sides.
"""

import contextlib
import datetime as dt
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeAlias, TypeVar

from unseen.client.channel import Unary
from unseen.client.errors import AnswerInvalidError, RefusedError, WireError
from unseen.client.jobs import Job, JobNotDoneError, Jobs, JobState
from unseen.client.queries import asking
from unseen.client.queries.parcels import Parcels, Stub
from unseen.client.queries.sets import forget
from unseen.client.session import Session
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import Suite
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import PeerError
from unseen.streams.chunks import digest_with
from unseen.v1 import intersect_pb2, request_pb2, score_pb2, train_pb2

Message: TypeAlias = (
    intersect_pb2.RunRequest | score_pb2.ScoreServiceRunRequest | train_pb2.TrainServiceRunRequest
)
Answer: TypeAlias = (
    intersect_pb2.RunResponse
    | score_pb2.ScoreServiceRunResponse
    | train_pb2.TrainServiceRunResponse
)


class Asked(Protocol):
    """A run as it is asked."""

    @property
    def contract(self) -> str:
        """The contract's id."""

    @property
    def request(self) -> str:
        """The request's id."""

    @property
    def suite(self) -> Suite:
        """The suite of the contract."""

    @property
    def terms(self) -> Terms:
        """What the contract says."""


class Computed(Protocol):
    """What a node says of a run: the job that is under way, or what came of it."""

    @property
    def job(self) -> str:
        """The job's name, or nothing."""

    @property
    def value(self) -> bytes:
        """What came of it, or nothing."""


_BUSY = "OVERLOADED"
_TIMES: Final = 3  # that a node may lack the same
_Answer = TypeVar("_Answer")
_Computed = TypeVar("_Computed", bound="Computed")
_Found = TypeVar("_Found")


class Exchange:
    """The runs of one service, whose files lie in `folder` of a request's id."""

    def __init__(
        self, session: Session, jobs: Jobs, stub: Stub, folder: Callable[[str], Path]
    ) -> None:
        """Use `session` and `stub` for the calls, and `jobs` to wait."""
        self._session = session
        self._jobs = jobs
        self._stub = stub
        self._folder = folder
        self.parcels = Parcels(session, stub)

    def signed(
        self, asked: Asked, units: int, part: bytes
    ) -> tuple[Request, request_pb2.SignedRequest]:
        """Return the request of a run over `part`, and the same signed by this instance.

        Raises:
            As `asking.signed`.

        """
        session, nonce = self._session, secrets.token_bytes(asking.NONCE_BYTES)
        request = Request(
            suite=session.suite.id,
            contract=asked.terms.id(),
            request=asked.request,
            kind=asked.terms.kind,
            units=units,
            commitment=commit(session.suite, nonce, (part,)),
            manifest=b"",
            epoch=0,
            issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        return request, asking.signed(session, request, nonce)

    def answered(self, asked: Asked, steps: Callable[[], _Answer]) -> _Answer:
        """Return what `steps` leads to; of a run that is refused nothing is kept."""
        try:
            return steps()
        except RefusedError:
            kept = self._session.state.request(asked.request)
            if kept is not None and kept.state != "sent":  # else it may be asked again
                self.end(asked)
            raise

    def stepped(
        self,
        asked: Asked,
        method: Unary[_Computed],
        message: Message,
        parts: Mapping[str, Callable[[bool], None]],
        *,
        fresh: bool,
    ) -> _Computed:
        """Send a request until it is answered, and what the node lacks for it.

        `parts` send what a run is over, by the clause under which a node says that it lacks it, and
        in this order; each is told whether the request was never sent before.

        Raises:
            RefusedError: it was refused, or the node lacks the same again and again.
            AnswerInvalidError: the node says nothing of the run.
            JobNotDoneError: the job came to nothing; nothing was charged.

        """
        lacked, lacking = dict.fromkeys(parts, 0), frozenset(parts)
        for send in parts.values() if fresh else ():
            send(True)
        while True:
            try:
                answer = asking.send(
                    self._session, method, message, asked.request, fresh=fresh, lacking=lacking
                )
            except RefusedError as error:
                if error.clause not in lacking or lacked[error.clause] == _TIMES:
                    raise
                lacked[error.clause] += 1
                parts[error.clause](False)
                continue
            fresh = False
            if answer.job:
                self.wait(asked, answer.job)
            elif answer.value:
                return answer
            else:
                raise AnswerInvalidError("the node says nothing of the run", clause="run")

    def opened(
        self,
        asked: Asked,
        message: Message,
        answer: Answer,
        opened: Callable[[VerifiedReceipt], _Found],
    ) -> _Found:
        """Return what `opened` finds in an answer whose receipt holds; keep both.

        Raises:
            EvidenceError, PeerError: it does not hold up, which is kept as evidence.

        """
        session, request = self._session, Request.decode(message.request.statement)
        try:
            receipt = asking.check_receipt(session, request, answer.release, asked.terms)
            asking.check_release(session, answer.release, (answer.value,), receipt.release)
            found = opened(receipt)
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, request.request, message, answer, error)
            raise
        asking.keep_reply(session, request.request, answer.SerializeToString())
        session.rest()
        return found

    def send(
        self,
        asked: Asked,
        part: intersect_pb2.Part,
        path: Path,
        *,
        fresh: bool,
        under: str = "",
    ) -> None:
        """Send a part of a run, or what it needs `under` another id.

        `fresh` says that the request was never sent before.

        Raises:
            As `Parcels.send`. A run whose part is refused is none.

        """
        try:
            self.parcels.send(asked.contract, under or asked.request, part, path)
        except WireError as error:
            # Nothing was asked yet, and what is asked anew is another run: settling, which goes on
            # with whatever may have been charged, would have this one computed and charged, too.
            if isinstance(error, RefusedError) or (fresh and error.reason == _BUSY):
                self.refused(asked)
            raise

    def fetch_answer(self, asked: Asked, size: int, digest: bytes, target: Path) -> None:
        """Fetch an answer to a file; write down that it is lost where the node has it no longer.

        Raises:
            AnswerInvalidError: it is another one than that of `digest`; nothing is left of it.
            As `Parcels.fetch`.

        """
        part = intersect_pb2.PART_ANSWER
        try:
            self.parcels.fetch(asked.contract, asked.request, part, size, target)
        except RefusedError as error:
            if error.reason == asking.REPLY_LOST:
                self._session.state.save_lost(asked.request)
                forget(self._folder(asked.request))
            raise
        if digest_with(target, asked.suite.digest) != digest:
            target.unlink()
            raise AnswerInvalidError(
                "what was fetched is not what the receipt commits to", clause="answer.digest"
            )

    def wait(self, asked: Asked, name: str) -> None:
        """Wait for a job's end, and tell how far it is.

        Raises:
            JobNotDoneError: it came to nothing; nothing was charged.

        """
        last: Job | None = None
        for job in self._jobs.watch(name.removeprefix("jobs/")):
            last = job
            if job.total or job.phase:
                self._session.progress(job.phase or "waiting", job.done, job.total)
        # What is held the next call says in words; nothing of a failed run was charged.
        if last is not None and last.state is not JobState.DONE and last.failure != asking.HELD:
            self.refused(asked)
            raise JobNotDoneError(last)

    def refused(self, asked: Asked) -> None:
        """Write down that a run came to nothing, and forget it on both sides."""
        self._session.state.save_refusal(asked.request)
        self.end(asked)

    def end(self, asked: Asked) -> None:
        """Forget the files of a run, and have the node do so."""
        forget(self._folder(asked.request))
        self.tell_end(asked)

    def tell_end(self, asked: Asked) -> None:
        """Have the node forget a run; if it cannot now, it does in a day."""
        contract = f"contracts/{asked.contract}"
        end = intersect_pb2.EndRequest(contract=contract, request=asked.request)
        with contextlib.suppress(WireError):
            self._session.call(self._stub.End, end)
