"""The bill: the same bytes from the operator's log and the buyer's receipts, whatever is billed."""

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.promises.asks import Ask, receipt_of, verify_ask
from tests.promises.stage import PREDICATES, Stage
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import Client
from unseen.client.catalog import Prices, Product
from unseen.client.errors import (
    AnswerInvalidError,
    HomeError,
    RefusedError,
    UnreachableError,
)
from unseen.evidence.bills.reconcile import Finding
from unseen.evidence.bills.statement import read_statement
from unseen.evidence.contracts.clauses import Billing, Payee

PRICES = Prices("CNY", 1_000_000, 500_000)


def offer(stage: Stage, name: str, kind: str, billing: Billing) -> Product:
    """Offer the stage's predicates under a billing clause, once for all tests."""
    known = {product.name: product for product in stage.operator.products()}
    return known.get(name) or stage.operator.register_product(
        name,
        table="people",
        kind=kind,
        title="Earnings, billed",
        predicates=PREDICATES,
        prices=PRICES,
        billing=billing,
    )


def keys(stage: Stage) -> dict[str, str]:
    return {party.name: party.key_id for party in stage.operator.parties()}


@pytest.fixture(scope="module")
def hits(stage: Stage) -> str:
    """A product in the clear that bills hits: one free, two payees of the data fee."""
    named = keys(stage)
    payees = (
        Payee(line="data_fee", name="city data office", key=named["rival"], share=3_333),
        Payee(line="data_fee", name="registry", key=named["operator"], share=6_667),
    )
    billing = Billing(unit="hit", free_units=1, cap=20_000_000, payees=payees)
    return offer(stage, "hits", "verify", billing).name


def people(stage: Stage, *, found: bool) -> list[str]:
    """Return subjects whose answers are usable, or are not."""
    return [person.subject for person in stage.people if (person.earnings is not None) is found]


def test_hits_are_billed_and_misses_are_not(stage: Stage, hits: str) -> None:
    contract = stage.contract(hits)
    for subject in (*people(stage, found=True)[:4], *people(stage, found=False)[:2], "nobody"):
        stage.lender.verify(contract, subject)
    ours, theirs = stage.operator.operator_settle(contract), stage.lender.settle(contract)
    assert ours == theirs
    bill = read_statement(ours)
    assert (bill["requests"], bill["units"]) == (7, 7)
    assert bill["billing"] == {"unit": "hit", "billed": 4, "free": 1, "cap": 20_000_000}
    assert bill["amount"] == 4_500_000
    data, service = bill["lines"]
    assert [due["amount"] for due in data["payees"]] == [999_900, 2_000_100]
    assert (service["amount"], service["payees"]) == (1_500_000, [])


def test_the_receipt_says_what_it_costs_and_the_statement_what_that_leaks(
    stage: Stage, hits: str
) -> None:
    contract = stage.contract(hits)
    found, missed = people(stage, found=True)[0], people(stage, found=False)[0]
    for subject, billed in ((found, 1), (missed, 0)):
        verdict = stage.lender.verify(contract, subject)
        assert stage.lender.receipt(verdict.request_id).facts.billed == billed
    leakage = stage.lender.contract(contract).leakage
    assert [line.what for line in leakage.statements if line.party == "auditor"] == ["hits"]
    plain = stage.lender.contract(stage.propose("clear")).leakage
    assert all(line.party != "auditor" for line in plain.statements)


def test_a_miss_uses_up_quota_all_the_same(stage: Stage, hits: str) -> None:
    """What is free is not without end: the quota bounds what may be asked."""
    contract = stage.contract(hits, units=2)
    for subject in people(stage, found=False)[:2]:
        stage.lender.verify(contract, subject)
    with pytest.raises(RefusedError) as caught:
        stage.lender.verify(contract, people(stage, found=True)[0])
    assert caught.value.reason == "QUOTA_EXHAUSTED"
    assert read_statement(stage.lender.settle(contract))["amount"] == 0


def test_a_cap_holds_and_both_sides_cut_alike(stage: Stage) -> None:
    billing = Billing(unit="evaluation", cap=2_000_001)
    contract = stage.contract(offer(stage, "capped", "lookup", billing).name)
    stage.lender.lookup_many(contract, [person.subject for person in stage.people[:5]])
    ours = stage.operator.operator_settle(contract)
    assert ours == stage.lender.settle(contract)
    bill = read_statement(ours)
    assert bill["amount"] == 2_000_001
    assert [line["amount"] for line in bill["lines"]] == [1_333_334, 666_667]


@pytest.mark.parametrize(
    ("kind", "billing", "clause"),
    [
        ("lookup", Billing(unit="hit"), "billing.unit"),
        ("lookup", Billing(unit="request"), "billing.unit"),
        ("verify", Billing(unit="evaluation"), "billing.unit"),
    ],
)
def test_a_product_cannot_bill_what_nobody_can_count(
    stage: Stage, kind: str, billing: Billing, clause: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        offer(stage, f"impossible-{kind}-{billing.unit}", kind, billing)
    assert (caught.value.reason, caught.value.clause) == ("CONTRACT_INVALID", clause)
    assert "product add" in caught.value.remedy


def test_a_contract_without_the_clause_has_the_bill_it_always_had(stage: Stage) -> None:
    contract = stage.contract("clear")
    stage.lender.verify(contract, stage.people[0].subject)
    bill: dict[str, Any] = json.loads(stage.operator.operator_settle(contract))
    assert not {"billing", "credit", "unreceipted"} & bill.keys()
    assert all("payees" not in line for line in bill["lines"])
    assert "billed" not in stage.lender.receipts(contract)[0].facts.leaf.to_json()


runner = CliRunner()


def cli(home: Path, *words: str) -> tuple[int, str, str]:
    """Run a command in a home; return its exit code and what it wrote."""
    done = runner.invoke(app, [*words, "--home", str(home)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def test_without_the_node_the_bill_and_the_contracts_are_still_there(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    contract = stage.contract("clear")
    for person in stage.people[:3]:
        stage.lender.verify(contract, person.subject)
    online = stage.operator.operator_settle(contract)
    stage.stop()
    buyer, bill = stage.party_home("lender"), tmp_path / "bill.json"
    name = f"contracts/{contract}"
    code, _, _ = cli(buyer, "meter", "settle", name, "--offline", "-o", str(bill))
    assert code == 0
    assert bill.read_bytes() == online
    for words in (("show", name), ("explain", name), ("list",)):
        code, out, err = cli(buyer, "contract", *words, "--offline")
        assert (code, bool(out.strip())) == (0, True), err
        assert cli(buyer, "contract", *words)[0] == 4
    code, out, _ = cli(buyer, "meter", "show", name[:20], "--offline", "--format", "json")
    shown = json.loads(out)
    assert (code, shown["units_used"], shown["amount"]) == (0, 3, 4_500_000)
    assert shown["days"][0]["requests"] == 3
    with Client(buyer) as lender:
        kept = lender.contract(contract, offline=True)
        assert (kept.kept, kept.state.value) == (True, "active")
        assert [item.id for item in lender.contracts(offline=True)] == [contract]
        with pytest.raises(HomeError):
            lender.contract("A" * 43, offline=True)


def test_a_contract_file_that_was_edited_is_not_believed(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    contract = stage.contract("clear")
    stage.stop()
    path = stage.lender.home.contract(contract)
    before = path.read_text()
    for old, new in (
        ('"state":"active"', '"state":"ended"'),
        ('"units_used":0', '"units_used":-1'),
    ):
        assert old in before
        path.write_text(before.replace(old, new))
        with pytest.raises(HomeError):
            stage.lender.contract(contract, offline=True)
    path.write_text(before.replace('\\"units\\":1000', '\\"units\\":2000'))
    with pytest.raises(AnswerInvalidError):
        stage.lender.contract(contract, offline=True)


def test_two_signed_statements_are_compared(stage: Stage, hits: str, tmp_path: Path) -> None:
    contract = stage.contract(hits)
    stage.lender.verify(contract, people(stage, found=True)[0])
    ours, theirs, plain = (tmp_path / name for name in ("ours.jws", "theirs.jws", "plain.json"))
    homes = stage.home, stage.party_home("lender")
    stage.close_clients()
    for home, path in zip(homes, (ours, theirs), strict=True):
        code, _, err = cli(home, "meter", "settle", contract, "--sign", "-o", str(path))
        assert code == 0, err
    assert ours.read_text() != theirs.read_text()
    trust = ("--trust", str(homes[1] / "parties.json"))
    code, out, err = cli(homes[1], "meter", "compare", str(ours), str(theirs), *trust)
    assert (code, "to the byte" in out) == (0, True)
    assert "signed by operator (operator)" in err
    body = json.loads(stage.operator.operator_settle(contract))
    for line in body["lines"]:
        line["units"] += 1
    body["billing"]["billed"] += 1
    plain.write_text(json.dumps(body))
    assert cli(homes[1], "meter", "compare", str(ours), str(plain), *trust)[0] == 5
    token = ours.read_text().split(".")
    forged = ".".join([token[0], theirs.read_text().split(".")[1][:-4] + "AAAA", token[2]])
    plain.write_text(forged)
    assert cli(homes[1], "meter", "compare", str(ours), str(plain), *trust)[0] == 5
    stage.lender.verify(contract, people(stage, found=True)[1])
    plain.write_bytes(stage.lender.settle(contract))
    stage.close_clients()
    code, out, _ = cli(
        homes[1], "meter", "compare", str(ours), str(plain), *trust, "--format", "json"
    )
    assert code == 5
    assert {"field": "units", "first": 1, "second": 2} in json.loads(out)


def test_a_day_is_reconciled_by_request_id(copy: Callable[[], Stage], tmp_path: Path) -> None:
    stage = copy()
    stage.start()
    contract = stage.contract("clear")
    asked = [stage.lender.verify(contract, p.subject).request_id for p in stage.people[:3]]
    day = stage.lender.receipts(contract)[0].facts.time.date()
    matches = stage.lender.reconcile(day, [contract])
    assert [match.finding for match in matches] == [None] * 3
    stage.lender.home.receipt(asked[1]).unlink()  # the buyer shows no receipt
    found = {m.entry.request: m.finding for m in stage.lender.reconcile(day, [contract])}
    assert found == {asked[0]: None, asked[1]: Finding.NO_RECEIPT, asked[2]: None}

    homes = stage.home, stage.party_home("lender")
    sheet, result = tmp_path / "buyer.json", tmp_path / "day.csv"
    stage.close_clients()
    words = ("meter", "reconcile", f"contracts/{contract}", "--date", day.isoformat())
    assert cli(homes[1], *words, "--sheet", str(sheet), "-o", str(tmp_path / "x.csv"))[0] == 5
    code, out, err = cli(homes[0], *words, "--against", str(sheet), "-o", str(result))
    assert (code, out) == (5, ""), err
    rows = list(csv.DictReader(result.read_text().splitlines()))
    assert [row["mismatch"] for row in rows] == ["", "no_receipt", ""]
    assert rows[1]["request"] == asked[1]
    assert (rows[1]["units_ours"], rows[1]["units_theirs"]) == ("1", "")
    assert cli(homes[0], *words)[0] == 2  # an operator needs the other side
    code, out, _ = cli(homes[0], *words, "--against", str(sheet), "--format", "json")
    assert (code, len(json.loads(out))) == (5, 3)
    assert cli(homes[0], "meter", "reconcile", "--date", "today")[0] == 2


def test_a_buyer_lists_its_own_releases_and_nobody_elses(stage: Stage) -> None:
    contract = stage.contract("clear", buyer="rival")
    stage.rival.verify(contract, stage.people[0].subject)
    assert stage.rival.spending(contract).requests == 1
    with pytest.raises(RefusedError) as caught:
        list(stage.lender._evidence.releases(contract))
    assert caught.value.reason == "CONTRACT_NOT_FOUND"


def test_the_meter_shows_sums_by_contract_party_and_day(stage: Stage, hits: str) -> None:
    contract = stage.contract(hits)
    for subject in people(stage, found=True)[:3]:
        stage.lender.verify(contract, subject)
    spending = stage.operator.spending(contract)
    assert (spending.units, spending.bill.amount) == (3, 3_000_000)
    card = repr(spending)
    assert "city data office 33.33%" in card
    assert "the first 1 free" in card
    stage.close_clients()
    for by in ("contract", "party", "day"):
        code, out, _ = cli(
            stage.home, "meter", "show", "--by", by, "--party", "lender", "--format", "json"
        )
        assert code == 0
        rows = json.loads(out)
        assert rows
        assert {"requests", "units", "billed", "amount", "currency", by} == rows[0].keys()
        if by == "party":
            assert [row["party"] for row in rows] == ["lender"]
        if by == "contract":
            (row,) = (row for row in rows if row["contract"] == contract)
            assert (row["units"], row["amount"]) == (3, 3_000_000)
    code, out, _ = cli(stage.home, "meter", "show", "--party", "nobody")
    assert (code, out.strip()) == (0, "Nothing was used yet.")


@pytest.mark.parametrize("point", ["charge.before_commit", "charge.after_commit"])
def test_a_kill_around_the_charge_bills_a_hit_once(copy: Callable[[], Stage], point: str) -> None:
    stage = copy()
    stage.start()
    name = offer(stage, "hits", "verify", Billing(unit="hit", free_units=1)).name
    contract = stage.contract(name, units=3)
    stage.stop()
    stage.start(UNSEEN_FAILPOINT=point)
    ask = verify_ask(stage.lender, contract, people(stage, found=True)[0])
    with pytest.raises(UnreachableError):
        ask.send()
    assert stage.wait_dead() == -9

    stage.start()
    again = Ask(stage.lender, ask.request, ask.parts, ask.nonce)
    receipts = {receipt_of(stage.lender, again.send()).index for _ in range(3)}
    assert len(receipts) == 1
    for subject in (people(stage, found=True)[1], people(stage, found=False)[0]):
        stage.lender.verify(contract, subject)
    bill = read_statement(stage.operator.operator_settle(contract))
    assert bill["billing"] == {"unit": "hit", "billed": 2, "free": 1, "cap": 0}
    assert (bill["requests"], bill["amount"]) == (3, 1_500_000)
    with pytest.raises(RefusedError) as caught:
        stage.lender.verify(contract, people(stage, found=True)[2])
    assert caught.value.reason == "QUOTA_EXHAUSTED"


def test_requests_that_race_for_the_last_units_are_billed_for_what_they_got(
    stage: Stage,
) -> None:
    billing = Billing(unit="hit", free_units=2, cap=4_000_001)
    contract = stage.contract(offer(stage, "raced", "verify", billing).name, units=7)
    subjects = [person.subject for person in stage.people[:16]]
    reasons: list[str] = []

    def ask(subject: str) -> bool | None:
        try:
            return stage.lender.verify(contract, subject).found
        except RefusedError as error:
            reasons.append(error.reason)
        return None

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, subjects))
    ours, theirs = stage.operator.operator_settle(contract), stage.lender.settle(contract)
    assert ours == theirs
    bill = read_statement(ours)
    hits = found.count(True)
    assert reasons == ["QUOTA_EXHAUSTED"] * 9
    assert (bill["requests"], bill["units"]) == (7, 7) == (16 - found.count(None),) * 2
    assert bill["billing"]["billed"] == hits
    assert bill["amount"] == min(1_500_000 * max(hits - 2, 0), 4_000_001)
    assert sum(day.amount for day in stage.operator.spending(contract).days) == bill["amount"]
