"""Intersections (kind `intersect`): which of one's own items a table has, or how many of them.

Items are encoded under the contract, hashed to a group under this run's id, and masked by a scalar
of this run; only that leaves this machine. Each item is asked about once, however often it is
given. A run is written down with the seed of its scalar before anything is sent, so that whatever
ends this process in between, the same run goes on, and is charged once.

The operator learns how many items there are. What comes back is believed when the receipt commits
to it, and then tells a bit of each own item. An operator that deviates may leave subjects out, or
take others in: nothing proves what a table holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from math import isqrt
from pathlib import Path

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import AnswerInvalidError, RefusedError
from unseen.client.jobs import Jobs
from unseen.client.local.home import writing
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.queries.exchanging import Exchange
from unseen.client.queries.intersected import Cost, Intersected
from unseen.client.queries.items import column_names, column_types
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
from unseen.client.session import Session, counted
from unseen.client.subjects import Subject
from unseen.evidence import canonical
from unseen.evidence.contracts.intersection import Summed, set_bytes
from unseen.evidence.contracts.typed import decode
from unseen.evidence.releases.intersected import SentAnswer, SentSet, SentSum
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.group.ristretto255 import ELEMENT_BYTES
from unseen.protocols.psi.messages import MAX_ITEMS
from unseen.protocols.psi.sum import opened
from unseen.streams.chunks import digest_with
from unseen.v1 import intersect_pb2, intersect_pb2_grpc

_LARGEST = 3 * ELEMENT_BYTES * MAX_ITEMS + 4096  # of the largest table, beside a sum's key
_SET = "set"  # clause of a refusal: the node waits for it


class Intersections:
    """The intersections of one client."""

    def __init__(self, session: Session, contracts: Contracts, jobs: Jobs) -> None:
        """Use `session` for the calls, `contracts` for the terms, and `jobs` to wait."""
        self._session = session
        self._contracts = contracts
        self._stub = intersect_pb2_grpc.IntersectServiceStub(session.channel.grpc)
        self._runs = Exchange(session, jobs, self._stub, session.home.intersection)

    def ask(
        self,
        contract: str,
        items: Sequence[Subject],
        wrote: Callable[[str], None] = lambda _: None,
    ) -> Intersected:
        """Return what the contract says of `items`; see `Client.intersect`.

        `wrote` hears of the request's id as soon as it can be gone on with.
        """
        terms, plan = self._contracts.terms(contract), self._contracts.plan(contract)
        asked = Run.new(contract, terms, plan, items)
        with writing(self._session.home.root), alone(self._folder(asked)):
            try:
                message = self._written(asked)
            except BaseException:  # nobody can go on with it
                forget(self._folder(asked))
                raise
            wrote(asked.request)
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
        request, signed = self._runs.signed(asked, count, part)
        run = intersect_pb2.RunRequest(request=signed, set=part)
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
        answer = self._runs.answered(asked, lambda: self._stepped(asked, message, fresh=fresh))
        found = self._runs.opened(
            asked, message, answer, lambda receipt: self._opened(asked, answer.value, receipt)
        )
        self._runs.end(asked)
        return found

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
                self._runs.wait(asked, answer.job)
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
        first = self._sets(asked, len(asked.data)).first()
        self._runs.send(asked, intersect_pb2.PART_SET, first, fresh=fresh)

    def _mix(self, asked: Run, size: int) -> None:
        """Mask the table's elements once more, and send them back in another order."""
        others = self._folder(asked) / OTHERS
        part = intersect_pb2.PART_OTHERS
        self._runs.parcels.fetch(asked.contract, asked.request, part, _allowed(size), others)
        mixed = self._sets(asked, size // ELEMENT_BYTES).mix(others)
        self._runs.parcels.send(asked.contract, asked.request, intersect_pb2.PART_MIXED, mixed)

    def _folder(self, asked: Run) -> Path:
        return self._session.home.intersection(asked.request)

    def _sets(self, asked: Run, total: int) -> Sets:
        """Return the steps of a run, of which the next is over `total` elements."""
        told = counted(self._session.progress, "masking", total)
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
            self._runs.fetch_answer(asked, _allowed(size), sent.digest, answer)
            known = self._sets(asked, sent.others).present(answer)
            self._session.state.save_label(_place(asked.request), b"", known)
        return tuple(each == 1 for each in known)


def _allowed(size: int) -> int:
    """Return a size that the node has told, unless no table leads to it."""
    if size > _LARGEST:
        raise AnswerInvalidError("what is to be fetched is too large", clause="fetch.size")
    return size


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
