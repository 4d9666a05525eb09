"""LogService: checkpoint, consistency, leaves, cosignatures."""

from typing import Any

import grpc.aio

from unseen.node.audit import cosigning
from unseen.node.audit.listing import list_leaves
from unseen.node.audit.shown import show
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError, PartyNotFoundError
from unseen.node.interceptors import caller
from unseen.node.resources import page_size
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
        """Return the newest signed checkpoint, and those that witnesses cosigned."""
        del request, context
        with self._node.engine.connect() as connection:
            cosigned = [note for _, note in cosigning.served(connection)]
        head = show(self._node.log.head())
        return log_pb2.GetCheckpointResponse(checkpoint=head.note, cosigned=cosigned)

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
        page = list_leaves(self._node, caller(), request.start, page_size(request.page_size))
        return log_pb2.ListLeavesResponse(leaves=page.leaves, size=page.size, hashes=page.hashes)

    async def AddCosignature(
        self, request: log_pb2.AddCosignatureRequest, context: _Context
    ) -> log_pb2.AddCosignatureResponse:
        """Keep a witness's cosignature and serve it from now on."""
        del context
        node, party = self._node, self._node.parties.get(caller().party)
        if party is None:
            raise PartyNotFoundError("the witness is not enrolled", clause="witness")
        cosigned = cosigning.check(node.log, party, request.checkpoint, node.clock.now())
        note = await node.writer.submit(cosigning.Keep(cosigned))
        return log_pb2.AddCosignatureResponse(checkpoint=note)
