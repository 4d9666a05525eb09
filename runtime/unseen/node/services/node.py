"""NodeService: what anyone who was invited may know of the node."""

from importlib.metadata import version
from typing import Any

import grpc.aio

from unseen.evidence.canonical import format_time
from unseen.node.context import Node
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
        node, who = self._node, caller()
        described = node_pb2.Node(
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
        )
        return node_pb2.GetNodeResponse(node=described)
