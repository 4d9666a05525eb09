"""Opening rows on the operator's machine, for an auditor who sits there: values and salts.

No call of the wire leads here. It takes the vault's key, reads the state beside a serving node,
and writes nothing to it; an audit by the node itself (`audit.py`) is what goes on record.
"""

import tempfile
from pathlib import Path

from unseen.evidence.canonical import b64decode
from unseen.evidence.registry.snapshot import RowsOpening, draw
from unseen.evidence.suite import INTL
from unseen.node.catalog.catalogue import Catalogue
from unseen.node.config import load_settings
from unseen.node.data.source import changed
from unseen.node.hardening import harden
from unseen.node.setup import open_keys, state_path
from unseen.node.store.engine import open_engine


def open_rows(
    home: Path, name: str, count: int, seed: str, passphrase: bytes | None = None
) -> RowsOpening:
    """Return drawn rows of the table's present snapshot, in the clear, with their proofs.

    Raises:
        TableNotFoundError: there is no such table.
        TableChangedError: the rows are not the registered ones.
        InputInvalidError: seed or count are out of range.
        KeyLockedError: the vault does not open.

    """
    from unseen.node.data import opening  # noqa: PLC0415 - DuckDB; a node that serves reads nothing

    harden()
    settings = load_settings(home)
    keys = open_keys(home, settings, passphrase)
    engine = open_engine(state_path(home))
    try:
        table = Catalogue(engine).table(name)
    finally:
        engine.dispose()
    snapshot = table.snapshot
    commitment = b64decode(snapshot.commitment)
    columns = tuple(column.name for column in table.columns)
    chosen = draw(commitment, seed, snapshot.rows, count)
    (home / "spool").mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home / "spool") as spill:
        asked = opening.Asked(
            table.where, columns, snapshot.rows, chosen, settings.memory_mb, Path(spill)
        )
        found = opening.open_rows(asked, keys.vault.open(f"snapshot/{name}", snapshot.sealed_salt))
    if (found.rows, found.root) != (snapshot.rows, commitment):
        raise changed()
    return RowsOpening(
        suite=INTL.id,
        table=name,
        version=snapshot.version,
        snapshot=commitment,
        rows=snapshot.rows,
        columns=columns,
        seed=seed,
        opened=found.opened,
    )
