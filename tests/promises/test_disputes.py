"""Disputed bills: a node that bills too much, forges a request or drops one, against evidence."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.promises.stage import Stage
from tests.promises.test_settlement import cli, offer, people

from unseen.client.bills.bills import exported_credit, resolve_export, settle_export
from unseen.client.errors import AnswerInvalidError
from unseen.client.exported import open_export
from unseen.evidence import canonical, trust
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    Entry,
    checkpoint_line,
    entry_line,
    leaves_file,
    parse_entry,
)
from unseen.evidence.bills.dispute import Resolution, Ruling
from unseen.evidence.bills.reconcile import Sheet
from unseen.evidence.bills.statement import read_statement
from unseen.evidence.canonical import b64encode, parse_time
from unseen.evidence.contracts.clauses import Billing
from unseen.evidence.errors import ExportInvalidError, SettlementError
from unseen.evidence.log import encode_leaf, event_leaf
from unseen.evidence.oversight.clear import verify_clear_opening
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.suite import INTL
from unseen.evidence.trust import Trust
from unseen.evidence.verify import VerifiedReceipt
from unseen.node.config import load_settings
from unseen.node.setup import open_keys
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Tree, leaf_hash

GREEDY = """
from unseen.node.kinds import verify
verify.hits = lambda found: 1
"""


def believed(stage: Stage) -> Trust:
    """Return the trust of somebody who has compared every key."""
    stage.operator.parties()
    return trust.parse((stage.party_home("operator") / "parties.json").read_bytes())


def held(stage: Stage, contract: str) -> list[VerifiedReceipt]:
    return [receipt.facts for receipt in stage.lender.receipts(contract)]


def exported(stage: Stage, folder: Path) -> Path:
    stage.operator.export(folder)
    return folder


def rewrite(folder: Path, stage: Stage, change: Callable[[list[Entry]], list[bytes]]) -> None:
    """Let the node's own keys make another history of an export's leaves."""
    keys = open_keys(stage.home, load_settings(stage.home), None)
    path = folder / leaves_file(0)
    entries = [parse_entry(line) for line in path.read_bytes().splitlines(keepends=True)]
    leaves = change([entry for entry in entries if entry is not None])
    tree, lines = Tree(), []
    for index, leaf in enumerate(leaves):
        hashed = leaf_hash(leaf)
        tree.append(hashed)
        lines.append(entry_line(index, hashed, leaf))
    path.write_bytes(b"".join(lines))
    frame = json.loads((folder / "export.json").read_text())
    frame |= {"size": tree.size, "checkpoints": [tree.size]}
    (folder / "export.json").write_bytes(canonical.encode(frame) + b"\n")
    body = Checkpoint(frame["origin"], tree.size, tree.root()).body()
    note = sign_note(body, frame["origin"], b"\x01", keys.log.public_key, keys.log.sign)
    (folder / CHECKPOINTS).write_bytes(checkpoint_line(tree.size, note))


def releases(entries: Sequence[Entry]) -> Iterator[tuple[int, dict[str, Any]]]:
    for entry in entries:
        body: Any = canonical.decode(entry.leaf or b"")
        if body["type"] == "release":
            yield entry.index, body


@pytest.fixture
def billed(copy: Callable[[], Stage]) -> tuple[Stage, str]:
    """Return a node with five releases, and their contract."""
    stage = copy()
    stage.start()
    contract = stage.contract("clear")
    for person in stage.people[:5]:
        stage.lender.verify(contract, person.subject)
    return stage, contract


def rulings(found: Resolution) -> list[str]:
    return [row.ruling.value for row in found.rows]


def resolve(stage: Stage, folder: Path, contract: str, receipts: list[Any]) -> Resolution:
    identifier = canonical.b64decode(contract)
    return resolve_export(open_export(folder), identifier, believed(stage), receipts)


def test_the_three_bills_are_one(billed: tuple[Stage, str], tmp_path: Path) -> None:
    stage, contract = billed
    ours, theirs = stage.operator.operator_settle(contract), stage.lender.settle(contract)
    folders = exported(stage, tmp_path / "all"), tmp_path / "own"
    stage.lender.export(folders[1])
    for folder, partial in zip(folders, (False, True), strict=True):
        export, identifier = open_export(folder), canonical.b64decode(contract)
        bill = settle_export(export, identifier, believed(stage), partial=partial)
        assert bill == ours == theirs
    found = resolve(stage, folders[0], contract, held(stage, contract))
    assert (rulings(found), found.statement) == (["agreed"] * 5, ours)
    with pytest.raises(SettlementError, match="does not hold up"):  # others' leaves are hidden
        resolve(stage, folders[1], contract, held(stage, contract))
    words = ("meter", "settle", f"contracts/{contract[:12]}", "--export", str(folders[0]))
    stage.close_clients()
    code, out, _ = cli(stage.party_home("operator"), *words, "--format", "json")
    assert (code, out.strip().encode()) == (0, ours)
    code, _, _ = cli(stage.party_home("operator"), *words[:2], "contracts/nothing", *words[3:])
    assert code == 2


def test_an_auditor_reconciles_a_day_from_an_export(
    billed: tuple[Stage, str], tmp_path: Path
) -> None:
    stage, contract = billed
    day = parse_time(stage.lender.node().time).date().isoformat()
    folder, receipts = exported(stage, tmp_path / "all"), stage.party_home("lender") / "receipts"
    believed(stage)
    trusted = stage.party_home("operator") / "parties.json"
    stage.close_clients()
    sheet, nowhere = tmp_path / "sheet.json", tmp_path / "nowhere"
    code, _, _ = cli(
        stage.party_home("lender"), "meter", "reconcile", "--date", day, "--sheet", str(sheet)
    )
    assert code == 0
    words = ("meter", "reconcile", "--date", day, "--export", str(folder), "--trust", str(trusted))
    own = tmp_path / "auditor.json"
    code, out, said = cli(nowhere, *words, "--against", str(sheet), "--sheet", str(own))
    assert (code, len(out.splitlines())) == (0, 6)
    assert "5 requests, 0 of them" in said
    assert Sheet.decode(own.read_bytes()).side == "log"
    code, out, _ = cli(nowhere, *words, contract[:12], "--receipts", str(receipts))
    assert (code, len(out.splitlines())) == (0, 6)
    next(receipts.glob("*.receipt")).unlink()
    code, out, said = cli(nowhere, *words, "--receipts", str(receipts))
    assert (code, out.count(",no_receipt\n")) == (5, 1)
    assert "1 of them do" in said
    code, out, said = cli(nowhere, *words)
    assert (code, out) == (2, "")
    assert "--receipts" in said
    path = folder / leaves_file(0)
    path.write_bytes(path.read_bytes().replace(b'"units":1', b'"units":2'))
    code, out, _ = cli(nowhere, *words, "--against", str(sheet))
    assert (code, out) == (5, "")


def test_a_request_forged_by_the_node_is_not_owed(
    billed: tuple[Stage, str], tmp_path: Path
) -> None:
    stage, contract = billed
    folder = exported(stage, tmp_path / "log")

    def forge(entries: list[Entry]) -> list[bytes]:
        leaves = [entry.leaf or b"" for entry in entries]
        leaf = list(releases(entries))[-1][1]
        leaf["request"] |= {"request": "f" * 32}
        leaf |= {"job": "f" * 32, "total": leaf["total"] + 1}
        return [*leaves, encode_leaf(leaf)]

    rewrite(folder, stage, forge)
    found = resolve(stage, folder, contract, held(stage, contract))
    assert rulings(found) == ["agreed"] * 5 + ["forged"]
    assert found.rows[-1].rule == "release.signature"
    assert found.statement == stage.lender.settle(contract)
    with pytest.raises(SettlementError, match="does not hold up"):
        settle_export(open_export(folder), canonical.b64decode(contract), believed(stage))


def test_a_release_cut_out_of_the_log_is_shown_by_its_receipt(
    billed: tuple[Stage, str], tmp_path: Path
) -> None:
    stage, contract = billed
    folder, receipts = exported(stage, tmp_path / "log"), held(stage, contract)

    def replace(entries: list[Entry]) -> list[bytes]:
        leaves = [entry.leaf or b"" for entry in entries]
        last, _ = list(releases(entries))[-1]
        leaves[last] = leaves[0]  # something else stands there now
        return leaves

    rewrite(folder, stage, replace)
    with pytest.raises(SettlementError, match="does not hold up"):
        resolve(stage, folder, contract, receipts)  # a start of the node in the midst of it

    def other(entries: list[Entry]) -> list[bytes]:
        leaves = [entry.leaf or b"" for entry in entries]
        last = max(receipt.index for receipt in receipts)
        started = canonical.decode(leaves[last - 1])
        assert isinstance(started, dict)
        event = event_leaf(INTL, "node.started", parse_time(str(started["time"])), {"version": "0"})
        leaves[last] = encode_leaf(event)
        return leaves

    rewrite(folder, stage, other)
    found = resolve(stage, folder, contract, receipts)
    assert rulings(found) == ["agreed"] * 4 + ["dropped"]
    assert read_statement(found.statement)["requests"] == 5


def test_an_export_older_than_a_receipt_decides_nothing(
    billed: tuple[Stage, str], tmp_path: Path
) -> None:
    stage, contract = billed
    folder = exported(stage, tmp_path / "log")
    stage.lender.verify(contract, stage.people[7].subject)
    with pytest.raises(SettlementError, match="a receipt is of leaf"):
        resolve(stage, folder, contract, held(stage, contract))
    stage.operator.export(folder)
    assert resolve(stage, folder, contract, held(stage, contract)).disputed == ()


def test_what_is_no_export_or_an_edited_one_is_refused(
    billed: tuple[Stage, str], tmp_path: Path
) -> None:
    stage, contract = billed
    folder, identifier = exported(stage, tmp_path / "log"), canonical.b64decode(contract)
    with pytest.raises(ExportInvalidError):
        open_export(tmp_path / "nothing")
    with pytest.raises(ExportInvalidError, match="no contract"):
        settle_export(open_export(folder), bytes(32), believed(stage))
    path = folder / leaves_file(0)
    path.write_bytes(path.read_bytes().replace(b'"total":3', b'"total":4'))
    for act in (settle_export, resolve_export):
        with pytest.raises(SettlementError, match="does not hold up"):
            act(open_export(folder), identifier, believed(stage))


def test_a_hit_that_was_none_is_refused_contested_and_credited(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    """A node that bills every answer as a hit: the buyer's client says so, an opening proves it."""
    greedy = tmp_path / "greedy"
    greedy.mkdir()
    (greedy / "sitecustomize.py").write_text(GREEDY)
    stage = copy()
    stage.start(PYTHONPATH=str(greedy))
    contract = stage.contract(offer(stage, "greedy", "verify", Billing(unit="hit")).name)
    stage.lender.verify(contract, people(stage, found=True)[0])
    with pytest.raises(AnswerInvalidError) as caught:
        stage.lender.verify(contract, people(stage, found=False)[0])
    assert caught.value.clause == "receipt.billed"
    _, wrong = stage.lender.receipts(contract)
    assert wrong.facts.billed == 1
    assert wrong.id in caught.value.remedy
    bill = read_statement(stage.lender.settle(contract))
    assert bill["amount"] == 3_000_000  # what the log says, until it is contested
    assert stage.lender.settle(contract) == stage.operator.operator_settle(contract)

    opening = stage.lender.open_receipt(wrong.id)
    assert verify_clear_opening(opening, believed(stage)).overbilled == 1
    folder, openings = exported(stage, tmp_path / "log"), tmp_path / "openings"
    openings.mkdir()
    (openings / "one.json").write_bytes(canonical.encode(opening) + b"\n")
    keys, receipts = tmp_path / "parties.json", stage.lender.home.root / "receipts"
    keys.write_bytes(canonical.encode(believed(stage).to_json()))
    stage.close_clients()
    code, out, err = cli(
        stage.party_home("operator"),
        *("meter", "resolve", contract, "--export", str(folder), "--receipts", str(receipts)),
        *("--openings", str(openings), "--trust", str(keys), "--format", "json"),
    )
    assert code == 0, err
    found = json.loads(out)
    assert [row["ruling"] for row in found["rows"]] == ["agreed", "overbilled"]
    assert [row["owed"] for row in found["rows"]] == [1, 0]
    assert found["statement"]["credit"] == {"units": 1, "amount": 1_500_000}
    assert found["statement"]["amount"] == 1_500_000


def test_a_credit_that_was_agreed_is_in_the_bill_of_an_export_once(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    contract = stage.contract("clear")
    for person in stage.people[:2]:
        stage.lender.verify(contract, person.subject)
    receipt = stage.lender.receipts(contract)[0]
    stage.lender.contract(contract)
    opened = stage.lender.open_objection("wrong_answer", "not so", receipt=receipt.path)
    credit = Credit(units=1, amount=1_500_000)
    stage.operator.answer_objection(opened.id, "right", accepted=True, credit=credit)
    folder = exported(stage, tmp_path / "log")
    export, identifier = open_export(folder), canonical.b64decode(contract)
    terms = export.contract(identifier).terms
    total, requests = exported_credit(export, terms, believed(stage))
    assert (total, requests) == (credit, {receipt.id})
    bill = settle_export(export, identifier, believed(stage))
    assert bill == stage.lender.settle(contract) == stage.operator.operator_settle(contract)
    assert read_statement(bill)["amount"] == 1_500_000
    found = resolve(stage, folder, contract, held(stage, contract))
    assert found.statement == bill
    assert {row.ruling for row in found.rows} == {Ruling.AGREED}
    assert b64encode(terms.id()) == contract
