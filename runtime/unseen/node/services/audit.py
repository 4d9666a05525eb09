"""AuditService: what an auditor needs beside the log."""

from typing import Any

import grpc.aio

from unseen.evidence import canonical
from unseen.node.audit.evidence import gather
from unseen.node.audit.keys import trust_file
from unseen.node.audit.listing import list_documents
from unseen.node.context import Node
from unseen.node.interceptors import caller
from unseen.node.resources import contract_id, page_size
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
        page = list_documents(self._node, caller(), request.start, page_size(request.page_size))
        return audit_pb2.ListDocumentsResponse(
            documents=map(wire.document_message, page.documents), next_start=page.following
        )

    async def GetEvidence(
        self, request: audit_pb2.GetEvidenceRequest, context: _Context
    ) -> audit_pb2.GetEvidenceResponse:
        """Return everything about one charged request."""
        del context
        contract = contract_id(request.contract) if request.contract else ""
        evidence = gather(self._node, caller(), request.request, contract)
        return wire.evidence_message(evidence)
