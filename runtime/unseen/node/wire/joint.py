"""unseen.v1 joint messages <-> steps of a round."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unseen.node.errors import FieldInvalidError
from unseen.node.joint.leading import Piece
from unseen.node.joint.rounds import Reply
from unseen.node.pieces import in_pieces
from unseen.protocols.errors import MalformedMessageError
from unseen.v1 import joint_pb2

if TYPE_CHECKING:
    from unseen.protocols.secagg.wire import Step

MAX_MESSAGES = 101  # one for each node, and a list
MAX_MESSAGE_BYTES = 64 << 10  # the longest are the shares of a hundred nodes
_STEPS = {
    joint_pb2.JOINT_STEP_KEYS: "KEYS",
    joint_pb2.JOINT_STEP_SHARES: "SHARES",
    joint_pb2.JOINT_STEP_MASKED: "MASKED",
    joint_pb2.JOINT_STEP_CONFIRM: "CONFIRM",
    joint_pb2.JOINT_STEP_REVEAL: "REVEAL",
}


@dataclass(slots=True)
class Said:
    """What a step was sent: the messages of other nodes, or a payload."""

    messages: list[bytes] = field(default_factory=list)
    payload: bytearray = field(default_factory=bytearray)


async def head(stream: AsyncIterator[joint_pb2.StepRequest]) -> joint_pb2.StepHead:
    """Return the head of a step: what its first message holds.

    Raises:
        MalformedMessageError: it is none.

    """
    async for message in stream:
        if message.WhichOneof("part") != "head":
            break
        return message.head
    raise MalformedMessageError("a step begins with its head", clause="joint.step")


async def lead_head(stream: AsyncIterator[joint_pb2.LeadRequest]) -> joint_pb2.LeadHead:
    """Return the head of what a lead is handed: what its first message holds.

    Raises:
        MalformedMessageError: it is none.

    """
    async for message in stream:
        if message.WhichOneof("part") != "head":
            break
        return message.head
    raise MalformedMessageError("what a lead is handed begins with a head", clause="joint.step")


async def pieces(stream: AsyncIterator[joint_pb2.LeadRequest]) -> AsyncIterator[Piece]:
    """Yield what follows the head: messages of nodes, and pieces of vectors.

    Raises:
        MalformedMessageError: a second head, or an empty message.
        FieldInvalidError: a message is longer than any of a round.

    """
    async for message in stream:
        match message.WhichOneof("part"):
            case "message" if message.message:
                _check_message(message.message)
                yield Piece(message=message.message)
            case "chunk" if message.chunk:
                yield Piece(chunk=message.chunk)
            case _:
                raise MalformedMessageError("no part of a round", clause="joint.step")


def _check_message(message: bytes) -> None:
    if len(message) > MAX_MESSAGE_BYTES:
        raise FieldInvalidError(
            f"a message of a round has at most {MAX_MESSAGE_BYTES} bytes", clause="joint.step"
        )


async def rest(stream: AsyncIterator[joint_pb2.StepRequest], most: int) -> Said:
    """Return what follows the head; of a payload at most `most` bytes.

    Raises:
        MalformedMessageError: a second head, or an empty message.
        FieldInvalidError: it is more than a step takes.

    """
    found = Said()
    async for message in stream:
        match message.WhichOneof("part"):
            case "message":
                found.messages.append(message.message)
            case "chunk":
                found.payload += message.chunk
            case _:
                raise MalformedMessageError("no part of a step", clause="joint.step")
        if len(found.payload) > most:
            raise FieldInvalidError(
                f"the payload of such a round has at most {most} bytes", clause="joint.payload"
            )
        long = found.messages and len(found.messages[-1]) > MAX_MESSAGE_BYTES
        if long or len(found.messages) > MAX_MESSAGES:
            raise FieldInvalidError(
                f"a step takes {MAX_MESSAGES} messages of {MAX_MESSAGE_BYTES} bytes at most",
                clause="joint.step",
            )
    return found


def step(value: joint_pb2.JointStep) -> "Step":
    """Return the step that the wire names.

    Raises:
        FieldInvalidError: it names none.

    """
    from unseen.protocols.secagg.wire import Step  # noqa: PLC0415 - vectors' library comes with it

    if value not in _STEPS:
        raise FieldInvalidError("no step of a round", clause="joint.step")
    return Step[_STEPS[value]]


def responses(reply: Reply) -> Iterator[joint_pb2.StepResponse]:
    """Yield a step's answer: its message, or the vector in pieces."""
    # What comes with the vectors' library is loaded where there is a vector.
    from unseen.protocols.kernels.words import wire_bytes  # noqa: PLC0415

    if reply.vector is None:
        yield joint_pb2.StepResponse(message=reply.message)
    else:
        for piece in in_pieces(wire_bytes(reply.vector)):
            yield joint_pb2.StepResponse(chunk=piece)
