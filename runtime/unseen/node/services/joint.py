"""JointService: this node's steps in rounds over several nodes."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.joint import charging, endorsing, leading, steps
from unseen.node.resources import contract_id
from unseen.node.wire import joint as wire
from unseen.node.wire import requests
from unseen.v1 import joint_pb2, joint_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class JointService(joint_pb2_grpc.JointServiceServicer):
    """Joint rounds."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def Step(
        self, request_iterator: AsyncIterator[joint_pb2.StepRequest], context: _Context
    ) -> AsyncIterator[joint_pb2.StepResponse]:
        """Take a step of a round; free."""
        del context
        node, who = self._node, caller()
        head = await wire.head(request_iterator)
        contract, step = contract_id(head.contract), wire.step(head.step)
        most = steps.most_bytes(node, who, contract, step)
        said = await wire.rest(request_iterator, most)
        spoken = steps.Spoken(tuple(said.messages), bytes(said.payload), tuple(head.without))
        reply = await steps.take_step(node, who, contract, head.round, step, spoken)
        for response in wire.responses(reply):
            steps.check_leaves(node, contract)  # a stop takes effect between chunks
            yield response

    async def Endorse(
        self, request: joint_pb2.EndorseRequest, context: _Context
    ) -> joint_pb2.EndorseResponse:
        """Release a trained model; charged and receipted."""
        del context
        signed = requests.signed_request(request.request, [request.model])
        answer = await endorsing.endorse(self._node, caller(), signed)
        return joint_pb2.EndorseResponse(value=answer.reply[0], release=requests.release(answer))

    async def Lead(
        self, request_iterator: AsyncIterator[joint_pb2.LeadRequest], context: _Context
    ) -> joint_pb2.LeadResponse:
        """Add up what all nodes hold and release the table; charged and receipted."""
        del context
        head = await wire.lead_head(request_iterator)
        parts = [head.round, head.context, head.transcript]
        signed = requests.signed_request(head.request, parts)
        pieces = wire.pieces(request_iterator)
        answer = await leading.lead(self._node, caller(), signed, pieces)
        return joint_pb2.LeadResponse(value=answer.reply[0], release=requests.release(answer))

    async def Contribute(
        self, request: joint_pb2.ContributeRequest, context: _Context
    ) -> joint_pb2.ContributeResponse:
        """Hand out the signature over this node's vector; charged and receipted."""
        del context
        signed = requests.signed_request(request.request, [request.round, request.context])
        answer = await charging.contribute(self._node, caller(), signed)
        return joint_pb2.ContributeResponse(
            message=answer.reply[0], release=requests.release(answer)
        )
