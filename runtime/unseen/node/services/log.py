"""LogService: checkpoint, consistency, leaves, cosignatures."""

from typing import Any

import grpc.aio
from sqlalchemy import select

from unseen.evidence.log import decode_leaf
from unseen.node.audit import cosigning
from unseen.node.audit.redaction import shows, whole
from unseen.node.audit.shown import show
from unseen.node.catalog.names import page_size
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError, PartyNotFoundError
from unseen.node.interceptors import caller
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
        if request.start < 0:
            raise FieldInvalidError("an index is not negative", clause="start")
        node, who, size = self._node, caller(), page_size(request.page_size)
        with node.engine.connect() as connection:
            found = connection.execute(
                select(leaves.c.leaf_index, leaves.c.body)
                .where(leaves.c.leaf_index >= request.start, leaves.c.leaf_index < node.log.size)
                .order_by(leaves.c.leaf_index)
                .limit(size)
            ).all()
        shown: list[bytes] = []
        hashes: list[bytes] = []
        for row in found:
            if whole(who) or shows(node, who, decode_leaf(row.body)):
                shown.append(row.body)
            else:
                shown.append(b"")
                hashes.append(node.log.leaf_hash(row.leaf_index))
        return log_pb2.ListLeavesResponse(leaves=shown, size=node.log.size, hashes=hashes)

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
