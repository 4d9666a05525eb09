"""Aumasson and others, BLAKE2X: the stream of words that SEAL 4 expands a seed to.

A chunk of 512 words is BLAKE2Xb of 4096 bytes, keyed by the seed, over the chunk's number. By
whichever implementation is fastest here, tried with words of the reference code before its first
use. What comes of a seed is as public as the seed is.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, KernelFaultError
from unseen.protocols.kernels import blake2xb_portable, features
from unseen.protocols.kernels.blake2xb_portable import CHUNK_WORDS, SEED_BYTES

MAX_CHUNKS: Final = 1 << 16
_Chunks: TypeAlias = Callable[[bytes, int, int], NDArray[np.uint64]]
_KNOWN_SEED: Final = bytes(range(64))
_KNOWN_CHUNKS: Final = 11
# SHA-256 of these chunks, from the BLAKE2 reference code in C that SEAL is built with.
_KNOWN: Final = "f86847c5167682cde03b1ae758b57d0c88c5214a3d702612642d1e50975decb6"


class Implementation(NamedTuple):
    """One way: its name, and its function of a seed, a first chunk and how many: n x 512 words."""

    name: str
    chunks: _Chunks


def words(seed: bytes, count: int, start: int = 0) -> NDArray[np.uint64]:
    """Return `count` words of a seed's stream from place `start` on.

    Raises:
        InputInvalidError: the seed is not 64 bytes, or so many words are not to be had.
        KernelFaultError: this machine hashes wrongly.

    """
    first, skipped = divmod(start, CHUNK_WORDS)
    chunks = -(-(skipped + count) // CHUNK_WORDS)
    if len(seed) != SEED_BYTES or start < 0 or not 0 < chunks <= MAX_CHUNKS:
        raise InputInvalidError(f"a seed of {SEED_BYTES} bytes stands for a bounded stream")
    return _selected().chunks(seed, first, chunks).reshape(-1)[skipped : skipped + count]


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    portable = Implementation("portable", blake2xb_portable.chunks)
    if not features.has_vectors():
        return (portable,)
    # Here and not above: it needs llvmlite.
    from unseen.protocols.kernels import blake2xb_compiled  # noqa: PLC0415

    name = f"compiled-{64 * blake2xb_compiled.LANES}"
    return Implementation(name, blake2xb_compiled.chunks), portable


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with chunks of the reference code, from the first and from a later one.

    Raises:
        KernelFaultError: it does not compute them.

    """
    whole = one.chunks(_KNOWN_SEED, 0, _KNOWN_CHUNKS)
    if hashlib.sha256(whole.astype("<u8").tobytes()).hexdigest() != _KNOWN:
        raise KernelFaultError(f"BLAKE2Xb {one.name}")
    if one.chunks(_KNOWN_SEED, 3, 2).tolist() != whole[3:5].tolist():
        raise KernelFaultError(f"BLAKE2Xb {one.name}")


def warm_up() -> str:
    """Load what is to be loaded, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine hashes wrongly.

    """
    return _selected().name


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest
