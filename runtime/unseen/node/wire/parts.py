"""Parts of runs on the wire: which one it is, and chunks as they arrive."""

from collections.abc import AsyncIterator

from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.parties import Caller
from unseen.node.intersecting.files import MIXED, OTHERS, SET
from unseen.node.resources import contract_id
from unseen.node.runs.files import ANSWER
from unseen.node.runs.kind import Head, RunKind
from unseen.node.runs.uploads import Stored, receive
from unseen.node.scoring.parts import BATCHES, CONTEXT
from unseen.node.training.parts import ROWS, WEIGHTS
from unseen.protocols.errors import MalformedMessageError
from unseen.v1 import intersect_pb2

_PARTS = {
    intersect_pb2.PART_SET: SET,
    intersect_pb2.PART_MIXED: MIXED,
    intersect_pb2.PART_OTHERS: OTHERS,
    intersect_pb2.PART_ANSWER: ANSWER,
    intersect_pb2.PART_CONTEXT: CONTEXT,
    intersect_pb2.PART_BATCHES: BATCHES,
    intersect_pb2.PART_ROWS: ROWS,
    intersect_pb2.PART_WEIGHTS: WEIGHTS,
}


async def received(
    node: Node, who: Caller, kind: RunKind, messages: AsyncIterator[intersect_pb2.UploadRequest]
) -> Stored:
    """Take in what a call sends of a part; raises as `receive`.

    Raises:
        MalformedMessageError: the call has no message.

    """
    async for first in messages:
        head = Head(
            contract_id(first.contract),
            first.request,
            part_of(first.part),
            first.digest,
            first.size,
        )
        return await receive(node, who, kind, head, _chunks(first, messages))
    raise MalformedMessageError("the call has no message", clause="request")


def part_of(part: intersect_pb2.Part) -> str:
    """Return the name of a part's file.

    Raises:
        FieldInvalidError: there is no such part.

    """
    found = _PARTS.get(part)
    if found is None:
        raise FieldInvalidError("no such part", clause="part", remedy="name one that there is")
    return found


async def _chunks(
    first: intersect_pb2.UploadRequest, rest: AsyncIterator[intersect_pb2.UploadRequest]
) -> AsyncIterator[tuple[int, bytes]]:
    yield first.offset, first.chunk
    async for message in rest:
        yield message.offset, message.chunk
