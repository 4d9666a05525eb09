"""Handing a node over and taking one over, with nothing that serves: what goes, stays and ends."""

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from tests.node.governed import put_product, put_table
from tests.node.houses import (
    House,
    activate,
    join,
    make_house,
    put_contract,
    put_secrets,
)

from unseen.client.exported import open_export
from unseen.evidence import jws
from unseen.evidence.audit import check_export
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.states import State
from unseen.evidence.errors import EvidenceError, HandoverInvalidError, TrustMissingError
from unseen.evidence.log import decode_leaf
from unseen.evidence.registry.handover import Deletion, Handover, sign_deletion, sign_handover
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.evidence.trust import parse
from unseen.node.audit.log import stored_leaves
from unseen.node.contracts.register import Contract, Contracts
from unseen.node.errors import (
    ContractNotFoundError,
    FieldInvalidError,
    HandedOverError,
    RightMissingError,
    StateLockedError,
)
from unseen.node.handover import leaving, state, taking
from unseen.node.handover.export import parties_of
from unseen.node.handover.inheriting import Inherit, all_inherited
from unseen.node.handover.leaving import DELETION, HANDOVER, QUOTA
from unseen.node.handover.state import Stopped, handed_over, refuse_if_leaving
from unseen.node.handover.taking import take_over
from unseen.node.privacy.changes import SetBudget, inherit_spent
from unseen.node.store.engine import open_engine
from unseen.node.store.schema import charges, epochs, tables
from unseen.node.store.schema_consent import consents
from unseen.node.store.schema_jobs import results
from unseen.node.store.schema_openings import objections
from unseen.node.store.schema_privacy import privacy_answers, privacy_budgets
from unseen.node.store.schema_registry import inherited
from unseen.node.store.writer import Transaction

SUCCESSOR = signer_id(Ed25519Signer(b"\x63" * 32))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[House, House]:
    """Return two nodes of one name, which nobody changes."""
    root = tmp_path_factory.mktemp("houses")
    old, new = make_house(root / "a", "node"), make_house(root / "b", "node")
    with old.open() as found:
        stored = cast("Any", SimpleNamespace(engine=found.engine))
        put_table(stored, "public:1", 100)
        put_product(stored, "lookup")
    return old, new


@pytest.fixture
def old(made: tuple[House, House], tmp_path: Path) -> House:
    return House(Path(shutil.copytree(made[0].home, tmp_path / "old")), made[0].signer)


@pytest.fixture
def new(made: tuple[House, House], tmp_path: Path) -> House:
    return House(Path(shutil.copytree(made[1].home, tmp_path / "new")), made[1].signer)


def rows(home: Path, *columns: Any) -> list[Any]:
    """Return what the state of a home has, whoever may still serve from it."""
    engine = open_engine(home / "state.db")
    with engine.connect() as connection:
        found = connection.execute(select(*columns)).all()
    engine.dispose()
    return list(found)


def leaves(home: Path) -> list[dict[str, Any]]:
    engine = open_engine(home / "state.db")
    with engine.connect() as connection:
        found = [dict(decode_leaf(body)) for body in stored_leaves(connection)]
    engine.dispose()
    return found


class TestLeaving:
    def test_contracts_end_and_the_log_ends_with_both_documents(
        self, old: House, tmp_path: Path
    ) -> None:
        with old.open() as found:
            buyer = join(found, tmp_path, "lender")
            proposed = put_contract(found, old, buyer)
            active = put_contract(found, old, buyer)
            activate(found, active, buyer)
            trust = parties_of(found)
        done = old.leave(tmp_path / "folder", SUCCESSOR)
        assert (done.contracts, done.units) == (1, 10)  # what was never in force has no quota left
        said = leaves(old.home)
        assert [leaf["type"] for leaf in said[-2:]] == ["node.handover", "deletion.attested"]
        revoked = {leaf["contract"]: leaf["cause"] for leaf in said if "revoked" in leaf["type"]}
        assert revoked == dict.fromkeys((proposed.id, active.id), "handover")
        engine = open_engine(old.home / "state.db")
        assert {one.state for one in Contracts(engine).all()} == {State.REVOKED}
        engine.dispose()
        report = check_export(open_export(tmp_path / "folder" / "log"), trust)
        assert report.findings == ()

    def test_whatever_is_sealed_is_overwritten(self, old: House, tmp_path: Path) -> None:
        with old.open() as found:
            buyer = join(found, tmp_path, "lender")
            put_secrets(found, put_contract(found, old, buyer).id)
        old.leave(tmp_path / "folder", SUCCESSOR)
        home = old.home
        assert rows(home, charges.c.reply, charges.c.opening) == [(None, None)]
        assert rows(home, epochs.c.sealed_key, epochs.c.state) == [(b"", "CLOSED")]
        assert rows(home, objections.c.opened_words, objections.c.answered_words) == [(b"", b"")]
        assert rows(home, privacy_answers.c.sealed_reply) == [(b"",)]
        assert rows(home, consents.c.sealed_subject, consents.c.sealed_token) == [(b"", b"")]
        assert rows(home, results) == []
        assert not [path for path in home.rglob("*.db-wal") if b"SEALED" in path.read_bytes()]

    def test_files_of_tables_and_what_is_half_made_are_deleted(
        self, old: House, tmp_path: Path
    ) -> None:
        for name in (
            "tables/x-1.table",
            "tables/x-1.matrix",
            "spool/job/finished",
            "spool/consents-1/documents",
            "intersections/x-1/answer",
        ):
            (old.home / name).parent.mkdir(parents=True, exist_ok=True)
            (old.home / name).write_bytes(b"rows")
        old.leave(tmp_path / "folder", SUCCESSOR)
        assert not list((old.home / "tables").glob("*"))
        assert not (old.home / "intersections").exists()
        assert not (old.home / "spool").exists()
        assert {path.name for path in (old.home / "keys").iterdir()} == {
            "vault.salt",
            "vault.check",
        }

    def test_a_vaults_key_on_another_medium_is_the_operators_to_destroy(
        self, old: House, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "stick.key"
        (old.home / "keys" / "vault.key").rename(elsewhere)
        with (old.home / "node.toml").open("a") as settings:
            settings.write(f'key_file = "{elsewhere}"\n')
        done = old.leave(tmp_path / "folder", SUCCESSOR)
        assert elsewhere.exists()
        found = {item.name: item.deleted for item in done.deletion.items if item.what == "node-key"}
        assert found == {"evidence": True, "log": True, "authority": True, "vault": False}

    @pytest.mark.parametrize(
        ("form", "ask", "gone"),
        [("csv", True, True), ("csv", False, False), ("duckdb", True, False)],
    )
    def test_sources_are_deleted_where_that_is_asked_and_can_be(
        self, old: House, tmp_path: Path, form: str, ask: bool, gone: bool
    ) -> None:
        source = tmp_path / f"people.{form}"
        source.write_text("id\n")
        where = f"duckdb:{source}#people" if form == "duckdb" else str(source)
        with old.open() as found, found.changing() as transaction:
            transaction.connection.execute(update(tables).values(source=where))
        done = old.leave(tmp_path / "folder", SUCCESSOR, delete_sources=ask)
        (item,) = (one for one in done.deletion.items if one.what == "source")
        assert (item.deleted, source.exists()) == (gone, not gone)
        assert item.count == 100

    def test_nothing_is_done_for_a_stranger_or_into_a_folder_that_holds_something(
        self, old: House, tmp_path: Path
    ) -> None:
        before = leaves(old.home)
        stranger = House(old.home, Ed25519Signer(b"\x62" * 32))
        with pytest.raises(RightMissingError):
            stranger.leave(tmp_path / "folder", SUCCESSOR)
        assert not (tmp_path / "folder").exists()
        with pytest.raises(HandoverInvalidError) as caught:
            old.leave(tmp_path / "folder", old.operator)
        assert caught.value.clause == "successor"
        (tmp_path / "folder" / "notes.txt").write_text("mine")
        with pytest.raises(FieldInvalidError) as refused:
            old.leave(tmp_path / "folder", SUCCESSOR)
        assert refused.value.clause == "handover.folder"
        with old.open(), pytest.raises(StateLockedError):
            old.leave(tmp_path / "other", SUCCESSOR)
        assert leaves(old.home) == before

    @pytest.mark.parametrize(
        "at", ["_delete_tables", "_write_files", "sign_handover", "write_export", "_bundles"]
    )
    def test_the_same_command_finishes_what_was_cut_off(
        self, old: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
    ) -> None:
        with old.open() as found:
            buyer = join(found, tmp_path, "lender")
            activate(found, put_contract(found, old, buyer), buyer)
            trust = parties_of(found)

        def full(*_: object, **__: object) -> None:
            raise OSError("no space left")

        with monkeypatch.context() as patch:
            patch.setattr(leaving, at, full)
            with pytest.raises(OSError, match="no space left"):
                old.leave(tmp_path / "folder", SUCCESSOR)
        done = old.leave(tmp_path / "folder", SUCCESSOR)
        assert (done.contracts, done.units) == (1, 10)
        counts = {(item.what, item.name): item.count for item in done.deletion.items}
        assert counts["node-key", "vault"] == 1
        said = [leaf["type"] for leaf in leaves(old.home)]
        for once in ("contract.revoked", "node.handover", "deletion.attested"):
            assert said.count(once) == 1
        assert check_export(open_export(tmp_path / "folder" / "log"), trust).findings == ()

    def test_over_is_over(self, old: House, tmp_path: Path) -> None:
        with old.open() as found:
            assert handed_over(found.engine) == ""
            refuse_if_leaving(found.engine)
        done = old.leave(tmp_path / "folder", SUCCESSOR)
        with pytest.raises(HandedOverError):
            old.leave(tmp_path / "folder", SUCCESSOR)
        engine = open_engine(old.home / "state.db")
        token = (tmp_path / "folder" / HANDOVER).read_text().removesuffix("\n")
        assert handed_over(engine) == b64encode(done.deletion.handover)
        assert done.deletion.handover == jws.token_id(INTL, token)
        with pytest.raises(HandedOverError):
            refuse_if_leaving(engine)
        engine.dispose()
        (old.home / state.MARKER).unlink()  # also where its marker was not written any more
        with pytest.raises(Exception, match="key file cannot be read"):
            old.leave(tmp_path / "folder", SUCCESSOR)

    def test_a_change_that_fails_changes_neither_state_nor_log(
        self, old: House, tmp_path: Path
    ) -> None:
        with old.open() as found:
            size = found.log.size
            with pytest.raises(IntegrityError), found.changing() as transaction:
                self._change(transaction)
            assert found.log.size == size
        assert rows(old.home, tables.c.source) == [("/people.parquet",)]

    def _change(self, transaction: Transaction) -> None:
        transaction.connection.execute(update(tables).values(source="elsewhere"))
        transaction.append({"v": 1})
        (row,) = transaction.connection.execute(select(tables)).mappings().all()
        transaction.connection.execute(insert(tables), [dict(row)])


class TestTaking:
    @pytest.fixture
    def folder(self, old: House, new: House, tmp_path: Path) -> Path:
        """Return what the old node hands over to the new one, with a contract and a certificate."""
        with old.open() as found:
            buyer = join(found, tmp_path, "lender")
            activate(found, put_contract(found, old, buyer), buyer)
        old.leave(tmp_path / "folder", new.operator)
        return tmp_path / "folder"

    @pytest.fixture
    def trust(self, old: House, folder: Path) -> Any:
        with (folder / "log" / "parties.json").open("rb") as file:
            return parse(file.read())

    def refused(self, new: House, folder: Path, trust: Any, clause: str) -> None:
        before = leaves(new.home)
        with pytest.raises(HandoverInvalidError) as caught:
            take_over(new.home, folder, trust)
        assert caught.value.clause == clause
        assert caught.value.remedy
        assert leaves(new.home) == before
        assert not (new.home / "archive").exists()

    def test_quota_and_log_are_taken_on_once(self, new: House, folder: Path, trust: Any) -> None:
        taken = take_over(new.home, folder, trust)
        (line,) = taken.quota
        assert (line.units, line.used, taken.releases) == (10, 0, 0)
        engine = open_engine(new.home / "state.db")
        (found,) = all_inherited(engine)
        engine.dispose()
        assert (found.contract, found.units, found.successor) == (line.contract, 10, "")
        leaf = leaves(new.home)[-1]
        assert (leaf["type"], leaf["origin"]) == ("node.takeover", "node.unseen/log")
        assert (taken.archive / "log").is_dir()
        assert taken.leaves == len(list(open_export(taken.archive / "log").leaves()))
        with pytest.raises(FieldInvalidError, match="before"):
            take_over(new.home, folder, trust)
        assert taken.archive.is_dir()

    def test_what_was_spent_of_a_table_is_taken_on(
        self, old: House, new: House, tmp_path: Path
    ) -> None:
        with old.open() as found:
            buyer = join(found, tmp_path, "lender")
            activate(found, put_contract(found, old, buyer), buyer)
            with found.changing() as transaction:
                inherit_spent(transaction, INTL, "first/log", "people", 1_000)
                SetBudget(INTL, "people", "1", "0.000001", False, "operator").apply(transaction)
        trust = old.trust()
        old.leave(tmp_path / "folder", new.operator)
        take_over(new.home, tmp_path / "folder", trust)
        leaf = leaves(new.home)[-1]
        assert (leaf["type"], leaf["table"], leaf["spent"]) == (
            "privacy.inherited",
            "people",
            1_000,
        )
        columns = (privacy_budgets.c.epsilon, privacy_budgets.c.spent)
        assert rows(new.home, *columns) == [("", 1_000)]
        with new.open() as state:
            put_table(cast("Any", SimpleNamespace(engine=state.engine)), "public:1", 100)
            with state.changing() as transaction:
                inherit_spent(transaction, INTL, "other/log", "people", 1_000)
                SetBudget(INTL, "people", "1", "0.000001", False, "operator").apply(transaction)
        assert rows(new.home, *columns) == [("1", 2_000)]

    def test_nodes_of_one_name_do_not_take_each_others_place(
        self, new: House, folder: Path, trust: Any, made: tuple[House, House], tmp_path: Path
    ) -> None:
        first = take_over(new.home, folder, trust)
        kept = sorted(path.name for path in first.archive.iterdir())
        other = make_house(tmp_path / "other", "node")  # as everybody's is called by default
        told = other.trust()
        other.leave(tmp_path / "second", new.operator)
        second = take_over(new.home, tmp_path / "second", told)
        assert second.archive != first.archive
        assert sorted(path.name for path in first.archive.iterdir()) == kept
        assert check_export(open_export(first.archive / "log"), trust).findings == ()
        assert check_export(open_export(second.archive / "log"), told).findings == ()

    def test_what_an_attempt_left_behind_is_in_nobodys_way(
        self, new: House, folder: Path, trust: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError("no space left")

        with monkeypatch.context() as patch:
            patch.setattr(taking, "_import", full)
            with pytest.raises(OSError, match="no space left"):
                take_over(new.home, folder, trust)
        assert len(list((new.home / "archive").iterdir())) == 1
        taken = take_over(new.home, folder, trust)
        assert [taken.archive] == list((new.home / "archive").iterdir())

    @pytest.mark.parametrize("name", [HANDOVER, DELETION, QUOTA, "catalogue.jsonl"])
    def test_a_file_that_is_missing(self, new: House, folder: Path, trust: Any, name: str) -> None:
        (folder / name).unlink()
        self.refused(new, folder, trust, name)

    @pytest.mark.parametrize("name", [HANDOVER, DELETION])
    def test_a_token_that_is_none(self, new: House, folder: Path, trust: Any, name: str) -> None:
        (folder / name).write_bytes(b"\xff\xfe")
        self.refused(new, folder, trust, name)

    def test_certificates_that_are_missing(self, new: House, folder: Path, trust: Any) -> None:
        (folder / "certificates.jsonl").unlink()
        self.refused(new, folder, trust, "certificates.jsonl")

    def test_another_operator_than_the_one_that_is_named(
        self, folder: Path, trust: Any, tmp_path: Path
    ) -> None:
        self.refused(make_house(tmp_path / "third", "third"), folder, trust, "successor")

    def test_an_operator_that_nobody_listed(self, new: House, folder: Path) -> None:
        with pytest.raises(TrustMissingError):
            take_over(new.home, folder, new.trust())

    def signed(self, old: House, folder: Path, **changes: Any) -> None:
        """Have the predecessor sign another handover, and a deletion that is of it."""
        token = (folder / HANDOVER).read_text().removesuffix("\n")
        handover = Handover.from_json(jws.peek(token).payload)
        again = sign_handover(old.signer, dataclasses.replace(handover, **changes))
        (folder / HANDOVER).write_text(again)
        token = (folder / DELETION).read_text().removesuffix("\n")
        deletion = Deletion.from_json(jws.peek(token).payload)
        deletion = dataclasses.replace(deletion, handover=jws.token_id(INTL, again))
        (folder / DELETION).write_text(sign_deletion(old.signer, deletion))

    @pytest.mark.parametrize(
        "changes",
        [
            {"log": "other.unseen/log"},
            {"root": bytes(32)},
            {"size": 1},
        ],
    )
    def test_a_cheating_predecessor_that_signs_something_else_again(
        self, old: House, new: House, folder: Path, trust: Any, changes: Any
    ) -> None:
        self.signed(old, folder, **changes)
        before = leaves(new.home)
        with pytest.raises(EvidenceError):
            take_over(new.home, folder, trust)
        assert leaves(new.home) == before

    def test_a_deletion_that_is_of_another_handover(
        self, old: House, new: House, folder: Path, trust: Any
    ) -> None:
        token = (folder / DELETION).read_text().removesuffix("\n")
        deletion = Deletion.from_json(jws.peek(token).payload)
        other = sign_deletion(old.signer, dataclasses.replace(deletion, handover=bytes(32)))
        (folder / DELETION).write_text(other)
        self.refused(new, folder, trust, "deletion")

    def test_a_line_of_quota_that_nobody_signed(self, new: House, folder: Path, trust: Any) -> None:
        path = folder / QUOTA
        path.write_text(path.read_text().replace('"units":10', '"units":90'))
        self.refused(new, folder, trust, "files")


class TestInheriting:
    """What was left under a predecessor's contract is taken on once, and never more of it."""

    def put(self, found: Stopped, like: Contract, **changes: Any) -> None:
        row = {
            "contract": "A" * 43,
            "origin": "old.unseen/log",
            "buyer": "B" * 43,
            "product": like.terms.product,
            "kind": like.terms.kind,
            "units": 15,
            "used": 5,
            "successor": "",
        }
        with found.changing() as transaction:
            transaction.connection.execute(insert(inherited), [row | changes])

    @pytest.mark.parametrize(
        ("changes", "clause"),
        [
            ({"used": 6}, "inherit.quota.units"),
            ({"product": "other"}, "inherit.product"),
            ({"kind": "verify"}, "inherit.product"),
            ({"successor": "C" * 43}, "inherit.contract"),
        ],
    )
    def test_what_does_not_fit(
        self, old: House, tmp_path: Path, changes: dict[str, Any], clause: str
    ) -> None:
        with old.open() as found:
            contract = put_contract(found, old, join(found, tmp_path, "lender"))
            self.put(found, contract, **changes)
            with pytest.raises(FieldInvalidError) as caught, found.changing() as transaction:
                Inherit(INTL, "A" * 43, contract).apply(transaction)
        assert caught.value.clause == clause

    def test_each_counts_once_and_while_it_lasts(self, old: House, tmp_path: Path) -> None:
        with old.open() as found:
            contract = put_contract(found, old, join(found, tmp_path, "lender"))
            self.put(found, contract)
            self.put(found, contract, contract="D" * 43)
            ended = dataclasses.replace(contract, state=State.EXPIRED)
            with pytest.raises(FieldInvalidError) as caught, found.changing() as transaction:
                Inherit(INTL, "A" * 43, ended).apply(transaction)
            assert caught.value.clause == "inherit.state"
            with found.changing() as transaction:
                taken = Inherit(INTL, "A" * 43, contract).apply(transaction)
            assert taken.successor == contract.id
            for again in ("A" * 43, "D" * 43):
                with pytest.raises(FieldInvalidError), found.changing() as transaction:
                    Inherit(INTL, again, contract).apply(transaction)
            with pytest.raises(ContractNotFoundError), found.changing() as transaction:
                Inherit(INTL, "E" * 43, contract).apply(transaction)
        leaf = leaves(old.home)[-1]
        assert (leaf["type"], leaf["units"]) == ("quota.inherited", 10)
        assert leaf["successor"] == contract.id
