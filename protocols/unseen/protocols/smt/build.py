"""The root over leaves that arrive in the order of their indices, in memory that does not grow.

The same tree as `tree.py` updates (Laurie and Kasper, "Revocation transparency", 2012), folded
from left to right: at most one pending subtree for each depth. For an auditor who recomputes a
root, and for benches; it keeps nothing that a proof could be made of.
"""

from typing import NamedTuple

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.smt.shape import Shape


class _Subtree(NamedTuple):
    depth: int
    prefix: int
    value: bytes


class Builder:
    """Takes leaves in strictly ascending order of their indices."""

    def __init__(self, shape: Shape) -> None:
        """Start with an empty tree of `shape`."""
        self._shape = shape
        self._size = 0
        self._last = -1
        self._newest: _Subtree | None = None
        # To the left of the newest, with the depth at which each parts from it; depths ascend.
        self._waiting: list[tuple[int, _Subtree]] = []

    @property
    def size(self) -> int:
        """Return the number of leaves so far."""
        return self._size

    def add(self, index: bytes, value: bytes) -> None:
        """Add the leaf with `value` at `index`. Costs about `depth` hashes.

        Raises:
            InputInvalidError: a wrong length, or an index not above the last one.

        """
        shape = self._shape
        number = shape.number(index)
        if number <= self._last:
            raise InputInvalidError("leaves have to come in ascending order, each index once")
        leaf = shape.leaf(index, value)
        if self._newest is not None:
            parts = shape.depth - (self._last ^ number).bit_length()
            self._waiting.append((parts, _fold(shape, self._waiting, self._newest, parts)))
        self._newest = _Subtree(shape.depth, number, leaf)
        self._last = number
        self._size += 1

    def root(self) -> bytes:
        """Return the root over the leaves so far; more may follow."""
        if self._newest is None:
            return self._shape.empties[0]
        depth, prefix, value = _fold(self._shape, list(self._waiting), self._newest, -1)
        return self._shape.climb(value, prefix, depth, 0)


def _fold(
    shape: Shape, waiting: list[tuple[int, _Subtree]], newest: _Subtree, parts: int
) -> _Subtree:
    """Return `newest` joined with all that wait and part from it below depth `parts`."""
    while waiting and waiting[-1][0] > parts:
        at, (depth, prefix, value) = waiting.pop()
        left = shape.climb(value, prefix, depth, at + 1)
        right = shape.climb(newest.value, newest.prefix, newest.depth, at + 1)
        newest = _Subtree(at, prefix >> (depth - at), shape.node(at, left, right))
    return newest
