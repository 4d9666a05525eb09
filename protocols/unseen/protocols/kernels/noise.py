"""Exact discrete noise in bulk: the draws of `dp/batch.py` from the same bits, for whole vectors.

Same law, so the statistical distance to it is 0 and nothing is added to delta; `dp/inversion.py`
says why. Whichever implementation is fastest here, tried with a known answer before its first use.
A stream is as good as its key is fresh. What each implementation shows to whoever times it stands
in `noise_compiled.py` and `noise_portable.py`.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.dp.batch import MAX_COUNT, OPEN
from unseen.protocols.dp.coins import take
from unseen.protocols.dp.exact import whole
from unseen.protocols.dp.inversion import BLOCK_BITS, resume
from unseen.protocols.dp.laws import Gaussian, Law
from unseen.protocols.errors import KernelFaultError
from unseen.protocols.kernels import aes, features, noise_portable
from unseen.protocols.kernels.noise_tables import Tables, tables
from unseen.protocols.party import Rng

_Decide: TypeAlias = Callable[[Tables, NDArray[np.unsignedinteger], NDArray[np.int64]], None]
_CountBelow: TypeAlias = Callable[[Tables, NDArray[np.uint64]], NDArray[np.int64]]
_CHUNK: Final = 1 << 18  # as in `dp/batch.py`: bits are taken chunk by chunk
# SHA-256 of 10,000 draws, 2 bytes each with the least significant first, of sigma = 12 from the
# stream of this key. From a second program: `tests/vectors/README.md`.
_KNOWN_KEY: Final = bytes(range(16))
_KNOWN: Final = "ba4d9d5c710577025cc8168b7a24e01536a8efea1a26b597887bc8a702d5ed7b"


class Implementation(NamedTuple):
    """One way to draw: its name, its two steps, and whether it takes laws of any width."""

    name: str
    decide: _Decide
    count_below: _CountBelow
    wide: bool


class KeyStream:
    """An `Rng` that hands out the AES-128-CTR stream of a key, from its start on."""

    def __init__(self, key: bytes) -> None:
        """Take a key of 16 bytes that is used for nothing else."""
        self._key = key
        self._place = 0

    def __repr__(self) -> str:
        """Say how far it is, and not what the key is."""
        return f"KeyStream(at {self._place})"

    def __call__(self, count: int) -> bytes:
        """Return the next `count` bytes.

        Raises:
            InputInvalidError: the key has another length.
            KernelFaultError: this machine computes AES wrongly.

        """
        block, skipped = divmod(self._place, 16)
        words = aes.stream(self._key, -(-(skipped + count) // 4), block)
        self._place += count
        return words.astype("<u4", copy=False).tobytes()[skipped : skipped + count]


def draw(law: Law, count: int, rng: Rng) -> NDArray[np.int64]:
    """Return `count` independent draws of a law: those of `dp.draw` from the same `rng`.

    Some 3 ns a draw for narrow laws; a table is made once for each law.

    Raises:
        InputInvalidError: `count` is not a whole number in [0, 2^28], the law is too wide for a
            table, or the source of randomness is broken.
        KernelFaultError: this machine computes draws wrongly.

    """
    return drawn_by(_selected(), law, count, rng)


def drawn_by(one: Implementation, law: Law, count: int, rng: Rng) -> NDArray[np.int64]:
    """Return what `draw` does, by this implementation or, for a wide law, the portable one."""
    size = whole(count, "the number of draws", low=0, high=MAX_COUNT)
    table = tables(law)
    if not table.edges.size and not one.wide:
        one = _PORTABLE
    found = np.empty(size, np.int64)
    for start in range(0, size, _CHUNK):
        part = found[start : start + _CHUNK]
        words = np.frombuffer(take(rng, table.guide.word_bytes * part.size), table.words)
        one.decide(table, words, part)
        places = np.flatnonzero(part == OPEN)
        if places.size:
            part[places] = _settled(one, law, words[places], rng)
    return found


def warm_up() -> str:
    """Load what is to be loaded, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine computes draws wrongly.

    """
    return _selected().name


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    if features.target() is None:
        return (_PORTABLE,)
    # Here and not above: it needs llvmlite.
    from unseen.protocols.kernels import noise_compiled  # noqa: PLC0415

    steps = noise_compiled.decide, noise_compiled.count_below
    return Implementation("compiled", *steps, wide=False), _PORTABLE


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with draws that a second program made.

    Raises:
        KernelFaultError: it draws others.

    """
    found = drawn_by(one, Gaussian(144), 10_000, KeyStream(_KNOWN_KEY))
    if hashlib.sha256(found.astype("<i2").tobytes()).hexdigest() != _KNOWN:
        raise KernelFaultError(f"noise {one.name}")


def _settled(
    one: Implementation, law: Law, words: NDArray[np.unsignedinteger], rng: Rng
) -> NDArray[np.int64]:
    """Return the draws for open cells, with 64 fresh bits for each."""
    table = tables(law)
    guide = table.guide
    cells = words.astype(np.uint64) >> np.uint64(guide.shift)
    tails = np.frombuffer(take(rng, 8 * words.size), ">u8").astype(np.uint64)
    first = np.uint64(BLOCK_BITS - guide.cell_bits)
    blocks = (cells >> np.uint64(1)) << first | tails >> np.uint64(guide.cell_bits)
    sizes = one.count_below(table, blocks)
    # In doubt: above all cuts, or within the slack of the last one below (`Cuts.find`).
    beyond = blocks - table.lows[sizes - 1]
    doubt = (sizes == table.lows.size) | ((sizes > 0) & (beyond < np.uint64(guide.cuts.slack)))
    for place in np.flatnonzero(doubt):
        sizes[place] = resume(law, int(blocks[place]), rng)
    signs = -(cells & np.uint64(1)).astype(np.int64)
    return (sizes ^ signs) - signs


_PORTABLE: Final = Implementation(
    "portable", noise_portable.decide, noise_portable.count_below, wide=True
)


@cache
def _selected() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest
