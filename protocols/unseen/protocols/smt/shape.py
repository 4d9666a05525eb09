"""Sparse Merkle tree: Laurie and Kasper, "Revocation transparency", 2012; hashes as below.

A perfect binary tree of 2^128 leaves of which almost all are empty. In CONIKS (USENIX Security
2015, section 3) a lone leaf is pulled up and a proof of absence shows it, with its index; here, as
in the first paper, every leaf keeps its depth, so such a proof shows hashes alone. Every hash
names the tree and the depth, against attacks on many trees at once (Dahlberg, Pulls and Peeters,
NordSec 2016, section 3):

    leaf(i, v) = H(00 | tree id | 128 | i | v)
    node(d)    = H(01 | tree id | d | left | right)      d from 0, the root, to 127
    empty(d)   = H(02 | tree id | d)                     for a whole subtree: nothing is below

with d in one byte. Tags, and lengths fixed by the tag, keep the three apart: no node is empty
and no leaf a node, so one root has one value or absence at each index.

Does not hide: which subtrees hold anything at all. A proof at n leaves shows to a depth of about
log2(n) that somebody is there, hence a tree's indices have to mean nothing by themselves
(`index.py`), and its values have to be commitments.
"""

from dataclasses import dataclass, field
from typing import Final

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.tlog.tree import Hash, sha256

INDEX_BYTES: Final = 16
TREE_ID_BYTES: Final = 32
_MOST_DEPTH = 8 * INDEX_BYTES


@dataclass(frozen=True, slots=True)
class Shape:
    """What every hash of one tree depends on: 32 bytes of tree id, depth in bits, hash.

    An index has `depth` bits in `depth / 8` bytes. Smaller depths than 128 are for tests: they
    make neighbours meet.
    """

    tree_id: bytes
    depth: int = _MOST_DEPTH
    hash: Hash = field(default=sha256, repr=False)
    width: int = field(init=False, repr=False)
    empties: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _nodes: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute what each depth's hashes begin with.

        Raises:
            InputInvalidError: the tree id is not 32 bytes, or the depth no multiple of 8 to 128.

        """
        if len(self.tree_id) != TREE_ID_BYTES:
            raise InputInvalidError(f"a tree id has {TREE_ID_BYTES} bytes")
        if not 8 <= self.depth <= _MOST_DEPTH or self.depth % 8:
            raise InputInvalidError(f"a depth is a multiple of 8 from 8 to {_MOST_DEPTH}")
        levels = [self.tree_id + bytes([depth]) for depth in range(self.depth + 1)]
        empties = tuple(self.hash(b"\x02" + level) for level in levels)
        object.__setattr__(self, "empties", empties)
        object.__setattr__(self, "_nodes", tuple(b"\x01" + level for level in levels[:-1]))
        object.__setattr__(self, "width", len(empties[0]))

    @property
    def index_bytes(self) -> int:
        """Return how long an index is."""
        return self.depth // 8

    def number(self, index: bytes) -> int:
        """Return an index as an integer.

        Raises:
            InputInvalidError: it has not `index_bytes` bytes.

        """
        if len(index) != self.index_bytes:
            raise InputInvalidError(f"an index of this tree has {self.index_bytes} bytes")
        return int.from_bytes(index)

    def leaf(self, index: bytes, value: bytes) -> bytes:
        """Return the hash of the leaf at `index` with `value`, a hash of the tree's width.

        Raises:
            InputInvalidError: index or value have another length.

        """
        if len(index) != self.index_bytes or len(value) != self.width:
            raise InputInvalidError("an index or a value has the wrong length")
        return self.hash(b"\x00" + self.tree_id + bytes([self.depth]) + index + value)

    def node(self, depth: int, left: bytes, right: bytes) -> bytes:
        """Return the hash of the node at `depth` above two subtrees."""
        return self.hash(self._nodes[depth] + left + right)

    def climb(self, value: bytes, prefix: int, lower: int, upper: int) -> bytes:
        """Return the hash at depth `upper` above the hash at `lower`, with nothing beside it.

        `prefix` are the first `lower` bits of what lies there. Costs lower - upper hashes.
        """
        empties, nodes, digest = self.empties, self._nodes, self.hash
        for depth in range(lower - 1, upper - 1, -1):
            if prefix & 1:
                value = digest(nodes[depth] + empties[depth + 1] + value)
            else:
                value = digest(nodes[depth] + value + empties[depth + 1])
            prefix >>= 1
        return value
