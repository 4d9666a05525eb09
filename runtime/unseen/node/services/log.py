"""LogService: checkpoint, consistency, leaves."""

from typing import Any

import grpc.aio
from sqlalchemy import select

from unseen.node.audit.shown import show
from unseen.node.catalog.names import page_size
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.store.schema import leaves
from unseen.v1 import log_pb2, log_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class LogService(log_pb2_grpc.LogServiceServicer):
    """The append-only log."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def GetCheckpoint(
        self, request: log_pb2.GetCheckpointRequest, context: _Context
    ) -> log_pb2.GetCheckpointResponse:
        """Return the newest signed checkpoint."""
        del request, context
        return log_pb2.GetCheckpointResponse(checkpoint=self._node.log.head().note)

    async def GetConsistencyProof(
        self, request: log_pb2.GetConsistencyProofRequest, context: _Context
    ) -> log_pb2.GetConsistencyProofResponse:
        """Return the proof that the present log extends an older size."""
        del context
        head = show(self._node.log.head())
        if not 0 <= request.old_size <= head.size:
            raise FieldInvalidError("the log has never had that size", clause="old_size")
        return log_pb2.GetConsistencyProofResponse(
            checkpoint=head.note, proof=self._node.log.consistency_proof(request.old_size, head)
        )

    async def ListLeaves(
        self, request: log_pb2.ListLeavesRequest, context: _Context
    ) -> log_pb2.ListLeavesResponse:
        """Return leaves from an index on."""
        del context
        if request.start < 0:
            raise FieldInvalidError("an index is not negative", clause="start")
        size = page_size(request.page_size)
        with self._node.engine.connect() as connection:
            bodies = connection.execute(
                select(leaves.c.body)
                .where(leaves.c.leaf_index >= request.start)
                .order_by(leaves.c.leaf_index)
                .limit(size)
            ).scalars()
            found = list(bodies)
        return log_pb2.ListLeavesResponse(leaves=found, size=self._node.log.size)
