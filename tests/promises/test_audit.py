"""An auditor with a trust file recomputes a real node's log; whatever was changed is named."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.stage import PREDICATES, Stage

from unseen.client import Client, check_file, check_folder, compare
from unseen.client.audit.checking import notes_of
from unseen.client.errors import HomeError, RefusedError
from unseen.client.exported import open_export
from unseen.evidence import canonical
from unseen.evidence.audit import EXPORTER, Policy
from unseen.evidence.audit.export import leaves_file
from unseen.evidence.audit.heads import read_head
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import (
    BundleInvalidError,
    EvidenceError,
    ExportInvalidError,
    LogForkedError,
    TrustMissingError,
)
from unseen.evidence.trust import Trust, parse


def tell(stage: Stage, party: str) -> Trust:
    """Return the trust file of a party's home."""
    return parse((stage.party_home(party) / "parties.json").read_bytes())


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "unseen.cli", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def audited(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving node whose contracts have been through a lot, with all who look at it."""
    stage = template.copy(tmp_path_factory.mktemp("audited") / "stage")
    stage.start()
    try:
        for name, role in (("eva", "auditor"), ("rita", "regulator"), ("wit", "witness")):
            stage.join(name, role)
        hidden, clear = stage.contract("hidden"), stage.contract("clear", units=20)
        other, small = stage.contract("hidden", buyer="rival"), stage.contract("clear", units=2)
        stage.lender.lookup_many(hidden, [person.subject for person in stage.people[:9]])
        for person in stage.people[:3]:
            stage.lender.verify(clear, person.subject)
        for person in stage.people[:2]:
            stage.lender.verify(small, person.subject)
        stage.rival.lookup(other, stage.people[0].subject)
        stage.client("wit").cosign()
        stage.rival.revoke(other)
        stage.operator.revoke(stage.propose("clear"))
        stage.lender.lookup(hidden, stage.people[10].subject)
        stage.client("eva").keys(accept=True)
        yield stage
    finally:
        stage.end()


@pytest.fixture(scope="module")
def exported(audited: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "log"
    found = audited.client("eva").export(folder)
    assert (found.hidden, found.new, found.cosigned) == (0, found.size, 1)
    assert found.contracts == 5
    return folder


def test_what_an_honest_node_logged_holds(audited: Stage, exported: Path) -> None:
    report = check_folder(exported, tell(audited, "eva"), Policy(witnesses=1))
    assert report.findings == ()
    assert report.ok
    assert report.releases == report.signatures == 1 + 3 + 2 + 1 + 1
    assert sum(contract.units for contract in report.contracts) == 9 + 3 + 2 + 1 + 1
    states = sorted(contract.state for contract in report.contracts)
    assert states == ["active", "active", "exhausted", "revoked", "revoked"]
    assert report.events["node.started"] == 2
    (witness,) = report.witnesses
    assert 0 < witness.size == report.witnessed < report.size


@pytest.mark.parametrize("party", ["operator", "rita"])
def test_operator_and_regulator_export_the_same(
    audited: Stage, exported: Path, tmp_path: Path, party: str
) -> None:
    client = audited.client(party)
    client.export(tmp_path / "log")
    same = (exported / leaves_file(0)).read_bytes()
    assert (tmp_path / "log" / leaves_file(0)).read_bytes().startswith(same)
    client.keys(accept=True)
    assert check_folder(tmp_path / "log", tell(audited, party)).ok


def test_checking_takes_files_and_nothing_else(
    audited: Stage, exported: Path, tmp_path: Path
) -> None:
    """Elsewhere, by the command, without a home and in processes of its own."""
    shutil.copytree(exported, tmp_path / "log")
    shutil.copy(audited.party_home("eva") / "parties.json", tmp_path / "parties.json")
    known = tmp_path / "known.note"
    known.write_text(audited.client("eva").heads()[0].note)
    done = run(
        *("audit", "check", str(tmp_path / "log"), "--trust", str(tmp_path / "parties.json")),
        *("--witnesses", "1", "--processes", "2", "--format", "json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"] is True
    done = run(
        *("audit", "check", str(tmp_path / "log"), "--trust", str(tmp_path / "parties.json")),
        *("--hashes-only", "--witnesses", "2"),
    )
    assert done.returncode == 5
    assert "log.witnesses" in done.stdout


def test_an_export_holds_no_person_and_no_expression(audited: Stage, exported: Path) -> None:
    data = b"".join(path.read_bytes() for path in sorted(exported.rglob("*")) if path.is_file())
    assert not any(predicate.expression.encode() in data for predicate in PREDICATES)
    for person in audited.people:
        assert person.subject.encode() not in data
        assert person.note.encode() not in data
    seen = audited.client("eva")._session
    assert "earnings >= 40000" not in repr(audited.client("eva").products())
    assert seen.profile.role == "auditor"


@pytest.mark.parametrize("cut", [0, 1, 700, 4000])
def test_an_interrupted_export_goes_on(
    audited: Stage, exported: Path, tmp_path: Path, cut: int
) -> None:
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    leaves = folder / leaves_file(0)
    whole = leaves.read_bytes()
    (folder / "export.json").unlink()
    leaves.write_bytes(whole[: len(whole) - cut])
    with pytest.raises(ExportInvalidError):
        open_export(folder)
    found = audited.client("eva").export(folder)
    assert found.new < found.size
    assert leaves.read_bytes().startswith(whole)
    assert check_folder(folder, tell(audited, "eva")).ok


def test_an_export_grows(audited: Stage, exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    contract = audited.contract("clear")
    audited.lender.verify(contract, audited.people[0].subject)
    found = audited.client("eva").export(folder)
    assert 0 < found.new < found.size
    report = check_folder(folder, tell(audited, "eva"))
    assert report.ok
    # What was known before is where it was.
    old = [("the first export", note) for note in notes_of(exported)]
    assert check_folder(folder, tell(audited, "eva"), Policy(heads=old)).ok


def test_another_logs_leaves_are_not_taken_over(
    audited: Stage, exported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    leaves = folder / leaves_file(0)
    data = leaves.read_bytes()
    leaves.write_bytes(data.replace(b'"hash":"', b'"hash":"A', 1))
    with pytest.raises(ExportInvalidError):
        audited.client("eva").export(folder)
    leaves.write_bytes(data.splitlines(keepends=True)[0] + data)
    with pytest.raises(ExportInvalidError):
        audited.client("eva").export(folder)
    other = entry_of(data.splitlines(keepends=True)[0])
    leaves.write_bytes(other)
    with pytest.raises(LogForkedError):
        audited.client("eva").export(folder)


def entry_of(line: bytes) -> bytes:
    """Return the first line with another leaf, its hash right: a log that somebody made up."""
    from unseen.evidence.audit.export import entry_line, parse_entry
    from unseen.evidence.suite import INTL
    from unseen.protocols.tlog.tree import leaf_hash

    entry = parse_entry(line)
    assert entry is not None
    assert entry.leaf is not None
    leaf = entry.leaf.replace(b'"role":"operator"', b'"role":"auditor"')
    return entry_line(0, leaf_hash(leaf, INTL.hash), leaf)


def test_a_buyer_exports_its_own_part(audited: Stage, tmp_path: Path) -> None:
    """Others' leaves are there by hash alone, and the tree over all of them still holds."""
    folder = tmp_path / "log"
    found = audited.rival.export(folder)
    assert 0 < found.hidden < found.size
    trust = tell(audited, "rival")
    report = check_folder(folder, trust, Policy(partial=True))
    assert report.findings == ()
    assert report.releases == 1
    assert not check_folder(folder, trust).ok  # a part is no whole
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for contract in audited.lender.contracts():
        assert contract.id.encode() not in data
    assert b'"lender"' not in data
    shown = {leaf.type for leaf in audited.rival.leaves()}
    assert {"hidden", "release", "contract.proposed"} <= shown


def test_a_changed_leaf_is_named(audited: Stage, exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    shutil.copytree(exported, folder)
    leaves = folder / leaves_file(0)
    lines = leaves.read_bytes().splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if b'"type":"release"' in line)
    lines[place] = lines[place].replace(b'"total":', b'"total":1')
    leaves.write_bytes(b"".join(lines))
    report = check_folder(folder, tell(audited, "eva"))
    assert (report.findings[0].index, report.findings[0].party) == (place, EXPORTER)
    rules = {(finding.index, finding.rule) for finding in report.findings}
    assert {(place, "log.hash"), (place, "release.total")} <= rules
    done = run(
        *("audit", "check", str(folder)),
        *("--trust", str(audited.party_home("eva") / "parties.json")),
    )
    assert done.returncode == 5
    assert f"{place}  log.hash  exporter" in done.stdout


def test_who_is_not_trusted_is_said(audited: Stage, exported: Path) -> None:
    trust = tell(audited, "lender")  # knows itself and the node, and no other buyer
    report = check_folder(exported, trust)
    missing = {f.party for f in report.findings if f.rule == "trust.missing"}
    assert "rival" in missing
    assert "lender" not in missing
    node = Trust.of([], trust.logs.items())
    with pytest.raises(TrustMissingError):
        check_folder(exported, node)


def test_everything_about_one_request(audited: Stage, tmp_path: Path) -> None:
    """The buyer, the operator and the auditor get the same evidence; a stranger checks it."""
    trust = tell(audited, "eva")
    for contract in audited.lender.contracts():
        for receipt in audited.lender.receipts(contract.id):
            for party in ("lender", "operator", "eva"):
                client = audited.client(party)
                client.keys(accept=True)
                bundle = client.bundle(receipt.id)
                path = tmp_path / f"{receipt.id}-{party}.bundle"
                path.write_bytes(canonical.encode(bundle) + b"\n")
                verified = check_file(path, trust)
                assert verified.receipt.request == receipt.id
                assert verified.receipt.leaf == receipt.facts.leaf
                assert verified.terms == contract.terms
                hidden = contract.terms.kind == "lookup"
                assert (verified.manifest is not None) == hidden
    witnessed = [f for f in tmp_path.iterdir() if check_file(f, trust).witnesses]
    assert witnessed
    assert check_file(witnessed[0], trust, 1).witnesses[0].witness == "wit"


def test_a_bundle_belongs_together(audited: Stage, tmp_path: Path) -> None:
    trust, client = tell(audited, "eva"), audited.client("eva")
    contract = next(c for c in audited.lender.contracts() if c.terms.kind == "lookup")
    one, other = (receipt.id for receipt in audited.lender.receipts(contract.id)[:2])
    bundle, second = client.bundle(one), client.bundle(other)
    path = tmp_path / "bundle"
    assert bundle["receipt"] != second["receipt"]
    broken: list[dict[str, Any]] = [
        {**bundle, "terms": {**dict_of(bundle, "terms"), "openings": True}},
        {**bundle, "approvals": {}},
        {**bundle, "manifest": ""},
        {key: value for key, value in bundle.items() if key != "announcement"},
        {**bundle, "documents": [{"kind": "note", "body": "x"}]},
    ]
    for value in broken:
        path.write_bytes(canonical.encode(value))
        with pytest.raises(EvidenceError) as caught:
            check_file(path, trust)
        assert caught.value.clause
    path.write_bytes(canonical.encode(bundle))
    with pytest.raises(BundleInvalidError, match="witnesses"):
        check_file(path, trust, 2)
    done = run(
        *("evidence", "check", str(path)),
        *("--trust", str(audited.party_home("eva") / "parties.json"), "--format", "json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["facts"]["request"] == one


def dict_of(value: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(value[name])


def test_evidence_is_for_those_whose_contract_it_is(audited: Stage) -> None:
    contract = audited.lender.contracts()[0]
    request = next(
        receipt.id
        for each in audited.lender.contracts()
        for receipt in audited.lender.receipts(each.id)
    )
    asked = ((audited.rival, request, ""), (audited.rival, request, contract.id))
    for client, identifier, of in (*asked, (audited.lender, "0" * 32, "")):
        with pytest.raises(RefusedError) as caught:
            client.bundle(identifier, of)
        assert caught.value.reason in {"RELEASE_NOT_FOUND", "CONTRACT_NOT_FOUND"}


def test_a_rolled_back_log_is_found_by_both_parties_heads(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    stage.join("wit", "witness")
    contract, other = stage.contract("clear"), stage.contract("clear", buyer="rival")
    stage.stop()
    old = tmp_path / "old"
    old.mkdir()
    for path in stage.home.glob("state.db*"):
        shutil.copy2(path, old)
    stage.start()
    stage.lender.verify(contract, stage.people[0].subject)
    stage.client("wit").cosign()
    (tmp_path / "lender.note").write_text(stage.lender.heads()[0].note)
    known = stage.lender.heads()[0].checkpoint
    stage.stop()
    for path in stage.home.glob("state.db*"):
        path.unlink()
    for path in old.iterdir():
        shutil.copy2(path, stage.home)
    stage.start()
    while (size := stage.rival.heads()[0].checkpoint.size) < known.size:
        stage.rival.verify(other, stage.people[size].subject)
    (tmp_path / "rival.note").write_text(stage.rival.heads()[0].note)
    # Neither heads nor leaves are the lender's any more, and a witness signs nothing.
    found = compare([tmp_path / "lender.note", tmp_path / "rival.note"], tell(stage, "rival"))
    if size == known.size:
        assert len(found.forks) == 1
    stage.rival.export(tmp_path / "log")
    heads = [(name, (tmp_path / name).read_text()) for name in ("lender.note", "rival.note")]
    report = check_folder(tmp_path / "log", tell(stage, "rival"), Policy(partial=True, heads=heads))
    rules = {finding.rule for finding in report.findings}
    assert rules & {"log.fork", "log.root"}
    with pytest.raises(LogForkedError):
        stage.client("wit").cosign()
    assert list((stage.party_home("wit") / "evidence").iterdir())


def test_only_a_witness_cosigns_and_only_in_one_process(audited: Stage) -> None:
    with pytest.raises(RefusedError) as caught:
        audited.lender.cosign()
    assert caught.value.reason == "RIGHT_MISSING"
    audited.client("wit").cosign()
    with Client(audited.party_home("wit")) as second, pytest.raises(HomeError, match="another"):
        second.cosign()


def test_a_witness_is_seen_by_everybody(audited: Stage, tmp_path: Path) -> None:
    signed = audited.client("wit").cosign()
    seen = audited.client("eva").heads()
    assert seen[1].checkpoint == signed.checkpoint
    assert [item.witness for item in seen[1].witnesses] == ["wit"]
    # Whoever does not trust the witness sees a head without it.
    known = audited.lender._session.trust
    others = [party for party in known.parties.values() if party.role != "witness"]
    stranger = Trust.of(others, known.logs.items())
    assert read_head("the node", seen[1].note, stranger).witnesses == ()
    # And whoever asks is told its key.
    told = audited.lender.keys(accept=False)
    assert "wit" in [party.name for party in told]
    key = b64encode(audited.client("wit")._session.party_signer.public_key)
    assert key in json.dumps(tell(audited, "eva").to_json())


def test_heads_are_kept_and_compared_by_command(audited: Stage, tmp_path: Path) -> None:
    trust = str(audited.party_home("eva") / "parties.json")
    for party in ("eva", "lender"):
        done = run(
            *("audit", "head", "-o", str(tmp_path / f"{party}.note")),
            *("--home", str(audited.party_home(party))),
        )
        assert done.returncode == 0, done.stderr
    done = run(
        *("audit", "compare", str(tmp_path / "eva.note"), str(tmp_path / "lender.note")),
        *(str(audited.party_home("lender")), "--trust", trust, "--format", "json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["forks"] == []
