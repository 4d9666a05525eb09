"""Transparency log: RFC 6962 trees and proofs, C2SP checkpoints and signed notes."""

from unseen.protocols.tlog.checkpoint import Checkpoint, parse_body
from unseen.protocols.tlog.cosignature import Cosignature, cosign, cosignatures, join_notes
from unseen.protocols.tlog.note import SignedNote, sign_note, verify_note
from unseen.protocols.tlog.proofs import verify_consistency, verify_inclusion
from unseen.protocols.tlog.tree import Frontier, Hash, Tree, leaf_hash, node_hash, sha256

__all__ = [
    "Checkpoint",
    "Cosignature",
    "Frontier",
    "Hash",
    "SignedNote",
    "Tree",
    "cosign",
    "cosignatures",
    "join_notes",
    "leaf_hash",
    "node_hash",
    "parse_body",
    "sha256",
    "sign_note",
    "verify_consistency",
    "verify_inclusion",
    "verify_note",
]
