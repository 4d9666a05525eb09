"""Audit paths of chosen leaves (RFC 6962 section 2.1.1) from one pass over all leaves.

Memory grows with the number of chosen leaves times log2 of the tree's size, never with the tree:
of all subtrees, only those are kept that stand beside the way from a chosen leaf to the root.
The number of leaves has to be known before the pass.
"""

# ruff: noqa: A002 - a function to hash with is best called `hash`, as in the RFCs.
from collections.abc import Iterable, Iterator

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.tlog.tree import Hash, empty_root, node_hash, sha256

Place = tuple[int, int]


class Paths:
    """Takes the leaves of a tree one after the other and keeps what chosen paths need."""

    def __init__(self, chosen: Iterable[int], size: int, hash: Hash = sha256) -> None:
        """Choose leaves of a tree that will have `size` of them.

        Raises:
            InputInvalidError: a chosen leaf is beyond that size.

        """
        self._hash, self._expected, self._size = hash, size, 0
        self._chosen = {index: tuple(_beside(index, size)) for index in chosen}
        if not all(0 <= index < size for index in self._chosen):
            raise InputInvalidError(f"a tree of {size} leaves has no such leaf")
        beside = (each for ranges in self._chosen.values() for each in ranges)
        wanted = {place for each in beside for place in _subtrees(*each)}
        self._wanted = wanted | {(0, index) for index in self._chosen}
        self._kept: dict[Place, bytes] = {}
        self._open: list[bytes] = []

    @property
    def size(self) -> int:
        """Return the number of leaves so far."""
        return self._size

    def append(self, leaf_hash: bytes) -> None:
        """Add a leaf by its hash."""
        level, position, subtree = 0, self._size, leaf_hash
        self._keep((level, position), subtree)
        while position & 1:
            subtree = node_hash(self._open.pop(), subtree, self._hash)
            level, position = level + 1, position >> 1
            self._keep((level, position), subtree)
        self._open.append(subtree)
        self._size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return self._fold(self._open) if self._open else empty_root(self._hash)

    def leaf(self, index: int) -> bytes:
        """Return the hash of a chosen leaf.

        Raises:
            InputInvalidError: it was not chosen, or the leaves are not complete.

        """
        self._check(index)
        return self._kept[0, index]

    def path(self, index: int) -> list[bytes]:
        """Return the audit path of a chosen leaf, from the leaf upwards.

        Raises:
            InputInvalidError: it was not chosen, or the leaves are not complete.

        """
        self._check(index)
        return [
            self._fold([self._kept[place] for place in _subtrees(*each)])
            for each in self._chosen[index]
        ]

    def _check(self, index: int) -> None:
        if index not in self._chosen or self._size != self._expected:
            raise InputInvalidError("the leaf was not chosen, or leaves are missing or too many")

    def _keep(self, place: Place, subtree: bytes) -> None:
        if place in self._wanted:
            self._kept[place] = subtree

    def _fold(self, subtrees: list[bytes]) -> bytes:
        root = subtrees[-1]
        for subtree in reversed(subtrees[:-1]):
            root = node_hash(subtree, root, self._hash)
        return root


def _beside(index: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of leaves whose roots make the path of a leaf, from the leaf upwards."""
    ranges, start, end = [], 0, size
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    yield from reversed(ranges)


def _subtrees(start: int, end: int) -> Iterator[Place]:
    """Yield the complete subtrees that a range of a path consists of, largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level
