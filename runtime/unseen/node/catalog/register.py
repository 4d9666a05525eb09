"""Taking tables and products into the catalogue: inspect in a worker, then change the state."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.clauses import BILLABLE, Billing
from unseen.evidence.contract import Prices
from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.catalog.changes import (
    NewSnapshot,
    RefreshTable,
    RegisterProduct,
    RegisterTable,
)
from unseen.node.catalog.labels import Label
from unseen.node.context import Node
from unseen.node.errors import (
    ColumnUnknownError,
    FieldInvalidError,
    KindRefusedError,
    TableUnreadableError,
)
from unseen.node.kinds.kind import KINDS

_ALL = "*"


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product as the operator describes it; predicates are (name, text, expression)."""

    name: str
    table: str
    kind: str
    title: str
    predicates: Sequence[tuple[str, str, str]]
    prices: dict[str, canonical.Json]
    billing: Billing | None = None


async def register_table(
    node: Node, name: str, source: str, labels: dict[str, Label], subject: list[str]
) -> Table:
    """Inspect a table, commit to its rows, and log its registration.

    Raises:
        TableError: the file or its columns cannot be used; names the column.
        DuplicateSubjectError: two rows name one subject.

    """
    if not Path(source.removeprefix("duckdb:")).is_absolute():
        raise TableUnreadableError(
            "the source is not an absolute path on the node's machine", clause="table.source"
        )
    if not subject or len(set(subject)) < len(subject):
        raise FieldInvalidError(
            "a table needs at least one subject column, and each once",
            clause="table.subject",
            remedy="name the columns whose values together name one subject",
        )
    found, snapshot = await _inspect(node, name, source, subject)
    columns = _labelled(found["columns"], labels)
    await node.writer.submit(
        RegisterTable(name, source, found["subject"], columns, snapshot, node.issuer())
    )
    node.catalogue.reload()
    return node.catalogue.table(name)


async def refresh_table(node: Node, name: str) -> Table:
    """Commit to the table's present rows as a new snapshot.

    Raises:
        TableError: as `register_table`, or the columns are others than before, or a product's
            predicate fails on the new rows.

    """
    table = node.catalogue.table(name)
    subject = [column.name for column in table.subject]
    found, snapshot = await _inspect(node, name, table.source, subject)
    before = [{"name": column.name, "type": column.type} for column in table.columns]
    if found["columns"] != before:
        raise ColumnUnknownError(
            "the table's columns are not those that were registered",
            clause="table.columns",
            remedy="register it under a new name: unseen table add NAME SOURCE",
        )
    for product in node.catalogue.products():
        if product.table == name:
            asked = [(p.name, p.text, p.expression) for p in product.predicates]
            await _check_predicates(node, table, asked, found["fingerprint"])
    columns = _labelled(found["columns"], {c.name: c.label for c in table.columns})
    holder = node.parties.get(table.holder) if table.holder else None
    issuer = node.issuer(holder=holder.key if holder else b"")
    await node.writer.submit(RefreshTable(name, columns, snapshot, issuer))
    node.catalogue.reload()
    return node.catalogue.table(name)


async def register_product(node: Node, new: NewProduct) -> Product:
    """Check a product's predicates on every row and offer it.

    Raises:
        PredicateInvalidError: a predicate is not one boolean expression over the row.
        PredicateFailsError: it raises an error on some rows.
        LabelRefusedError: a column it reads may not serve this kind.
        ContractInvalidError: a price is out of range, or the kind cannot bill such units.

    """
    if new.kind not in KINDS:
        raise KindRefusedError(
            "this node knows no such job kind", clause="kind", remedy=f"one of: {', '.join(KINDS)}"
        )
    if not 0 < len(new.title) <= 200 or not new.title.isprintable():
        raise FieldInvalidError("a title has 1 to 200 printable characters", clause="product.title")
    Prices(**new.prices)  # type: ignore[arg-type]  # raises ContractInvalidError out of range
    _check_billing(new)
    table = node.catalogue.table(new.table)
    fingerprint = table.snapshot.fingerprint.to_json()
    read = await _check_predicates(node, table, new.predicates, fingerprint)
    _check_labels(node, new.kind, table.labels(tuple({name for names in read for name in names})))
    definition: dict[str, canonical.Json] = {
        "name": new.name,
        "table": new.table,
        "kind": new.kind,
        "title": new.title,
        "predicates": [
            {"name": name, "text": text, "expression": expression, "columns": list(columns)}
            for (name, text, expression), columns in zip(new.predicates, read, strict=True)
        ],
        "prices": new.prices,
    }
    if new.billing:
        definition["billing"] = new.billing.to_json()
    await node.writer.submit(RegisterProduct(new.name, definition, node.issuer()))
    node.catalogue.reload()
    return node.catalogue.product(new.name)


def _check_labels(node: Node, kind: str, labels: list[tuple[str, Label]]) -> None:
    """Raise what the rules in force have against a job kind over these (column, label) pairs."""
    errors = node.rulebook.rules.against_kind(
        kind,
        labels,
        ciphertext=KINDS[kind].ciphertext_leaves,
        threat_model=KINDS[kind].holds_under,
    )
    if errors:
        raise errors[0]


def _check_billing(new: NewProduct) -> None:
    units = BILLABLE[new.kind]
    if new.billing and new.billing.unit not in units:
        raise ContractInvalidError(
            f"a product of kind {new.kind} bills per {' or '.join(units)}: more cannot be counted",
            clause="billing.unit",
            remedy=f"offer it anew: unseen product add {new.name} --bill per-{units[0]}",
        )


async def _inspect(
    node: Node, name: str, source: str, subject: list[str]
) -> tuple[dict[str, Any], NewSnapshot]:
    salt = secrets.token_bytes(32)
    with _spool(node) as spool:
        ask: dict[str, canonical.Json] = {
            "source": source,
            "subject": list(subject),
            "memory_mb": node.settings.memory_mb,
            "spool": str(spool),
        }
        (result,) = await node.executor.run_bulk("inspect_table", [canonical.encode(ask), salt])
    found: Any = canonical.decode(result)
    sealed = node.vault.seal(f"snapshot/{name}", salt)
    return found, NewSnapshot(found["snapshot"], found["rows"], found["fingerprint"], sealed)


async def _check_predicates(
    node: Node,
    table: Table,
    predicates: Sequence[tuple[str, str, str]],
    fingerprint: canonical.Json,
) -> list[list[str]]:
    with _spool(node) as spool:
        ask: dict[str, canonical.Json] = {
            "source": table.source,
            "fingerprint": fingerprint,
            "columns": [column.name for column in table.columns],
            "predicates": [[name, expression] for name, _, expression in predicates],
            "memory_mb": node.settings.memory_mb,
            "spool": str(spool),
        }
        (result,) = await node.executor.run_bulk("check_predicates", [canonical.encode(ask)])
    read: Any = canonical.decode(result)
    return list(read)


def _labelled(columns: list[dict[str, str]], labels: dict[str, Label]) -> canonical.Json:
    names = {column["name"] for column in columns}
    if unknown := sorted(labels.keys() - names - {_ALL}):
        raise ColumnUnknownError(
            f"a label names column {unknown[0]!r}, which the table does not have",
            clause="table.labels",
        )
    found: list[canonical.Json] = []
    for column in columns:
        label = labels.get(column["name"]) or labels.get(_ALL)
        if label is None:
            raise FieldInvalidError(
                f"column {column['name']!r} has no label",
                clause="table.labels",
                remedy="label every column, or the rest with '*=CATEGORY:LEVEL'",
            )
        found.append({**column, "category": label.category, "level": label.level})
    return found


@contextmanager
def _spool(node: Node) -> Iterator[Path]:
    path = node.spool_path(secrets.token_hex(8))
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
