"""FIPS 197 and SP 800-38A section 6.5: AES-128-CTR key streams added into vectors over a ring.

Whichever implementation is fastest here, each tried with the standards' own numbers before its
first use. A stream is as good as its key is fresh: nothing here notices a key that is used twice,
and a sum that wraps is silent.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import aes_portable, features
from unseen.protocols.kernels.words import RINGS, Words, wire_bytes, zeros

KEY_BYTES: Final = 16
_Add: TypeAlias = Callable[[Words, bytes, bytes, int, int], None]
# FIPS 197 appendix C.1, and SP 800-38A appendix F.5.1: key, first counter, key stream.
_KNOWN: Final = (
    (
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ),
    (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        (
            "ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae"
            "6a2cc3787889374fbeb4c81b17ba6c44e89c399ff0f198c6d40a31db156cabfe"
        ),
    ),
)


class Implementation(NamedTuple):
    """One way to compute streams: its name, and its function as in `aes_portable.add`."""

    name: str
    add: _Add


def add_streams(words: Words, keys: Sequence[bytes], minus: Sequence[bool]) -> None:
    """Add to `words`, in place, the stream of each key; subtract it where `minus` says so.

    Word i of a stream is its bytes from i times the word's size on, least significant first; the
    first counter is 0. Takes no memory that grows with `words`, and lets other threads run.

    Args:
        words: contiguous, of 32 or 64 bits, the wrapping result in place.
        keys: 16 bytes each, used for this vector and never again.
        minus: one for each key.

    Raises:
        InputInvalidError: another shape of vector, or a key of another length.
        KernelFaultError: this machine computes AES wrongly.

    """
    _check(words, keys, minus)
    _selected().add(words, b"".join(keys), bytes(minus), 0, 0)


def stream(key: bytes, count: int, block: int = 0) -> NDArray[np.uint32]:
    """Return `count` words of 32 bits of a key's stream from its 16-byte block `block` on.

    Raises:
        InputInvalidError: the key has another length.
        KernelFaultError: this machine computes AES wrongly.

    """
    words = np.zeros(count, np.uint32)
    _check(words, (key,), (False,))
    _selected().add(words, key, b"\x00", 0, block)
    return words


def warm_up() -> str:
    """Compile what is to be compiled, try it, and return the name of what will be used.

    Without this the first vector pays: seconds for the compiler where nothing is in numba's
    cache on disk, else the loading of numba.

    Raises:
        KernelFaultError: this machine computes AES wrongly.

    """
    return _selected().name


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    portable = Implementation("portable", aes_portable.add)
    if not features.has_aes():
        return (portable,)
    # Here and not above: it needs numba.
    from unseen.protocols.kernels import aes_compiled  # noqa: PLC0415

    width = 128 * aes_compiled.LANES
    return Implementation(f"compiled-{width}", aes_compiled.add), portable


def check_known_answers(implementation: Implementation) -> None:
    """Try an implementation with the numbers of FIPS 197 and SP 800-38A, in both rings.

    Raises:
        KernelFaultError: it does not compute them.

    """
    for key, counter, expected in _KNOWN:
        high, low = int(counter[:16], 16), int(counter[16:], 16)
        for ring in RINGS:
            words = zeros(len(expected) * 4 // ring, ring)
            implementation.add(words, bytes.fromhex(key), b"\x00", high, low)
            found = wire_bytes(words).hex()
            implementation.add(words, bytes.fromhex(key), b"\x01", high, low)
            if found != expected or words.any():
                raise KernelFaultError(implementation.name)


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest


def _check(words: Words, keys: Sequence[bytes], minus: Sequence[bool]) -> None:
    right = words.dtype in {np.dtype(np.uint32), np.dtype(np.uint64)} and words.ndim == 1
    if not (right and words.flags.c_contiguous and words.flags.writeable):
        raise InputInvalidError("a vector has one dimension of words of 32 or 64 bits in a row")
    if len(keys) != len(minus) or any(len(key) != KEY_BYTES for key in keys):
        raise InputInvalidError(f"a stream takes a key of {KEY_BYTES} bytes and a sign")
