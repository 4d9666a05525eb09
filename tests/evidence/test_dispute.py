"""Disputed bills: what each kind of release turns out to be, and the bill that follows."""

import dataclasses
import json
from typing import Any

import pytest
from tests.evidence.billing_world import billed_leaves, billing_terms

from unseen.evidence.bills.dispute import Resolution, Ruling, resolve
from unseen.evidence.bills.settlement import settle
from unseen.evidence.bills.statement import read_statement
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import SettlementError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.oversight.clear import OpenedClear
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.verify import VerifiedReceipt, verify_receipt


@pytest.fixture
def terms(world: Any) -> Terms:
    return billing_terms(world, free_units=0, payees=())


@pytest.fixture
def leaves(world: Any, terms: Terms) -> list[ReleaseLeaf]:
    return billed_leaves(world, terms, [(1, 1), (1, 1), (1, 0), (1, 1)])


def held(world: Any, leaf: ReleaseLeaf) -> VerifiedReceipt:
    return verify_receipt(world.receipt(leaf), world.trust)


def logged(leaves: list[ReleaseLeaf]) -> list[tuple[int, ReleaseLeaf]]:
    return [(10 + number, leaf) for number, leaf in enumerate(leaves)]


def rulings(found: Resolution) -> list[str]:
    return [row.ruling.value for row in found.rows]


def opened(world: Any, terms: Terms, leaf: ReleaseLeaf, *verdicts: bool | None) -> OpenedClear:
    names = dict(zip(terms.outputs, verdicts, strict=True))
    return OpenedClear(subject=("x",), verdicts=names, receipt=held(world, leaf), terms=terms)


def test_what_both_have_is_agreed_and_the_bill_is_the_same(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    found = resolve(terms, logged(leaves), {}, [held(world, leaf) for leaf in leaves])
    assert rulings(found) == ["agreed"] * 4
    assert found.disputed == ()
    assert found.statement == settle(terms, leaves)


def test_a_receipt_denied_does_not_undo_a_signature(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    found = resolve(terms, logged(leaves), {}, [held(world, leaves[0])])
    assert rulings(found) == ["agreed", "denied", "denied", "denied"]
    assert [row.owed for row in found.rows] == [1, 1, 0, 1]
    assert found.statement == settle(terms, leaves)


@pytest.mark.parametrize("rule", ["release.signature", "release.instance", "release.buyer"])
def test_a_forged_request_is_not_owed(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf], rule: str
) -> None:
    found = resolve(terms, logged(leaves), {11: rule}, [])
    assert rulings(found) == ["denied", "forged", "denied", "denied"]
    (row,) = (row for row in found.disputed if row.ruling is Ruling.FORGED)
    assert (row.index, row.owed, row.rule) == (11, 0, rule)
    assert row.request == leaves[1].request.request
    bill = read_statement(found.statement)
    assert (bill["requests"], bill["amount"]) == (3, 120_000)


def test_what_the_contract_does_not_allow_is_not_owed(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    late = dataclasses.replace(leaves[3], time=terms.period.until)
    found = resolve(terms, logged([*leaves[:3], late]), {10: "release.quota"}, [])
    assert rulings(found) == ["unlawful", "denied", "denied", "unlawful"]
    assert [row.rule for row in found.rows] == ["release.quota", "", "", "release.period"]
    assert read_statement(found.statement)["requests"] == 2


def test_a_hit_that_was_none_is_credited(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    receipts = [held(world, leaf) for leaf in leaves]
    openings = [
        opened(world, terms, leaves[0], None, None),
        opened(world, terms, leaves[1], True, None),  # was one indeed
        opened(world, terms, leaves[2], False, None),  # one more than billed: not the buyer's loss
    ]
    found = resolve(terms, logged(leaves), {}, receipts, openings)
    assert rulings(found) == ["overbilled", "agreed", "agreed", "agreed"]
    assert [row.owed for row in found.rows] == [0, 1, 0, 1]
    bill = json.loads(found.statement)
    assert bill["credit"] == {"units": 1, "amount": 60_000}
    assert bill["amount"] == 120_000


def test_a_credit_respects_what_was_free(world: Any) -> None:
    terms = billing_terms(world, free_units=3, payees=())
    leaves = billed_leaves(world, terms, [(1, 1), (1, 1)])
    opening = opened(world, terms, leaves[0], None, None)
    found = resolve(terms, logged(leaves), {}, [], [opening])
    assert json.loads(found.statement)["credit"] == {"units": 1, "amount": 0}


def test_what_the_log_has_lost_is_owed_and_shown(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    found = resolve(terms, logged(leaves[:3]), {}, [held(world, leaf) for leaf in leaves])
    assert rulings(found) == ["agreed", "agreed", "agreed", "dropped"]
    assert found.rows[3].index is None
    assert read_statement(found.statement)["amount"] == 180_000


def test_two_histories_of_one_request_are_told_apart(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    other = dataclasses.replace(leaves[0], billed=0)
    found = resolve(terms, logged(leaves), {}, [held(world, other)])
    assert rulings(found)[0] == "forked"
    assert (found.rows[0].owed, found.rows[0].index) == (0, 10)


def test_receipts_and_openings_of_another_contract_are_refused(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    other = billing_terms(world, cap=1)
    with pytest.raises(SettlementError, match="contract"):
        resolve(other, [], {}, [held(world, leaves[0])])
    with pytest.raises(SettlementError, match="contract"):
        resolve(other, [], {}, [], [opened(world, terms, leaves[0], None, None)])


def test_contracts_that_bill_no_hits_are_resolved_too(world: Any) -> None:
    leaf = world.leaf()
    found = resolve(world.terms(), [(3, leaf)], {}, [held(world, leaf)])
    assert rulings(found) == ["agreed"]
    assert found.statement == settle(world.terms(), [leaf])


def test_what_was_agreed_to_be_credited_is_credited_once(
    world: Any, terms: Terms, leaves: list[ReleaseLeaf]
) -> None:
    openings = [opened(world, terms, leaf, None, None) for leaf in leaves[:2]]
    agreed = Credit(units=1, amount=60_000), {leaves[0].request.request}
    found = resolve(terms, logged(leaves), {}, [], openings, agreed)
    assert rulings(found) == ["denied", "overbilled", "denied", "denied"]
    bill = json.loads(found.statement)
    assert bill["credit"] == {"units": 2, "amount": 120_000}
    alone = resolve(terms, logged(leaves), {}, agreed=agreed)
    assert json.loads(alone.statement)["credit"] == {"units": 1, "amount": 60_000}
