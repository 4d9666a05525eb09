"""The bill: the same bytes from the operator's log and the buyer's receipts, whatever is billed."""

import json
from typing import Any

import pytest
from tests.promises.stage import PREDICATES, Stage

from unseen.client.catalog import Prices, Product
from unseen.client.errors import RefusedError
from unseen.evidence.clauses import Billing, Payee
from unseen.evidence.statement import read_statement

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
