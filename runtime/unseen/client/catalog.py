"""What an operator hosts and offers: tables, their labels, products."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict, Unpack, cast

from unseen.client.agreements.billing import billing_message, billing_rows, money, read_billing
from unseen.client.cards import Card, Row, Said
from unseen.client.errors import AnswerInvalidError
from unseen.client.menus import menu_rows, read_menu
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.contracts import scoring
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.contracts.intersection import Offered
from unseen.evidence.contracts.statistics import Menu
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.canonical import Form
from unseen.protocols.lookup.subject import SubjectColumn, SubjectType
from unseen.v1 import catalog_pb2, catalog_pb2_grpc

if TYPE_CHECKING:
    from unseen.client.privacy import Ledger

REGISTER_SECONDS = 600.0
LABEL_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its label: category `public`, `enterprise` or `personal`, and level."""

    name: str
    type: str
    category: str
    level: str

    def __str__(self) -> str:
        """Return name, type and label in one line."""
        return f"{self.name} {self.type} {self.category}:{self.level}"


@dataclass(frozen=True, slots=True, repr=False)
class Table(Card):
    """A registered table. `snapshot` is the salted commitment to its rows.

    `ledger` is its privacy ledger, where that was asked for as well.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    snapshot: str
    snapshot_at: str
    source: str
    version: int
    holder: str = ""  # party whose table it is
    ledger: "Ledger | None" = None

    def _title(self) -> str:
        return f"Table {self.name}"

    def _rows(self) -> Iterator[Row]:
        yield "rows", f"{self.rows:,}"
        yield "columns", len(self.columns)
        yield "source", self.source
        if self.holder:
            yield "holder", self.holder
        yield "snapshot", f"{self.snapshot} of {self.snapshot_at} (version {self.version})"
        if self.ledger is not None:
            yield from self.ledger.rows()
        for column in self.columns:
            yield column.name, f"{column.type}, {column.category}, level {column.level}"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A table after `refresh_table`, and the contracts whose lookup tables are rebuilt.

    `suspended` are the contracts over it that labels, rules, rows or columns keep suspended.
    """

    table: Table
    contracts: tuple[str, ...]
    suspended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relabelled:
    """A table with other labels, and the ids of the contracts in force that moved for it."""

    table: Table
    suspended: tuple[str, ...]
    resumed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A yes-or-no question. `expression` is DuckDB's and empty for anyone but the operator."""

    name: str
    text: str
    expression: str = ""

    def __str__(self) -> str:
        """Return the question with its name."""
        return f"{self.name} ({self.text})"


@dataclass(frozen=True, slots=True)
class Prices:
    """What one unit costs, in millionths of `currency`."""

    currency: str = "CNY"
    data_fee: int = 0
    service_fee: int = 0

    def __str__(self) -> str:
        """Return both fees with the currency."""
        data, service = money(self.data_fee), money(self.service_fee)
        return f"{data} + {service} {self.currency} a unit (data + service)"


@dataclass(frozen=True, slots=True, repr=False)
class Product(Card):
    """What is offered from a table: a job kind with fixed questions and prices.

    Of kind `statistics` it has a `menu` in the place of predicates; the `definition` with columns
    and expressions is the operator's alone. Of one that matches whole subjects `match` names the
    columns of the id. `unusable` is how many rows nobody can ask about, since their values have no
    canonical form; it is said once, to whom registers the product.
    """

    name: str
    table: str
    kind: str
    title: str
    subject: tuple[SubjectColumn, ...]
    predicates: tuple[Predicate, ...]
    prices: Prices
    digest: str
    snapshot_at: str
    billing: Billing | None = None
    menu: Menu | None = None
    definition: Definition | None = None
    match: tuple[str, ...] = ()
    unusable: int = 0
    intersect: Offered | None = None
    score: scoring.Offered | None = None

    @property
    def questions(self) -> tuple[tuple[str, str], ...]:
        """Return name and words of everything that a contract may name as an output."""
        if self.menu is None:
            return tuple((predicate.name, predicate.text) for predicate in self.predicates)
        return tuple(self.menu.texts.items())

    def _title(self) -> str:
        return f"Product {self.name}: {self.title}"

    def _rows(self) -> Iterator[Row]:
        yield "kind", self.kind
        yield "table", f"{self.table}, data of {self.snapshot_at}"
        who = "subject" if self.menu else "asked by"  # a person is whoever the menu says
        if self.score is None:
            yield who, tuple(map(_column_words, self.subject))
        if self.match:
            yield "matched by", self.match
        for predicate in self.predicates:
            yield predicate.name, predicate.text
        if self.intersect is not None:
            yield "items a run", f"{self.intersect.most:,} at most"
            yield "rho a run", self.intersect.rho or None
        if self.score is not None:
            yield from _scored_rows(self.score)
        yield from menu_rows(self.menu)
        yield "price", self.prices
        yield from billing_rows(self.billing, self.prices.currency)
        if self.unusable:
            rows = f"{self.unusable:,}"
            yield "without a form", Said("rows that nobody can ask about: {}", rows)


class Compared(TypedDict, total=False):
    """How a product compares subjects: the id's columns of a match, forms by column."""

    match: Sequence[str]
    canonical: Mapping[str, Form]


class Catalog:
    """The catalogue of the node. Registering is the operator's; every party may read products."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = catalog_pb2_grpc.CatalogServiceStub(session.channel.grpc)

    def register_table(
        self,
        name: str,
        source: str,
        *,
        subject: Sequence[str],
        labels: Mapping[str, tuple[str, str]],
    ) -> Table:
        """Register the table at `source`; see `Client.register_table`."""
        request = catalog_pb2.RegisterTableRequest(
            name=f"tables/{name}",
            source=source,
            subject=subject,
            labels=[
                catalog_pb2.ColumnLabel(column=column, category=category, level=level)
                for column, (category, level) in labels.items()
            ],
        )
        answer = self._session.call(self._stub.RegisterTable, request, REGISTER_SECONDS)
        return _table(answer.table)

    def refresh_table(self, name: str, *, new_keys: bool = False) -> Refreshed:
        """Commit to the present rows of a table as its new snapshot."""
        request = catalog_pb2.RefreshTableRequest(name=f"tables/{name}", new_keys=new_keys)
        answer = self._session.call(self._stub.RefreshTable, request, REGISTER_SECONDS)
        contracts = tuple(short(contract) for contract in answer.contracts)
        return Refreshed(_table(answer.table), contracts)

    def label(self, name: str, labels: Mapping[str, tuple[str, str]]) -> Relabelled:
        """Label columns anew; see `Client.label_table`."""
        request = catalog_pb2.LabelTableRequest(
            name=f"tables/{name}",
            labels=[
                catalog_pb2.ColumnLabel(column=column, category=category, level=level)
                for column, (category, level) in labels.items()
            ],
        )
        answer = self._session.call(self._stub.LabelTable, request, LABEL_SECONDS)
        suspended, resumed = (
            tuple(short(name) for name in moved) for moved in (answer.suspended, answer.resumed)
        )
        return Relabelled(_table(answer.table), suspended, resumed)

    def assign_holder(self, name: str, holder: str) -> Table:
        """Say whose table it is; see `Client.assign_holder`."""
        request = catalog_pb2.AssignHolderRequest(name=f"tables/{name}", holder=holder)
        return _table(self._session.call(self._stub.AssignHolder, request).table)

    def tables(self) -> list[Table]:
        """Return what is hosted."""
        answer = self._session.call(self._stub.ListTables, catalog_pb2.ListTablesRequest())
        return [_table(table) for table in answer.tables]

    def register_product(
        self,
        name: str,
        *,
        table: str,
        kind: str,
        title: str,
        predicates: Sequence[Predicate] | Definition | Offered | scoring.Wanted,
        prices: Prices,
        billing: Billing | None = None,
        **compared: Unpack[Compared],
    ) -> Product:
        """Offer `predicates`, or a menu, over a table; see `Client.register_product`."""
        menu = predicates if isinstance(predicates, Definition) else None
        match = compared.get("match")
        found = predicates if isinstance(predicates, Offered) else None
        score = predicates if isinstance(predicates, scoring.Wanted) else None
        request = catalog_pb2.RegisterProductRequest(
            name=f"products/{name}",
            table=f"tables/{table}",
            kind=kind,
            title=title,
            predicates=[
                catalog_pb2.Predicate(name=item.name, text=item.text, expression=item.expression)
                for item in (() if isinstance(predicates, _OTHERS) else predicates)
            ],
            prices=catalog_pb2.Prices(
                currency=prices.currency,
                data_fee=prices.data_fee,
                service_fee=prices.service_fee,
            ),
            billing=billing_message(billing),
            definition=menu.encode() if menu else b"",
            canonical=compared.get("canonical"),
            match=catalog_pb2.Match(id=match) if match else None,
            intersect=found.encode() if found else b"",
            score=score.encode() if score else b"",
        )
        answer = self._session.call(self._stub.RegisterProduct, request, REGISTER_SECONDS)
        return replace(_product(answer.product), unusable=answer.unusable_rows)

    def products(self) -> list[Product]:
        """Return what is offered."""
        answer = self._session.call(self._stub.ListProducts, catalog_pb2.ListProductsRequest())
        return [_product(product) for product in answer.products]


_OTHERS = (Definition, Offered, scoring.Wanted)  # in the place of predicates


def _scored_rows(offered: scoring.Offered) -> Iterator[Row]:
    model = offered.model
    reach = offered.reach
    instead = f", its functions as polynomials from {-reach} to {reach}" if reach else ""
    yield "model", f"{model.words}{instead}"
    yield "columns", tuple(feature.name for feature in model.features)
    yield "precision", f"within {offered.precision} of the model's own"
    yield "units a run", f"{offered.most:,} at most"


def _column_words(column: SubjectColumn) -> str:
    form = "" if column.form == "exact" else f", as {column.form}"
    return f"{column.name} ({column.type}{form})"


def _table(table: catalog_pb2.Table) -> Table:
    return Table(
        name=short(table.name),
        columns=tuple(Column(c.name, c.type, c.category, c.level) for c in table.columns),
        rows=table.rows,
        snapshot=table.snapshot,
        snapshot_at=table.snapshot_at,
        source=table.source,
        version=table.version,
        holder=table.holder,
    )


def _product(product: catalog_pb2.Product) -> Product:
    prices = product.prices
    return Product(
        name=short(product.name),
        table=short(product.table),
        kind=product.kind,
        title=product.title,
        subject=tuple(_column(column) for column in product.subject),
        predicates=tuple(Predicate(p.name, p.text, p.expression) for p in product.predicates),
        prices=Prices(prices.currency, prices.data_fee, prices.service_fee),
        digest=product.digest,
        snapshot_at=product.snapshot_at,
        billing=read_billing(product),
        menu=read_menu(product.menu),
        definition=Definition.decode(product.definition) if product.definition else None,
        match=tuple(product.match.id),
        intersect=Offered.decode(product.intersect) if product.intersect else None,
        score=scoring.Offered.decode(product.score) if product.score else None,
    )


def _column(column: catalog_pb2.SubjectColumn) -> SubjectColumn:
    try:
        # The constructor refuses what is not a type of subjects.
        form = cast("Form", column.form or "exact")
        return SubjectColumn(column.name, cast("SubjectType", column.type), form)
    except SubjectInvalidError as error:
        raise AnswerInvalidError(str(error), clause="subject") from None
