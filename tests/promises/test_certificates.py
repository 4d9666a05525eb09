"""Registration certificates: issued, shown offline, handed on; swapped tables are found out."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from tests.promises.stage import Stage, serving, wait_until, write_table

from unseen.cli.commands.node import open_rows
from unseen.cli.commands.table import check
from unseen.cli.output import Format
from unseen.client import Client
from unseen.client.errors import RefusedError
from unseen.evidence import canonical, trust
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import (
    EvidenceError,
    RegistrationInvalidError,
    SnapshotMismatchError,
    TrustMissingError,
)
from unseen.evidence.registry.registration import verify_bundle

Copy = Callable[[], Stage]


@pytest.fixture(scope="module")
def shared(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return one serving stage with a table of its own, as often as the tests of this file ask."""
    with serving(template.copy(tmp_path_factory.mktemp("certificates") / "stage")) as stage:
        yield stage


def test_everything_that_is_registered_has_a_certificate(shared: Stage) -> None:
    contract = shared.contract("clear")
    cards = {(c.certificate.object, c.certificate.name): c for c in shared.operator.certificates()}
    assert {("table", "people"), ("product", "hidden"), ("product", "clear")} <= cards.keys()
    table = shared.operator.tables()[0]
    people = cards["table", "people"].certificate
    assert people.rows is not None
    assert (b64encode(people.digest), people.rows.count) == (table.snapshot, table.rows)
    product = next(p for p in shared.operator.products() if p.name == "clear")
    assert b64encode(cards["product", "clear"].certificate.digest) == product.digest
    own = cards["contract", contract]
    assert b64encode(own.certificate.digest) == contract
    assert own.holder == shared.lender.profile.key
    for card in cards.values():
        found = verify_bundle(
            canonical.decode(shared.operator.export_certificate(card.id)),
            trust.parse(shared.operator.home.trust.read_bytes()),
        )
        assert found.certificate == card.certificate
    leaf = next(leaf for leaf in shared.operator.leaves() if leaf.fields.get("document") == own.id)
    assert leaf.type == "certificate.issued"


def test_a_buyer_sees_products_and_its_own(shared: Stage) -> None:
    mine, others = shared.contract("clear"), shared.contract("clear", buyer="rival")
    seen = {(c.certificate.object, c.certificate.name) for c in shared.lender.certificates()}
    assert ("product", "clear") in seen
    assert ("contract", mine) in seen
    assert ("contract", others) not in seen
    assert ("table", "people") not in seen
    hidden = next(
        c.id for c in shared.operator.certificates() if c.certificate.name in (others, "people")
    )
    with pytest.raises(RefusedError) as caught:
        shared.lender.certificate(hidden)
    assert caught.value.reason == "REGISTRATION_NOT_FOUND"
    assert len(shared.lender.certificates("product")) == 2


def test_a_certificate_is_handed_on_by_its_holder_alone(shared: Stage) -> None:
    contract = shared.contract("clear")
    (card,) = (c for c in shared.lender.certificates() if c.certificate.name == contract)
    rival = shared.rival.profile
    with pytest.raises(RegistrationInvalidError, match="present holder"):
        shared.operator.transfer_certificate(card.id, b64encode(rival.key))
    after = shared.lender.transfer_certificate(card.id, b64encode(rival.key))
    assert after.holder == rival.key
    again = shared.rival.certificate(card.id)  # the holder sees it, whoever's contract it is
    assert again.holder_name.startswith("this party")
    with pytest.raises(RegistrationInvalidError, match="present holder"):
        shared.lender.transfer_certificate(card.id, b64encode(shared.operator.profile.key))
    back = shared.rival.transfer_certificate(card.id, "operator")
    assert back.holder == shared.operator.profile.key
    data = json.loads(shared.operator.export_certificate(card.id))
    assert len(data["entries"]) == 3
    trusted = trust.parse(shared.operator.home.trust.read_bytes())
    found = verify_bundle(data, trusted)
    assert found.holders == (shared.lender.profile.key, rival.key, shared.operator.profile.key)
    kinds = [leaf.type for leaf in shared.operator.leaves()]
    assert kinds.count("certificate.transferred") == 2
    with pytest.raises(TrustMissingError):
        verify_bundle(data, trust.Trust.of([], []))
    data["entries"][2]["leaf"]["holder"] = "A" * 43
    with pytest.raises(EvidenceError):
        verify_bundle(data, trusted)


def test_an_audit_draws_rows_and_shows_none(shared: Stage, tmp_path: Path) -> None:
    found = shared.operator.audit_table("people", rows=9, seed="2026-11-22 lot 7")
    assert len(found.drawn) == 9
    assert found.rows == len(shared.people)
    leaf = next(iter(shared.operator.leaves(found.leaf, 1)))
    assert (leaf.type, leaf.fields["matches"], leaf.fields["seed"]) == (
        "table.audited",
        True,
        "2026-11-22 lot 7",
    )
    with pytest.raises(RefusedError, match="can be drawn"):
        shared.operator.audit_table("people", rows=len(shared.people) + 1, seed="x")
    with pytest.raises(RefusedError) as caught:
        shared.lender.audit_table("people", rows=1, seed="x")
    assert caught.value.reason == "RIGHT_MISSING"
    # The same rows, in the clear, on the operator's machine and nowhere else:
    rows, certificate = tmp_path / "rows.json", tmp_path / "certificate.json"
    open_rows("people", 9, "2026-11-22 lot 7", rows, shared.home, None, Format.JSON)
    opened = json.loads(rows.read_text())["opened"]
    assert [row["index"] for row in opened] == list(found.drawn)
    by_index = {row["index"]: row["values"] for row in opened}
    assert {by_index[i][0] for i in by_index} <= {person.subject for person in shared.people}
    assert rows.stat().st_mode & 0o077 == 0
    (card,) = shared.operator.certificates("table")
    certificate.write_bytes(shared.operator.export_certificate(card.id))
    check(rows, certificate, shared.operator.home.trust, shared.home, Format.JSON)
    edited = json.loads(rows.read_text())
    edited["opened"][0]["values"][1] = "another"
    rows.write_bytes(canonical.encode(edited))
    with pytest.raises(SnapshotMismatchError):
        check(rows, certificate, shared.operator.home.trust, shared.home, Format.JSON)


def swap(path: Path) -> None:
    """Put other rows in the file's place, with its size and time."""
    before, other = path.stat(), path.with_suffix(".other.parquet")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (CASE WHEN earnings = 12000 THEN 12001 ELSE earnings END"
            f" AS earnings) FROM '{path}') TO '{other}' (FORMAT parquet)"
        )
    data = other.read_bytes()
    other.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_swapped_table_is_found_out(copy: Copy, tmp_path: Path) -> None:
    """The file's size and time stay: the glance that other readers take sees nothing."""
    stage = copy()
    own = tmp_path / "own.parquet"
    shutil.copy(stage.table, own)
    with serving(stage):
        stage.register("own", own)
        assert stage.operator.audit_table("own", rows=5, seed="before").rows == len(stage.people)
        swap(own)
        with pytest.raises(SnapshotMismatchError, match="not the 64 that were"):
            stage.operator.audit_table("own", rows=5, seed="after")
        leaves = [leaf for leaf in stage.operator.leaves() if leaf.type == "table.audited"]
        assert [leaf.fields["matches"] for leaf in leaves] == [True, False]
        write_table(own, stage.people[:-1])  # a row less
        with pytest.raises(SnapshotMismatchError, match="its 63 rows"):
            stage.operator.audit_table("own", rows=5, seed="fewer")
        with duckdb.connect() as connection:
            connection.execute(f"COPY (SELECT 1 AS x) TO '{own}' (FORMAT parquet)")
        with pytest.raises(RefusedError) as caught:
            stage.operator.audit_table("own", rows=5, seed="others")
        assert caught.value.reason == "TABLE_CHANGED"
        own.unlink()
        with pytest.raises(RefusedError) as caught:
            stage.operator.audit_table("own", rows=5, seed="none")
        assert caught.value.reason == "TABLE_UNREADABLE"


def ready(stage: Stage, contract: str) -> None:
    """Wait until the contract's encrypted table is built."""
    wait_until(lambda: "READY" in reason_of(lambda: stage.operator.replay_table(contract)))


def reason_of(call: Callable[[], object]) -> str:
    try:
        call()
    except RefusedError as refused:
        return refused.reason
    return "READY"


def test_a_build_is_replayed_while_its_epoch_answers(shared: Stage) -> None:
    contract = shared.contract("hidden")
    ready(shared, contract)
    found = shared.operator.replay_table(contract)
    assert found.epoch == 1
    leaf = next(iter(shared.operator.leaves(found.leaf, 1)))
    assert (leaf.type, leaf.fields["matches"]) == ("table.replayed", True)
    assert leaf.fields["manifest"] == found.manifest
    assert shared.operator.replay_table(contract).digest == found.digest
    shared.operator.revoke(contract)
    with pytest.raises(RefusedError) as caught:
        shared.operator.replay_table(contract)
    assert caught.value.reason == "SEED_DESTROYED"
    clear = shared.contract("clear")
    with pytest.raises(RefusedError) as caught:
        shared.operator.replay_table(clear)
    assert caught.value.reason == "KIND_REFUSED"


def test_a_replay_needs_the_rows_and_the_questions_that_were_registered(copy: Copy) -> None:
    stage = copy()
    with serving(stage):
        contract = stage.contract("hidden")
        ready(stage, contract)
        stage.stop()
        state = stage.home / "state.db"
        with sqlite3.connect(state) as connection:  # as if the operator had built another table
            connection.execute(
                "UPDATE products SET definition = replace(definition, '40000\"', '50000\"')"
            )
        connection.close()
        stage.start()
        with pytest.raises(SnapshotMismatchError, match="built again"):
            stage.operator.replay_table(contract)
        leaves = [leaf for leaf in stage.operator.leaves() if leaf.type == "table.replayed"]
        assert leaves[-1].fields["matches"] is False


def test_after_a_refresh_only_the_new_epoch_can_be_replayed(copy: Copy) -> None:
    with serving(copy()) as stage:
        contract = stage.contract("hidden")
        ready(stage, contract)
        stage.operator.refresh_table("people")
        wait_until(lambda: reason_of(lambda: stage.operator.replay_table(contract)) == "READY")
        assert stage.operator.replay_table(contract).epoch == 2


def test_an_auditor_audits_and_replays(copy: Copy) -> None:
    with serving(copy()) as stage:
        invitation = stage.operator.invite("auditor", "auditor")
        with Client.join(invitation, stage.party_home("auditor")) as auditor:
            assert auditor.audit_table("people", rows=3, seed="mine").rows == len(stage.people)
            (card,) = auditor.certificates("table")
            data = canonical.decode(auditor.export_certificate(card.id))
            found = verify_bundle(data, trust.parse(auditor.home.trust.read_bytes()))
            assert found.certificate.name == "people"
