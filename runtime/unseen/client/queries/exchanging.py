"""Runs whose parts travel in chunks, from a request that was written down to a checked answer.

What is alike whatever is computed: parts are sent, a job is waited for, the receipt is checked
before anything is believed, and a run that comes to nothing is forgotten on both sides.
"""

import contextlib
import datetime as dt
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from unseen.client.errors import RefusedError, WireError
from unseen.client.jobs import Job, JobNotDoneError, Jobs, JobState
from unseen.client.queries import asking
from unseen.client.queries.parcels import Parcels, Stub
from unseen.client.queries.sets import forget
from unseen.client.session import Session
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.request import Request
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import PeerError
from unseen.v1 import intersect_pb2, request_pb2, score_pb2

Message: TypeAlias = intersect_pb2.RunRequest | score_pb2.ScoreServiceRunRequest
Answer: TypeAlias = intersect_pb2.RunResponse | score_pb2.ScoreServiceRunResponse


class Asked(Protocol):
    """A run as it is asked."""

    @property
    def contract(self) -> str:
        """The contract's id."""

    @property
    def request(self) -> str:
        """The request's id."""

    @property
    def terms(self) -> Terms:
        """What the contract says."""


_BUSY = "OVERLOADED"
_Answer = TypeVar("_Answer")
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

    def fetch_answer(self, asked: Asked, size: int, target: Path) -> None:
        """Fetch an answer to a file; write down that it is lost where the node has it no longer.

        Raises:
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
