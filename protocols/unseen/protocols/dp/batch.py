"""Many draws at once: inversion with a guide table (Chen and Asau 1974; Devroye 1986, III.2.4).

The portable twin, of the standard library alone. A draw is looked up by its first bits; where
these decide, which is nearly always, nothing else happens. Otherwise the rest of 64 bits is drawn
and searched for (`inversion.py`), where the distance to the law is said to be 0 and why.

Bits are taken from `rng` in this order: one word for every draw (2 bytes little-endian, or 4 for
wide laws: its upper bits are cell and, last, sign); 8 bytes big-endian for each draw that its cell
leaves open, in order; what little else `resume` needs. A kernel that takes them in the same order
draws the same. Time depends on what is drawn: by the number of open cells, a few in a thousand.
"""

import sys
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from unseen.protocols.dp.coins import take
from unseen.protocols.dp.exact import whole
from unseen.protocols.dp.inversion import BLOCK_BITS, Cuts, cuts, resume
from unseen.protocols.dp.laws import Law
from unseen.protocols.party import Rng

OPEN: Final = -(1 << 31)
"""In a guide: the cell does not decide. Outside what any table can hold."""

MAX_COUNT: Final = 1 << 28
_CHUNK: Final = 1 << 18  # draws under way at a time, so that memory is bounded
_NARROW: Final = 1 << 10  # entries of a table up to which 15 bits of cell are enough
_NARROW_BITS: Final = 15
_WIDE_BITS: Final = 19


@dataclass(frozen=True, slots=True)
class Guide:
    """For every cell of |X| and sign, the draw it stands for, or OPEN.

    `signed` has 2^(cell_bits + 1) entries; the last bit of an index is the sign. `word_bytes` are
    taken for each draw, and `shift` of its low bits are not used.
    """

    cuts: Cuts
    cell_bits: int
    word_bytes: int
    signed: list[int]

    @property
    def shift(self) -> int:
        """Return how many low bits of a word are not used."""
        return 8 * self.word_bytes - self.cell_bits - 1


@lru_cache(maxsize=16)
def guide(law: Law) -> Guide:
    """Return the guide of a law; kept for laws that come again.

    Raises:
        InputInvalidError: the law is too wide for a table.

    """
    found = cuts(law)
    narrow = len(found.lows) <= _NARROW
    cell_bits, word_bytes = (_NARROW_BITS, 2) if narrow else (_WIDE_BITS, 4)
    width = 1 << (BLOCK_BITS - cell_bits)
    signed = [OPEN] * (2 << cell_bits)
    above = 0  # the first cell that lies wholly above the cut before
    for k, low in enumerate(found.lows):
        end = low // width
        if end > above:
            signed[2 * above : 2 * end] = [k, -k] * (end - above)
        above = max(above, -(-(low + found.slack) // width))
    return Guide(found, cell_bits, word_bytes, signed)


def draw(law: Law, count: int, rng: Rng) -> list[int]:
    """Return `count` independent draws of a law.

    Some 50 ns a draw, 200 for a wide law, and a table that is made once for each law.

    Raises:
        InputInvalidError: `count` is not a whole number in [0, 2^28], the law is too wide for a
            table, or the source of randomness is broken.

    """
    left = whole(count, "the number of draws", low=0, high=MAX_COUNT)
    table = guide(law)
    drawn: list[int] = []
    while left:
        size = min(left, _CHUNK)
        drawn.extend(_chunk(law, table, size, rng))
        left -= size
    return drawn


def _chunk(law: Law, table: Guide, size: int, rng: Rng) -> list[int]:
    words = array("H" if table.word_bytes == 2 else "I")
    words.frombytes(take(rng, table.word_bytes * size))
    if sys.byteorder == "big":
        words.byteswap()
    cells = [word >> table.shift for word in words] if table.shift else words
    drawn = list(map(table.signed.__getitem__, cells))
    places = _open_places(drawn)
    fresh = take(rng, 8 * len(places)) if places else b""
    for number, place in enumerate(places):
        tail = int.from_bytes(fresh[8 * number : 8 * number + 8])
        drawn[place] = settle(law, table, cells[place], tail, rng)
    return drawn


def settle(law: Law, table: Guide, cell: int, tail: int, rng: Rng) -> int:
    """Return the draw for an open `cell` with its sign, and 64 fresh bits."""
    block = cell >> 1 << (BLOCK_BITS - table.cell_bits) | tail >> table.cell_bits
    found = table.cuts.find(block)
    size = resume(law, block, rng) if found is None else found
    return -size if cell & 1 else size


def _open_places(drawn: list[int]) -> list[int]:
    places: list[int] = []
    place = -1
    try:
        while True:
            place = drawn.index(OPEN, place + 1)
            places.append(place)
    except ValueError:  # how `index` says that there is no other
        return places
