"""What every service of runs over parts does alike: parts in, parts out, and an end."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.resources import contract_id
from unseen.node.runs import sending
from unseen.node.runs.kind import RunKind
from unseen.node.wire.parts import part_of, received
from unseen.v1 import intersect_pb2

_Context = grpc.aio.ServicerContext[Any, Any]


class PartsService:
    """Upload, Fetch and End of the runs of one kind; how a run is asked is each service's own.

    It stands before the generated class, whose methods refuse.
    """

    runs: ClassVar[RunKind]

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def Upload(
        self, request_iterator: AsyncIterator[intersect_pb2.UploadRequest], context: _Context
    ) -> intersect_pb2.UploadResponse:
        """Take in chunks of a part."""
        del context
        stored = await received(self._node, caller(), self.runs, request_iterator)
        return intersect_pb2.UploadResponse(offset=stored.offset, complete=stored.complete)

    async def Fetch(
        self, request: intersect_pb2.FetchRequest, context: _Context
    ) -> AsyncIterator[intersect_pb2.FetchResponse]:
        """Stream a part from an offset."""
        del context
        node, who, contract = self._node, caller(), contract_id(request.contract)
        part = part_of(request.part)
        run = sending.opened(node, who, self.runs, contract, request.request, part)
        for chunk in sending.chunks(run, part, request.offset):
            yield intersect_pb2.FetchResponse(chunk=chunk)
            # A stop takes effect between chunks, and so does the end of the contract.
            sending.opened(node, who, self.runs, contract, request.request, part)

    async def End(
        self, request: intersect_pb2.EndRequest, context: _Context
    ) -> intersect_pb2.EndResponse:
        """Forget a run."""
        del context
        contract = contract_id(request.contract)
        await sending.end(self._node, caller(), self.runs, contract, request.request)
        return intersect_pb2.EndResponse()
