"""Intersections (kind `intersect`): which of one's own items a table has, or how many of them.

Items are encoded under the contract, hashed to a group under this run's id, and masked by a scalar
of this run; only that leaves this machine. Each item is asked about once, however often it is
given. A run is written down with the seed of its scalar before anything is sent, so that whatever
ends this process in between, the same run goes on, and is charged once.

The operator learns how many items there are. What comes back is believed when the receipt commits
to it, and then tells a bit of each own item. An operator that deviates may leave subjects out, or
take others in: nothing proves what a table holds.
"""

import contextlib
import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import isqrt
from pathlib import Path

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import AnswerInvalidError, RefusedError, WireError
from unseen.client.jobs import Job, JobNotDoneError, Jobs, JobState
from unseen.client.local.home import writing
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.queries.intersected import Cost, Intersected
from unseen.client.queries.items import column_names, column_types
from unseen.client.queries.parcels import Parcels
from unseen.client.queries.runs import Run
from unseen.client.queries.sets import (
    ANSWER,
    OTHERS,
    Sets,
    alone,
    forget,
    forget_theirs,
    sets_of,
    share_of,
)
from unseen.client.session import Session
from unseen.client.subjects import Subject
from unseen.evidence import canonical
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.intersection import (
    KIND,
    Summed,
    set_bytes,
)
from unseen.evidence.contracts.typed import decode
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.intersected import SentAnswer, SentSet, SentSum
from unseen.evidence.releases.request import Request
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import PeerError
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES
from unseen.protocols.psi.sum import opened
from unseen.streams.chunks import digest_with
from unseen.v1 import intersect_pb2, intersect_pb2_grpc

_HELD = "RELEASE_HELD"
_BUSY = "OVERLOADED"
_SET = "set"  # clause of a refusal: the node waits for it


class Intersections:
    """The intersections of one client."""

    def __init__(self, session: Session, contracts: Contracts, jobs: Jobs) -> None:
        """Use `session` for the calls, `contracts` for the terms, and `jobs` to wait."""
        self._session = session
        self._contracts = contracts
        self._jobs = jobs
        self._parcels = Parcels(session)
        self._stub = intersect_pb2_grpc.IntersectServiceStub(session.channel.grpc)

    def ask(self, contract: str, items: Sequence[Subject]) -> Intersected:
        """Return what the contract says of `items`; see `Client.intersect`."""
        terms, plan = self._contracts.terms(contract), self._contracts.plan(contract)
        asked = Run.new(contract, terms, plan, items)
        with writing(self._session.home.root), alone(self._folder(asked)):
            try:
                message = self._written(asked)
            except BaseException:  # nobody can go on with it
                forget(self._folder(asked))
                raise
            return self._exchange(asked, message, fresh=True)

    def finish(self, opening: Opening) -> Intersected:
        """Go on with a run that was written down before, under the same id.

        Raises:
            HomeError: what was written down is no run's, another process goes on with it, or the
                disk is full.

        """
        terms = self._contracts.terms(opening.contract)
        asked = Run.written(opening, terms, self._contracts.plan(opening.contract))
        message = intersect_pb2.RunRequest.FromString(opening.wire)
        with writing(self._session.home.root), alone(self._folder(asked)):
            return self._exchange(asked, message, fresh=False)

    def _written(self, asked: Run) -> intersect_pb2.RunRequest:
        """Mask the set, sign the request over it, and write both down."""
        session, count = self._session, len(asked.data)
        suite = asked.suite
        digest = digest_with(self._sets(asked, count).first(), suite.digest)
        part = SentSet(suite=suite.id, items=count, digest=digest).encode()
        nonce = secrets.token_bytes(asking.NONCE_BYTES)
        request = Request(
            suite=session.suite.id,
            contract=asked.terms.id(),
            request=asked.request,
            kind=KIND,
            units=count,
            commitment=commit(session.suite, nonce, (part,)),
            manifest=b"",
            epoch=0,
            issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )
        run = intersect_pb2.RunRequest(request=asking.signed(session, request, nonce), set=part)
        asking.write_down(
            session,
            request,
            asked.contract,
            manifest="",
            message=run,
            secret=asked.secret,
        )
        return run

    def _exchange(
        self, asked: Run, message: intersect_pb2.RunRequest, *, fresh: bool
    ) -> Intersected:
        request = Request.decode(message.request.statement)
        answer = self._answer(asked, message, fresh=fresh)
        try:
            receipt = asking.check_receipt(self._session, request, answer.release, asked.terms)
            asking.check_release(self._session, answer.release, (answer.value,), receipt.release)
            found = self._opened(asked, answer.value, receipt)
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(self._session, request.request, message, answer, error)
            raise
        asking.keep_reply(self._session, request.request, answer.SerializeToString())
        self._session.rest()
        self._end(asked)
        return found

    def _end(self, asked: Run) -> None:
        """Forget the sets, and have the node do so; if it cannot now, it does in a day."""
        forget(self._folder(asked))
        contract = f"contracts/{asked.contract}"
        end = intersect_pb2.EndRequest(contract=contract, request=asked.request)
        with contextlib.suppress(WireError):
            self._session.call(self._stub.End, end)

    def _answer(
        self, asked: Run, message: intersect_pb2.RunRequest, *, fresh: bool
    ) -> intersect_pb2.RunResponse:
        """Send the request until it is answered; of a run that is refused nothing is kept."""
        try:
            return self._stepped(asked, message, fresh=fresh)
        except RefusedError:
            kept = self._session.state.request(asked.request)
            if kept is not None and kept.state != "sent":  # else it may be asked again
                self._end(asked)
            raise

    def _stepped(
        self, asked: Run, message: intersect_pb2.RunRequest, *, fresh: bool
    ) -> intersect_pb2.RunResponse:
        """Send the request until it is answered; each time the run is a step further."""
        if fresh or self._lacks_set(message):
            forget_theirs(self._folder(asked))
            self._send_set(asked, fresh=fresh)
        mixed = False
        while True:
            answer = asking.send(self._session, self._stub.Run, message, asked.request, fresh=fresh)
            fresh = False
            if answer.job:
                self._wait(asked, answer.job)
            elif answer.others and not mixed:
                self._mix(asked, answer.others)
                mixed = True
            elif answer.value:
                return answer
            else:
                raise AnswerInvalidError(
                    "the node says nothing of the run, or the same twice", clause="run"
                )

    def _lacks_set(self, message: intersect_pb2.RunRequest) -> bool:
        """Return whether the node waits for the set of a run that was begun before."""
        try:
            self._session.call(self._stub.Run, message)
        except RefusedError as error:  # any other refusal comes again, and is told then
            return error.clause == _SET
        return False

    def _send_set(self, asked: Run, *, fresh: bool) -> None:
        try:
            first = self._sets(asked, len(asked.data)).first()
            self._parcels.send(asked.contract, asked.request, intersect_pb2.PART_SET, first)
        except WireError as error:
            # Nothing was asked yet, and what is asked anew is another run: settling, which goes on
            # with whatever may have been charged, would have this one computed and charged, too.
            if isinstance(error, RefusedError) or (fresh and error.reason == _BUSY):
                self._refused(asked)
            raise

    def _wait(self, asked: Run, name: str) -> None:
        """Wait for a job's end, and tell how far it is."""
        last: Job | None = None
        for job in self._jobs.watch(name.removeprefix("jobs/")):
            last = job
            if job.total or job.phase:
                self._session.progress(job.phase or "waiting", job.done, job.total)
        # What is held the next call says in words; nothing of a failed run was charged.
        if last is not None and last.state is not JobState.DONE and last.failure != _HELD:
            self._refused(asked)
            raise JobNotDoneError(last)

    def _mix(self, asked: Run, size: int) -> None:
        """Mask the table's elements once more, and send them back in another order."""
        others = self._folder(asked) / OTHERS
        self._parcels.fetch(asked.contract, asked.request, intersect_pb2.PART_OTHERS, size, others)
        mixed = self._sets(asked, size // ELEMENT_BYTES).mix(others)
        self._parcels.send(asked.contract, asked.request, intersect_pb2.PART_MIXED, mixed)

    def _refused(self, asked: Run) -> None:
        """Write down that the run came to nothing, and forget its sets on both sides."""
        self._session.state.save_refusal(asked.request)
        self._end(asked)

    def _folder(self, asked: Run) -> Path:
        return self._session.home.intersection(asked.request)

    def _sets(self, asked: Run, total: int) -> Sets:
        """Return the steps of a run, of which the next is over `total` elements."""
        done = 0

        def told(count: int) -> None:
            nonlocal done
            done += count
            self._session.progress("masking", min(done, total), total)

        sums = asked.clause.sum is not None
        return sets_of(self._folder(asked), asked.session, asked.data, asked.drawn, told, sums=sums)

    def _opened(self, asked: Run, value: bytes, receipt: VerifiedReceipt) -> Intersected:
        clause = asked.clause
        found = Intersected(
            contract=asked.contract,
            output=clause.output,
            columns=column_names(asked.plan),
            types=column_types(asked.plan),
            items=asked.texts,
            rho="" if clause.shape is None else receipt.privacy,
            request_id=asked.request,
            receipt_path=self._session.home.receipt(asked.request),
            way=asked.terms.protocol,
            requests=(asked.request,),
            cost=Cost.of(asked.terms, len(asked.texts)),
        )
        if clause.shape is None:
            return replace(found, present=self._present(asked, value))
        if clause.sum is not None:
            return _summed(found, asked, clause.sum, value)
        decode(clause.shape, value)  # as declared, or not at all
        number = canonical.decode(value)
        return replace(found, number=number if isinstance(number, int) else None)

    def _present(self, asked: Run, value: bytes) -> tuple[bool, ...]:
        """Return of each item whether the table has it, by the answer that `value` commits to."""
        suite, count = asked.suite, len(asked.data)
        sent = SentAnswer.decode(value)
        if sent.suite != suite.id or sent.items != count:
            raise AnswerInvalidError("the answer is for another set", clause="answer.items")
        known = self._session.state.label(_place(asked.request), b"")
        if known is None:
            size = set_bytes(count) + set_bytes(sent.others)
            answer = self._folder(asked) / ANSWER
            self._fetch_answer(asked, size, answer)
            if digest_with(answer, suite.digest) != sent.digest:
                answer.unlink()
                raise AnswerInvalidError(
                    "what was fetched is not what the receipt commits to", clause="answer.digest"
                )
            known = self._sets(asked, sent.others).present(answer)
            self._session.state.save_label(_place(asked.request), b"", known)
        return tuple(each == 1 for each in known)

    def _fetch_answer(self, asked: Run, size: int, answer: Path) -> None:
        """Fetch an answer to a file; write down that it is lost where the node has it no longer."""
        part = intersect_pb2.PART_ANSWER
        try:
            self._parcels.fetch(asked.contract, asked.request, part, size, answer)
        except RefusedError as error:
            if error.reason == asking.REPLY_LOST:
                self._session.state.save_lost(asked.request)
                forget(self._folder(asked))
            raise


def _summed(found: Intersected, asked: Run, summed: Summed, value: bytes) -> Intersected:
    """Open the sum with this party's share of the key, which follows from the seed."""
    sent, clause = SentSum.decode(value), asked.clause
    if sent.count is None:
        return found
    total = opened(share_of(asked.session, asked.drawn()), sent.sum, clause.bound)
    unit = Decimal(1).scaleb(-summed.decimals)
    sigma = isqrt(int(summed.largest**2 / (2 * clause.costs[1])))
    return replace(found, number=sent.count, total=total * unit, total_error=sigma * unit)


def _place(request: str) -> str:
    return f"intersect/{request}"
