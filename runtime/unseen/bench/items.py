"""The items of the bench `psi`, and the number that stands beside each. Needs no numpy."""

from collections.abc import Sequence
from typing import Final

BEYOND: Final = 1000  # of the numbers beside items
Sets = tuple[Sequence[bytes], Sequence[bytes]]


def item(number: int) -> bytes:
    """Return an item."""
    return b"item %d" % number


def sets(n: int, shared: int) -> Sets:
    """Return two sets of n items, the last `shared` of the first one in both."""
    mine = [item(number) for number in range(n)]
    theirs = [item(number) for number in range(n - shared, 2 * n - shared)]
    return mine, theirs


def beside(one: bytes) -> int:
    """Return the number that stands beside an item."""
    return int(one.split()[-1]) % BEYOND
