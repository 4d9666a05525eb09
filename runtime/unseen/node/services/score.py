"""ScoreService: ciphertexts in, a run, ciphertexts out."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.resources import contract_id
from unseen.node.runs import sending
from unseen.node.scoring.parts import SCORES
from unseen.node.scoring.running import UnderWay, advance
from unseen.node.wire import requests as wire
from unseen.node.wire.parts import part_of, received
from unseen.v1 import intersect_pb2, score_pb2, score_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class ScoreService(score_pb2_grpc.ScoreServiceServicer):
    """Scores of rows that stay encrypted."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def Upload(
        self, request_iterator: AsyncIterator[intersect_pb2.UploadRequest], context: _Context
    ) -> intersect_pb2.UploadResponse:
        """Take in chunks of a part."""
        del context
        stored = await received(self._node, caller(), SCORES, request_iterator)
        return intersect_pb2.UploadResponse(offset=stored.offset, complete=stored.complete)

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

    async def Fetch(
        self, request: intersect_pb2.FetchRequest, context: _Context
    ) -> AsyncIterator[intersect_pb2.FetchResponse]:
        """Stream a part from an offset."""
        del context
        node, who, contract = self._node, caller(), contract_id(request.contract)
        part = part_of(request.part)
        run = sending.opened(node, who, SCORES, contract, request.request, part)
        for chunk in sending.chunks(run, part, request.offset):
            yield intersect_pb2.FetchResponse(chunk=chunk)
            # A stop takes effect between chunks, and so does the end of the contract.
            sending.opened(node, who, SCORES, contract, request.request, part)

    async def End(
        self, request: intersect_pb2.EndRequest, context: _Context
    ) -> intersect_pb2.EndResponse:
        """Forget a run."""
        del context
        contract = contract_id(request.contract)
        await sending.end(self._node, caller(), SCORES, contract, request.request)
        return intersect_pb2.EndResponse()
