"""Verification of Merkle proofs: RFC 9162 sections 2.1.3.2 and 2.1.4.2.

The trees and proofs are those of RFC 6962, which describes only how to make proofs. A proof
ties a leaf, or an older tree, to a root; that the root is the log's one and only root has to
come from signed checkpoints that several parties compare.
"""

# ruff: noqa: A002 - a function to hash with is best called `hash`, as in the RFCs.
import hmac
from collections.abc import Sequence

from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog.tree import Hash, empty_root, node_hash, sha256


def verify_inclusion(
    leaf_hash: bytes,
    index: int,
    size: int,
    proof: Sequence[bytes],
    root: bytes,
    hash: Hash = sha256,
) -> None:
    """Check that the leaf with this hash is at `index` in the tree of `size` leaves.

    Raises:
        ProofInvalidError: it does not follow from `proof`, whatever the reason.

    """
    _check_width(hash, leaf_hash, root, *proof)
    if not 0 <= index < size:
        raise ProofInvalidError
    position, last, computed = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofInvalidError
        if position & 1 or position == last:
            computed = node_hash(sibling, computed, hash)
            position, last = _skip_lone_levels(position, last)
        else:
            computed = node_hash(computed, sibling, hash)
        position, last = position >> 1, last >> 1
    if last != 0 or not hmac.compare_digest(computed, root):
        raise ProofInvalidError


def verify_consistency(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
    hash: Hash = sha256,
) -> None:
    """Check that the tree of `new_size` leaves begins with the tree of `old_size` leaves.

    An old size of 0 or `new_size` takes the empty proof and the fitting roots.

    Raises:
        ProofInvalidError: it does not follow from `proof`, whatever the reason.

    """
    _check_width(hash, old_root, new_root, *proof)
    if not 0 <= old_size <= new_size:
        raise ProofInvalidError
    if old_size in {0, new_size}:
        known = new_root if old_size else empty_root(hash)
        if proof or not hmac.compare_digest(known, old_root):
            raise ProofInvalidError
        if new_size == 0 and not hmac.compare_digest(new_root, old_root):
            raise ProofInvalidError
        return
    _verify_growth(old_size, old_root, new_size, new_root, proof, hash)


def _verify_growth(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
    hash: Hash,
) -> None:
    # A complete old tree is a node of the new one: its root opens the proof unsent.
    complete = old_size & (old_size - 1) == 0
    nodes = [old_root, *proof] if complete else list(proof)
    if not nodes:
        raise ProofInvalidError
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise ProofInvalidError
        if position & 1 or position == last:
            old = node_hash(node, old, hash)
            new = node_hash(node, new, hash)
            position, last = _skip_lone_levels(position, last)
        else:
            new = node_hash(new, node, hash)
        position, last = position >> 1, last >> 1
    roots_agree = hmac.compare_digest(old, old_root) and hmac.compare_digest(new, new_root)
    if last != 0 or not roots_agree:
        raise ProofInvalidError


def _skip_lone_levels(position: int, last: int) -> tuple[int, int]:
    # The last node of a level without a sibling moves up unhashed: no proof entry for it.
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _check_width(hash: Hash, *hashes: bytes) -> None:
    width = len(hash(b""))
    if any(len(value) != width for value in hashes):
        raise ProofInvalidError
