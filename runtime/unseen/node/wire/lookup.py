"""unseen.v1 messages of tables fetched and hidden ones asked <-> what is wanted and answered."""

from collections.abc import AsyncIterator

from unseen.node.kinds.fetching import Wanted
from unseen.node.kinds.hidden_queries import Asked
from unseen.node.resources import contract_id
from unseen.protocols.errors import MalformedMessageError
from unseen.v1 import lookup_pb2


def wanted(request: lookup_pb2.FetchTableRequest) -> Wanted:
    """Return what is to be fetched.

    Raises:
        FieldInvalidError: the contract's name is malformed.

    """
    return Wanted(
        contract=contract_id(request.contract),
        epoch=request.epoch,
        offset=request.offset,
        manifest=request.manifest,
        ranges=tuple((each.first, each.count) for each in request.ranges),
        hashes=request.hashes,
    )


async def head(stream: AsyncIterator[lookup_pb2.AnswerRequest]) -> Asked:
    """Return what the first message says.

    Raises:
        MalformedMessageError: it is no head.
        FieldInvalidError: the contract's name is malformed.

    """
    async for message in stream:
        if message.WhichOneof("part") != "head":
            break
        said = message.head
        return Asked(
            contract_id(said.contract), said.epoch, said.manifest, said.request, said.count
        )
    raise MalformedMessageError("queries begin with their head", clause="head")


async def queries(stream: AsyncIterator[lookup_pb2.AnswerRequest]) -> AsyncIterator[bytes]:
    """Yield the queries of each further message.

    Raises:
        MalformedMessageError: a message holds none, or another head.

    """
    async for message in stream:
        if message.WhichOneof("part") != "queries":
            raise MalformedMessageError("what follows the head is queries", clause="queries")
        yield message.queries


def response(found: bytes | str) -> lookup_pb2.AnswerResponse:
    """Return a piece of the answers, or what the node signs of them."""
    if isinstance(found, str):
        return lookup_pb2.AnswerResponse(signed=found)
    return lookup_pb2.AnswerResponse(answers=found)
