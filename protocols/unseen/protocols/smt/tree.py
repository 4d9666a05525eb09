"""A sparse Merkle tree as a compressed trie, for any store: updates in batches, and paths.

Only places where two subtrees part are kept (`Branch`), and from each the two ways down (`Edge`)
to the next such place or to a leaf; what lies between is empty on one side and recomputed. n
leaves have n - 1 branches. The tree it stands for is that of `shape.py`, whatever the order of
updates. Reads and writes are grouped by level, so that a store on disk is asked about
log2(n) times for a batch of any size.

Values are never dropped: who withdraws gets another value, not an empty place.
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from unseen.protocols.smt.proofs import Path
from unseen.protocols.smt.shape import Shape


class Position(NamedTuple):
    """A node's place: its depth, and the `depth` bits that lead to it as an integer."""

    depth: int
    prefix: int


class Edge(NamedTuple):
    """The way down to a branch or a leaf at `to`, whose hash is `own`.

    `top` is the hash at the edge's upper end: just below the branch that it starts from, or at
    depth 0 for the edge that starts the tree.
    """

    to: Position
    own: bytes
    top: bytes


class Branch(NamedTuple):
    """A node with something on both sides."""

    left: Edge
    right: Edge


class Store(Protocol):
    """Where a tree's branches are kept."""

    def start(self) -> Edge | None:
        """Return the edge that starts the tree; nothing if the tree is empty."""
        ...

    def load(self, positions: Collection[Position]) -> Mapping[Position, Branch]:
        """Return the branches at `positions`; each was saved before."""
        ...

    def save(self, start: Edge, branches: Mapping[Position, Branch]) -> None:
        """Put `branches` in the place of those at the same positions, and `start` first."""
        ...


class MemoryStore:
    """The store that forgets."""

    def __init__(self) -> None:
        """Start with an empty tree."""
        self._start: Edge | None = None
        self._branches: dict[Position, Branch] = {}

    def start(self) -> Edge | None:
        """Return the edge that starts the tree."""
        return self._start

    def load(self, positions: Collection[Position]) -> Mapping[Position, Branch]:
        """Return the branches at `positions`."""
        return {position: self._branches[position] for position in positions}

    def save(self, start: Edge, branches: Mapping[Position, Branch]) -> None:
        """Keep `branches` and `start`."""
        self._start = start
        self._branches.update(branches)


class SparseTree:
    """A tree in a store."""

    def __init__(self, shape: Shape, store: Store) -> None:
        """Work on what `store` holds."""
        self._shape = shape
        self._store = store

    def root(self) -> bytes:
        """Return the root."""
        start = self._store.start()
        return self._shape.empties[0] if start is None else start.top

    def update(self, values: Mapping[bytes, bytes]) -> bytes:
        """Set the value at each index and return the new root.

        Costs about `depth` hashes for each index, and as many loads and one save for all.

        Raises:
            InputInvalidError: an index or a value has the wrong length.

        """
        shape = self._shape
        leaves = sorted(
            (shape.number(index), shape.leaf(index, value)) for index, value in values.items()
        )
        if not leaves:
            return self.root()
        start = self._store.start()
        numbers = [number for number, _ in leaves]
        merge = _Merge(shape, self._reached(start, numbers))
        start = merge.into(start, 0, leaves)
        self._store.save(start, merge.made)
        return start.top

    def path(self, index: bytes) -> Path:
        """Return the proof of what is, or is not, at `index`.

        Raises:
            InputInvalidError: the index has the wrong length.

        """
        shape, number = self._shape, self._shape.number(index)
        siblings: dict[int, bytes] = {}
        edge = self._store.start()
        while edge is not None:
            depth, prefix = edge.to
            common = shape.depth - (number ^ (prefix << (shape.depth - depth))).bit_length()
            if common < depth:
                siblings[common] = shape.climb(edge.own, prefix, depth, common + 1)
                return Path(depth=common + 1, siblings=siblings)
            if depth == shape.depth:
                return Path(depth=depth, siblings=siblings)
            branch = self._store.load([edge.to])[edge.to]
            right = number >> (shape.depth - 1 - depth) & 1
            siblings[depth] = (branch.left if right else branch.right).top
            edge = branch.right if right else branch.left
        return Path(depth=0, siblings=siblings)

    def _reached(self, start: Edge | None, numbers: list[int]) -> dict[Position, Branch]:
        """Return every branch above one of the sorted `numbers`, level by level."""
        found: dict[Position, Branch] = {}
        depth = self._shape.depth
        frontier = [start] if start is not None else []
        while frontier:
            wanted = [
                edge.to
                for edge in frontier
                if edge.to.depth < depth and _holds_any(edge.to, depth, numbers)
            ]
            loaded = self._store.load(wanted) if wanted else {}
            found.update(loaded)
            frontier = [edge for branch in loaded.values() for edge in branch]
        return found


def _holds_any(position: Position, depth: int, numbers: list[int]) -> bool:
    free = depth - position.depth
    at = bisect_left(numbers, position.prefix << free)
    return at < len(numbers) and numbers[at] >> free == position.prefix


_Leaves = Sequence[tuple[int, bytes]]


class _Merge:
    """Puts sorted leaves into subtrees. `made` are the branches that are new or other now."""

    def __init__(self, shape: Shape, known: Mapping[Position, Branch]) -> None:
        self._shape = shape
        self._known = known
        self.made: dict[Position, Branch] = {}

    def into(self, edge: Edge | None, upper: int, leaves: _Leaves) -> Edge:
        """Return the edge from depth `upper` to what `edge` led to, with `leaves` put in."""
        if edge is None:
            return self._grow(upper, leaves)
        depth, prefix = edge.to
        if depth == self._shape.depth:
            others = [leaf for leaf in leaves if leaf[0] != prefix]
            if len(others) < len(leaves):
                return self._grow(upper, leaves)
            return self._grow(upper, sorted([*leaves, (prefix, edge.own)]))
        low = prefix << (self._shape.depth - depth)
        common = self._common(min(low, leaves[0][0]), max(low, leaves[-1][0]))
        if common >= depth:
            return self._below(edge, upper, leaves)
        return self._beside(edge, low, common, upper, leaves)

    def _below(self, edge: Edge, upper: int, leaves: _Leaves) -> Edge:
        branch = self._known[edge.to]
        depth = edge.to.depth
        left, right = self._split(leaves, depth)
        return self._branch(
            edge.to,
            upper,
            self.into(branch.left, depth + 1, left) if left else branch.left,
            self.into(branch.right, depth + 1, right) if right else branch.right,
        )

    def _beside(self, edge: Edge, low: int, common: int, upper: int, leaves: _Leaves) -> Edge:
        left, right = self._split(leaves, common)
        goes_right = low >> (self._shape.depth - 1 - common) & 1
        same, other = (right, left) if goes_right else (left, right)
        kept = self.into(edge, common + 1, same) if same else self._from(edge, common + 1)
        grown = self._grow(common + 1, other)
        position = Position(common, low >> (self._shape.depth - common))
        return self._branch(position, upper, *((grown, kept) if goes_right else (kept, grown)))

    def _grow(self, upper: int, leaves: _Leaves) -> Edge:
        number, leaf = leaves[0]
        if len(leaves) == 1:
            depth = self._shape.depth
            return self._from(Edge(Position(depth, number), leaf, leaf), upper)
        common = self._common(number, leaves[-1][0])
        left, right = self._split(leaves, common)
        position = Position(common, number >> (self._shape.depth - common))
        lower = common + 1
        return self._branch(position, upper, self._grow(lower, left), self._grow(lower, right))

    def _branch(self, position: Position, upper: int, left: Edge, right: Edge) -> Edge:
        self.made[position] = Branch(left, right)
        own = self._shape.node(position.depth, left.top, right.top)
        return self._from(Edge(position, own, own), upper)

    def _from(self, edge: Edge, upper: int) -> Edge:
        """Return the edge to the same place that starts at depth `upper`."""
        depth, prefix = edge.to
        return Edge(edge.to, edge.own, self._shape.climb(edge.own, prefix, depth, upper))

    def _split(self, leaves: _Leaves, depth: int) -> tuple[_Leaves, _Leaves]:
        """Return the leaves whose bit at `depth` is 0, and the others."""
        shift = self._shape.depth - 1 - depth
        at = bisect_left(leaves, 1, key=lambda leaf: leaf[0] >> shift & 1)
        return leaves[:at], leaves[at:]

    def _common(self, low: int, high: int) -> int:
        return self._shape.depth - (low ^ high).bit_length()
