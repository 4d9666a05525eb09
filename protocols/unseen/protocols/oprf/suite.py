"""RFC 9497 section 4.1: the suite ristretto255-SHA512, and what both parties compute alike.

Security rests on the one-more gap Diffie-Hellman assumption, in the random oracle model; it
falls by log2(Q)/2 bits after Q evaluations under one key (RFC 9497 section 7.2.3), so rotate
keys. Not post-quantum: who holds the key, or breaks it later, can try every input.
"""

import hashlib
from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import Final

from unseen.protocols.errors import BatchSizeError, InputInvalidError
from unseen.protocols.group import ristretto255
from unseen.protocols.kernels import sha512

MAX_BATCH: Final = 4096
MAX_INPUT_BYTES: Final = 2**16 - 1
OUTPUT_BYTES: Final = 64
_ELEMENT_LENGTH = ristretto255.ELEMENT_BYTES.to_bytes(2, "big")


class Mode(IntEnum):
    """The protocol variant of RFC 9497 section 3.1. VOPRF proves which key was used."""

    OPRF = 0
    VOPRF = 1


class Weights(Enum):
    """What a batch proof's weights depend on; see `dleq`. For a batch of one both are the same."""

    BATCH = "batch"  # the whole batch
    RFC9497 = "rfc9497"  # each its own element, as the RFC has it: for its vectors, and interop


def context_string(mode: Mode) -> bytes:
    """Return the contextString that ends every domain separation tag of this mode."""
    return b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


_HASH_TO_GROUP = {mode: b"HashToGroup-" + context_string(mode) for mode in Mode}


def hash_input(data: bytes, mode: Mode) -> bytes:
    """Return the group element of an input.

    Raises:
        InputInvalidError: the input is over 65535 bytes, or hashes to the identity.

    """
    check_input(data)
    return ristretto255.hash_to_group(data, group_tag(mode))


def group_tag(mode: Mode) -> bytes:
    """Return the domain separation tag under which inputs are hashed to the group."""
    return _HASH_TO_GROUP[mode]


def check_input(data: bytes) -> None:
    """Refuse an input that is too long.

    Raises:
        InputInvalidError: it is over 65535 bytes.

    """
    if len(data) > MAX_INPUT_BYTES:
        raise InputInvalidError(f"an input has at most {MAX_INPUT_BYTES} bytes")


def finalize(data: bytes, unblinded: bytes) -> bytes:
    """Return the 64-byte output for the input `data` and its evaluated, unblinded element.

    Raises:
        InputInvalidError: the input is over 65535 bytes.

    """
    return hashlib.sha512(_finalized(data, unblinded)).digest()


def finalize_each(inputs: Sequence[bytes], unblinded: Sequence[bytes]) -> bytes:
    """Return what `finalize` does for each input and its element, 64 bytes each, joined.

    Raises:
        InputInvalidError: an input is over 65535 bytes.
        KernelFaultError: this machine hashes wrongly.

    """
    return sha512.digest_each(list(map(_finalized, inputs, unblinded)))


def _finalized(data: bytes, unblinded: bytes) -> bytes:
    check_input(data)
    return len(data).to_bytes(2, "big") + data + _ELEMENT_LENGTH + unblinded + b"Finalize"


def check_batch(count: int) -> None:
    """Refuse a batch that is empty or too large.

    Raises:
        BatchSizeError: `count` is not from 1 to 4096.

    """
    if not 1 <= count <= MAX_BATCH:
        raise BatchSizeError(found=count, limit=MAX_BATCH)
