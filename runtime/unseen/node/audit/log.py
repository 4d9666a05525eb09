"""The node's log in memory: RFC 6962 tree over the stored leaves, C2SP checkpoints over the tree.

The leaves live in the store; the tree is rebuilt from them at every start and must lead to the
last checkpoint that was signed. It costs 64 bytes of memory a leaf. A node restored from an old
backup passes that test, and is caught instead by the first client that holds a newer checkpoint.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from unseen.evidence.canonical import Json
from unseen.evidence.log import decode_leaf
from unseen.evidence.suite import Signer, Suite
from unseen.node.errors import LogMismatchError
from unseen.node.store.schema import checkpoint, leaves
from unseen.protocols.errors import UnseenError
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note, verify_note
from unseen.protocols.tlog.tree import Tree, leaf_hash

_logger = logging.getLogger("unseen.node.log")
_READ_ROWS = 10_000
_UPDATE_HEAD = update(checkpoint).values(size=bindparam("size"), note=bindparam("note"))
_INSERT_HEAD = insert(checkpoint)


@dataclass(frozen=True, slots=True)
class Head:
    """A signed checkpoint: number of leaves and the C2SP note over size and root."""

    size: int
    note: str


class NodeLog:
    """Tree, head and proofs. The writer extends it; everybody else only reads."""

    def __init__(self, origin: str, signer: Signer) -> None:
        """Start empty; `origin` is the log's name in its checkpoints."""
        self.origin = origin
        self._signer = signer
        self._tree = Tree(hash=signer.suite.digest)
        # Readers on other threads go by this size: an append in progress is beyond it.
        self._size = 0
        self._head = self._sign(0)

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return self._size

    @property
    def suite(self) -> Suite:
        """Return the suite that the log's heads are signed in."""
        return self._signer.suite

    @property
    def public_key(self) -> bytes:
        """Return the key, raw, that signs the log's heads."""
        return self._signer.public_key

    def leaf_hash(self, index: int) -> bytes:
        """Return the hash of the leaf at `index`."""
        return self._tree.leaf(index)

    def extend(self, bodies: Iterable[bytes]) -> None:
        """Append leaves that are durable."""
        for body in bodies:
            self._tree.append(leaf_hash(body, self._signer.suite.digest))
        self._size = self._tree.size

    def head(self) -> Head:
        """Return the signed checkpoint of the present tree, signing it if it is new."""
        size = self._size
        head = self._head
        if head.size != size:
            head = self._sign(size)
            if head.size > self._head.size:
                self._head = head
        return head

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves, 32 bytes."""
        return self._tree.root(size)

    def head_at(self, size: int) -> Head:
        """Return the signed checkpoint of the first `size` leaves, at most as many as there are."""
        return self._sign(size)

    def inclusion_proof(self, index: int, head: Head) -> list[bytes]:
        """Return the path from leaf `index` to the root of `head`."""
        return self._tree.inclusion_proof(index, head.size)

    def consistency_proof(self, old_size: int, head: Head) -> list[bytes]:
        """Return the proof that the tree of `head` extends the one of `old_size` leaves.

        Empty when there is nothing to prove: no leaves then, as many as now, or more than now.
        """
        if not 0 < old_size < head.size:
            return []
        return self._tree.consistency_proof(old_size, head.size)

    def load(self, engine: Engine) -> None:
        """Rebuild the tree from the store and hold it against the last signed checkpoint.

        Raises:
            LogMismatchError: leaves are missing, doubled or edited.

        """
        with engine.connect() as connection:
            for body in stored_leaves(connection):
                self.extend([body])
            row = connection.execute(select(checkpoint.c.size, checkpoint.c.note)).one_or_none()
        self._check_against(*(row or (0, "")))
        self.head()  # what is stored next is the head of all this, and never an older one

    def save_head(self, connection: Connection) -> None:
        """Store the newest signed head within a transaction."""
        row = {"size": self._head.size, "note": self._head.note}
        if connection.execute(_UPDATE_HEAD, row).rowcount == 0:
            connection.execute(_INSERT_HEAD, [row | {"id": 1}])

    @staticmethod
    def read_leaf_bytes(engine: Engine, index: int) -> bytes:
        """Return the stored leaf at `index`: the canonical bytes that the tree hashes."""
        with engine.connect() as connection:
            body: bytes = connection.execute(
                select(leaves.c.body).where(leaves.c.leaf_index == index)
            ).scalar_one()
        return body

    @classmethod
    def read_leaf(cls, engine: Engine, index: int) -> dict[str, Json]:
        """Return the stored leaf at `index`, decoded."""
        return decode_leaf(cls.read_leaf_bytes(engine, index))

    @staticmethod
    def note_failure(what: str) -> None:
        """Tell the operator that a transaction failed; `what` is an error's name, never data."""
        _logger.error("a change of state failed: %s", what)

    def _sign(self, size: int) -> Head:
        body = Checkpoint(self.origin, size, self._tree.root(size)).body()
        suite = self._signer.suite
        note = sign_note(
            body, self.origin, suite.note_type, self._signer.public_key, self._signer.sign
        )
        return Head(size, note)

    def _check_against(self, size: int, note: str) -> None:
        suite = self._signer.suite
        try:
            stored = verify_note(
                note, self.origin, suite.note_type, self._signer.public_key, suite.verify
            )
        except UnseenError:
            stored = None
        held = stored is not None and stored.size == size <= self._tree.size
        if not held or stored is None or stored.root != self._tree.root(size):
            raise _mismatch(
                "the stored log does not lead to the last checkpoint this node signed",
                "log.checkpoint",
            )


def _mismatch(message: str, clause: str) -> LogMismatchError:
    # Not "restore a backup": an older state is a fork to every buyer that has seen a newer one.
    remedy = "change nothing, copy the home as evidence, then see docs/operations.md, At 3 a.m."
    return LogMismatchError(message, clause=clause, remedy=remedy)


def stored_leaves(connection: Connection) -> Iterable[bytes]:
    """Yield the canonical bytes of every stored leaf, in order.

    Raises:
        LogMismatchError: one is missing.

    """
    expected = 0
    while True:
        rows = connection.execute(
            select(leaves.c.leaf_index, leaves.c.body)
            .where(leaves.c.leaf_index >= expected)
            .order_by(leaves.c.leaf_index)
            .limit(_READ_ROWS)
        ).all()
        for row in rows:
            if row.leaf_index != expected or not isinstance(row.body, bytes):
                raise _mismatch(f"leaf {expected} is missing from the stored log", "log.leaves")
            expected += 1
            yield row.body
        if not rows:
            return
