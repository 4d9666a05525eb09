"""Taking tables and products into the catalogue: inspect in a worker, then change the state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.contracts.clauses import BILLABLE, Billing
from unseen.evidence.contracts.contract import Prices
from unseen.evidence.contracts.intersection import KIND, Offered
from unseen.evidence.contracts.plan import BY_MENU
from unseen.evidence.contracts.scoring import Wanted
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.errors import ContractInvalidError
from unseen.node.catalog.catalogue import Predicate, Product, Table, found_of
from unseen.node.catalog.changes import RegisterProduct
from unseen.node.catalog.labels import Label
from unseen.node.catalog.matching import MATCH, check_forms, check_match, check_summed, matched
from unseen.node.catalog.offered import inspected, labels_read
from unseen.node.catalog.scored import check_score, scored
from unseen.node.catalog.snapshots import (
    check_predicates,
    check_subjects,
    first_snapshot,
    next_snapshot,
)
from unseen.node.context import Node
from unseen.node.data.source import MODEL_COLUMNS
from unseen.node.errors import FieldInvalidError, KindRefusedError, TableUnreadableError
from unseen.node.kinds.kind import KINDS
from unseen.protocols.lookup.canonical import Form
from unseen.protocols.lookup.subject import with_forms


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product as the operator describes it; predicates are (name, text, expression).

    Of kind `statistics` it has a `definition` in their place, a match the columns of its id, one of
    kind `intersect` an `intersect`, one of kind `score` a `score`. `forms` are those in which
    values of the subject's columns are compared.
    """

    name: str
    table: str
    kind: str
    title: str
    predicates: Sequence[tuple[str, str, str]]
    prices: dict[str, canonical.Json]
    billing: Billing | None = None
    definition: Definition | None = None
    forms: Mapping[str, str] = field(default_factory=dict)
    match: Sequence[str] = ()
    intersect: Offered | None = None
    score: Wanted | None = None


async def register_table(
    node: Node, name: str, source: str, labels: dict[str, Label], subject: list[str], owner: str
) -> Table:
    """Have a job inspect a table, commit to its rows and log its registration; wait for it.

    Raises:
        TableError: the file or its columns cannot be used; names the column.
        DuplicateSubjectError: two rows name one subject.
        JobCancelledError: the job was cancelled.

    """
    node.stops.check_node()
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
    job = await node.jobs.submit(first_snapshot(name, source, labels, subject, owner))
    await node.jobs.outcome(job)
    return node.catalogue.table(name)


async def refresh_table(
    node: Node, name: str, owner: str, *, new_keys: bool = False
) -> tuple[Table, list[str]]:
    """Have a job commit to the table's present rows; wait for it.

    Returns the table and the contracts whose next epochs are being built. Contracts that no
    longer compile over its rows and columns are suspended, and those that do again go on. With
    `new_keys` no table is built under the key that it has.

    Raises:
        TableError: as `register_table`, or the subject columns are others than before, or a
            predicate of a product whose columns are all there fails on the new rows.
        JobCancelledError: the job was cancelled.

    """
    node.stops.check_node()
    job = await node.jobs.submit(
        next_snapshot(node.catalogue.table(name), owner, new_keys=new_keys)
    )
    done: Any = await node.jobs.outcome(job)
    return node.catalogue.table(name), list(done.builds)


async def register_product(node: Node, new: NewProduct) -> tuple[Product, int]:
    """Check a product's predicates, its menu or its forms on every row and offer it.

    Returns it, and how many rows nobody can ask about: their values have no canonical form.

    Raises:
        FieldInvalidError: a form, or the id of a match, does not fit the table's subject.
        DuplicateSubjectError: the forms make one subject of two rows, and it is no match.
        PredicateInvalidError: a predicate is not one boolean expression over the row.
        PredicateFailsError: it raises an error on some rows.
        ColumnUnknownError: a column of the menu is not there, or has a type that does not fit.
        LabelRefusedError: a column it reads may not serve this kind.
        ContractInvalidError: a price is out of range, or the kind cannot bill such units.

    """
    node.stops.check_node()
    if new.kind not in KINDS:
        raise KindRefusedError(
            "this node knows no such job kind", clause="kind", remedy=f"one of: {', '.join(KINDS)}"
        )
    if not 0 < len(new.title) <= 200 or not new.title.isprintable():
        raise FieldInvalidError("a title has 1 to 200 printable characters", clause="product.title")
    _check_form(new)
    Prices(**new.prices)  # type: ignore[arg-type]  # raises ContractInvalidError out of range
    _check_billing(new)
    table = node.catalogue.table(new.table)
    forms = check_forms(new.forms, new.kind, table)
    body, labels = await _offered(node, new, table, forms)
    _check_labels(node, new.kind, labels)
    definition: dict[str, canonical.Json] = {
        **body,
        "name": new.name,
        "table": new.table,
        "kind": new.kind,
        "title": new.title,
        "prices": new.prices,
    }
    if new.billing:
        definition["billing"] = new.billing.to_json()
    unusable = 0
    if forms:
        definition["canonical"] = dict(forms)
        subject = with_forms(table.subject, forms)
        fingerprint = table.snapshot.fingerprint.to_json()
        unusable = await check_subjects(node, table, subject, new.match, fingerprint)
    await node.writer.submit(RegisterProduct(new.name, definition, node.issuer()))
    node.catalogue.reload()
    return node.catalogue.product(new.name), unusable


async def _offered(
    node: Node, new: NewProduct, table: Table, forms: Mapping[str, Form]
) -> tuple[dict[str, canonical.Json], list[tuple[str, Label]]]:
    """Return what is offered as it stands in a definition, and the labels of all that it reads."""
    if new.match:
        check_match(new.match, new.kind, table)
        output, body = matched(table, forms, new.match)
        return body | {"predicates": [_stored(output)]}, table.labels(output.columns)
    if new.intersect is not None:
        check_summed(new.intersect.sum, table)
        read = {name for each in found_of(new.intersect) for name in each.columns}
        return {"intersect": new.intersect.to_json()}, table.labels(tuple(read))
    if new.score is not None:
        offered = await scored(node, new.score, table)
        return {"score": offered.to_json()}, table.labels(MODEL_COLUMNS)
    if new.definition is None:
        return await _predicates(node, new, table)
    found = await inspected(node, new.definition, table)
    joined = node.catalogue.table(found.join.table) if found.join else None
    return {"menu": found.to_json()}, labels_read(found, table, joined)


def _stored(predicate: Predicate) -> dict[str, canonical.Json]:
    return {
        "name": predicate.name,
        "text": predicate.text,
        "expression": predicate.expression,
        "columns": list(predicate.columns),
    }


async def _predicates(
    node: Node, new: NewProduct, table: Table
) -> tuple[dict[str, canonical.Json], list[tuple[str, Label]]]:
    """Return predicates as they stand in a definition, and the labels of all that they read."""
    fingerprint = table.snapshot.fingerprint.to_json()
    read = await check_predicates(node, table, new.predicates, fingerprint)
    predicates: list[canonical.Json] = [
        _stored(Predicate(name, text, expression, tuple(columns)))
        for (name, text, expression), columns in zip(new.predicates, read, strict=True)
    ]
    labels = table.labels(tuple({name for names in read for name in names}))
    return {"predicates": predicates}, labels


def _check_labels(node: Node, kind: str, labels: list[tuple[str, Label]]) -> None:
    """Raise what the rules in force have against a job kind over these (column, label) pairs."""
    errors = node.rulebook.rules.against_kind(
        kind,
        labels,
        ciphertext=KINDS[kind].ciphertext_leaves,
        threat_model=KINDS[kind].holds_under,
        highest=KINDS[kind].highest,
    )
    if errors:
        raise errors[0]


def _check_form(new: NewProduct) -> None:
    alone = new.definition is None and not new.predicates and not new.match
    check_score(new.kind, new.score, alone=alone and new.intersect is None)
    _check_intersect(new)
    if new.intersect is not None or new.score is not None:
        return
    counts = new.kind in BY_MENU
    if new.match and (new.predicates or new.definition):
        raise FieldInvalidError(
            "a match offers the one question whether the subject agrees, and no other",
            clause=MATCH,
            remedy="offer predicates as a product of their own",
        )
    asks = bool(new.predicates or new.match)
    if counts != (new.definition is not None) or counts == asks:
        raise FieldInvalidError(
            f"a product of kind {new.kind} offers {'a menu' if counts else 'predicates'},"
            " and nothing else",
            clause="product.menu" if counts else "product.predicates",
            remedy="unseen product menu TABLE prints one to start from"
            if counts
            else "give predicates, or offer it as statistics",
        )


def _check_intersect(new: NewProduct) -> None:
    alone = new.definition is None and not new.predicates
    if (new.kind == KIND) != (new.intersect is not None) or (new.intersect and not alone):
        raise FieldInvalidError(
            f"a product of kind {KIND} says what may be found, and no other one does",
            clause="product.intersect",
            remedy=f"offer it with: unseen product add NAME --kind {KIND} --find items --most N",
        )


def _check_billing(new: NewProduct) -> None:
    units = BILLABLE[new.kind]
    if new.billing and new.billing.unit not in units:
        raise ContractInvalidError(
            f"a product of kind {new.kind} bills per {' or '.join(units)}: more cannot be counted",
            clause="billing.unit",
            remedy=f"offer it anew: unseen product add {new.name} --bill per-{units[0]}",
        )
