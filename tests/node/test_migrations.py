"""State of an earlier release: it opens under the present schema, and an audit of it is clean."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, delete, inspect, select, text
from tests.evidence.test_export import Memory

from unseen.evidence import trust
from unseen.evidence.audit import Policy, check_export
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    CONTRACTS,
    DOCUMENTS,
    FRAME,
    PARTIES,
    ContractRecord,
    Export,
    Frame,
    checkpoint_line,
    contract_line,
    document_line,
    entry_line,
    frame_bytes,
    leaves_file,
)
from unseen.evidence.canonical import encode
from unseen.evidence.log import decode_leaf
from unseen.evidence.suite import INTL
from unseen.evidence.trust import Trust
from unseen.node.contracts.register import Contracts
from unseen.node.store.engine import _MIGRATIONS, VERSION, open_engine
from unseen.node.store.schema import checkpoint, documents, leaves
from unseen.protocols.tlog import leaf_hash

OLD = Path(__file__).parents[1] / "vectors/state"
VERSIONS = (_MIGRATIONS / "versions").glob("v*.py")
TRUST = trust.parse((OLD / "schema_0001_parties.json").read_bytes())


def restore(path: Path, *changes: str) -> Engine:
    """Return the state that a node of schema 0001 left, changed by SQL, then opened."""
    with sqlite3.connect(path) as connection:
        connection.executescript((OLD / "schema_0001.sql").read_text())
        for change in changes:
            connection.execute(change)
    connection.close()
    return open_engine(path)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return restore(tmp_path / "state.db")


def export(engine: Engine) -> Memory:
    """Return the export of a state, as `audit export` has it from the node's answers."""
    with engine.connect() as connection:
        bodies = connection.execute(select(leaves.c.body).order_by(leaves.c.leaf_index))
        log = list(bodies.scalars())
        found = connection.execute(select(documents).order_by(documents.c.leaf_index)).all()
        size, note = connection.execute(select(checkpoint.c.size, checkpoint.c.note)).one()
    told = Trust.of(TRUST.parties.values(), TRUST.logs.items())
    proposed = {
        decoded["contract"]: index
        for index, body in enumerate(log)
        if (decoded := decode_leaf(body))["type"] == "contract.proposed"
    }
    contracts = sorted(Contracts(engine).all(), key=lambda each: proposed[each.id])
    (origin,) = TRUST.logs
    records = [
        ContractRecord(proposed[c.id], c.terms, c.plan, c.leakage, dict(c.approvals))
        for c in contracts
    ]
    frame = Frame(INTL.id, origin, size, (size,), len(records), len(found))
    files = {
        FRAME: [frame_bytes(frame)],
        PARTIES: [encode(told.to_json()) + b"\n"],
        CHECKPOINTS: [checkpoint_line(size, note)],
        CONTRACTS: map(contract_line, records),
        DOCUMENTS: (
            document_line(INTL, row.leaf_index, row.type, row.body.decode()) for row in found
        ),
        leaves_file(0): (
            entry_line(index, leaf_hash(body, INTL.hash), body) for index, body in enumerate(log)
        ),
    }
    return Memory({name: b"".join(lines) for name, lines in files.items()})


def rules(engine: Engine) -> set[tuple[int, str]]:
    report = check_export(Export(export(engine)), TRUST, Policy())
    return {(each.index, each.rule) for each in report.findings}


def test_an_upgraded_state_is_audited_clean(engine: Engine) -> None:
    report = check_export(Export(export(engine)), TRUST, Policy())
    assert report.findings == ()
    assert report.ok
    assert report.documents == {"instance": 2, "manifest": 2}
    with engine.connect() as connection:
        found = connection.execute(
            select(documents.c.leaf_index, documents.c.type).order_by(documents.c.leaf_index)
        ).all()
    assert [tuple(row) for row in found] == [
        (6, "instance"),
        (13, "manifest"),
        (18, "manifest"),
        (21, "instance"),
    ]


def test_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    first = export(restore(tmp_path / "state.db"))
    assert export(open_engine(tmp_path / "state.db")) == first


@pytest.mark.parametrize("version", sorted(each.name[1:5] for each in VERSIONS))
def test_a_state_of_any_earlier_schema_is_brought_up_to_the_present_one(
    tmp_path: Path, version: str
) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    old, path = create_engine(f"sqlite:///{tmp_path}/old.db"), tmp_path / "old.db"
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    old.dispose()
    found, fresh = (open_engine(each) for each in (path, tmp_path / "fresh.db"))
    for engine in (found, fresh):
        with engine.connect() as connection:
            at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        assert at == VERSION
    tables = [inspect(engine) for engine in (found, fresh)]
    assert tables[0].get_table_names() == tables[1].get_table_names()
    for name in tables[0].get_table_names():
        columns = [{column["name"] for column in one.get_columns(name)} for one in tables]
        assert columns[0] == columns[1], name
    for engine in (found, fresh):
        engine.dispose()


@pytest.mark.parametrize("index", [6, 13])
def test_what_was_never_stored_is_missed(engine: Engine, index: int) -> None:
    with engine.begin() as connection:
        connection.execute(delete(documents).where(documents.c.leaf_index == index))
    assert (index, "document.missing") in rules(engine)


def test_a_certification_that_its_party_did_not_sign_is_none(tmp_path: Path) -> None:
    swapped = (
        "UPDATE instances SET certification = (SELECT certification FROM instances"
        " WHERE party = 'rival') WHERE party = 'lender'"
    )
    assert (6, "document.missing") in rules(restore(tmp_path / "state.db", swapped))
