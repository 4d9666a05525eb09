"""AuditService: what an auditor needs beside the log."""

from typing import Any

import grpc.aio
from sqlalchemy import select

from unseen.evidence import canonical
from unseen.evidence.log import decode_leaf
from unseen.node.audit.evidence import StoredDocument, gather
from unseen.node.audit.keys import trust_file
from unseen.node.audit.redaction import shows, whole
from unseen.node.catalog.names import PAGE_BYTES, contract_id, page_size
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.interceptors import caller
from unseen.node.store.schema import documents, leaves
from unseen.node.wire import audit as wire
from unseen.v1 import audit_pb2, audit_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]


class AuditService(audit_pb2_grpc.AuditServiceServicer):
    """Keys, documents, evidence of single requests."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    async def GetKeys(
        self, request: audit_pb2.GetKeysRequest, context: _Context
    ) -> audit_pb2.GetKeysResponse:
        """Return the public keys of the parties that the caller may know."""
        del request, context
        keys = trust_file(self._node, caller()).to_json()
        return audit_pb2.GetKeysResponse(keys=canonical.encode(keys))

    async def ListDocuments(
        self, request: audit_pb2.ListDocumentsRequest, context: _Context
    ) -> audit_pb2.ListDocumentsResponse:
        """Return documents from a leaf on."""
        del context
        if request.start < 0:
            raise FieldInvalidError("an index is not negative", clause="start")
        node, who, size = self._node, caller(), page_size(request.page_size)
        with node.engine.connect() as connection:
            rows = connection.execute(
                select(documents, leaves.c.body.label("leaf"))
                .join(leaves, leaves.c.leaf_index == documents.c.leaf_index)
                .where(documents.c.leaf_index >= request.start)
                .order_by(documents.c.leaf_index)
                .limit(size + 1)
            ).all()
        found: list[audit_pb2.Document] = []
        used = following = 0
        for place, row in enumerate(rows):
            if place == size or used >= PAGE_BYTES:
                following = row.leaf_index
                break
            if whole(who) or shows(node, who, decode_leaf(row.leaf)):
                document = StoredDocument(row.leaf_index, row.type, row.body)
                found.append(wire.document_message(document))
                used += len(row.body)
        return audit_pb2.ListDocumentsResponse(documents=found, next_start=following)

    async def GetEvidence(
        self, request: audit_pb2.GetEvidenceRequest, context: _Context
    ) -> audit_pb2.GetEvidenceResponse:
        """Return everything about one charged request."""
        del context
        contract = contract_id(request.contract) if request.contract else ""
        evidence = gather(self._node, caller(), request.request, contract)
        return wire.evidence_message(evidence)
