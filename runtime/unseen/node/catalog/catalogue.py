"""Tables, snapshots and products as values, read from the store after each change."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, select

from unseen.evidence import canonical
from unseen.evidence.contracts import scoring
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.contracts.contract import Prices
from unseen.evidence.contracts.intersection import SUM, TEXTS, Offered
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.node.catalog.labels import Label
from unseen.node.data.source import MODEL_COLUMNS, Fingerprint, Source
from unseen.node.errors import ProductNotFoundError, TableNotFoundError
from unseen.node.store.schema import products, snapshots, tables
from unseen.protocols.lookup.canonical import Form
from unseen.protocols.lookup.subject import SubjectColumn, with_forms


@dataclass(frozen=True, slots=True)
class Column:
    """A column: DuckDB's type name and the operator's label."""

    name: str
    type: str
    label: Label


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a table's rows. `commitment` is base64url; the salt is sealed by the vault."""

    version: int
    commitment: str
    rows: int
    fingerprint: Fingerprint
    taken_at: str
    sealed_salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A registered table and its newest snapshot."""

    name: str
    source: str
    subject: tuple[SubjectColumn, ...]
    columns: tuple[Column, ...]
    snapshot: Snapshot
    holder: str = ""  # party whose table it is

    @property
    def where(self) -> Source:
        """Return where the rows are."""
        return Source.parse(self.source)

    def labels(self, names: tuple[str, ...]) -> list[tuple[str, Label]]:
        """Return (column, label) of the named columns and the subject's."""
        wanted = {*names, *(column.name for column in self.subject)}
        return [(column.name, column.label) for column in self.columns if column.name in wanted]

    def has(self, names: Iterable[str]) -> bool:
        """Return whether there is a column of each of these names."""
        return {*names} <= {column.name for column in self.columns}


@dataclass(frozen=True, slots=True)
class Predicate:
    """What a contract may name as an output: `text` for the buyer, `columns` it reads.

    `expression` is the question for DuckDB, or the canonical definition of a menu's entry.
    """

    name: str
    text: str
    expression: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Predicates offered over one table under one job kind. `digest` is base64url.

    Of kind `statistics` they are the entries of the menu in `definition`, of kind `intersect` what
    `intersect` lets be found, of kind `score` the score alone. Of a match there is one, whether the
    whole subject agrees, and `match` names the columns of its id. `forms` are those in which values
    of the subject's columns are compared, where they are others than `exact`.
    """

    name: str
    table: str
    kind: str
    title: str
    predicates: tuple[Predicate, ...]
    prices: Prices
    digest: str
    billing: Billing | None = None
    definition: Definition | None = None
    forms: tuple[tuple[str, Form], ...] = ()
    match: tuple[str, ...] = ()
    intersect: Offered | None = None
    score: scoring.Offered | None = None

    def subject(self, table: Table) -> tuple[SubjectColumn, ...]:
        """Return the subject columns of the product's table with the product's forms.

        None for scores: nothing is asked about the numbers of a model.
        """
        if self.score is not None:
            return ()
        return with_forms(table.subject, dict(self.forms))

    @property
    def joined(self) -> str:
        """Return the name of the table that is read beside, or nothing."""
        join = self.definition.join if self.definition else None
        return join.table if join else ""


class Catalogue:
    """All tables and products in memory, reloaded after each change of state."""

    def __init__(self, engine: Engine) -> None:
        """Read the catalogue from the store."""
        self._engine = engine
        self._tables: dict[str, Table] = {}
        self._products: dict[str, Product] = {}
        self.reload()

    def reload(self) -> None:
        """Read everything anew."""
        with self._engine.connect() as connection:
            self._tables = _load_tables(connection)
            self._products = _load_products(connection)

    def tables(self) -> list[Table]:
        """Return every table, by name."""
        return [self._tables[name] for name in sorted(self._tables)]

    def products(self) -> list[Product]:
        """Return every product, by name."""
        return [self._products[name] for name in sorted(self._products)]

    def table(self, name: str) -> Table:
        """Return the table of this name, or raise TableNotFoundError."""
        try:
            return self._tables[name]
        except KeyError:
            raise TableNotFoundError(
                f"no table {name!r}", clause="table", remedy="see them: unseen table list"
            ) from None

    def product(self, name: str) -> Product:
        """Return the product of this name, or raise ProductNotFoundError."""
        try:
            return self._products[name]
        except KeyError:
            raise ProductNotFoundError(
                f"no product {name!r}", clause="product", remedy="see them: unseen product list"
            ) from None


def _load_tables(connection: Connection) -> dict[str, Table]:
    newest: dict[str, Snapshot] = {}
    for row in connection.execute(select(snapshots).order_by(snapshots.c.version)):
        newest[row.table_name] = Snapshot(
            row.version,
            row.commitment,
            row.rows,
            Fingerprint.from_json(json.loads(row.fingerprint)),
            row.taken_at,
            row.sealed_salt,
        )
    return {
        row.name: Table(
            row.name,
            row.source,
            tuple(SubjectColumn(c["name"], c["type"]) for c in json.loads(row.subject)),
            tuple(
                Column(c["name"], c["type"], Label(c["category"], c["level"]))
                for c in json.loads(row.columns)
            ),
            newest[row.name],
            row.holder,
        )
        for row in connection.execute(select(tables))
    }


def _load_products(connection: Connection) -> dict[str, Product]:
    return {
        row.name: _product(row.name, row.definition, row.digest)
        for row in connection.execute(select(products))
    }


def _product(name: str, definition: str, digest: str) -> Product:
    body = json.loads(definition)
    offered = Definition.from_json(body["menu"]) if "menu" in body else None
    found = Offered.from_json(body["intersect"]) if "intersect" in body else None
    scored = scoring.Offered.from_json(body["score"]) if "score" in body else None
    return Product(
        name,
        body["table"],
        body["kind"],
        body["title"],
        entries_of(offered) if offered else _predicates(body, found, scored),
        Prices(**body["prices"]),
        digest,
        Billing.from_json(body["billing"]) if "billing" in body else None,
        offered,
        tuple(sorted(body.get("canonical", {}).items())),
        tuple(body["match"]["id"]) if "match" in body else (),
        found,
        scored,
    )


def entries_of(definition: Definition) -> tuple[Predicate, ...]:
    """Return the entries of a menu as outputs that a contract may name."""
    return tuple(
        Predicate(
            entry.name,
            entry.text,
            definition.entry_text(entry.name),
            definition.reads(entry.name),
        )
        for entry in definition.entries()
    )


def found_of(offered: Offered) -> tuple[Predicate, ...]:
    """Return what may be found as outputs that a contract may name."""
    return tuple(
        Predicate(
            name,
            TEXTS[name],
            canonical.encode(offered.only(name, 1).to_json()).decode(),
            (offered.sum.column,) if name == SUM and offered.sum else (),
        )
        for name in offered.outputs
    )


def scored_of(offered: scoring.Offered) -> tuple[Predicate, ...]:
    """Return the score as the one output that a contract may name."""
    text, body = scoring.TEXTS[offered.model.family], offered.encode().decode()
    return (Predicate(scoring.OUTPUT, text, body, MODEL_COLUMNS),)


def _predicates(
    body: dict[str, Any], found: Offered | None, scored: scoring.Offered | None
) -> tuple[Predicate, ...]:
    if found is not None:
        return found_of(found)
    if scored is not None:
        return scored_of(scored)
    return tuple(
        Predicate(p["name"], p["text"], p["expression"], tuple(p["columns"]))
        for p in body["predicates"]
    )
