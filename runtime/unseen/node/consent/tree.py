"""The keys of a node's tree of consents, and the step from one root to the next.

One key gives subjects their place (VOPRF, `protocols/smt/index.py`); from one secret come the key
that seals consents at rest and the nonces under which leaves commit. All are made once, when the
node first has to do with consent, and never change: another key would be another tree.
"""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from unseen.evidence.canonical import Json, b64decode, b64encode, format_time
from unseen.evidence.consents.consent_tree import EVENT, ConsentRoot, set_commitment, tree_shape
from unseen.evidence.suite import Suite
from unseen.node.consent.nodes import Nodes
from unseen.node.identity.vault import Vault
from unseen.node.store.documents import put_document
from unseen.node.store.schema_consent import (
    consent_epochs,
    consent_roots,
    consent_tree,
    consents,
)
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.smt import Shape, SparseTree

DOCUMENT = "consent-root"
_KEY, _SECRET = "consent/key", "consent/secret"
_SECRET_BYTES = 32

_IN_FORCE = select(consents.c.place, consents.c.id).where(
    consents.c.place.in_(bindparam("places", expanding=True)), consents.c.ended.is_(None)
)


class Changed(NamedTuple):
    """How many consents a root came from: the log says so, for whoever supervises the node."""

    added: int = 0
    withdrawn: int = 0
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Root:
    """A root as the store has it; `root` is 32 bytes."""

    number: int
    root: bytes
    size: int
    leaf_index: int
    document: str
    used: bool


@dataclass(frozen=True, slots=True)
class TreeKeys:
    """The opened keys of the tree, and the shape of its hashes."""

    suite: Suite
    node: str
    key: PrivateKey = field(repr=False)
    sealer: Vault = field(repr=False)
    shape: Shape
    _nonces: bytes = field(repr=False)

    @classmethod
    def of(cls, suite: Suite, node: str, key: PrivateKey, secret: bytes) -> "TreeKeys":
        """Return the keys that follow from the tree's key and its 32-byte secret."""
        shape = tree_shape(suite, node, key.public_key)
        return cls(suite, node, key, sealer_of(secret), shape, _derived(secret, b"nonces"))

    def nonce(self, place: bytes, number: int) -> bytes:
        """Return the nonce, 32 bytes, of the leaf at `place` as root `number` wrote it."""
        return hmac.digest(self._nonces, number.to_bytes(8, "big") + place, "sha256")


def sealer_of(secret: bytes) -> Vault:
    """Return what seals consents at rest; a worker that reads them is handed the secret."""
    return Vault(_derived(secret, b"seal"))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"unseen/consent/" + purpose + b"/v1").derive(secret)


def load_keys(connection: Connection, vault: Vault, suite: Suite, node: str) -> TreeKeys | None:
    """Return the tree's keys; nothing if the node never had to do with consent."""
    row = connection.execute(select(consent_tree)).one_or_none()
    if row is None:
        return None
    key = PrivateKey(vault.open(_KEY, row.sealed_key), row.public_key)
    return TreeKeys.of(suite, node, key, vault.open(_SECRET, row.sealed_secret))


@dataclass(frozen=True, slots=True)
class MakeTree(Change[None]):
    """Make the tree's keys and its first, empty root; does nothing if there is one."""

    vault: Vault
    suite: Suite
    node: str

    def apply(self, transaction: Transaction) -> None:
        """Write keys and root."""
        connection = transaction.connection
        if connection.execute(select(consent_tree.c.id)).first():
            return
        key, secret = keys.generate(secrets.token_bytes), secrets.token_bytes(_SECRET_BYTES)
        row = {
            "id": 1,
            "public_key": key.public_key,
            "sealed_key": self.vault.seal(_KEY, key.scalar),
            "sealed_secret": self.vault.seal(_SECRET, secret),
        }
        connection.execute(insert(consent_tree), [row])
        made = TreeKeys.of(self.suite, self.node, key, secret)
        _publish(transaction, made, Root(0, b"", 0, -1, "", used=False), made.shape.empties[0], 0)


def open_secret(connection: Connection, vault: Vault) -> bytes:
    """Return the secret that `sealer_of` takes, for a worker."""
    sealed = connection.execute(select(consent_tree.c.sealed_secret)).scalar_one()
    return vault.open(_SECRET, sealed)


def newest_root(connection: Connection) -> Root:
    """Return the root in force; the tree has to exist."""
    newest = select(consent_roots).order_by(consent_roots.c.number.desc()).limit(1)
    return as_root(connection.execute(newest).one())


def as_root(row: Row[tuple[object, ...]]) -> Root:
    """Return a row of the roots as a value."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's own name for it
    return Root(
        int(str(found["number"])),
        b64decode(str(found["root"])),
        int(str(found["size"])),
        int(str(found["leaf_index"])),
        str(found["document"]),
        bool(found["used"]),
    )


def use_root(connection: Connection, root: Root) -> None:
    """Note that something is done under `root`: what proves it is kept from now on."""
    if not root.used:
        connection.execute(
            update(consent_roots).where(consent_roots.c.number == root.number).values(used=1)
        )


@dataclass(frozen=True, slots=True)
class ChooseRoot(Change[tuple[Root, datetime]]):
    """Fix by which root, and when, the rows of an epoch's table are chosen; return both."""

    contract: str
    epoch: int

    def apply(self, transaction: Transaction) -> tuple[Root, datetime]:
        """Write the choice."""
        connection, now = transaction.connection, transaction.now
        root = newest_root(connection)
        use_root(connection, root)
        row = {
            "contract": self.contract,
            "epoch": self.epoch,
            "root": root.number,
            "chosen_at": format_time(now),
        }
        of_epoch = (consent_epochs.c.contract == self.contract) & (
            consent_epochs.c.epoch == self.epoch
        )
        connection.execute(delete(consent_epochs).where(of_epoch))  # a build that goes on anew
        connection.execute(insert(consent_epochs), [row])
        return root, now


@dataclass(frozen=True, slots=True)
class TakeRoot(Change[tuple[Root, datetime]]):
    """Note that rows are chosen by the root in force, and when; return both."""

    def apply(self, transaction: Transaction) -> tuple[Root, datetime]:
        """Write that the root is used."""
        root = newest_root(transaction.connection)
        use_root(transaction.connection, root)
        return root, transaction.now


def next_root(
    transaction: Transaction, tree: TreeKeys, places: Collection[bytes], new: int, changed: Changed
) -> Root:
    """Write the root after rows of consents have changed at `places`, `new` of them first seen.

    The rows say which consents are in force now. Costs a leaf of the log, which says how many
    have `changed`, and a few statements.
    """
    connection = transaction.connection
    before = newest_root(connection)
    number = before.number + 1
    listed: dict[bytes, list[bytes]] = {place: [] for place in places}
    for row in connection.execute(_IN_FORCE, {"places": list(places)}):
        listed[row.place].append(b64decode(row.id))
    nodes = Nodes(connection, number)
    nodes.near(places)
    root = SparseTree(tree.shape, nodes).update(
        {
            place: set_commitment(tree.suite, tree.nonce(place, number), ids)
            for place, ids in listed.items()
        }
    )
    return _publish(transaction, tree, before, root, before.size + new, changed)


def _publish(
    transaction: Transaction,
    tree: TreeKeys,
    before: Root,
    root: bytes,
    size: int,
    changed: Changed | None = None,
) -> Root:
    document = ConsentRoot(
        suite=tree.suite.id,
        node=tree.node,
        public_key=tree.key.public_key,
        number=before.number + 1,
        size=size,
        root=root,
        time=transaction.now,
    )
    leaf_index = transaction.first_index + len(transaction.bodies)
    counts: dict[str, Json] = dict((changed or Changed())._asdict())
    fields = {**document.leaf_fields(), **counts}
    name = put_document(transaction, tree.suite, DOCUMENT, document.encode(), EVENT, fields)
    row = {
        "number": document.number,
        "root": b64encode(root),
        "size": size,
        "document": name,
        "leaf_index": leaf_index,
        "made_at": format_time(transaction.now),
        "used": 0,
    }
    transaction.connection.execute(insert(consent_roots), [row])
    return Root(document.number, root, size, leaf_index, name, used=False)
