"""The tree of consents in the store: its present nodes, and those of roots that were used.

A node of the trie that changes is kept if anything was done under a root that held it; a proof for
a past job needs it. What nobody used, such as the roots of a long import, leaves nothing behind.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from unseen.node.store.schema_consent import consent_nodes, consent_nodes_past, consent_roots
from unseen.protocols.smt import INDEX_BYTES, Branch, Edge, Position

DEPTH: Final = 8 * INDEX_BYTES
_START = b""  # where the edge stands that starts the tree
_HASH = 32
_EDGE = 1 + INDEX_BYTES + 2 * _HASH
_NEAR = 48  # levels that hold all branches above one place, but for chance
_FEW = 8

_LOAD = select(consent_nodes).where(
    consent_nodes.c.position.in_(bindparam("positions", expanding=True))
)
_DELETE = delete(consent_nodes).where(
    consent_nodes.c.position.in_(bindparam("positions", expanding=True))
)
_NEWEST_USED = select(func.max(consent_roots.c.number)).where(consent_roots.c.used == 1)


class Nodes:
    """The present tree, to be read and changed within a transaction. One object a transaction."""

    def __init__(self, connection: Connection, number: int = 0) -> None:
        """Work in the transaction of `connection`; `number` is that of the root to be saved."""
        self._connection = connection
        self._number = number
        self._rows: dict[bytes, Any] = {}

    def near(self, indices: Iterable[bytes]) -> None:
        """Read what is most likely above a few places in one go."""
        keys = {
            key_of(Position(depth, int.from_bytes(index) >> (DEPTH - depth)))
            for index in list(indices)[:_FEW]
            for depth in range(_NEAR)
        }
        self._read(keys | {_START})

    def start(self) -> Edge | None:
        """Return the edge that starts the tree."""
        if _START not in self._rows:
            self._read([_START])
        row = self._rows.get(_START)
        return None if row is None else _edge(row.body)

    def load(self, positions: Collection[Position]) -> Mapping[Position, Branch]:
        """Return the branches at `positions`."""
        keys = {position: key_of(position) for position in positions}
        if missing := [key for key in keys.values() if key not in self._rows]:
            self._read(missing)
        return {position: branch_of(self._rows[key].body) for position, key in keys.items()}

    def save(self, start: Edge, branches: Mapping[Position, Branch]) -> None:
        """Write the changed nodes; keep the old ones that a used root needs."""
        bodies = {key_of(position): body_of(branch) for position, branch in branches.items()}
        bodies[_START] = _edge_bytes(start)
        used = self._connection.execute(_NEWEST_USED).scalar_one() or 0
        old = (self._rows.get(key) for key in bodies)
        kept = [
            {"position": row.position, "number": row.number, "body": row.body}
            for row in old
            if row is not None and row.number <= used
        ]
        if kept:
            self._connection.execute(insert(consent_nodes_past), kept)
        self._connection.execute(_DELETE, {"positions": list(bodies)})
        rows = [{"position": k, "number": self._number, "body": b} for k, b in bodies.items()]
        self._connection.execute(insert(consent_nodes), rows)
        self._rows.clear()

    def _read(self, keys: Collection[bytes]) -> None:
        for row in self._connection.execute(_LOAD, {"positions": list(keys)}):
            self._rows[row.position] = row


class PastNodes:
    """The tree as it was at a root that was used; to be read in one transaction."""

    def __init__(self, connection: Connection, number: int) -> None:
        """Read the tree at root `number`."""
        self._connection = connection
        self._number = number

    def start(self) -> Edge | None:
        """Return the edge that started the tree."""
        body = self._body(_START)
        return None if body is None else _edge(body)

    def load(self, positions: Collection[Position]) -> Mapping[Position, Branch]:
        """Return the branches at `positions`."""
        found: dict[Position, Branch] = {}
        for position in positions:
            body = self._body(key_of(position))
            if body is None:  # unreachable while what is used is kept
                raise KeyError(position.depth)
            found[position] = branch_of(body)
        return found

    def save(self, start: Edge, branches: Mapping[Position, Branch]) -> None:
        """Refuse: the past is over."""
        raise NotImplementedError

    def _body(self, key: bytes) -> bytes | None:
        for table in (consent_nodes, consent_nodes_past):
            body: bytes | None = self._connection.execute(
                select(table.c.body)
                .where(table.c.position == key, table.c.number <= self._number)
                .order_by(table.c.number.desc())
                .limit(1)
            ).scalar_one_or_none()
            if body is not None:
                return body
        return None


def key_of(position: Position) -> bytes:
    """Return the bytes a position is stored under: depth, then its bits, left-aligned."""
    bits = position.prefix << (DEPTH - position.depth)
    return bytes([position.depth]) + bits.to_bytes(INDEX_BYTES)


def body_of(branch: Branch) -> bytes:
    """Return a branch as 162 bytes."""
    return _edge_bytes(branch.left) + _edge_bytes(branch.right)


def branch_of(body: bytes) -> Branch:
    """Return the branch that `body_of` wrote."""
    return Branch(_edge(body[:_EDGE]), _edge(body[_EDGE:]))


def _edge_bytes(edge: Edge) -> bytes:
    return key_of(edge.to) + edge.own + edge.top


def _edge(body: bytes) -> Edge:
    depth = body[0]
    prefix = int.from_bytes(body[1 : 1 + INDEX_BYTES]) >> (DEPTH - depth)
    hashes = body[1 + INDEX_BYTES :]
    return Edge(Position(depth, prefix), hashes[:_HASH], hashes[_HASH:])
