"""One node's seat in a joint round: its steps as calls, and what it is charged for, checked.

A seat believes what its node signed under the key that the roster names for it, and no more. The
request for the node's contribution is written down before it is sent, as every charged request is.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unseen.client.agreements.contracts import Contracts, contract_bytes, resource
from unseen.client.errors import AnswerInvalidError
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.session import Session
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.joint import Joint, joint_of, transcript_of
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.request import Request
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import (
    InputInvalidError,
    MalformedMessageError,
    PeerError,
    PlanMismatchError,
)
from unseen.v1 import joint_pb2, joint_pb2_grpc

if TYPE_CHECKING:
    from unseen.client.channel import Unary
    from unseen.evidence.contracts.contract import Terms
    from unseen.protocols.kernels.words import Words
    from unseen.protocols.secagg import Arrival
    from unseen.protocols.secagg.parameters import Round

CHUNK_BYTES: Final = 256 << 10
LEAD_SECONDS: Final = 900.0  # of one call: a lead hears a whole round, and hides cells
_MODEL: Final = "model"  # in what opens a request: it is about a finished model
_LEAD: Final = "lead"  # it is about the table that a lead lets out


@dataclass(frozen=True, slots=True)
class Contributed:
    """What a node was charged for: its signature over its masked vector, and the receipt."""

    message: bytes = field(repr=False)
    request: str
    receipt: VerifiedReceipt
    path: Path


@dataclass(frozen=True, slots=True)
class LetOut:
    """What a node has let out through its gate, as JSON, a model or a lead's table; the receipt."""

    value: bytes = field(repr=False)
    request: str
    receipt: VerifiedReceipt
    path: Path


class _Stream:
    """A call that sends a stream: what it is called with makes one for each attempt."""

    def __init__(self, stub: Any) -> None:
        self._call = stub.Lead

    def with_call(
        self,
        request: Callable[[], Iterator[joint_pb2.LeadRequest]],
        timeout: float | None = None,
        metadata: Any = None,
    ) -> Any:
        return self._call.with_call(request(), timeout=timeout, metadata=metadata)


class Seat:
    """A node under a contract with a joint clause. Thread-safe."""

    def __init__(self, session: Session, contracts: Contracts, contract: str) -> None:
        """Take the seat of `session`'s node under `contract`.

        Raises:
            InputInvalidError: the contract is over one node alone.

        """
        self._session = session
        self._stub = joint_pb2_grpc.JointServiceStub(session.channel.grpc)
        self.contract = contract
        self.terms: Terms = contracts.terms(contract)
        clause = joint_of(self.terms.parameters)
        if clause is None:
            raise InputInvalidError(
                "the contract is over one node alone",
                clause="joint",
                remedy="request one with a joint clause: unseen contract request --joint FILE",
            )
        self.clause: Joint = clause
        self.name = session.profile.node.name
        self.key = session.profile.node.evidence_key
        self.suite = session.suite
        self.home = session.home

    def __repr__(self) -> str:
        """Return whose seat it is."""
        return f"Seat({self.name} under {self.contract})"

    def keys(self, parameters: "Round", payload: bytes, seconds: float) -> bytes:
        """Begin a round over `payload`; return the node's announcement."""
        present = {member.name for member in parameters.members}
        without = [name for name in self.clause.names if name not in present]
        chunks = (
            joint_pb2.StepRequest(chunk=payload[start : start + CHUNK_BYTES])
            for start in range(0, len(payload), CHUNK_BYTES)
        )
        step = joint_pb2.JOINT_STEP_KEYS
        return self._message(self._step(parameters, step, chunks, seconds, without))

    def shares(self, parameters: "Round", roster: Sequence[bytes], seconds: float) -> bytes:
        """Hand over all announcements; return the node's sealed shares."""
        step = joint_pb2.JOINT_STEP_SHARES
        return self._message(self._step(parameters, step, _messages(roster), seconds))

    def masked(self, parameters: "Round", deliveries: Sequence[bytes], seconds: float) -> "Arrival":
        """Hand over the shares for the node; return its masked vector, hashed as it came.

        Raises:
            MalformedMessageError: it has another size than the round's vectors.

        """
        from unseen.protocols.secagg import Arrival  # noqa: PLC0415 - with vectors' library

        arrival = Arrival(parameters)
        for piece in self._pieces(parameters, deliveries, seconds):
            arrival.add(piece)
        arrival.check_whole()
        return arrival

    def mask(self, parameters: "Round", deliveries: Sequence[bytes], seconds: float) -> None:
        """Hand over the shares for the node, and let it keep its vector until it is asked again.

        Raises:
            MalformedMessageError: what it begins with is no vector.

        """
        pieces = self._pieces(parameters, deliveries, seconds)
        with closing(pieces):
            if not next(pieces, b""):
                raise MalformedMessageError("not the round's vector")

    def contribute(self, parameters: "Round") -> Contributed:
        """Pay for the node's part; return its signature over its vector, with a checked receipt.

        Raises:
            RefusedError: the node refuses; nothing was charged.
            AnswerInvalidError, ReceiptInvalidError: the receipt is not for just this.

        """
        parts = (parameters.round_id, parameters.context)
        request, signed = asking.new_request(
            self._session,
            contract=contract_bytes(self.contract),
            kind=self.terms.kind,
            units=1,
            parts=parts,
        )
        message = joint_pb2.ContributeRequest(request=signed, round=parts[0], context=parts[1])
        asking.write_down(
            self._session,
            request,
            self.contract,
            manifest="",
            message=message,
            secret={"round": b64encode(parameters.round_id)},
        )
        return self._exchange(request, message, fresh=True)

    def endorse(self, model: bytes, *, wrote: Callable[[str], None]) -> LetOut:
        """Hand the node a finished model; return what it lets out, with a checked receipt.

        `wrote` hears of the request's id before it is sent: it is what is asked with again, where a
        person has to look first.

        Raises:
            RefusedError: the node refuses, or holds it for a person; nothing was charged.
            AnswerInvalidError, ReceiptInvalidError: the receipt is not for just this.

        """
        request, signed = asking.new_request(
            self._session,
            contract=contract_bytes(self.contract),
            kind=self.terms.kind,
            units=1,
            parts=(model,),
        )
        message = joint_pb2.EndorseRequest(request=signed, model=model)
        asking.write_down(
            self._session,
            request,
            self.contract,
            manifest="",
            message=message,
            secret={_MODEL: True},
        )
        wrote(request.request)
        return self._endorsed(request, message, fresh=True)

    def endorsed(self, request: str) -> LetOut:
        """Ask again, with a request that was written down, for what a node has endorsed."""
        found = self._session.state.request(request)
        if found is None or _MODEL not in found.secret:
            raise InputInvalidError("no request of this id was made for a model", clause="request")
        return self._again(found)

    def lead(
        self, parameters: "Round", messages: Sequence[bytes], words: "Mapping[bytes, Words]"
    ) -> LetOut:
        """Hand the lead all messages of a round, in order; return what it lets out, checked.

        `words` are the masked vectors, each by the message that signs it.

        Raises:
            RefusedError: the node refuses, or holds it for a person; nothing was charged.
            AnswerInvalidError, ReceiptInvalidError: the receipt is not for just this.

        """
        transcript = transcript_of(self.suite, messages)
        parts = (parameters.round_id, parameters.context, transcript)
        request, signed = asking.new_request(
            self._session,
            contract=contract_bytes(self.contract),
            kind=self.terms.kind,
            units=1,
            parts=parts,
        )
        head = joint_pb2.LeadHead(
            request=signed, round=parts[0], context=parts[1], transcript=transcript
        )
        asking.write_down(
            self._session,
            request,
            self.contract,
            manifest="",
            message=head,
            secret={_LEAD: True},
        )

        def handed() -> Iterator[joint_pb2.LeadRequest]:
            yield joint_pb2.LeadRequest(head=head)
            for message in messages:
                yield joint_pb2.LeadRequest(message=message)
                if message in words:
                    yield from _chunks(words[message])

        return self._led(request, head, handed, fresh=True)

    def led(self, opening: Opening) -> LetOut:
        """Ask again, under an id that was written down, for what the lead has let out."""
        head = joint_pb2.LeadHead.FromString(opening.wire)

        def alone() -> Iterator[joint_pb2.LeadRequest]:
            yield joint_pb2.LeadRequest(head=head)

        return self._led(Request.decode(head.request.statement), head, alone, fresh=False)

    def fetch(self, opening: Opening) -> LetOut | None:
        """Fetch what was charged for any request under this contract; raises as `endorse`.

        Returns what a lead has let out, where the request is about that.
        """
        if _LEAD in opening.secret:
            return self.led(opening)
        if _MODEL in opening.secret:
            self._again(opening)
        else:
            self.finish(opening)
        return None

    def finish(self, opening: Opening) -> Contributed:
        """Fetch what was charged for a part of a sum that was asked for before."""
        message = joint_pb2.ContributeRequest.FromString(opening.wire)
        return self._exchange(Request.decode(message.request.statement), message, fresh=False)

    def confirm(
        self, parameters: "Round", survivors: bytes, signed: Sequence[bytes], seconds: float
    ) -> bytes:
        """Hand over who is left, and their signatures; return the node's own over the list."""
        step = joint_pb2.JOINT_STEP_CONFIRM
        return self._message(self._step(parameters, step, _messages((survivors, *signed)), seconds))

    def reveal(self, parameters: "Round", confirmations: Sequence[bytes], seconds: float) -> bytes:
        """Hand over the confirmations; return the node's shares."""
        step = joint_pb2.JOINT_STEP_REVEAL
        return self._message(self._step(parameters, step, _messages(confirmations), seconds))

    def _again(self, opening: Opening) -> LetOut:
        message = joint_pb2.EndorseRequest.FromString(opening.wire)
        return self._endorsed(Request.decode(message.request.statement), message, fresh=False)

    def _endorsed(
        self, request: Request, message: joint_pb2.EndorseRequest, *, fresh: bool
    ) -> LetOut:
        session = self._session
        answer = asking.send(session, self._stub.Endorse, message, request.request, fresh=fresh)
        try:
            receipt = asking.check_receipt(session, request, answer.release, self.terms)
            asking.check_release(session, answer.release, (answer.value,), receipt.release)
            asking.keep_reply(session, request.request, answer.SerializeToString())
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, request.request, message, answer, error)
            raise
        session.rest()
        return LetOut(answer.value, request.request, receipt, session.home.receipt(request.request))

    def _led(
        self,
        request: Request,
        head: joint_pb2.LeadHead,
        handed: Callable[[], Iterator[joint_pb2.LeadRequest]],
        *,
        fresh: bool,
    ) -> LetOut:
        session, name = self._session, request.request
        method: Unary[joint_pb2.LeadResponse] = _Stream(self._stub)
        answer = asking.send(session, method, handed, name, fresh=fresh, timeout=LEAD_SECONDS)
        try:
            receipt = asking.check_receipt(session, request, answer.release, self.terms)
            asking.check_release(session, answer.release, (answer.value,), receipt.release)
            asking.keep_reply(session, name, answer.SerializeToString())
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, name, head, answer, error)
            raise
        session.rest()
        return LetOut(answer.value, name, receipt, session.home.receipt(name))

    def _step(
        self,
        parameters: "Round",
        step: joint_pb2.JointStep,
        rest: Iterator[joint_pb2.StepRequest],
        seconds: float,
        without: Sequence[str] = (),
    ) -> Generator[joint_pb2.StepResponse, None, None]:
        head = joint_pb2.StepHead(
            contract=resource(self.contract),
            round=parameters.round_id,
            step=step,
            without=without,
        )

        def sent() -> Iterator[joint_pb2.StepRequest]:
            yield joint_pb2.StepRequest(head=head)
            yield from rest

        return self._session.channel.stream(self._stub.Step, sent(), seconds)

    def _pieces(
        self, parameters: "Round", deliveries: Sequence[bytes], seconds: float
    ) -> Generator[bytes, None, None]:
        answers = self._step(
            parameters, joint_pb2.JOINT_STEP_MASKED, _messages(deliveries), seconds
        )
        with closing(answers):  # whoever reads no further leaves nothing open
            for answer in answers:
                if answer.WhichOneof("part") != "chunk":
                    raise MalformedMessageError("not the round's vector")
                yield answer.chunk

    def _message(self, answers: Iterator[joint_pb2.StepResponse]) -> bytes:
        found = [answer.message for answer in answers]
        if len(found) != 1 or not found[0]:
            raise MalformedMessageError(f"{self.name}: answered a step with no message")
        return found[0]

    def _exchange(
        self, request: Request, message: joint_pb2.ContributeRequest, *, fresh: bool
    ) -> Contributed:
        session = self._session
        answer = asking.send(session, self._stub.Contribute, message, request.request, fresh=fresh)
        try:
            receipt = asking.check_receipt(session, request, answer.release, self.terms)
            asking.check_release(session, answer.release, (answer.message,), receipt.release)
            asking.keep_reply(session, request.request, answer.SerializeToString())
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, request.request, message, answer, error)
            raise
        session.rest()
        path = session.home.receipt(request.request)
        return Contributed(answer.message, request.request, receipt, path)


def check_seats(seats: Sequence[Seat]) -> Joint:
    """Return the clause that all contracts of a joint sum hold, each with the node it names.

    Raises:
        PlanMismatchError: a contract has another clause than the first.
        AnswerInvalidError: a node has another key than its roster says.
        InputInvalidError: a node of the roster has no seat, or two.

    """
    clause = seats[0].clause if seats else None
    if clause is None:
        raise InputInvalidError("a joint sum needs the contracts of its nodes", clause="joint")
    for seat in seats:
        if seat.clause != clause:
            raise PlanMismatchError(seat.name, "its contract has another joint clause")
        if clause.key_of(seat.name) != seat.key:
            raise AnswerInvalidError(
                f"{seat.name}: stands in the roster with another key than it has",
                clause="joint.nodes.key",
                remedy="compare the keys with what its operator told you; ask for new contracts",
            )
    check_roster(clause, [seat.name for seat in seats])
    return clause


def check_roster(clause: Joint, names: Sequence[str]) -> None:
    """Return if `names`, of the nodes that homes or seats are at, has the whole roster once.

    Raises:
        InputInvalidError: a node of the roster is not among them, or twice; or one of no roster is.

    """
    remedy = "name a home at each node of the roster, once"
    if strange := sorted({*names} - {*clause.names}):
        raise InputInvalidError(
            f"no node of the joint clause: {', '.join(strange)}",
            clause="joint.nodes",
            remedy=remedy,
        )
    if missing := sorted({*clause.names} - {*names}):
        raise InputInvalidError(
            f"no home at {', '.join(missing)} was named", clause="joint.nodes", remedy=remedy
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputInvalidError(
            f"two homes at {', '.join(twice)} were named", clause="joint.nodes", remedy=remedy
        )


def _chunks(words: "Words") -> Iterator[joint_pb2.LeadRequest]:
    from unseen.protocols.kernels.words import wire_bytes  # noqa: PLC0415 - with vectors' library

    data = wire_bytes(words)
    for start in range(0, len(data), CHUNK_BYTES):
        yield joint_pb2.LeadRequest(chunk=bytes(data[start : start + CHUNK_BYTES]))


def _messages(messages: Sequence[bytes]) -> Iterator[joint_pb2.StepRequest]:
    return (joint_pb2.StepRequest(message=message) for message in messages)
