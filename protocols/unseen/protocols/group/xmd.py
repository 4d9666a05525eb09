"""Expand a message to uniform bytes: expand_message_xmd of RFC 9380 section 5.3.1, over SHA-512.

Takes time that depends on the length of the message. Domain separation tags over 255 bytes,
for which the RFC has a rule of their own, are refused: no protocol here needs one.
"""

import hashlib
from collections.abc import Sequence

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import sha512

_BLOCK_BYTES = 64
_MAX_TAG_BYTES = 255
_MAX_OUTPUT_BYTES = 255 * _BLOCK_BYTES
# Every expansion starts with one block of zeros (Z_pad): hashed here once, then copied.
_PADDING = bytes(sha512.BLOCK_BYTES)
_PADDED = hashlib.sha512(_PADDING)


def expand_message_xmd(message: bytes, tag: bytes, length: int) -> bytes:
    """Return `length` bytes, uniform if SHA-512 is a random oracle. `tag` is the RFC's DST.

    Raises:
        InputInvalidError: the tag has not 1 to 255 bytes, or `length` is not 1 to 16320.

    """
    suffix = _suffix(tag)
    if not 1 <= length <= _MAX_OUTPUT_BYTES:
        raise InputInvalidError(f"expansion gives 1 to {_MAX_OUTPUT_BYTES} bytes")
    first = _PADDED.copy()
    first.update(message + length.to_bytes(2, "big") + b"\x00" + suffix)
    seed = first.digest()
    block = hashlib.sha512(seed + b"\x01" + suffix).digest()
    if length <= _BLOCK_BYTES:
        return block[:length]
    blocks = [block]
    mask = int.from_bytes(seed, "big")
    for index in range(2, -(-length // _BLOCK_BYTES) + 1):
        chained = (mask ^ int.from_bytes(block, "big")).to_bytes(_BLOCK_BYTES, "big")
        block = hashlib.sha512(chained + bytes([index]) + suffix).digest()
        blocks.append(block)
    return b"".join(blocks)[:length]


def expand_each(messages: Sequence[bytes], tag: bytes) -> bytes:
    """Return `expand_message_xmd` of each message, 64 bytes each, one after another.

    Raises:
        InputInvalidError: the tag has not 1 to 255 bytes.
        KernelFaultError: this machine hashes wrongly.

    """
    suffix = _suffix(tag)
    end = _BLOCK_BYTES.to_bytes(2, "big") + b"\x00" + suffix
    seeds = sha512.digest_each([message + end for message in messages], _PADDING)
    chained = b"\x01" + suffix
    return sha512.digest_each(
        [
            seeds[start : start + _BLOCK_BYTES] + chained
            for start in range(0, len(seeds), _BLOCK_BYTES)
        ]
    )


def _suffix(tag: bytes) -> bytes:
    if not 1 <= len(tag) <= _MAX_TAG_BYTES:
        raise InputInvalidError("a domain separation tag has 1 to 255 bytes")
    return tag + bytes([len(tag)])
