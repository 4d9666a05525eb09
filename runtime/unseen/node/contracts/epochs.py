"""Epochs of lookup contracts: a fresh random key, a table built under it, a logged manifest.

A table that stays here may be built further times under the key, each with a manifest of its own.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.log import event_leaf
from unseen.evidence.releases.manifest import Manifest, published_leaf, verify_manifest
from unseen.evidence.suite import Signer, Suite, suite_of
from unseen.node.errors import EpochNotReadyError
from unseen.node.identity.vault import Vault
from unseen.node.store.documents import keep_document
from unseen.node.store.schema import builds_past, charges, epochs
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.oprf.keys import PrivateKey

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json

BUILDING, READY, FAILED, CLOSED = "BUILDING", "READY", "FAILED", "CLOSED"


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch that answers: its key, and the manifest (JWS and parsed) that announced it."""

    contract: str
    number: int
    token: str
    manifest: Manifest
    manifest_id: bytes
    leaf_index: int
    table_bytes: int
    key: PrivateKey = field(repr=False)

    @property
    def build(self) -> int:
        """Return which build of its table this is, from 1 on."""
        return self.manifest.build


class Epochs:
    """The present epoch of each contract, in memory beside the store."""

    def __init__(self, engine: Engine, vault: Vault, signer: Signer) -> None:
        """Read what is ready from the store."""
        self._engine = engine
        self._vault = vault
        self._signer = signer
        self._ready: dict[str, Epoch] = {}
        self._failed: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Read the epochs anew."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(epochs).order_by(epochs.c.number)).all()
        self._ready = {row.contract: self._from_row(row) for row in rows if row.state == READY}
        newest = {row.contract: row for row in rows}
        self._failed = {k: row.failure for k, row in newest.items() if row.state == FAILED}

    def unfinished(self) -> list[str]:
        """Return the contracts whose newest epoch was being built when the node stopped."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(epochs).order_by(epochs.c.number)).all()
        newest = {row.contract: row.state for row in rows}
        return [contract for contract, state in newest.items() if state == BUILDING]

    def failure(self, contract: str) -> str | None:
        """Return the reason why the contract's newest table could not be built, if it could not."""
        return None if contract in self._ready else self._failed.get(contract)

    def newest_failure(self, contract: str) -> str | None:
        """Return why the newest table could not be built, even where an older one answers."""
        return self._failed.get(contract)

    def begin(self, contract: str) -> None:
        """Forget that the contract's last table failed: another is on its way."""
        self._failed.pop(contract, None)

    def note_failure(self, contract: str, reason: str) -> None:
        """Remember a failure that could not be written down."""
        self._failed[contract] = reason

    def key_of(self, contract: str, number: int) -> PrivateKey:
        """Return the key of an epoch that is being built, from the store.

        Raises:
            KeyLockedError: it was destroyed, or the vault's key is another one.

        """
        with self._engine.connect() as connection:
            sealed: bytes = connection.execute(
                select(epochs.c.sealed_key).where(
                    epochs.c.contract == contract, epochs.c.number == number
                )
            ).scalar_one()
        return PrivateKey.from_scalar(self._vault.open(_sealed_name(contract, number), sealed))

    def serving(self) -> list[Epoch]:
        """Return every epoch that is ready."""
        return list(self._ready.values())

    def answers(self, contract: str, over: str = "") -> bool:
        """Return whether an epoch is ready; with `over`, one over that snapshot (base64url)."""
        epoch = self._ready.get(contract)
        return epoch is not None and over in ("", b64encode(epoch.manifest.snapshot))

    def current(self, contract: str) -> Epoch:
        """Return the epoch that answers now.

        Raises:
            EpochNotReadyError: its table is being built, or could not be.

        """
        epoch = self._ready.get(contract)
        if epoch is not None:
            return epoch
        failure = self._failed.get(contract)
        if failure is not None:
            raise EpochNotReadyError(
                f"the encrypted table could not be built ({failure})",
                clause="epoch.failed",
                remedy="ask again later; the operator finds the cause in the node's log",
            )
        raise EpochNotReadyError(
            "the encrypted table of this contract is being built",
            clause="epoch",
            remedy="ask again in a moment",
        )

    def _from_row(self, row: Row[Any]) -> Epoch:
        suite = self._signer.suite
        manifest = verify_manifest(row.manifest, suite, self._signer.public_key)
        return Epoch(
            row.contract,
            row.number,
            row.manifest,
            manifest,
            manifest.id(),
            row.leaf_index,
            row.table_bytes,
            PrivateKey(
                self._vault.open(_sealed_name(row.contract, row.number), row.sealed_key),
                manifest.public_key,
            ),
        )


@dataclass(frozen=True, slots=True)
class OpenEpoch(Change[int]):
    """Note that an epoch is being built under a key; return its number."""

    contract: str
    snapshot_version: int
    vault: Vault
    key: bytes = field(repr=False)

    def apply(self, transaction: Transaction) -> int:
        """Write the epoch as BUILDING; an older one that never got ready is forgotten."""
        connection = transaction.connection
        of_contract = epochs.c.contract == self.contract
        numbers = connection.execute(select(epochs.c.number).where(of_contract)).scalars().all()
        number = max(numbers, default=0) + 1
        connection.execute(
            update(epochs)
            .where(of_contract, epochs.c.state.in_((BUILDING, FAILED)))
            .values(state=CLOSED, sealed_key=b"")
        )
        row = {
            "contract": self.contract,
            "number": number,
            "state": BUILDING,
            "snapshot_version": self.snapshot_version,
            "sealed_key": self.vault.seal(_sealed_name(self.contract, number), self.key),
            "manifest": "",
            "table_bytes": 0,
            "leaf_index": -1,
            "failure": "",
        }
        connection.execute(insert(epochs), [row])
        return number


@dataclass(frozen=True, slots=True)
class PublishEpoch(Change[bool]):
    """Make a built epoch the one that answers, and end the one before.

    Returns false, and changes nothing, if meanwhile a newer one was begun or the contract ended.
    """

    suite: Suite
    contract: str
    number: int
    token: str
    manifest: Manifest
    table_bytes: int

    def apply(self, transaction: Transaction) -> bool:
        """Write manifest, leaf and states; drop the key and the replies of the epoch before."""
        if not _is_building(transaction, self.contract, self.number):
            return False
        close_epochs(transaction, self.suite, self.contract)
        index = transaction.append(published_leaf(self.manifest, transaction.now))
        keep_document(transaction, self.suite, "manifest", self.token.encode(), index)
        transaction.connection.execute(
            update(epochs)
            .where(epochs.c.contract == self.contract, epochs.c.number == self.number)
            .values(
                state=READY,
                manifest=self.token,
                table_bytes=self.table_bytes,
                leaf_index=index,
            )
        )
        return True


@dataclass(frozen=True, slots=True)
class PublishBuild(Change[bool]):
    """Make a further build of an epoch's table the one that answers, under the key it has.

    Replies stay: they are evaluations under that key. Returns false, and changes nothing, if the
    epoch has ended meanwhile, or another build of it answers than the one before this.
    """

    contract: str
    number: int
    token: str
    manifest: Manifest
    table_bytes: int
    version: int  # of the snapshot

    def apply(self, transaction: Transaction) -> bool:
        """Write manifest and leaf; keep those of the build before for who asked under it."""
        connection, build = transaction.connection, self.manifest.build
        of_epoch = (epochs.c.contract == self.contract) & (epochs.c.number == self.number)
        row = connection.execute(select(epochs).where(of_epoch)).one()
        if (row.state, row.build) != (READY, build - 1):
            return False
        past = {
            "contract": self.contract,
            "epoch": self.number,
            "build": row.build,
            "manifest": row.manifest,
            "leaf_index": row.leaf_index,
        }
        connection.execute(insert(builds_past), [past])
        index = transaction.append(published_leaf(self.manifest, transaction.now))
        suite = suite_of(self.manifest.suite)
        keep_document(transaction, suite, "manifest", self.token.encode(), index)
        connection.execute(
            update(epochs)
            .where(of_epoch)
            .values(
                manifest=self.token,
                table_bytes=self.table_bytes,
                leaf_index=index,
                build=build,
                snapshot_version=self.version,
            )
        )
        return True


@dataclass(frozen=True, slots=True)
class FailEpoch(Change[None]):
    """Note that an epoch's table could not be built, and why (a reason, no data)."""

    contract: str
    number: int
    reason: str

    def apply(self, transaction: Transaction) -> None:
        """Write the state; the key is destroyed."""
        transaction.connection.execute(
            update(epochs)
            .where(
                epochs.c.contract == self.contract,
                epochs.c.number == self.number,
                epochs.c.state == BUILDING,
            )
            .values(state=FAILED, failure=self.reason, sealed_key=b"")
        )


@dataclass(frozen=True, slots=True)
class CloseEpochs(Change[None]):
    """End whatever epoch a contract has, and drop every reply: the contract itself has ended."""

    suite: Suite
    contract: str

    def apply(self, transaction: Transaction) -> None:
        """Write the states and leaves."""
        close_epochs(transaction, self.suite, self.contract)
        transaction.connection.execute(
            update(charges)
            .where(charges.c.contract == self.contract)
            .values(reply=None, opening=None)
        )
        transaction.connection.execute(
            update(epochs)
            .where(epochs.c.contract == self.contract, epochs.c.state != CLOSED)
            .values(state=CLOSED, sealed_key=b"")
        )


@lru_cache(maxsize=256)
def manifest_id(token: str) -> bytes:
    """Return the id of a manifest of the store, which this node has signed."""
    return Manifest.from_json(jws.peek(token).payload).id()


def builds_of(connection: Connection, contract: str, epoch: int) -> list[tuple[str, int]]:
    """Return manifest and leaf of each build of an epoch that was announced, the newest first."""
    past = select(builds_past).where(
        builds_past.c.contract == contract, builds_past.c.epoch == epoch
    )
    rows = connection.execute(past.order_by(builds_past.c.build.desc())).all()
    of_epoch = (epochs.c.contract == contract) & (epochs.c.number == epoch)
    newest = connection.execute(select(epochs).where(of_epoch)).one()
    return [(row.manifest, row.leaf_index) for row in (newest, *rows)]


def next_build(transaction: Transaction, contract: str, number: int) -> int:
    """Return the number of the next build of an epoch; 0 if it is not the newest, and ready."""
    of_contract = select(epochs).where(epochs.c.contract == contract)
    rows = transaction.connection.execute(of_contract.order_by(epochs.c.number)).all()
    if not rows or (rows[-1].number, rows[-1].state) != (number, READY):
        return 0
    return int(rows[-1].build) + 1


def close_epochs(transaction: Transaction, suite: Suite, contract: str) -> None:
    """End the READY epoch of a contract: key destroyed, replies dropped, leaf written."""
    connection = transaction.connection
    ready = connection.execute(
        select(epochs.c.number).where(epochs.c.contract == contract, epochs.c.state == READY)
    ).scalars()
    for number in ready.all():
        connection.execute(
            update(epochs)
            .where(epochs.c.contract == contract, epochs.c.number == number)
            .values(state=CLOSED, sealed_key=b"")
        )
        connection.execute(
            update(charges)
            .where(charges.c.contract == contract, charges.c.epoch == number)
            .values(reply=None)
        )
        fields: dict[str, Json] = {"contract": contract, "epoch": number}
        transaction.append(event_leaf(suite, "epoch.closed", transaction.now, fields))


def _is_building(transaction: Transaction, contract: str, number: int) -> bool:
    state = transaction.connection.execute(
        select(epochs.c.state).where(epochs.c.contract == contract, epochs.c.number == number)
    ).scalar_one()
    return bool(state == BUILDING)


def _sealed_name(contract: str, number: int) -> str:
    return f"epoch/{contract}/{number}"
