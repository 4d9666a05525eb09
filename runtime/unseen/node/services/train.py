"""TrainService: encrypted weights in, an iteration over the node's rows, samples out."""

from typing import Any

import grpc.aio

from unseen.node.interceptors import caller
from unseen.node.runs.sessions import UnderWay
from unseen.node.services.parts import PartsService
from unseen.node.training.parts import TRAININGS
from unseen.node.training.running import advance
from unseen.node.wire import requests as wire
from unseen.v1 import train_pb2, train_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class TrainService(PartsService, train_pb2_grpc.TrainServiceServicer):
    """Trainings under encryption."""

    runs = TRAININGS

    async def Run(
        self, request: train_pb2.TrainServiceRunRequest, context: _Context
    ) -> train_pb2.TrainServiceRunResponse:
        """Begin an iteration, or say how it stands; charged and receipted once."""
        del context
        signed = wire.signed_request(request.request, [request.weights])
        step = await advance(self._node, caller(), signed)
        if isinstance(step, UnderWay):
            return train_pb2.TrainServiceRunResponse(job=f"jobs/{step.job}")
        return train_pb2.TrainServiceRunResponse(value=step.reply[0], release=wire.release(step))
