"""Commitments: what could be guessed enters the log only as a hash under a fresh nonce.

The parts of a message (blinded elements, a verdict) are the leaves of an RFC 6962 tree, whose
root fixes their number, order and bytes; the commitment is the hash of a prefix, a nonce of 32
random bytes and that root. Hiding needs the nonce to be random, used once and kept; binding
needs a collision-resistant hash. Whoever is shown nonce and parts can check both.
"""

from collections.abc import Sequence

from unseen.evidence.suite import Suite
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.tlog.tree import Frontier, leaf_hash

NONCE_BYTES = 32
_PREFIX = b"unseen/commit/v1\0"


def parts_root(suite: Suite, parts: Sequence[bytes]) -> bytes:
    """Return the RFC 6962 root over `parts`, 32 bytes.

    Raises:
        InputInvalidError: there is no part.

    """
    if not parts:
        raise InputInvalidError("a commitment has at least one part")
    tree = Frontier(suite.hash)
    for part in parts:
        tree.append(leaf_hash(part, suite.hash))
    return tree.root()


def commit(suite: Suite, nonce: bytes, parts: Sequence[bytes]) -> bytes:
    """Return the commitment to `parts` under `nonce`, 32 bytes.

    Raises:
        InputInvalidError: `nonce` is not 32 bytes, or there is no part.

    """
    if len(nonce) != NONCE_BYTES:
        raise InputInvalidError(f"the nonce of a commitment is {NONCE_BYTES} bytes")
    return suite.digest(_PREFIX + nonce + parts_root(suite, parts))
