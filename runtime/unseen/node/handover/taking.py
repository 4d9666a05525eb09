"""Taking a node over: its folder checked against the successor's own trust, then imported.

Imported are the certificates, with the bundles that prove them, the quota that buyers had left, and
what privacy was spent on which table; the predecessor's log is kept as an archive, and its last
head stands in the successor's log. Keys, tables and contracts do not pass: buyers ask the successor
for contracts of their own.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from unseen.evidence import canonical, jws
from unseen.evidence.audit import check_export
from unseen.evidence.audit.export import MAX_LINE_BYTES, Export
from unseen.evidence.audit.privacy import TableSpent
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import HandoverInvalidError
from unseen.evidence.registry.handover import (
    Handover,
    Unused,
    unused_quota,
    verify_deletion,
    verify_handover,
)
from unseen.evidence.registry.registration import verify_bundle
from unseen.evidence.suite import suite_of
from unseen.evidence.trust import Trust
from unseen.node.errors import FieldInvalidError
from unseen.node.handover.leaving import CERTIFICATES, DELETION, HANDOVER, LOG, QUOTA
from unseen.node.handover.state import IN, Stopped, stopped
from unseen.node.privacy.changes import inherit_spent
from unseen.node.store.documents import put_document
from unseen.node.store.schema_registry import certificates, handovers, inherited
from unseen.node.store.writer import Transaction
from unseen.protocols.tlog.tree import Frontier

ARCHIVE = "archive"
_REMEDY = "take nothing over; ask the predecessor for the original folder"
_UNKNOWN = "compare the keys that are missing with their parties, and list them in the trust file"


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What was taken over: the handover, leaves of the archived log, certificates, quota."""

    handover: Handover
    leaves: int
    releases: int
    certificates: int
    quota: tuple[Unused, ...]
    archive: Path


@dataclass(frozen=True, slots=True)
class _Checked:
    """A folder that holds: its documents and what follows from its log."""

    token: str
    id: bytes
    handover: Handover
    checkpoint: str
    releases: int
    quota: tuple[Unused, ...]
    spent: tuple[TableSpent, ...]
    bundles: tuple[dict[str, Any], ...]


def take_over(home: Path, folder: Path, trust: Trust, passphrase: bytes | None = None) -> TakenOver:
    """Import what `folder` hands over into the node in `home`, which must not serve meanwhile.

    `trust` lists the predecessor's operator, node and log, and the parties of its log.

    Raises:
        HandoverInvalidError: the folder is not for this operator, incomplete, or does not hold.
        TrustMissingError: `trust` does not list the predecessor.
        FieldInvalidError: it was taken over before.

    """
    with stopped(home, passphrase) as state:
        found = _check(folder, trust, state)
        archive = _keep(state, folder, found)
        with state.changing() as transaction:
            _import(transaction, state, found)
    return TakenOver(
        handover=found.handover,
        leaves=Export(Folder(archive / LOG)).frame.size,
        releases=found.releases,
        certificates=len(found.bundles),
        quota=found.quota,
        archive=archive,
    )


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of an export in the folder `root`."""

    root: Path

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return (self.root / name).is_file()

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file with their ends; what is too long comes in pieces."""
        with (self.root / name).open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                yield line


def _check(folder: Path, trust: Trust, state: Stopped) -> _Checked:
    token = _token(folder / HANDOVER)
    operator = trust.party(jws.peek(token).kid, "operator")
    suite = suite_of(operator.suite)
    handover = verify_handover(token, suite, operator.key)
    if handover.successor != state.operator.key_id:
        raise _invalid("successor", "it is for another operator than this node's")
    deletion = verify_deletion(_token(folder / DELETION), suite, operator.key)
    if deletion.handover != jws.token_id(suite, token):
        raise _invalid("deletion", "the deletion certificate is of another handover")
    for file in handover.files:
        if suite.digest(_read(folder / file.name)) != file.digest:
            raise _invalid("files", f"{file.name} is not what was signed")
    export = Export(Folder(folder / LOG))
    report = check_export(export, trust)
    if not report.ok:
        first = report.findings[0]
        what = f"{report.found} findings, the first at leaf {first.index}: {first.what}"
        unknown = any(finding.rule == "trust.missing" for finding in report.findings)
        raise HandoverInvalidError(
            f"handover: the predecessor's log does not hold: {what}",
            clause="log",
            remedy=f"{_UNKNOWN if unknown else _REMEDY}; see all of them: "
            f"unseen audit check {folder / LOG} --trust FILE",
        )
    _check_place(export, handover, jws.token_id(suite, token))
    quota = _quota(export, _read(folder / QUOTA))
    bundles = tuple(_bundles(export, folder / CERTIFICATES, trust))
    checkpoint = list(export.checkpoints())[-1][1]
    identifier = jws.token_id(suite, token)
    releases, spent = report.releases, report.privacy
    return _Checked(token, identifier, handover, checkpoint, releases, quota, spent, bundles)


def _check_place(export: Export, handover: Handover, identifier: bytes) -> None:
    """Hold the log that goes along against the one that was signed for."""
    if export.frame.origin != handover.log:
        raise _invalid("log", "it is another log than the handover names")
    tree = Frontier(export.suite.hash)
    for entry in export.entries():
        if tree.size == handover.size:
            break
        tree.append(canonical.b64decode(entry.hash.decode()))
    if (tree.size, tree.root()) != (handover.size, handover.root):
        raise _invalid("log", "it does not begin as the log that was signed for")
    if export.document(identifier).index < handover.size:
        raise _invalid("log", "it names the handover before it was signed")


def _quota(export: Export, written: bytes) -> tuple[Unused, ...]:
    """Return the quota that follows from the log, which the folder has to say in the same bytes."""
    terms = {b64encode(record.id): record.terms for record in export.contracts()}
    quota = unused_quota(terms, (leaf for _, leaf in export.leaves()))
    computed = b"".join(canonical.encode(line.to_json()) + b"\n" for line in quota)
    if computed != written:
        raise _invalid("quota", "it is not what the log leaves to the buyers")
    return quota


def _bundles(export: Export, path: Path, trust: Trust) -> Iterator[dict[str, Any]]:
    """Yield the bundle of every certificate, each verified; none of the log's may be missing."""
    missing = {document.id for document in export.documents("certificate")}
    for line in _read(path).splitlines():
        bundle: Any = canonical.decode(line)
        missing.discard(verify_bundle(bundle, trust).id)
        yield bundle
    if missing:
        raise _invalid("certificates", f"{len(missing)} of those in the log are missing")


def _keep(state: Stopped, folder: Path, found: _Checked) -> Path:
    """Copy the folder into the archive, whole or not at all."""
    name = b64encode(found.id)
    with state.engine.connect() as connection:
        known = connection.execute(
            select(handovers.c.document).where(handovers.c.document == name)
        ).first()
    if known is not None:
        raise FieldInvalidError(
            "this node has taken it over before",
            clause="handover",
            remedy="see what came with it: unseen node inherited",
        )
    # Nodes may have one name, and with it one log's: each handover has a folder of its own.
    target = state.home / ARCHIVE / f"{found.handover.log.replace('/', '_')}-{name}"
    part = target.with_name(f".{target.name}.part")
    for path in (part, target):  # left by an attempt that was cut off
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(folder, part)
    part.replace(target)
    return target


def _import(transaction: Transaction, state: Stopped, found: _Checked) -> None:
    handover, connection = found.handover, transaction.connection
    fields: dict[str, Json] = {"origin": handover.log, "checkpoint": found.checkpoint}
    body, event = found.token.encode(), "node.takeover"
    identifier = put_document(transaction, state.suite, "handover", body, event, fields)
    row = {"document": identifier, "direction": IN, "at": format_time(transaction.now)}
    connection.execute(insert(handovers), [row])
    rows = [_row(bundle) for bundle in found.bundles]
    if rows:
        connection.execute(insert(certificates), rows)
    lines = [
        {
            "contract": line.contract,
            "origin": handover.log,
            "buyer": line.buyer,
            "product": line.product,
            "kind": line.kind,
            "units": line.units,
            "used": line.used,
            "successor": "",
        }
        for line in found.quota
    ]
    if lines:
        connection.execute(insert(inherited), lines)
    for ledger in found.spent:
        if ledger.spent:
            inherit_spent(transaction, state.suite, handover.log, ledger.table, ledger.spent)


def _row(bundle: dict[str, Any]) -> dict[str, Any]:
    tokens = [entry["token"] for entry in bundle["entries"]]
    suite = suite_of(bundle["suite"])
    body: Any = jws.peek(tokens[0]).payload
    newest: Any = jws.peek(tokens[-1]).payload
    return {
        "id": b64encode(jws.token_id(suite, tokens[0])),
        "object": body["object"],
        "name": body["name"],
        "token": tokens[0],
        "holder": canonical.b64decode(newest["holder"]),
        "newest": b64encode(jws.token_id(suite, tokens[-1])),
        "leaf_index": -1,
        "imported": canonical.encode(bundle).decode(),
    }


def _token(path: Path) -> str:
    try:
        return _read(path).decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise _invalid(path.name, "it is no signed token") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise _invalid(path.name, "the file is missing or cannot be read") from None


def _invalid(clause: str, why: str) -> HandoverInvalidError:
    return HandoverInvalidError(f"handover: {why}", clause=clause, remedy=_REMEDY)
