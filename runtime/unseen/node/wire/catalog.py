"""unseen.v1 catalogue messages <-> tables and products."""

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.clauses import Billing, Payee
from unseen.evidence.contracts.intersection import Offered
from unseen.evidence.contracts.scoring import Wanted
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.catalog.labels import CATEGORIES, LEVELS, Label
from unseen.node.catalog.menus import MENU
from unseen.node.errors import FieldInvalidError
from unseen.node.resources import field_name
from unseen.v1 import catalog_pb2


def labels(
    message: catalog_pb2.RegisterTableRequest | catalog_pb2.LabelTableRequest,
) -> dict[str, Label]:
    """Return the labels by column; "*" stands for every column not named.

    Raises:
        FieldInvalidError: a category or level is not known.

    """
    found = {}
    for label in message.labels:
        if label.category not in CATEGORIES or label.level not in LEVELS:
            raise FieldInvalidError(
                f"the label of column {label.column!r} is not known",
                clause="table.labels",
                remedy=f"CATEGORY:LEVEL of {', '.join(CATEGORIES)} and {', '.join(LEVELS)}",
            )
        found[label.column] = Label(label.category, label.level)
    return found


def predicates(message: catalog_pb2.RegisterProductRequest) -> list[tuple[str, str, str]]:
    """Return (name, text, expression) of each predicate; none where a menu or a match stands there.

    Raises:
        FieldInvalidError: none, too many, one twice, a bad name, or an empty text.

    """
    other = message.definition or message.intersect or message.score
    elsewhere = other or message.HasField("match")
    least = 0 if elsewhere else 1
    if not least <= len(message.predicates) <= 64:
        raise FieldInvalidError("a product has 1 to 64 predicates", clause="product.predicates")
    found = []
    for predicate in message.predicates:
        name = field_name(predicate.name, "product.predicates.name")
        if not 0 < len(predicate.text) <= 200 or not predicate.text.isprintable():
            raise FieldInvalidError(
                "a predicate says in 1 to 200 printable characters what it asks",
                clause=f"product.predicates.{name}.text",
            )
        found.append((name, predicate.text, predicate.expression))
    if len({name for name, _, _ in found}) < len(found):
        raise FieldInvalidError("two predicates have one name", clause="product.predicates")
    return found


def prices(message: catalog_pb2.Prices) -> dict[str, Json]:
    """Return the prices as they stand in a product's definition; free if none were given."""
    return {
        "currency": message.currency or "XXX",  # ISO 4217: no currency
        "data_fee": message.data_fee,
        "service_fee": message.service_fee,
    }


def definition(message: catalog_pb2.RegisterProductRequest) -> Definition | None:
    """Return the menu of the product with what stands behind it, if it has one.

    Raises:
        CanonicalError: it is not canonical JSON.
        ContractInvalidError: a field is out of range; the clause begins with `product.menu`.

    """
    if not message.definition:
        return None
    try:
        return Definition.decode(message.definition)
    except ContractInvalidError as error:
        raise ContractInvalidError(
            str(error), clause=f"{MENU}.{error.clause}", remedy="correct the menu, and add it again"
        ) from None


def intersect(message: catalog_pb2.RegisterProductRequest) -> Offered | None:
    """Return what the product lets be found, if it is one of intersections.

    Raises:
        CanonicalError: it is not canonical JSON.
        ContractInvalidError: a field is out of range; the clause begins with `product.intersect`.

    """
    if not message.intersect:
        return None
    try:
        return Offered.decode(message.intersect)
    except ContractInvalidError as error:
        raise ContractInvalidError(
            str(error), clause=f"product.{error.clause}", remedy="correct it, and add it again"
        ) from None


def score(message: catalog_pb2.RegisterProductRequest) -> Wanted | None:
    """Return what the product scores, if it does.

    Raises:
        CanonicalError: it is not canonical JSON.
        ContractInvalidError: a field is out of range; the clause begins with `product.score`.

    """
    if not message.score:
        return None
    try:
        return Wanted.decode(message.score)
    except ContractInvalidError as error:
        raise ContractInvalidError(
            str(error), clause=f"product.{error.clause}", remedy="correct it, and add it again"
        ) from None


def billing(message: catalog_pb2.RegisterProductRequest) -> Billing | None:
    """Return the billing clause of the product's contracts, if it has one.

    Raises:
        ContractInvalidError: a field is out of range, or the shares of a line are not the whole.

    """
    if not message.HasField("billing"):
        return None
    given = message.billing
    return Billing(
        unit=given.unit,  # type: ignore[arg-type]  # what is none is refused
        free_units=given.free_units,
        cap=given.cap,
        payees=tuple(
            Payee(line=p.line, name=p.name, key=p.key, share=p.share)  # type: ignore[arg-type]
            for p in given.payees
        ),
    )


def billing_message(billing: Billing) -> catalog_pb2.Billing:
    """Return a billing clause as everybody sees it."""
    return catalog_pb2.Billing(
        unit=billing.unit,
        free_units=billing.free_units,
        cap=billing.cap,
        payees=[
            catalog_pb2.Payee(line=p.line, name=p.name, key=p.key, share=p.share)
            for p in billing.payees
        ],
    )


def table_message(table: Table) -> catalog_pb2.Table:
    """Return a table as the operator sees it."""
    return catalog_pb2.Table(
        name=f"tables/{table.name}",
        columns=[
            catalog_pb2.Column(
                name=column.name,
                type=column.type,
                category=column.label.category,
                level=column.label.level,
            )
            for column in table.columns
        ],
        rows=table.snapshot.rows,
        snapshot=table.snapshot.commitment,
        snapshot_at=table.snapshot.taken_at,
        source=table.source,
        version=table.snapshot.version,
        holder=table.holder,
    )


def product_message(
    product: Product, table: Table, *, with_expressions: bool
) -> catalog_pb2.Product:
    """Return a product; its expressions only `with_expressions`, for the operator."""
    return catalog_pb2.Product(
        name=f"products/{product.name}",
        table=f"tables/{product.table}",
        kind=product.kind,
        title=product.title,
        subject=[
            catalog_pb2.SubjectColumn(
                name=column.name,
                type=column.type,
                form="" if column.form == "exact" else column.form,
            )
            for column in product.subject(table)
        ],
        predicates=[
            catalog_pb2.Predicate(
                name=predicate.name,
                text=predicate.text,
                expression=predicate.expression if with_expressions else "",
            )
            for predicate in (() if product.definition else product.predicates)
        ],
        prices=catalog_pb2.Prices(
            currency=product.prices.currency,
            data_fee=product.prices.data_fee,
            service_fee=product.prices.service_fee,
        ),
        digest=product.digest,
        snapshot_at=table.snapshot.taken_at,
        billing=billing_message(product.billing) if product.billing else None,
        menu=canonical.encode(product.definition.menu.to_json()) if product.definition else b"",
        definition=product.definition.encode() if product.definition and with_expressions else b"",
        match=catalog_pb2.Match(id=product.match) if product.match else None,
        intersect=product.intersect.encode() if product.intersect else b"",
        score=product.score.encode() if product.score else b"",
    )
