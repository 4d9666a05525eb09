"""Handing a node over: contracts ended, log and quota passed on, keys and tables destroyed.

Four steps, each durable before the next. A handover that was interrupted is finished by the same
command: what is done already is not done again.

    1  contracts revoked, epoch keys and replies gone
    2  lookup tables, what is half-made and, if asked for, source files deleted; the folder's files
       written
    3  whatever is sealed overwritten; handover and deletion certificate signed and in the log:
       one transaction
    4  the export written under the last head; then the node's own keys deleted

The log's last two leaves name the two documents. Nobody can prove a deletion: it is attested.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData, delete, func, insert, select, update

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64decode, format_time
from unseen.evidence.contracts.plan import columns_to_json
from unseen.evidence.contracts.states import TRANSITIONS, Event, State
from unseen.evidence.log import decode_leaf
from unseen.evidence.registry.handover import (
    CAUSE,
    Deletion,
    File,
    Handover,
    Item,
    Unused,
    sign_deletion,
    sign_handover,
    unused_quota,
)
from unseen.evidence.suite import Signer, signer_id
from unseen.node.audit.log import stored_leaves
from unseen.node.catalog.catalogue import Catalogue, Table
from unseen.node.config import TABLES
from unseen.node.contracts.epochs import CloseEpochs
from unseen.node.contracts.register import Contracts, Step
from unseen.node.errors import FieldInvalidError, RightMissingError
from unseen.node.handover.export import write_export, write_lines
from unseen.node.handover.state import MARKER, OUT, Stopped, handed_over, stopped
from unseen.node.registration.bundles import bundle_of
from unseen.node.runs.kinds import RUN_KINDS
from unseen.node.store.documents import documents_of, find_document, put_document
from unseen.node.store.schema import builds_past, charges, epochs, products, snapshots
from unseen.node.store.schema_consent import consents
from unseen.node.store.schema_jobs import results
from unseen.node.store.schema_registry import certificates, handovers
from unseen.protocols.tlog.checkpoint import parse_body
from unseen.protocols.tlog.note import SignedNote

LOG, QUOTA, CATALOGUE = "log", "quota.jsonl", "catalogue.jsonl"
CERTIFICATES = "certificates.jsonl"
HANDOVER, DELETION = "handover.jws", "deletion.jws"
# What the vault has sealed beside the columns that are called so.
_SEALED_TOO = {"objections": ("opened_words", "answered_words"), "charges": ("opening",)}


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A finished handover: its documents, and how much quota buyers had left under how many."""

    handover: Handover
    deletion: Deletion
    contracts: int
    units: int


def hand_over(
    home: Path,
    folder: Path,
    *,
    successor: str,
    signer: Signer,
    delete_sources: bool = False,
    passphrase: bytes | None = None,
) -> HandedOver:
    """Hand the node in `home` over to the operator whose key is called `successor`.

    Raises:
        RightMissingError: `signer` is not the node's operator.
        HandedOverError: it was handed over before.
        HandoverInvalidError: the successor is no key, or this very operator or node.
        StateLockedError: the node serves.

    """
    with stopped(home, passphrase) as state:
        if signer_id(signer) != state.operator.key_id:
            raise RightMissingError(
                "only the node's operator hands it over",
                clause="operator",
                remedy="run it in the node's home, with the operator's keys in operator/",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(folder)
        if not handed_over(state.engine):
            _leave(state, folder, successor, signer, delete_sources=delete_sources)
        return _finish(state, folder)


def _leave(
    state: Stopped, folder: Path, successor: str, signer: Signer, *, delete_sources: bool
) -> None:
    _handover(state, successor, ())  # a successor that cannot be is refused before anything is done
    catalogue = Catalogue(state.engine)
    items = [*_end_contracts(state, catalogue), *_delete_tables(state, catalogue)]
    items += [_source(table, delete=delete_sources) for table in catalogue.tables()]
    files = _write_files(state, folder, catalogue)
    token = sign_handover(signer, _handover(state, successor, files))
    with state.changing() as transaction:
        items += _sealed(transaction.connection, catalogue)
        items += _node_keys(state)
        fields: dict[str, Json] = {"successor": successor}
        identifier = put_document(
            transaction, state.suite, "handover", token.encode(), "node.handover", fields
        )
        deletion = Deletion(
            suite=state.suite.id,
            operator=signer_id(signer),
            node=state.key_id,
            handover=b64decode(identifier),
            items=tuple(items),
            time=transaction.now,
        )
        body, fields = sign_deletion(signer, deletion).encode(), {"handover": identifier}
        put_document(transaction, state.suite, "deletion", body, "deletion.attested", fields)
        row = {"document": identifier, "direction": OUT, "at": format_time(transaction.now)}
        transaction.connection.execute(insert(handovers), [row])


def _finish(state: Stopped, folder: Path) -> HandedOver:
    """Write what the log now says, and delete the keys that could say anything else."""
    with state.engine.connect() as connection:
        token = find_document(connection, handed_over(state.engine)) or b""
        (_, deletion) = documents_of(connection, "deletion")[-1]
    _write_files(state, folder, Catalogue(state.engine))
    write_export(state, folder / LOG)
    write_lines(folder / CERTIFICATES, _bundles(state))
    write_lines(folder / HANDOVER, [token + b"\n"])
    quota = list(_quota(state))
    with state.engine.connect() as connection:  # what was overwritten leaves the journal as well
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    for _, path in _key_files(state):
        path.unlink(missing_ok=True)
    write_lines(folder / DELETION, [deletion + b"\n"])
    write_lines(state.home / MARKER, [token + b"\n"])
    return HandedOver(
        Handover.from_json(jws.peek(token.decode()).payload),
        Deletion.from_json(jws.peek(deletion.decode()).payload),
        len(quota),
        sum(line.left for line in quota),
    )


def _handover(state: Stopped, successor: str, files: tuple[File, ...]) -> Handover:
    head = state.log.head()
    return Handover(
        suite=state.suite.id,
        operator=state.operator.key_id,
        node=state.key_id,
        successor=successor,
        log=state.log.origin,
        size=head.size,
        root=parse_body(SignedNote.parse(head.note).body).root,
        files=files,
        time=state.clock.now(),
    )


def _check_folder(folder: Path) -> None:
    known = {LOG, QUOTA, CATALOGUE, CERTIFICATES, HANDOVER, DELETION}
    if {path.name for path in folder.iterdir()} - known:
        raise FieldInvalidError(
            "the folder for the handover holds something else",
            clause="handover.folder",
            remedy="name a new folder",
        )


def _end_contracts(state: Stopped, catalogue: Catalogue) -> Iterator[Item]:
    """Revoke what is in force, with all keys and replies; yield what that destroyed."""
    tables = {contract.id: contract.terms.table for contract in Contracts(state.engine).all()}
    with state.changing() as transaction:
        connection, by = transaction.connection, state.operator.name
        for contract in Contracts(state.engine).all():
            in_force = contract.state is not State.EXHAUSTED
            if in_force and (contract.state, Event.REVOKE) in TRANSITIONS:
                Step(contract.id, Event.REVOKE, by, CAUSE).apply(transaction)
            CloseEpochs(state.suite, contract.id).apply(transaction)
        connection.execute(update(charges).values(reply=None, opening=None))
        # All there ever were, now gone: the same number if this is done a second time.
        keys = Counter(tables[each] for each in connection.scalars(select(epochs.c.contract)))
        replies = connection.scalar(select(func.count()).select_from(charges)) or 0
    for table in catalogue.tables():
        yield Item("epoch-key", table.name, keys[table.name], True)
    yield Item("reply", "all contracts", replies, True)


def _delete_tables(state: Stopped, catalogue: Catalogue) -> Iterator[Item]:
    """Delete the encrypted tables; yield how many were ever built of each table.

    With them goes what a build or an import that was killed has left half-made, and what is kept of
    runs.
    """
    settings, home = state.settings, state.home
    for folder in {home / TABLES, settings.matrices_path(home)}:
        for path in folder.glob("*"):  # tables and hints, and matrices of hidden ones
            path.unlink()
    runs = [home / kind.folder for kind in RUN_KINDS]
    for folder in (settings.spool_path(home), *runs):
        if folder.exists():
            shutil.rmtree(folder)
    tables = {c.id: c.terms.table for c in Contracts(state.engine).all()}
    with state.engine.connect() as connection:
        built = connection.scalars(select(epochs.c.contract).where(epochs.c.leaf_index >= 0))
        counts = Counter(tables[contract] for contract in built)
        counts.update(tables[each] for each in connection.scalars(select(builds_past.c.contract)))
    for table in catalogue.tables():
        yield Item("lookup-table", table.name, counts[table.name], True)


def _source(table: Table, *, delete: bool) -> Item:
    """Delete the operator's own file, if it asked for that; one with other tables stays."""
    where = table.where
    gone = delete and where.format != "duckdb"
    if gone:
        where.path.unlink(missing_ok=True)
    return Item("source", table.name, table.snapshot.rows, gone)


def _sealed(connection: Connection, catalogue: Catalogue) -> Iterator[Item]:
    """Overwrite whatever the vault has sealed, in every table there is; yield what that was."""
    salts = Counter(connection.scalars(select(snapshots.c.table_name)))
    for table in catalogue.tables():
        yield Item("salt", table.name, salts[table.name], True)
    for what, kept in (("consent", consents), ("result", results)):
        count = connection.scalar(select(func.count()).select_from(kept)) or 0
        yield Item(what, "all", count, True)
    connection.execute(delete(results))
    stored = MetaData()
    stored.reflect(connection)
    for each in stored.tables.values():
        also = _SEALED_TOO.get(each.name, ())
        sealed = [c for c in each.columns if c.name.startswith("sealed_") or c.name in also]
        if sealed:
            empty = {column.name: None if column.nullable else b"" for column in sealed}
            connection.execute(update(each).values(empty))


def _node_keys(state: Stopped) -> Iterator[Item]:
    for name, path in _key_files(state):
        yield Item("node-key", name, 1, True)
        del path
    if not state.settings.key_path(state.home).is_relative_to(state.home):
        yield Item("node-key", "vault", 1, False)  # on another medium: the operator's to destroy


def _key_files(state: Stopped) -> Iterator[tuple[str, Path]]:
    folder = state.home / "keys"
    for name in ("evidence", "log", "authority"):
        yield name, folder / f"{name}.key"
    vault = state.settings.key_path(state.home)
    if vault.is_relative_to(state.home) and vault.exists():
        yield "vault", vault


def _write_files(state: Stopped, folder: Path, catalogue: Catalogue) -> tuple[File, ...]:
    """Write quota and catalogue, the same bytes as often as it is asked; return their hashes."""
    lines = {
        QUOTA: [line.to_json() for line in _quota(state)],
        CATALOGUE: list(_catalogue(state, catalogue)),
    }
    found = []
    for name, values in lines.items():
        data = [canonical.encode(value) + b"\n" for value in values]
        write_lines(folder / name, data)
        found.append(File(name, state.suite.digest(b"".join(data))))
    return tuple(found)


def _bundles(state: Stopped) -> Iterator[bytes]:
    """Yield the line of every certificate, also of those that a predecessor issued."""
    head = state.log.head()
    with state.engine.connect() as connection:
        found = connection.scalars(select(certificates.c.id).order_by(certificates.c.id)).all()
    for identifier in found:
        bundle = bundle_of(state.engine, state.log, identifier, head)
        yield canonical.encode(bundle) + b"\n"


def _quota(state: Stopped) -> tuple[Unused, ...]:
    terms = {contract.id: contract.terms for contract in Contracts(state.engine).all()}
    with state.engine.connect() as connection:
        return unused_quota(terms, map(decode_leaf, stored_leaves(connection)))


def _catalogue(state: Stopped, catalogue: Catalogue) -> Iterator[dict[str, Json]]:
    """Yield tables, without where they are, and products, with their expressions."""
    for table in catalogue.tables():
        columns: list[Json] = [
            {
                "name": column.name,
                "type": column.type,
                "category": column.label.category,
                "level": column.label.level,
            }
            for column in table.columns
        ]
        yield {
            "type": "table",
            "name": table.name,
            "subject": columns_to_json(table.subject),
            "columns": columns,
            "rows": table.snapshot.rows,
            "snapshot": table.snapshot.commitment,
        }
    with state.engine.connect() as connection:
        for row in connection.execute(select(products).order_by(products.c.name)):
            yield {"type": "product", "definition": canonical.decode(row.definition.encode())}
