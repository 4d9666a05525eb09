"""What a bill comes to: exact sums, whatever the units, the cap, the free ones and the shares."""

import dataclasses
import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evidence.billing_world import billed_leaves, billing_terms

from unseen.evidence.bills.billing import apportion, make_bill
from unseen.evidence.bills.settlement import arrange, bill, billed_units, by_day, settle, tally
from unseen.evidence.contracts.clauses import BILLABLE, LINES, Billing, Payee
from unseen.evidence.contracts.contract import Prices, Terms
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.errors import ContractInvalidError, LeafInvalidError, SettlementError
from unseen.evidence.log import ReleaseLeaf, decode_leaf, encode_leaf
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.verify import verify_receipt, verify_terms

WORLD = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=8).filter(any)
prices = st.builds(
    Prices,
    currency=st.just("CNY"),
    data_fee=st.integers(0, 10**6),
    service_fee=st.integers(0, 10**6),
)


@st.composite
def rules(draw: st.DrawFn) -> Billing:
    free, cap = draw(st.integers(0, 40)), draw(st.just(0) | st.integers(1, 10**7))
    found: list[Payee] = []
    for line in LINES:
        cuts = sorted(draw(st.sets(st.integers(1, 9_999), max_size=4)))
        ends = [0, *cuts, 10_000] if draw(st.booleans()) else []
        found += [
            Payee(line=line, name=f"payee {at}", key="A" * 42 + "AEIMQ"[at], share=end - start)
            for at, (start, end) in enumerate(pairwise(ends))
        ]
    return Billing(unit="evaluation", free_units=free, cap=cap, payees=tuple(found))


@given(amount=st.integers(0, 2**53), weights=weights)
def test_parts_add_up_and_are_a_share_away_at_most(amount: int, weights: list[int]) -> None:
    parts, whole = apportion(amount, weights), sum(weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert amount * weight // whole <= part <= -(-amount * weight // whole)


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # equal remainders: the first gets what is left
        (10, [6, 6, 6], [4, 3, 3]),
        (1, [1, 2, 2], [0, 1, 0]),
        (101, [3_333, 6_667], [34, 67]),  # 33.66 and 67.33
        (7, [0, 1], [0, 7]),
        (0, [1, 1], [0, 0]),
    ],
)
def test_what_is_left_goes_to_the_largest_remainders(
    amount: int, weights: list[int], parts: list[int]
) -> None:
    assert apportion(amount, weights) == parts


@given(prices=prices, rule=rules(), units=st.integers(0, 100), credit=st.integers(0, 10**7))
def test_a_bill_adds_up_to_the_last_millionth(
    prices: Prices, rule: Billing, units: int, credit: int
) -> None:
    found = make_bill(prices, rule, units, credit)
    full = (prices.data_fee + prices.service_fee) * found.charged
    assert found.charged == max(units - rule.free_units, 0) == found.billed - found.free
    assert found.amount + found.credited == (min(full, rule.cap) if rule.cap else full)
    assert 0 <= found.credited <= credit
    assert found.amount == 0 or found.credited == credit
    for line in found.lines:
        assert not line.dues or sum(due.amount for due in line.dues) == line.amount
        assert line.amount <= line.price * line.units
    if found.amount == full:
        assert [line.amount for line in found.lines] == [
            prices.data_fee * found.charged,
            prices.service_fee * found.charged,
        ]


@given(prices=prices, rule=rules(), units=st.integers(0, 100), more=st.integers(0, 20))
def test_more_units_a_higher_cap_and_fewer_free_ones_never_cost_less(
    prices: Prices, rule: Billing, units: int, more: int
) -> None:
    amount = make_bill(prices, rule, units).amount
    assert make_bill(prices, rule, units + more).amount >= amount
    more_free = dataclasses.replace(rule, free_units=rule.free_units + more)
    assert make_bill(prices, more_free, units).amount <= amount
    uncapped = dataclasses.replace(rule, cap=0)
    assert make_bill(prices, uncapped, units).amount >= amount
    if rule.cap:
        higher = dataclasses.replace(rule, cap=rule.cap + more)
        assert amount <= make_bill(prices, higher, units).amount <= amount + more
    for line, after in zip(
        make_bill(prices, rule, units).lines,
        make_bill(prices, rule, units + more).lines,
        strict=True,
    ):
        assert line.amount <= after.amount


def test_without_a_clause_each_unit_has_its_price() -> None:
    found = make_bill(Prices(currency="CNY", data_fee=3, service_fee=2), None, 7)
    assert [line.amount for line in found.lines] == [21, 14]
    assert all(not line.dues for line in found.lines)


def test_every_kind_can_bill_something_and_lookups_no_hits() -> None:
    assert set(BILLABLE) == set(KINDS)
    assert all(BILLABLE.values())
    assert BILLABLE["lookup"] == ("evaluation",)


@pytest.mark.parametrize(
    ("kind", "unit"), [("lookup", "hit"), ("lookup", "request"), ("verify", "item")]
)
def test_a_kind_cannot_bill_what_nobody_can_count(world: Any, kind: str, unit: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        world.terms(kind=kind, billing=Billing(unit=unit))
    assert caught.value.clause == "billing.unit"


@pytest.mark.parametrize(
    ("unit", "billed"), [("evaluation", 6), ("item", 6), ("request", 3), ("hit", 4)]
)
def test_a_unit_is_counted_from_the_leaf(world: Any, unit: str, billed: int) -> None:
    terms = billing_terms(world, unit)
    leaves = billed_leaves(world, terms, [(1, 0), (3, 3), (2, 1)])
    assert sum(billed_units(terms, leaf) for leaf in leaves) == billed
    found = json.loads(settle(terms, leaves))
    assert found["billing"] == {"unit": unit, "billed": billed, "free": 2, "cap": 0}
    assert found["units"] == 6
    assert found["amount"] == 60_000 * (billed - 2)


def test_a_statement_shows_its_lines_and_payees(world: Any) -> None:
    terms = billing_terms(world, free_units=0)
    found = json.loads(settle(terms, billed_leaves(world, terms, [(1, 1)])))
    assert [
        (line["line"], line["amount"], [due["amount"] for due in line["payees"]])
        for line in found["lines"]
    ] == [("data_fee", 50_000, [16_665, 33_335]), ("service_fee", 10_000, [10_000])]
    assert found["lines"][0]["payees"][0]["name"] == "市数据局"


def test_a_cap_brings_both_lines_down_in_proportion(world: Any) -> None:
    terms = billing_terms(world, cap=100_000)
    found = bill(terms, billed_leaves(world, terms, [(1, 1)] * 5))
    assert [line.amount for line in found.lines] == [83_333, 16_667]
    assert found.amount == 100_000


def test_a_credit_comes_off_the_bill_and_is_shown(world: Any) -> None:
    terms = billing_terms(world)
    leaves = billed_leaves(world, terms, [(1, 1)] * 4)
    found = json.loads(settle(terms, leaves, Credit(units=1, amount=60_000)))
    assert (found["amount"], found["credit"]) == (60_000, {"units": 1, "amount": 60_000})
    everything = json.loads(settle(terms, leaves, Credit(units=0, amount=10**9)))
    assert (everything["amount"], everything["credit"]["amount"]) == (0, 120_000)
    plain = json.loads(settle(world.terms(), [world.leaf()], Credit(units=0, amount=10)))
    assert (plain["amount"], plain["credit"]) == (59_990, {"units": 0, "amount": 10})


@WORLD
@given(
    units=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=8),
    seed=st.randoms(use_true_random=False),
    unit=st.sampled_from(["evaluation", "item", "request", "hit"]),
)
def test_order_and_repetition_change_no_bill(
    intl: Any, units: list[tuple[int, int]], seed: Any, unit: str
) -> None:
    terms = billing_terms(intl, unit, cap=900_000)
    leaves = billed_leaves(intl, terms, [(count, min(count, hits)) for count, hits in units])
    again = leaves + [leaf for leaf in leaves if seed.random() < 0.5]
    seed.shuffle(again)
    assert settle(terms, again) == settle(terms, leaves)
    assert arrange(terms, again) == (tuple(leaves), [])


@WORLD
@given(
    hits=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=10),
    free=st.integers(0, 5),
    cap=st.integers(0, 200_000),
)
def test_the_days_add_up_to_the_bill(
    intl: Any, hits: list[tuple[int, int]], free: int, cap: int
) -> None:
    terms = billing_terms(intl, free_units=free, cap=cap)
    leaves = billed_leaves(intl, terms, [(1, hit) for hit, _ in hits])
    dated = [
        dataclasses.replace(
            leaf,
            time=leaf.time + timedelta(days=days),
            request=dataclasses.replace(
                leaf.request, issued_at=leaf.request.issued_at + timedelta(days=days)
            ),
        )
        for leaf, (_, days) in zip(leaves, hits, strict=True)
    ]
    days = by_day(terms, tally(terms, dated))
    assert [day.day for day in days] == sorted({leaf.time.date() for leaf in dated})
    assert sum(day.amount for day in days) == bill(terms, dated).amount
    assert sum(day.units for day in days) == sum(day.requests for day in days) == len(dated)
    assert sum(day.billed for day in days) == sum(hit for hit, _ in hits)
    assert all(day.amount >= 0 for day in days)


def test_a_hit_is_told_by_every_release_of_such_a_contract_and_by_no_other(world: Any) -> None:
    terms = billing_terms(world)
    (leaf,) = billed_leaves(world, terms, [(1, 1)])
    silent = dataclasses.replace(leaf, billed=None)
    talking = world.leaf(world.request(), billed=1)
    for of, found in ((terms, silent), (world.terms(), talking)):
        with pytest.raises(SettlementError) as caught:
            settle(of, [found])
        assert caught.value.clause == "billed"


@pytest.mark.parametrize("billed", [-1, 2, True, "1"])
def test_a_leaf_bills_at_most_its_units(world: Any, billed: Any) -> None:
    terms = billing_terms(world)
    (leaf,) = billed_leaves(world, terms, [(1, 1)])
    with pytest.raises(LeafInvalidError) as caught:
        dataclasses.replace(leaf, billed=billed)
    assert caught.value.clause == "billed"
    with pytest.raises(LeafInvalidError):
        ReleaseLeaf.from_json(leaf.to_json() | {"billed": billed})


def test_nothing_billed_is_written_as_such_or_not_at_all(world: Any) -> None:
    terms = billing_terms(world)
    (leaf,) = billed_leaves(world, terms, [(1, 0)])
    data = encode_leaf(leaf.to_json())
    assert ReleaseLeaf.from_json(decode_leaf(data)) == leaf
    assert leaf.encode() == data
    with pytest.raises(LeafInvalidError):
        ReleaseLeaf.from_json(leaf.to_json() | {"billed": None})
    assert "billed" not in world.leaf().to_json()


def test_a_receipt_says_what_is_billed_and_is_held_to_the_terms(world: Any) -> None:
    terms = billing_terms(world)
    (leaf,) = billed_leaves(world, terms, [(1, 1)])
    found = verify_receipt(world.receipt(leaf), world.trust)
    assert found.billed == 1
    verify_terms(found, terms)
    silent = verify_receipt(world.receipt(dataclasses.replace(leaf, billed=None)), world.trust)
    with pytest.raises(Exception, match="billed"):
        verify_terms(silent, terms)


def test_terms_with_a_bill_come_back_from_their_bytes(world: Any) -> None:
    terms = billing_terms(world, cap=7)
    assert Terms.decode(terms.encode()) == terms
    assert terms.bills_hits
    assert not billing_terms(world, "request").bills_hits
    assert not world.terms().bills_hits
