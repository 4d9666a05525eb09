"""unseen.v1 audit messages <-> evidence."""

from unseen.node.audit.evidence import Evidence, StoredDocument
from unseen.node.wire.contract import contract_message
from unseen.v1 import audit_pb2


def document_message(document: StoredDocument) -> audit_pb2.Document:
    """Return a document."""
    return audit_pb2.Document(leaf_index=document.index, type=document.type, body=document.body)


def evidence_message(evidence: Evidence) -> audit_pb2.GetEvidenceResponse:
    """Return everything about one request."""
    message = audit_pb2.GetEvidenceResponse(
        receipt=evidence.receipt,
        contract=contract_message(evidence.contract),
        checkpoint=evidence.head.note,
        cosigned=[
            audit_pb2.Cosigned(checkpoint=note, proof=proof) for note, proof in evidence.cosigned
        ],
        documents=map(document_message, evidence.documents),
    )
    if evidence.announced is not None:
        message.manifest = evidence.announced.token
        message.announcement = evidence.announced.leaf
        message.announcement_index = evidence.announced.index
        message.announcement_proof.extend(evidence.announced.proof)
    return message
