"""Handover: the node ends for good, and a successor can check and take on what it left."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.ports import free_port
from tests.promises.stage import Stage, node_environment, serving, wait_until

from unseen.cli.commands.node import handover, init, takeover
from unseen.cli.output import Format
from unseen.client import Client
from unseen.client.errors import RefusedError
from unseen.client.exported import open_export
from unseen.client.local.home import Home
from unseen.client.local.keys import load_signer
from unseen.client.local.profile import load_profile
from unseen.evidence import canonical, jws, trust
from unseen.evidence.audit import check_export
from unseen.evidence.contracts.states import State
from unseen.evidence.errors import EvidenceError, HandoverInvalidError, TrustMissingError
from unseen.evidence.registry.handover import verify_deletion
from unseen.evidence.registry.registration import verify_bundle
from unseen.evidence.suite import INTL
from unseen.evidence.trust import Trust
from unseen.node.errors import FieldInvalidError, HandedOverError, StateLockedError
from unseen.node.handover import leaving
from unseen.node.handover.leaving import hand_over
from unseen.node.main import take_over

Copy = Callable[[], Stage]


@dataclass
class Left:
    """A node that was handed over, what it handed over, and what was true before."""

    stage: Stage
    folder: Path
    successor: Path
    trusted: Trust
    contract: str
    used: int
    certificate: str


def make_successor(root: Path) -> Path:
    """Make the node of another operator and return its home."""
    home = root / "successor"
    init(home=home, name="next-node", listen=f"127.0.0.1:{free_port()}", form=Format.JSON)
    return home


def operator_key(home: Path) -> str:
    return load_profile(Home(home / "operator")).key_id


@pytest.fixture(scope="module")
def left(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Use a node, hand it over, and return what there is then. Tests do not change it."""
    root = tmp_path_factory.mktemp("handover")
    stage = template.copy(root / "stage")
    with serving(stage):
        contract = stage.contract("hidden", units=100)
        clear = stage.contract("clear", units=10)
        stage.propose("clear")
        wait_until(lambda: answers(stage, contract))
        for person in stage.people[:3]:
            stage.lender.lookup(contract, person.subject)
            stage.lender.verify(clear, person.subject)
        (card,) = (c for c in stage.lender.certificates() if c.certificate.name == contract)
        stage.lender.transfer_certificate(card.id, canonical.b64encode(stage.rival.profile.key))
        stage.operator.parties()  # fills the operator's trust file
        used = stage.operator.contract(contract).units_used
        stage.stop()
    successor, folder = make_successor(root), root / "folder"
    own = stage.home / "operator"
    trusted = trust.parse((own / "parties.json").read_bytes())
    handover(folder, operator_key(successor), False, True, stage.home, None, Format.JSON)
    return Left(stage, folder, successor, trusted, contract, used, card.id)


def answers(stage: Stage, contract: str) -> bool:
    try:
        stage.lender.lookup(contract, stage.people[0].subject)
    except RefusedError:
        return False
    return True


def test_the_node_serves_nobody_any_more(left: Left) -> None:
    assert left.stage.refuses_to_start() == "NODE_HANDED_OVER"
    keys = {path.name for path in (left.stage.home / "keys").iterdir()}
    assert keys == {"vault.salt", "vault.check"}
    assert not list((left.stage.home / "tables").glob("*"))
    with pytest.raises(HandedOverError):
        handover(left.folder, "A" * 43, False, True, left.stage.home, None, Format.JSON)


def test_the_folder_holds_the_log_and_says_what_was_left(left: Left) -> None:
    report = check_export(open_export(left.folder / "log"), left.trusted)
    assert report.findings == ()
    assert not report.unverified.keys() - {"rules"}
    states = {item.contract: item.state for item in report.contracts}
    assert set(states.values()) == {State.REVOKED.value}
    leaves = [leaf for _, leaf in open_export(left.folder / "log").leaves()]
    assert [leaf["type"] for leaf in leaves[-2:]] == ["node.handover", "deletion.attested"]
    revoked = [leaf for leaf in leaves if leaf["type"] == "contract.revoked"]
    assert {leaf["cause"] for leaf in revoked} == {"handover"}
    quota = [json.loads(line) for line in (left.folder / "quota.jsonl").read_text().splitlines()]
    assert {(line["kind"], line["units"], line["used"]) for line in quota} == {
        ("lookup", 100, left.used),
        ("verify", 10, 3),
    }


def test_the_deletion_is_attested_and_says_so(left: Left) -> None:
    key = left.trusted.parties[operator_key(left.stage.home)].key
    token = (left.folder / "deletion.jws").read_text().removesuffix("\n")
    deletion = verify_deletion(token, INTL, key)
    found = {(item.what, item.name): (item.count, item.deleted) for item in deletion.items}
    assert found["epoch-key", "people"] == (1, True)
    assert found["lookup-table", "people"] == (1, True)
    assert found["salt", "people"] == (1, True)
    assert found["consent", "all"] == found["result", "all"] == (0, True)
    assert found["source", "people"] == (len(left.stage.people), False)
    assert {name for what, name in found if what == "node-key"} == {
        "evidence",
        "log",
        "authority",
        "vault",
    }
    assert "No signature can prove" in deletion.text
    assert left.stage.table.exists()


def test_the_rest_of_a_quota_is_taken_on_by_a_new_contract(
    left: Left, next_home: Path, tmp_path: Path
) -> None:
    take_over(next_home, left.folder, left.trusted)
    for client in serve(next_home):
        successor = Stage(tmp_path, 0, left.stage.table, left.stage.people)
        successor._clients["operator"] = client
        successor.register("people", left.stage.table)
        for name, kind in (("hidden", "lookup"), ("clear", "verify")):
            successor.offer(name, "people", kind)
        successor.join("lender")
        rest = 100 - left.used
        for product, units in (("hidden", rest + 1), ("clear", 1)):
            contract = successor.propose(product, units=units)
            with pytest.raises(RefusedError) as caught:
                client.inherit_quota(left.contract, contract)
            assert caught.value.clause in ("inherit.quota.units", "inherit.product")
        contract = successor.contract("hidden", units=rest)
        found = client.inherit_quota(left.contract, contract)
        assert found.successor == contract
        leaf = next(each for each in client.leaves() if each.type == "quota.inherited")
        assert leaf.fields["units"] == rest
        with pytest.raises(RefusedError, match="tied to another"):
            client.inherit_quota(left.contract, contract)
        successor.client("lender").close()


@pytest.fixture
def next_home(left: Left, tmp_path: Path) -> Path:
    """Return a fresh copy of the successor's home."""
    return Path(shutil.copytree(left.successor, tmp_path / "successor"))


def serve(home: Path) -> Iterator[Client]:
    process = subprocess.Popen(
        [sys.executable, "-m", "unseen.cli", "node", "serve", "--home", str(home)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=node_environment({}),
    )
    try:
        with Client(home) as client:
            give_up = time.monotonic() + 60
            while time.monotonic() < give_up:
                try:
                    client.node()
                    break
                except Exception:  # noqa: BLE001 - not up yet
                    time.sleep(0.1)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_the_successor_takes_it_over(left: Left, next_home: Path, tmp_path: Path) -> None:
    parties = tmp_path / "parties.json"
    parties.write_bytes(canonical.encode(left.trusted.to_json()))
    takeover(left.folder, parties, next_home, None, Format.JSON)
    (archive,) = (next_home / "archive").glob("test-node.unseen_log-*")
    assert check_export(open_export(archive / "log"), left.trusted).ok
    with pytest.raises(FieldInvalidError, match="before"):
        take_over(next_home, left.folder, left.trusted)
    for client in serve(next_home):
        leaves = list(client.leaves())
        taken = next(leaf for leaf in leaves if leaf.type == "node.takeover")
        assert leaves.index(taken) == 1  # the first after the operator's own
        assert taken.fields["origin"] == "test-node.unseen/log"
        lines = {line.contract: line for line in client.inherited()}
        assert lines[left.contract].left == 100 - left.used
        assert lines[left.contract].successor == ""
        with pytest.raises(RefusedError) as caught:
            client.inherit_quota("A" * 43, "B" * 43)
        assert caught.value.reason == "CONTRACT_NOT_FOUND"
        imported = {card.id: card for card in client.certificates()}
        assert left.certificate in imported
        assert imported[left.certificate].certificate.log == "test-node.unseen/log"
        assert not imported[left.certificate].checked  # another node's: ask its trust file
        with pytest.raises(TrustMissingError):
            client.export_certificate(left.certificate)
        both = Trust.of(
            [*left.trusted.parties.values(), *client._session.trust.parties.values()],
            [*left.trusted.logs.items(), *client._session.trust.logs.items()],
        )
        client.home.trust.write_bytes(canonical.encode(both.to_json()))
        with Client(next_home) as again:
            bundle = canonical.decode(again.export_certificate(left.certificate))
            found = verify_bundle(bundle, both)
            assert found.certificate.digest == canonical.b64decode(left.contract)
            assert len(found.holders) == 2


class TestBadFolders:
    """Whatever was changed on the way is noticed, and nothing is imported."""

    @pytest.fixture
    def folder(self, left: Left, tmp_path: Path) -> Path:
        return Path(shutil.copytree(left.folder, tmp_path / "folder"))

    def refused(self, left: Left, folder: Path, home: Path) -> EvidenceError:
        with pytest.raises(EvidenceError) as caught:
            take_over(home, folder, left.trusted)
        assert not (home / "archive").exists()
        return caught.value

    @pytest.mark.parametrize(
        "name", ["handover.jws", "deletion.jws", "quota.jsonl", "catalogue.jsonl"]
    )
    def test_a_missing_file(self, left: Left, folder: Path, next_home: Path, name: str) -> None:
        (folder / name).unlink()
        assert "missing" in str(self.refused(left, folder, next_home))

    @pytest.mark.parametrize("name", ["quota.jsonl", "catalogue.jsonl"])
    def test_an_edited_file(self, left: Left, folder: Path, next_home: Path, name: str) -> None:
        path = folder / name
        path.write_text(path.read_text().replace("people", "persons").replace("100", "900"))
        assert self.refused(left, folder, next_home).clause == "files"

    def test_an_edited_log(self, left: Left, folder: Path, next_home: Path) -> None:
        path = folder / "log" / "log" / "00000000.jsonl"
        path.write_text(path.read_text().replace('"total":2', '"total":1'))
        error = self.refused(left, folder, next_home)
        assert "does not hold" in str(error)
        assert error.remedy.startswith("take nothing over")
        assert f"unseen audit check {folder / 'log'} --trust FILE" in error.remedy

    def test_a_party_that_the_trust_file_leaves_out(
        self, left: Left, folder: Path, next_home: Path
    ) -> None:
        parties = [one for one in left.trusted.parties.values() if one.name != "lender"]
        fewer = Trust.of(parties, left.trusted.logs.items())
        with pytest.raises(HandoverInvalidError, match="does not list the key") as caught:
            take_over(next_home, folder, fewer)
        assert caught.value.remedy.startswith("compare the keys that are missing")

    def test_a_certificate_that_was_left_out(
        self, left: Left, folder: Path, next_home: Path
    ) -> None:
        path = folder / "certificates.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
        assert self.refused(left, folder, next_home).clause == "certificates"

    def test_a_deletion_of_another_handover(
        self, left: Left, folder: Path, next_home: Path
    ) -> None:
        shutil.copy(folder / "handover.jws", folder / "deletion.jws")
        self.refused(left, folder, next_home)

    def test_another_successor(self, left: Left, folder: Path, tmp_path: Path) -> None:
        other = make_successor(tmp_path)
        error = self.refused(left, folder, other)
        assert isinstance(error, HandoverInvalidError)
        assert error.clause == "successor"

    def test_a_predecessor_whom_nobody_trusts(
        self, left: Left, folder: Path, next_home: Path
    ) -> None:
        nobody = Trust.of([], left.trusted.logs.items())
        with pytest.raises(TrustMissingError):
            take_over(next_home, folder, nobody)

    def test_a_signature_by_somebody_else(self, left: Left, folder: Path, next_home: Path) -> None:
        signer = load_signer(Home(left.stage.party_home("lender")), "party")
        token = (folder / "handover.jws").read_text().removesuffix("\n")
        forged = jws.sign(signer, "unseen-handover", jws.peek(token).payload)
        (folder / "handover.jws").write_text(forged)
        with pytest.raises(TrustMissingError, match="operator"):
            take_over(next_home, folder, left.trusted)


def test_a_serving_node_and_a_stranger_hand_nothing_over(copy: Copy, tmp_path: Path) -> None:
    stage = copy()
    own = load_signer(Home(stage.party_home("operator")), "party")
    with serving(stage), pytest.raises(StateLockedError):
        hand_over(stage.home, tmp_path / "folder", successor="A" * 43, signer=own)
    stranger = load_signer(Home(stage.party_home("lender")), "party")
    with pytest.raises(Exception, match="only the node's operator"):
        hand_over(stage.home, tmp_path / "folder", successor="A" * 43, signer=stranger)
    with pytest.raises(HandoverInvalidError):
        hand_over(stage.home, tmp_path / "folder", successor="no key", signer=own)
    with serving(stage):  # nothing was touched
        assert stage.operator.tables()


@pytest.mark.parametrize("at", ["_write_files", "sign_deletion", "write_export"])
def test_a_handover_that_was_cut_off_is_finished_by_the_same_command(
    copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    stage = copy()
    own = load_signer(Home(stage.party_home("operator")), "party")
    successor = operator_key(make_successor(tmp_path))
    folder = tmp_path / "folder"

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(leaving, at, full)
        with pytest.raises(OSError, match="no space left"):
            hand_over(stage.home, folder, successor=successor, signer=own)
    done = hand_over(stage.home, folder, successor=successor, signer=own)
    assert (done.contracts, done.units) == (0, 0)
    assert stage.refuses_to_start() == "NODE_HANDED_OVER"
    with pytest.raises(HandedOverError):
        hand_over(stage.home, folder, successor=successor, signer=own)
    events = [leaf["type"] for _, leaf in open_export(folder / "log").leaves()]
    assert events.count("node.handover") == events.count("deletion.attested") == 1
