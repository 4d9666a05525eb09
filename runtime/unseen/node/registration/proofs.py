"""Proofs of rows on their way from a worker to the node: nothing of the rows themselves."""

from typing import Any

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.registry.snapshot import RowProof

_DIGEST = 32


def pack_found(rows: int, root: bytes, proofs: tuple[RowProof, ...]) -> list[bytes]:
    """Return what a worker hands back: number of rows, root and proofs."""
    listed: list[Json] = [
        [proof.index, b64encode(proof.leaf), b64encode(b"".join(proof.path))] for proof in proofs
    ]
    return [canonical.encode({"rows": rows, "proofs": listed}), root]


def unpack_found(parts: list[bytes]) -> tuple[int, bytes, tuple[RowProof, ...]]:
    """Return what `pack_found` packed."""
    found: Any = canonical.decode(parts[0])
    return found["rows"], parts[1], tuple(_proof(*each) for each in found["proofs"])


def _proof(index: int, leaf: str, path: str) -> RowProof:
    data = b64decode(path)
    steps = range(0, len(data), _DIGEST)
    return RowProof(index, b64decode(leaf), tuple(data[at : at + _DIGEST] for at in steps))
