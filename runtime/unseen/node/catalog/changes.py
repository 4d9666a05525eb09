"""Registering tables, snapshots and products: one transaction each, with its leaf in the log."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from unseen.evidence import canonical
from unseen.evidence.log import event_leaf
from unseen.evidence.registry.certificate import Rows
from unseen.node.catalog.labels import UNLABELLED
from unseen.node.errors import ProductExistsError, TableExistsError
from unseen.node.registration.issue import Issuer
from unseen.node.store.schema import products, snapshots, tables
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """A snapshot as the inspection found it; `rows` counts, `commitment` is base64url."""

    commitment: str
    rows: int
    fingerprint: canonical.Json
    sealed_salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisterTable(Change[None]):
    """Put a new table and its first snapshot into the catalogue."""

    name: str
    source: str
    subject: canonical.Json
    columns: canonical.Json
    snapshot: NewSnapshot
    issuer: Issuer

    def apply(self, transaction: Transaction) -> None:
        """Write table, snapshot, certificate and leaves.

        Raises:
            TableExistsError: the name is taken.

        """
        connection = transaction.connection
        if connection.execute(select(tables.c.name).where(tables.c.name == self.name)).first():
            raise TableExistsError(
                f"table {self.name!r} is registered already",
                clause="table.name",
                remedy=f"take another name, or: unseen table refresh {self.name}",
            )
        row = {
            "name": self.name,
            "source": self.source,
            "subject": canonical.encode(self.subject).decode(),
            "columns": canonical.encode(self.columns).decode(),
            "registered_at": canonical.format_time(transaction.now),
            "holder": "",
        }
        connection.execute(insert(tables), [row])
        _write_snapshot(transaction, self.issuer, self.name, 1, self.snapshot, self.columns)


@dataclass(frozen=True, slots=True)
class RefreshTable(Change[int]):
    """Put a further snapshot of a registered table into the catalogue.

    `columns` are names and types as the inspection found them; labels are those of the store.
    """

    name: str
    columns: Sequence[dict[str, str]]
    snapshot: NewSnapshot
    issuer: Issuer

    def apply(self, transaction: Transaction) -> int:
        """Write columns, snapshot, certificate and leaves; return the snapshot's version."""
        connection = transaction.connection
        versions = connection.execute(
            select(snapshots.c.version).where(snapshots.c.table_name == self.name)
        ).scalars()
        version = int(max(versions)) + 1
        of_table = tables.c.name == self.name
        before: str = connection.execute(select(tables.c.columns).where(of_table)).scalar_one()
        columns = relabelled(json.loads(before), self.columns)
        text = canonical.encode(columns).decode()
        if text != before:
            connection.execute(update(tables).where(of_table).values(columns=text))
        _write_snapshot(transaction, self.issuer, self.name, version, self.snapshot, columns)
        return version


@dataclass(frozen=True, slots=True)
class RegisterProduct(Change[None]):
    """Put a new product into the catalogue."""

    name: str
    definition: dict[str, canonical.Json]
    issuer: Issuer

    def apply(self, transaction: Transaction) -> None:
        """Write product, certificate and leaves.

        Raises:
            ProductExistsError: the name is taken.

        """
        connection = transaction.connection
        taken = select(products.c.name).where(products.c.name == self.name)
        if connection.execute(taken).first():
            raise ProductExistsError(
                f"product {self.name!r} is registered already",
                clause="product.name",
                remedy="take another name; a product never changes under its contracts",
            )
        suite, definition = self.issuer.suite, canonical.encode(self.definition)
        digest = canonical.b64encode(suite.digest(definition))
        row = {
            "name": self.name,
            "table_name": self.definition["table"],
            "kind": self.definition["kind"],
            "definition": definition.decode(),
            "digest": digest,
            "registered_at": canonical.format_time(transaction.now),
        }
        connection.execute(insert(products), [row])
        fields: dict[str, canonical.Json] = {"product": self.name, "digest": digest}
        transaction.append(
            event_leaf(self.issuer.suite, "product.registered", transaction.now, fields)
        )
        self.issuer.issue(transaction, "product", self.name, canonical.b64decode(digest))


def relabelled(
    before: Sequence[dict[str, Any]], found: Sequence[dict[str, str]]
) -> list[canonical.Json]:
    """Return the columns of a refreshed table with their labels.

    A column keeps its label under the same name and type; one that is new, or of another type
    than the one that was labelled, has the strictest until the operator labels it.
    """
    known = {(column["name"], column["type"]): column for column in before}
    strictest = {"category": UNLABELLED.category, "level": UNLABELLED.level}
    return [
        dict(known.get((column["name"], column["type"]), {**column, **strictest}))
        for column in found
    ]


def _write_snapshot(
    transaction: Transaction,
    issuer: Issuer,
    name: str,
    version: int,
    snapshot: NewSnapshot,
    columns: canonical.Json,
) -> None:
    row = {
        "table_name": name,
        "version": version,
        "commitment": snapshot.commitment,
        "sealed_salt": snapshot.sealed_salt,
        "rows": snapshot.rows,
        "fingerprint": canonical.encode(snapshot.fingerprint).decode(),
        "taken_at": canonical.format_time(transaction.now),
    }
    transaction.connection.execute(insert(snapshots), [row])
    labelled = issuer.suite.digest(canonical.encode(columns))
    fields: dict[str, canonical.Json] = {
        "table": name,
        "version": version,
        "snapshot": snapshot.commitment,
        "rows": snapshot.rows,
        "columns": canonical.b64encode(labelled),
    }
    transaction.append(event_leaf(issuer.suite, "table.registered", transaction.now, fields))
    taken_at = transaction.now.replace(microsecond=0)
    rows = Rows(version=version, count=snapshot.rows, columns=labelled, taken_at=taken_at)
    commitment = canonical.b64decode(snapshot.commitment)
    issuer.issue(transaction, "table", name, commitment, rows)
