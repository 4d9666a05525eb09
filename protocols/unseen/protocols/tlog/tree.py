"""Merkle tree of RFC 6962 section 2.1, append-only, over any hash function.

Holds hashes, never entries. Whoever appends decides what is in the log: the tree only makes
it impossible to change or drop it later without showing two roots that do not agree.
"""

# ruff: noqa: A002 - a function to hash with is best called `hash`, as in the RFCs.
import hashlib
from collections.abc import Callable

from unseen.protocols.errors import InputInvalidError

Hash = Callable[[bytes], bytes]


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest: the hash of RFC 6962."""
    return hashlib.sha256(data).digest()


def empty_root(hash: Hash = sha256) -> bytes:
    """Return the root of the tree without leaves: the hash of nothing."""
    return hash(b"")


def leaf_hash(data: bytes, hash: Hash = sha256) -> bytes:
    """Return the hash of a leaf with these contents."""
    return hash(b"\x00" + data)


def node_hash(left: bytes, right: bytes, hash: Hash = sha256) -> bytes:
    """Return the hash of the node above two subtrees."""
    return hash(b"\x01" + left + right)


class Tree:
    """A whole tree in memory: 64 bytes a leaf with a 32-byte hash, and nothing recomputed.

    `_levels[k]` holds, end to end, the roots of all complete subtrees of 2^k leaves.
    """

    def __init__(self, hash: Hash = sha256) -> None:
        """Start without leaves."""
        self._hash = hash
        self._width = len(hash(b""))
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return len(self._levels[0]) // self._width

    def append(self, leaf_hash: bytes) -> int:
        """Add a leaf by its hash, as function `leaf_hash` makes it, and return its index.

        Raises:
            InputInvalidError: the hash has the wrong length.

        """
        if len(leaf_hash) != self._width:
            raise InputInvalidError(f"a leaf hash has {self._width} bytes")
        index, position = self.size, self.size
        self._levels[0] += leaf_hash
        level, subtree = 0, leaf_hash
        while position & 1:
            subtree = self._node(self._subtree(level, position - 1), subtree)
            level, position = level + 1, position >> 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += subtree
        return index

    def leaf(self, index: int) -> bytes:
        """Return the hash of the leaf at `index`.

        Raises:
            InputInvalidError: there is no such leaf.

        """
        if not 0 <= index < self.size:
            raise InputInvalidError(f"the tree has no leaf {index}")
        return self._subtree(0, index)

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves, all of them if it is None.

        Raises:
            InputInvalidError: the tree has never had that size.

        """
        size = self._checked(size)
        return self._range(0, size) if size else self._hash(b"")

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of a leaf in the tree of `size` leaves, from the leaf upwards.

        Raises:
            InputInvalidError: the tree has never had that size, or no such leaf at that size.

        """
        size = self._checked(size)
        if not 0 <= index < size:
            raise InputInvalidError(f"a tree of {size} leaves has no leaf {index}")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            split = start + _largest_power_below(end - start)
            if index < split:
                path.append(self._range(split, end))
                end = split
            else:
                path.append(self._range(start, split))
                start = split
        return path[::-1]

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the tree of `new` leaves extends the tree of `old` leaves.

        Empty if `old` is 0 or equals `new`.

        Raises:
            InputInvalidError: the tree has never had those sizes, or `old` is over `new`.

        """
        new = self._checked(new)
        if not 0 <= old <= new:
            raise InputInvalidError(f"a tree of {new} leaves does not extend one of {old}")
        if old in {0, new}:
            return []
        proof: list[bytes] = []
        start, end = 0, new
        while end != old:
            split = start + _largest_power_below(end - start)
            if old <= split:
                proof.append(self._range(split, end))
                end = split
            else:
                proof.append(self._range(start, split))
                start = split
        # The verifier holds the old root: it needs that subtree only if it is a part of it.
        if start:
            proof.append(self._range(start, end))
        return proof[::-1]

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise InputInvalidError(f"the tree has {self.size} leaves, not {size}")
        return size

    def _node(self, left: bytes, right: bytes) -> bytes:
        return node_hash(left, right, self._hash)

    def _subtree(self, level: int, position: int) -> bytes:
        start = position * self._width
        return bytes(self._levels[level][start : start + self._width])

    def _range(self, start: int, end: int) -> bytes:
        # The ranges asked for begin at a multiple of the power of two that covers them, so
        # each is a few complete subtrees, largest first; fold them from the right.
        subtrees = []
        while start < end:
            level = (end - start).bit_length() - 1
            subtrees.append(self._subtree(level, start >> level))
            start += 1 << level
        root = subtrees.pop()
        while subtrees:
            root = self._node(subtrees.pop(), root)
        return root


class Frontier:
    """The root of a growing tree in memory that grows with log2 of its size. Gives no proofs."""

    def __init__(self, hash: Hash = sha256) -> None:
        """Start without leaves."""
        self._hash = hash
        self._width = len(hash(b""))
        self._size = 0
        self._subtrees: list[bytes] = []

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return self._size

    def append(self, leaf_hash: bytes) -> int:
        """Add a leaf by its hash, as function `leaf_hash` makes it, and return its index.

        Raises:
            InputInvalidError: the hash has the wrong length.

        """
        if len(leaf_hash) != self._width:
            raise InputInvalidError(f"a leaf hash has {self._width} bytes")
        index = self._size
        position, subtree = index, leaf_hash
        while position & 1:
            subtree = node_hash(self._subtrees.pop(), subtree, self._hash)
            position >>= 1
        self._subtrees.append(subtree)
        self._size += 1
        return index

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._subtrees:
            return self._hash(b"")
        root = self._subtrees[-1]
        for subtree in reversed(self._subtrees[:-1]):
            root = node_hash(subtree, root, self._hash)
        return root


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
