"""Sparse Merkle trees: a value, or its absence, at every index; indexed by a VOPRF."""

from unseen.protocols.smt.build import Builder
from unseen.protocols.smt.proofs import Path, verify_absent, verify_present
from unseen.protocols.smt.shape import INDEX_BYTES, Shape
from unseen.protocols.smt.tree import Branch, Edge, MemoryStore, Position, SparseTree, Store

__all__ = [
    "INDEX_BYTES",
    "Branch",
    "Builder",
    "Edge",
    "MemoryStore",
    "Path",
    "Position",
    "Shape",
    "SparseTree",
    "Store",
    "verify_absent",
    "verify_present",
]
