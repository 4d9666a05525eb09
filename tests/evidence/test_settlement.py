"""Settlement: one bill from both sides, and no bill from releases that do not add up."""

import dataclasses
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.bills.settlement import settle, tally
from unseen.evidence.commitment import parts_root
from unseen.evidence.contracts.contract import Quota
from unseen.evidence.errors import LeafInvalidError, SettlementError
from unseen.evidence.log import encode_leaf
from unseen.evidence.releases.request import MAX_REQUEST_AGE
from unseen.evidence.verify import verify_receipt


def releases(world: Any, units: list[int]) -> list[Any]:
    leaves, total = [], 0
    for number, count in enumerate(units):
        total += count
        leaves.append(world.leaf(world.request(number, units=count), total=total))
    return leaves


def test_both_sides_compute_the_same_bytes(world: Any) -> None:
    leaves = releases(world, [1, 3, 2, 1])
    receipts = [world.receipt(leaf) for leaf in leaves]
    from_log = settle(world.terms(), [leaf.to_json() for leaf in leaves])
    random.Random(1).shuffle(receipts)
    held = [verify_receipt(token, world.trust).leaf for token in receipts + receipts[:2]]
    assert settle(world.terms(), held) == from_log


def test_the_bill_adds_up(world: Any) -> None:
    terms, leaves = world.terms(), releases(world, [1, 3, 2])
    bill = json.loads(settle(terms, leaves))
    assert bill == {
        "v": 1,
        "suite": world.suite.id,
        "type": "settlement",
        "contract": canonical.b64encode(terms.id()),
        "operator": terms.operator,
        "buyer": terms.buyer,
        "period": terms.period.to_json(),
        "currency": "CNY",
        "requests": 3,
        "units": 6,
        "quota": 1000,
        "lines": [
            {"line": "data_fee", "price": 50_000, "units": 6, "amount": 300_000},
            {"line": "service_fee", "price": 10_000, "units": 6, "amount": 60_000},
        ],
        "amount": 360_000,
        "digest": canonical.b64encode(
            parts_root(world.suite, [encode_leaf(leaf.to_json()) for leaf in leaves])
        ),
    }


def test_a_bill_of_nothing(world: Any) -> None:
    bill = json.loads(settle(world.terms(), []))
    assert (bill["requests"], bill["units"], bill["amount"]) == (0, 0, 0)
    assert bill["digest"] == canonical.b64encode(world.suite.digest(b""))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(units=st.lists(st.integers(1, 9), max_size=8), seed=st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(intl: Any, units: list[int], seed: Any) -> None:
    leaves = releases(intl, units)
    given_again = leaves + [leaf for leaf in leaves if seed.random() < 0.5]
    seed.shuffle(given_again)
    assert settle(intl.terms(), given_again) == settle(intl.terms(), leaves)
    assert tally(intl.terms(), given_again) == tuple(leaves)


def test_a_missing_release_is_named_by_its_units(world: Any) -> None:
    leaves = releases(world, [1, 3, 2])
    with pytest.raises(SettlementError, match="units 2 to 4 are missing"):
        settle(world.terms(), [leaves[0], leaves[2]])
    with pytest.raises(SettlementError, match="units 1 to 1 are missing"):
        settle(world.terms(), leaves[1:])


def test_the_last_release_missing_gives_another_bill(world: Any) -> None:
    leaves = releases(world, [1, 3, 2])
    assert settle(world.terms(), leaves[:2]) != settle(world.terms(), leaves)


def test_a_request_charged_twice_is_refused(world: Any) -> None:
    leaf = world.leaf()
    again = dataclasses.replace(leaf, total=2)
    with pytest.raises(SettlementError, match="charged twice"):
        settle(world.terms(), [leaf, again])


def test_two_releases_of_one_unit_are_refused(world: Any) -> None:
    leaves = [world.leaf(world.request(number)) for number in range(2)]
    with pytest.raises(SettlementError, match="two releases claim unit 1"):
        settle(world.terms(), leaves)


def test_more_than_the_quota_is_refused(world: Any) -> None:
    terms = world.terms(quota=Quota(units=2, per_minute=1))
    leaves = [
        world.leaf(world.request(number, contract=terms.id()), total=number)
        for number in range(1, 4)
    ]
    assert settle(terms, leaves[:2])
    with pytest.raises(SettlementError, match="quota"):
        settle(terms, leaves)


def test_a_release_outside_the_contract_is_refused(world: Any) -> None:
    terms = world.terms()
    for clause, leaf in (
        ("contract", world.leaf(world.request(contract=bytes(32)))),
        ("kind", world.leaf(world.request(kind="verify"))),
        ("plan", world.leaf(plan=bytes(32))),
        ("leakage", world.leaf(leakage=bytes(32))),
        ("period", world.leaf(time=terms.period.until)),
    ):
        with pytest.raises(SettlementError) as caught:
            settle(terms, [leaf])
        assert caught.value.clause == clause


def test_a_release_far_from_its_request_is_in_no_bill(world: Any) -> None:
    terms, second = world.terms(), timedelta(seconds=1)
    asked = world.request().issued_at
    for away in (MAX_REQUEST_AGE, -MAX_REQUEST_AGE):
        leaf = world.leaf(time=asked + away)
        assert settle(terms, [leaf]) == settle(terms, [leaf.to_json()])
    for away in (MAX_REQUEST_AGE + second, -MAX_REQUEST_AGE - second, timedelta(days=29)):
        leaf = world.leaf(time=asked + away)
        for bare in (leaf, leaf.to_json()):
            with pytest.raises(SettlementError) as caught:
                settle(terms, [bare])
            assert caught.value.clause == "window"


def test_a_malformed_leaf_is_refused(world: Any) -> None:
    malformed: list[Any] = [{}, world.leaf().to_json() | {"extra": 1}, None, [], "x"]
    for leaf in malformed:
        with pytest.raises(LeafInvalidError):
            settle(world.terms(), [leaf])
