"""StatisticsService: questions about many people at once."""

from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.kinds.statistics import ask
from unseen.node.wire import requests as wire
from unseen.v1 import statistics_pb2, statistics_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class StatisticsService(statistics_pb2_grpc.StatisticsServiceServicer):
    """Questions from a contract's menu."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def Ask(
        self, request: statistics_pb2.AskRequest, context: _Context
    ) -> statistics_pb2.AskResponse:
        """Answer one question; charged and receipted."""
        del context
        signed = wire.signed_request(request.request, [request.question])
        answer = await ask(self._node, caller(), signed)
        return statistics_pb2.AskResponse(value=answer.reply[0], release=wire.release(answer))
