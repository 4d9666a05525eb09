"""NodeService: what anyone who was invited may know of the node."""

from importlib.metadata import version
from typing import Any

import grpc.aio

from unseen.evidence.canonical import format_time
from unseen.node.context import Node
from unseen.node.contracts import stopping
from unseen.node.interceptors import caller
from unseen.v1 import node_pb2, node_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class NodeService(node_pb2_grpc.NodeServiceServicer):
    """Describes the node."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def GetNode(
        self, request: node_pb2.GetNodeRequest, context: _Context
    ) -> node_pb2.GetNodeResponse:
        """Return version, keys, clock and head."""
        del request, context
        return node_pb2.GetNodeResponse(node=self._described())

    async def StopNode(
        self, request: node_pb2.StopNodeRequest, context: _Context
    ) -> node_pb2.StopNodeResponse:
        """Have the node stand still."""
        del context
        await stopping.stop_node(self._node, caller(), request.order)
        return node_pb2.StopNodeResponse(node=self._described())

    async def ResumeNode(
        self, request: node_pb2.ResumeNodeRequest, context: _Context
    ) -> node_pb2.ResumeNodeResponse:
        """Have the node go on."""
        del context
        await stopping.resume_node(self._node, caller(), request.order)
        return node_pb2.ResumeNodeResponse(node=self._described())

    def _described(self) -> node_pb2.Node:
        node, who = self._node, caller()
        stop = node.stopped
        return node_pb2.Node(
            version=version("unseen"),
            suite=node.suite.id,
            evidence_key=node.signer.public_key,
            log_origin=node.log.origin,
            log_key=node.log_key,
            operator_key=node.parties.operator().key,
            time=format_time(node.clock.now()),
            checkpoint=node.log.head().note,
            caller=who.party or who.instance,
            caller_role=who.role.value,
            stopped_by=stop.by if stop else "",
            stopped_cause=stop.cause if stop else "",
            stopped_since=stop.since if stop else "",
        )
