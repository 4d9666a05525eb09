"""`unseen receipt verify` needs a file and a trust file: no home, no network."""

import datetime as dt
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.evidence.commitment import commit
from unseen.evidence.log import ReleaseLeaf, encode_leaf
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.receipt import issue
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.tlog import Checkpoint, Tree, leaf_hash, sign_note

ORIGIN = "node.test/log"
NOW = dt.datetime(2026, 11, 22, 5, 30, tzinfo=dt.UTC)
NODE, LOG, BUYER, INSTANCE = (Ed25519Signer(bytes([n]) * 32) for n in range(1, 5))
runner = CliRunner()


def make_receipt() -> str:
    request = Request(
        suite="intl",
        contract=bytes(32),
        request="ab" * 16,
        kind="lookup",
        units=2,
        commitment=commit(INTL, bytes(32), (b"x", b"y")),
        manifest=bytes(32),
        epoch=1,
        issued_at=NOW,
    )
    leaf = ReleaseLeaf(
        suite="intl",
        time=NOW,
        job="ab" * 16,
        plan=bytes(32),
        leakage=bytes(32),
        snapshot=bytes(32),
        request=request,
        signature=sign_request(INSTANCE, request),
        instance=signer_id(INSTANCE),
        release=bytes(32),
        total=7,
    )
    tree = Tree()
    for entry in (b"first", b"second", encode_leaf(leaf.to_json()), b"last"):
        tree.append(leaf_hash(entry))
    body = Checkpoint(ORIGIN, tree.size, tree.root()).body()
    note = sign_note(body, ORIGIN, INTL.note_type, LOG.public_key, LOG.sign)
    instance = certify(BUYER, "till", INSTANCE.public_key, NOW + dt.timedelta(days=1))
    return issue(NODE, leaf, 2, tree.inclusion_proof(2), note, instance)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    trust = Trust.of(
        [
            TrustedParty("node", "node", "intl", NODE.public_key),
            TrustedParty("lender", "buyer", "intl", BUYER.public_key),
        ],
        [(ORIGIN, TrustedLog("intl", LOG.public_key, signer_id(NODE)))],
    )
    receipt, parties = tmp_path / "a.receipt", tmp_path / "parties.json"
    receipt.write_text(f"{make_receipt()}\n")
    parties.write_text(json.dumps(trust.to_json(), indent=2))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.chdir(tmp_path)
    return receipt, parties


def verify(receipt: Path, parties: Path, *more: str) -> tuple[int, str, str]:
    words = ["receipt", "verify", str(receipt), "--trust", str(parties), *more]
    result = runner.invoke(app, words)
    return result.exit_code, result.stdout, result.stderr


def test_a_good_receipt_is_explained(files: tuple[Path, Path]) -> None:
    code, out, _ = verify(*files)
    assert code == 0
    for word in ("valid", "lender, instance till", "2, 7 in all so far", "entry 2 of 4"):
        assert word in out


def test_the_facts_come_as_json_too(files: tuple[Path, Path]) -> None:
    code, out, _ = verify(*files, "--format", "json")
    assert code == 0
    found = json.loads(out)
    assert (found["valid"], found["type"]) == (True, "receipt")
    assert (found["facts"]["units"], found["facts"]["total"]) == (2, 7)


def test_any_flipped_byte_ends_with_five(files: tuple[Path, Path]) -> None:
    receipt, parties = files
    whole = receipt.read_bytes()
    for place in [*range(0, len(whole), 97), len(whole) - 1]:
        receipt.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        code, _, err = verify(receipt, parties, "--format", "json")
        assert code == 5, place
        assert json.loads(err)["remedy"]


@pytest.mark.parametrize("data", [b"", b"\n", b"{}", b'{"type":"opening"}', b"\xff" * 10, b"a.b.c"])
def test_what_is_no_receipt_ends_with_five(files: tuple[Path, Path], data: bytes) -> None:
    receipt, parties = files
    receipt.write_bytes(data)
    assert verify(receipt, parties)[0] == 5


@pytest.mark.parametrize("missing", ["node", "buyer", "log"])
def test_whoever_is_not_trusted_is_named(files: tuple[Path, Path], missing: str) -> None:
    receipt, parties = files
    value = json.loads(parties.read_text())
    if missing == "log":
        value["logs"] = []
    else:
        value["parties"] = [party for party in value["parties"] if party["role"] != missing]
    parties.write_text(json.dumps(value))
    code, _, err = verify(receipt, parties, "--format", "json")
    assert code == 5
    error = json.loads(err)
    assert (error["reason"], error["clause"]) == ("TRUST_MISSING", missing)


def test_a_damaged_trust_file_ends_with_five(files: tuple[Path, Path]) -> None:
    receipt, parties = files
    parties.write_text("{}")
    assert verify(receipt, parties)[0] == 5


def test_a_missing_trust_file_is_a_usage_error(files: tuple[Path, Path]) -> None:
    receipt, _ = files
    assert verify(receipt, Path("nowhere.json"))[0] == 2
    assert runner.invoke(app, ["receipt", "verify", str(receipt)]).exit_code == 2
