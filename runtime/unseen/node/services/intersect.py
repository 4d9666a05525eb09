"""IntersectService: sets in, a run step by step, elements out."""

from typing import Any

import grpc.aio

from unseen.node.interceptors import caller
from unseen.node.intersecting.parts import INTERSECTIONS
from unseen.node.intersecting.running import ToMix, advance
from unseen.node.runs.sessions import UnderWay
from unseen.node.services.parts import PartsService
from unseen.node.wire import requests as wire
from unseen.v1 import intersect_pb2, intersect_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class IntersectService(PartsService, intersect_pb2_grpc.IntersectServiceServicer):
    """Intersections of a buyer's set with a table."""

    runs = INTERSECTIONS

    async def Run(
        self, request: intersect_pb2.RunRequest, context: _Context
    ) -> intersect_pb2.RunResponse:
        """Take a run its next step; charged and receipted once."""
        del context
        signed = wire.signed_request(request.request, [request.set])
        step = await advance(self._node, caller(), signed)
        if isinstance(step, UnderWay):
            return intersect_pb2.RunResponse(job=f"jobs/{step.job}")
        if isinstance(step, ToMix):
            return intersect_pb2.RunResponse(others=step.size)
        return intersect_pb2.RunResponse(value=step.reply[0], release=wire.release(step))
