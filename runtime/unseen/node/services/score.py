"""ScoreService: ciphertexts in, a run, ciphertexts out."""

from typing import Any

import grpc.aio

from unseen.node.interceptors import caller
from unseen.node.runs.sessions import UnderWay
from unseen.node.scoring.parts import SCORES
from unseen.node.scoring.running import advance
from unseen.node.services.parts import PartsService
from unseen.node.wire import requests as wire
from unseen.v1 import score_pb2, score_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class ScoreService(PartsService, score_pb2_grpc.ScoreServiceServicer):
    """Scores of rows that stay encrypted."""

    runs = SCORES

    async def Run(
        self, request: score_pb2.ScoreServiceRunRequest, context: _Context
    ) -> score_pb2.ScoreServiceRunResponse:
        """Begin a run, or say how it stands; charged and receipted once."""
        del context
        signed = wire.signed_request(request.request, [request.batches])
        step = await advance(self._node, caller(), signed)
        if isinstance(step, UnderWay):
            return score_pb2.ScoreServiceRunResponse(job=f"jobs/{step.job}")
        return score_pb2.ScoreServiceRunResponse(value=step.reply[0], release=wire.release(step))
