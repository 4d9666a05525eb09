"""TrainService: refused as long as no contract of this node's is over such a training."""

from collections.abc import AsyncIterator
from typing import Any, NoReturn

import grpc.aio

from unseen.node.context import Node
from unseen.node.errors import KindRefusedError
from unseen.v1 import intersect_pb2, train_pb2, train_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class TrainService(train_pb2_grpc.TrainServiceServicer):
    """Trainings under encryption."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def Upload(
        self, request_iterator: AsyncIterator[intersect_pb2.UploadRequest], context: _Context
    ) -> intersect_pb2.UploadResponse:
        """Refuse."""
        del request_iterator, context
        _refuse()

    async def Run(
        self, request: train_pb2.TrainServiceRunRequest, context: _Context
    ) -> train_pb2.TrainServiceRunResponse:
        """Refuse."""
        del request, context
        _refuse()

    async def Fetch(
        self, request: intersect_pb2.FetchRequest, context: _Context
    ) -> AsyncIterator[intersect_pb2.FetchResponse]:
        """Refuse."""
        del request, context
        for chunk in _nothing():
            yield chunk

    async def End(
        self, request: intersect_pb2.EndRequest, context: _Context
    ) -> intersect_pb2.EndResponse:
        """Refuse."""
        del request, context
        _refuse()


def _nothing() -> list[intersect_pb2.FetchResponse]:
    _refuse()


def _refuse() -> NoReturn:
    raise KindRefusedError(
        "no contract of this node's is over a training under encryption",
        clause="protocol",
        remedy="ask for a joint one: unseen contract request PRODUCT --train FILE --joint CLAUSE",
    )
