"""Passing over a table to commit to its rows: a job, since a large one takes minutes.

What the pass finds enters the catalogue in the transaction that ends the job, with the jobs that
build the next epochs of whatever contracts are in force on the table: all of it or nothing. With
other rows or columns than before a contract may no longer compile: it is suspended in that
transaction, and one that does again goes on.
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.plan import columns_to_json
from unseen.evidence.contracts.states import State
from unseen.node.catalog.catalogue import Column, Snapshot, Table
from unseen.node.catalog.changes import NewSnapshot, RefreshTable, RegisterTable, relabelled
from unseen.node.catalog.labels import Label
from unseen.node.catalog.menus import conditions_over
from unseen.node.context import Node
from unseen.node.contracts import standing
from unseen.node.contracts.builder import OpenBuild
from unseen.node.contracts.keeping import kept_epoch, same_columns
from unseen.node.contracts.register import Contract
from unseen.node.contracts.standing import Steps
from unseen.node.contracts.stops import Hold
from unseen.node.data.source import Fingerprint
from unseen.node.errors import ColumnUnknownError, FieldInvalidError
from unseen.node.jobs.kind import JobKind, Lane, Outcome, Running
from unseen.node.jobs.record import Job
from unseen.node.jobs.steps import NewJob
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import DuplicateSubjectError
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys

KIND = "snapshot"
_ALL = "*"


def first_snapshot(
    name: str, source: str, labels: Mapping[str, Label], subject: Sequence[str], owner: str
) -> NewJob:
    """Return the job that registers a table."""
    ask: dict[str, Json] = {
        "table": name,
        "source": source,
        "subject": list(subject),
        "labels": {column: [label.category, label.level] for column, label in labels.items()},
    }
    return NewJob(kind=KIND, about=f"table {name}", ask=ask, owner=owner)


def next_snapshot(table: Table, owner: str, *, new_keys: bool = False) -> NewJob:
    """Return the job that commits to a table's present rows; with `new_keys` no key stays."""
    ask: dict[str, Json] = {"table": table.name}
    return NewJob(
        kind=KIND,
        about=f"table {table.name}",
        ask=ask | {"new_keys": True} if new_keys else ask,
        owner=owner,
        cost=table.snapshot.rows,
        total=table.snapshot.rows,
    )


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh led to: ids of contracts whose tables are built anew, contracts that moved."""

    builds: tuple[str, ...]
    moved: tuple[Contract, ...]


@dataclass(frozen=True, slots=True)
class Refresh(Change[Refreshed]):
    """A further snapshot of a table, the steps that contracts take for it, the builds to follow."""

    refresh: RefreshTable
    steps: Steps
    builds: tuple[OpenBuild, ...]

    def apply(self, transaction: Transaction) -> Refreshed:
        """Write snapshot, contracts, epochs, jobs and leaves."""
        self.refresh.apply(transaction)
        moved = standing.take(transaction, self.steps)
        for build in self.builds:
            build.apply(transaction)
        return Refreshed(tuple(build.contract.id for build in self.builds), tuple(moved))


async def _run(node: Node, running: Running) -> Outcome:
    ask: Any = running.job.ask
    if "source" in ask:
        return Outcome(await _first(node, running, ask))
    kept = not ask.get("new_keys", False)
    refresh = await _next(node, running, node.catalogue.table(ask["table"]), kept=kept)
    return Outcome(refresh, follow=lambda done: follow_refresh(node, done))


async def _first(node: Node, running: Running, ask: Any) -> RegisterTable:
    found, snapshot = await _inspect(node, running, ask["source"], ask["subject"])
    labels = {column: Label(*label) for column, label in ask["labels"].items()}
    columns = labelled(found["columns"], labels)
    issuer = node.issuer()
    return RegisterTable(ask["table"], ask["source"], found["subject"], columns, snapshot, issuer)


async def _next(node: Node, running: Running, table: Table, *, kept: bool) -> Refresh:
    subject = [column.name for column in table.subject]
    found, snapshot = await _inspect(node, running, table.source, subject)
    if found["subject"] != [{"name": c.name, "type": c.type} for c in table.subject]:
        raise ColumnUnknownError(
            "the table's subject columns are not those that were registered",
            clause="table.subject",
            remedy="register it under a new name: unseen table add NAME SOURCE",
        )
    after = refreshed(table, found["columns"], snapshot)
    running.progress("checking predicates", 0)
    for product in node.catalogue.products():
        over = conditions_over(product, table.name)
        asked = [(name, text, expression) for name, text, expression, c in over if after.has(c)]
        if asked:
            await check_predicates(node, after, asked, found["fingerprint"])
        if product.forms and product.table == table.name:
            formed, match = product.subject(after), product.match
            await check_subjects(node, after, formed, match, found["fingerprint"])
    return refresh_of(node, after, found["columns"], snapshot, kept=kept)


def refreshed(table: Table, found: Sequence[dict[str, str]], snapshot: NewSnapshot) -> Table:
    """Return the table as it will stand with `snapshot`, whose columns are `found`."""
    before = [
        {"name": c.name, "type": c.type, "category": c.label.category, "level": c.label.level}
        for c in table.columns
    ]
    columns: list[Any] = relabelled(before, found)
    return replace(
        table,
        columns=tuple(
            Column(c["name"], c["type"], Label(c["category"], c["level"])) for c in columns
        ),
        snapshot=Snapshot(
            version=table.snapshot.version + 1,
            commitment=snapshot.commitment,
            rows=snapshot.rows,
            fingerprint=Fingerprint.from_json(snapshot.fingerprint),
            taken_at="",
            sealed_salt=snapshot.sealed_salt,
        ),
    )


def refresh_of(
    node: Node,
    after: Table,
    found: Sequence[dict[str, str]],
    snapshot: NewSnapshot,
    *,
    kept: bool = True,
) -> Refresh:
    """Return the change that puts `snapshot` into the catalogue, with all that follows from it.

    `kept`: epochs' keys stay where they may.
    """
    steps = standing.steps(node, table=after)
    held = {step.contract for step in steps if isinstance(step, Hold)}
    holder = node.parties.get(after.holder) if after.holder else None
    issuer = node.issuer(holder=holder.key if holder else b"")
    refresh = RefreshTable(after.name, found, snapshot, issuer)
    kept = kept and same_columns(node.catalogue.table(after.name), after)
    return Refresh(refresh, steps, _builds(node, after, held, kept=kept))


def follow_refresh(node: Node, done: Refreshed) -> None:
    """Follow the store after a refresh, also for what came into force while it was computed."""
    node.catalogue.reload()
    standing.follow(node, done.moved)
    standing.look_again(node)


def _builds(node: Node, after: Table, held: set[str], *, kept: bool) -> tuple[OpenBuild, ...]:
    return tuple(
        OpenBuild(
            node.suite,
            node.jobs.kinds,
            node.vault,
            contract,
            after.snapshot.version,
            after.snapshot.rows,
            keys.generate(secrets.token_bytes).scalar,
            kept_epoch(node, contract, after) if kept else 0,
        )
        for contract in node.contracts.all()
        if contract.state is State.ACTIVE
        and (contract.terms.table, contract.terms.kind) == (after.name, "lookup")
        and contract.id not in held
    )


async def _inspect(
    node: Node, running: Running, source: str, subject: Sequence[str]
) -> tuple[Any, NewSnapshot]:
    salt, job = secrets.token_bytes(32), running.job
    total, done = job.progress.total, 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        running.progress("reading", done, total)

    told(0)
    with spool(node) as folder:
        ask: dict[str, Json] = {
            "source": source,
            "subject": list(subject),
            "memory_mb": node.settings.memory_mb,
            "spool": str(folder),
        }
        asked = [canonical.encode(ask), salt]
        (result,) = await node.executor.run_bulk("inspect_table", asked, told)
    found: Any = canonical.decode(result)
    sealed = node.vault.seal(f"snapshot/{job.ask['table']}", salt)
    return found, NewSnapshot(found["snapshot"], found["rows"], found["fingerprint"], sealed)


async def check_predicates(
    node: Node, table: Table, predicates: Sequence[tuple[str, str, str]], fingerprint: Json
) -> list[list[str]]:
    """Check predicates on every row of a table; return the columns that each reads.

    Raises:
        PredicateInvalidError: one is not one boolean expression over the row.
        PredicateFailsError: one raises an error on some rows.

    """
    with spool(node) as folder:
        ask: dict[str, Json] = {
            "source": table.source,
            "fingerprint": fingerprint,
            "columns": [column.name for column in table.columns],
            "predicates": [[name, expression] for name, _, expression in predicates],
            "memory_mb": node.settings.memory_mb,
            "spool": str(folder),
        }
        (result,) = await node.executor.run_bulk("check_predicates", [canonical.encode(ask)])
    read: Any = canonical.decode(result)
    return list(read)


async def check_subjects(
    node: Node,
    table: Table,
    subject: Sequence[SubjectColumn],
    match: Sequence[str],
    fingerprint: Json,
) -> int:
    """Return how many rows of a table nobody can ask about: their subjects have no such forms.

    Raises:
        DuplicateSubjectError: the forms make one subject of two rows; a match may have that.

    """
    with spool(node) as folder:
        ask: dict[str, Json] = {
            "source": table.source,
            "fingerprint": fingerprint,
            "subject": columns_to_json(tuple(subject)),
            "memory_mb": node.settings.memory_mb,
            "spool": str(folder),
        }
        (result,) = await node.executor.run_bulk("check_subjects", [canonical.encode(ask)])
    found: Any = canonical.decode(result)
    if found["repeated"] and not match:
        error = DuplicateSubjectError(count=found["repeated"])
        error.clause = "product.canonical"
        error.remedy = "choose forms that keep subjects apart, or clean the table"
        raise error
    return int(found["unusable"])


def labelled(columns: list[dict[str, str]], labels: Mapping[str, Label]) -> Json:
    """Return the columns with their labels.

    Raises:
        ColumnUnknownError: a label names no column.
        FieldInvalidError: a column has no label.

    """
    names = {column["name"] for column in columns}
    if unknown := sorted(labels.keys() - names - {_ALL}):
        raise ColumnUnknownError(
            f"a label names column {unknown[0]!r}, which the table does not have",
            clause="table.labels",
        )
    found: list[Json] = []
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
def spool(node: Node) -> Iterator[Path]:
    """Make a folder for temporary files, and delete it."""
    path = node.spool_path(secrets.token_hex(8))
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _ended(node: Node, job: Job) -> None:
    del job
    node.catalogue.reload()
    node.epochs.reload()  # what could not be built from the old rows is on its way from the new
    node.jobs.look()


async def _again(node: Node, job: Job) -> Job:
    return await node.jobs.submit(
        NewJob(
            kind=job.kind, about=job.about, ask=job.ask, owner=job.owner, total=job.progress.total
        )
    )


SNAPSHOT = JobKind(name=KIND, run=_run, lane=Lane.SCAN, ended=_ended, again=_again)
