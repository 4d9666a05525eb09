"""Auditing a table against its certificate, inside the domain.

Over the wire goes what shows that drawn rows stand under the registered commitment, and nothing
of the rows. `local.py` opens the same rows for an auditor's eyes on the operator's machine.
"""

import secrets
import shutil
from dataclasses import dataclass

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.log import event_leaf
from unseen.evidence.registry.snapshot import RowProof, draw
from unseen.evidence.suite import Suite
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.registration.proofs import unpack_found
from unseen.node.store.writer import Change, Transaction


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit found, and at which index it is logged.

    `matches` says whether the rows are the registered ones.
    """

    table: Table
    seed: str
    rows: int
    root: bytes
    proofs: tuple[RowProof, ...]
    matches: bool
    leaf: int


async def audit_table(node: Node, name: str, count: int, seed: str, by: str) -> Audited:
    """Recompute a table's commitment from its present rows, with proofs of `count` drawn ones.

    Raises:
        TableNotFoundError: there is no such table.
        InputInvalidError: seed or count are out of range.
        TableError: the file is missing, unreadable, or has other columns.

    """
    table = node.catalogue.table(name)
    snapshot = table.snapshot
    commitment = b64decode(snapshot.commitment)
    chosen = draw(commitment, seed, snapshot.rows, count)
    spool = node.spool_path(secrets.token_hex(8))
    async with node.audits:
        spool.mkdir(parents=True)
        try:
            ask: dict[str, Json] = {
                "source": table.source,
                "columns": [column.name for column in table.columns],
                "rows": snapshot.rows,
                "chosen": list(chosen),
                "memory_mb": node.settings.memory_mb,
                "spool": str(spool),
            }
            salt = node.vault.open(f"snapshot/{name}", snapshot.sealed_salt)
            parts = await node.executor.run_bulk("open_rows", [canonical.encode(ask), salt])
        finally:
            shutil.rmtree(spool, ignore_errors=True)
    rows, root, proofs = unpack_found(parts)
    matches = (rows, root) == (snapshot.rows, commitment)
    fields: dict[str, Json] = {
        "table": name,
        "version": snapshot.version,
        "snapshot": snapshot.commitment,
        "seed": seed,
        "rows": count,
        "matches": matches,
        "by": by,
    }
    leaf = await node.writer.submit(Note(node.suite, "table.audited", fields))
    return Audited(table, seed, rows, root, proofs, matches, leaf)


@dataclass(frozen=True, slots=True)
class Note(Change[int]):
    """Put one leaf into the log and return its index: what an auditor had done is on record."""

    suite: Suite
    event: str
    fields: dict[str, Json]

    def apply(self, transaction: Transaction) -> int:
        """Write the leaf."""
        leaf = event_leaf(self.suite, self.event, transaction.now, self.fields)
        return transaction.append(leaf)
