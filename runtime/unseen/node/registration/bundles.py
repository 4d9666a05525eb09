"""The bundle that proves a certificate: its chain, and where the log holds each link."""

from typing import Any

from sqlalchemy import Engine, Row, select

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.logged import Headed
from unseen.evidence.registry.registration import Entry, make_bundle
from unseen.node.audit.log import Head, NodeLog
from unseen.node.store.schema_registry import certificates, transfers


def bundle_of(engine: Engine, log: NodeLog, identifier: str, head: Head) -> dict[str, Json]:
    """Return the bundle of a certificate and its transfers under `head` of `log`."""
    with engine.connect() as connection:
        row = connection.execute(select(certificates).where(certificates.c.id == identifier)).one()
        links = connection.execute(
            select(transfers)
            .where(transfers.c.certificate == identifier)
            .order_by(transfers.c.number)
        ).all()
    own = links if row.imported else [row, *links]
    entries = [*_imported(row), *(_entry(engine, log, each, head) for each in own)]
    return make_bundle(log.suite, entries)


def _imported(row: Row[Any]) -> list[Entry]:
    if not row.imported:
        return []
    bundle: Any = canonical.decode(row.imported.encode())
    return [Entry.from_json(entry) for entry in bundle["entries"]]


def _entry(engine: Engine, log: NodeLog, row: Row[Any], head: Head) -> Entry:
    logged = Headed(
        leaf=log.read_leaf(engine, row.leaf_index),
        index=row.leaf_index,
        proof=tuple(log.inclusion_proof(row.leaf_index, head)),
        checkpoint=head.note,
    )
    return Entry(token=row.token, logged=logged)
