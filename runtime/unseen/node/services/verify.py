"""VerifyService: verification in the clear."""

import json
from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.kinds import verify
from unseen.node.wire import requests as wire
from unseen.v1 import verify_pb2, verify_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]
_VERDICTS = {
    verify.YES: verify_pb2.VERDICT_YES,
    verify.NO: verify_pb2.VERDICT_NO,
    verify.NO_USABLE_RESULT: verify_pb2.VERDICT_NO_USABLE_RESULT,
}


class VerifyService(verify_pb2_grpc.VerifyServiceServicer):
    """Verification with the subject in the clear."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def Verify(
        self, request: verify_pb2.VerifyRequest, context: _Context
    ) -> verify_pb2.VerifyResponse:
        """Evaluate the contract's predicates on one subject; charged and receipted."""
        del context
        signed = wire.signed_request(request.request, [request.subject])
        answer = await verify.verify(self._node, caller(), signed)
        verdicts = [_VERDICTS[word] for word in json.loads(answer.reply[0])]
        return verify_pb2.VerifyResponse(verdicts=verdicts, release=wire.release(answer))
