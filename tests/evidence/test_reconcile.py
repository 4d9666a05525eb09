"""Sheets of a day, and what is wrong between two of them."""

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evidence.billing_world import billed_leaves, billing_terms
from tests.evidence.conftest import NOW

from unseen.evidence import canonical
from unseen.evidence.bills.reconcile import Entry, Finding, Match, Sheet, make_sheet, reconcile
from unseen.evidence.errors import CanonicalError, SettlementError, SuiteUnknownError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.suite import signer_id

DAY = NOW.date()


def leaves(world: Any, count: int = 3) -> list[ReleaseLeaf]:
    return billed_leaves(world, billing_terms(world), [(1, 1)] * count)


def sheet(world: Any, side: Any, found: list[ReleaseLeaf], day: date = DAY) -> Sheet:
    party = world.operator if side == "log" else world.buyer
    return make_sheet(world.suite.id, side, signer_id(party), day, found)


def findings(matches: tuple[Match, ...]) -> dict[int, Finding | None]:
    return {int(match.entry.request, 16): match.finding for match in matches}


def test_a_sheet_comes_back_from_its_bytes(world: Any) -> None:
    plain = world.leaf(world.request(number=9))
    made = sheet(world, "log", [*leaves(world), plain, plain])
    assert len(made.rows) == 4
    assert Sheet.decode(made.encode()) == made
    assert b'"billed":1' in made.encode()
    assert sheet(world, "log", leaves(world), DAY + timedelta(days=1)).rows == ()


def test_every_mismatch_has_its_name(world: Any) -> None:
    ours = leaves(world, 6)
    theirs = [
        ours[0],
        dataclasses.replace(ours[1], billed=0),
        dataclasses.replace(ours[2], release=bytes(32)),
        dataclasses.replace(ours[3], request=dataclasses.replace(ours[3].request, units=2)),
        billed_leaves(world, billing_terms(world), [(1, 1)] * 7)[6],
    ]
    found = findings(reconcile(sheet(world, "log", ours), sheet(world, "receipts", theirs)))
    assert found == {
        0: None,
        1: Finding.BILLED,
        2: Finding.LEAF,
        3: Finding.UNITS,
        4: Finding.NO_RECEIPT,
        5: Finding.NO_RECEIPT,
        6: Finding.NOT_IN_LOG,
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mine=st.sets(st.integers(0, 7)), other=st.sets(st.integers(0, 7)))
def test_both_sides_find_the_same(intl: Any, mine: set[int], other: set[int]) -> None:
    all_of_them = leaves(intl, 8)
    log = sheet(intl, "log", [all_of_them[number] for number in mine])
    held = sheet(intl, "receipts", [all_of_them[number] for number in other])
    one, two = findings(reconcile(log, held)), findings(reconcile(held, log))
    assert one == two
    assert {number for number, found in one.items() if found is None} == mine & other
    assert {n for n, found in one.items() if found is Finding.NO_RECEIPT} == mine - other
    assert {n for n, found in one.items() if found is Finding.NOT_IN_LOG} == other - mine


def test_only_the_contracts_asked_for(world: Any) -> None:
    ours = sheet(world, "log", [*leaves(world, 1), world.leaf(world.request(number=9))])
    theirs = sheet(world, "receipts", [])
    assert len(reconcile(ours, theirs)) == 2
    assert findings(reconcile(ours, theirs, [world.terms().id()])) == {9: Finding.NO_RECEIPT}


def test_other_days_and_suites_are_not_compared(world: Any) -> None:
    ours = sheet(world, "log", [])
    with pytest.raises(SettlementError, match="day"):
        reconcile(ours, sheet(world, "receipts", [], DAY + timedelta(days=1)))
    other = {"intl": "dummy", "dummy": "intl"}[world.suite.id]
    with pytest.raises(SettlementError, match="suite"):
        reconcile(ours, dataclasses.replace(ours, suite=other))


def test_two_releases_of_one_request_are_refused(world: Any) -> None:
    one = leaves(world, 1)[0]
    with pytest.raises(SettlementError, match="repeats"):
        sheet(world, "log", [one, dataclasses.replace(one, total=2)])


@pytest.mark.parametrize(
    ("field", "value", "clause"),
    [
        ("side", "both", "side"),
        ("party", "x", "party"),
        ("day", "today", "day"),
        ("day", "20261122", "day"),
        ("day", 1, "day"),
        ("rows", {}, "rows"),
        ("rows", [{}], "rows.request"),
        ("extra", 1, "document"),
        ("v", 2, "v"),
    ],
)
def test_a_malformed_sheet_is_refused(world: Any, field: str, value: Any, clause: str) -> None:
    body: Any = canonical.decode(sheet(world, "log", leaves(world)).encode())
    with pytest.raises(SettlementError) as caught:
        Sheet.decode(canonical.encode(body | {field: value}))
    assert caught.value.clause == clause


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request", "x"),
        ("contract", "AA"),
        ("leaf", 1),
        ("time", "now"),
        ("units", 0),
        ("total", 0),
        ("billed", 2),
        ("billed", None),
        ("extra", 1),
    ],
)
def test_a_malformed_row_is_refused(world: Any, field: str, value: Any) -> None:
    body: Any = canonical.decode(sheet(world, "log", leaves(world, 1)).encode())
    body["rows"][0][field] = value
    with pytest.raises(SettlementError):
        Sheet.decode(canonical.encode(body))


def test_rows_are_in_order_once_and_of_the_day(world: Any) -> None:
    made = sheet(world, "log", leaves(world))
    for rows in (made.rows[::-1], made.rows[:1] * 2):
        with pytest.raises(SettlementError):
            dataclasses.replace(made, rows=rows)
    with pytest.raises(SettlementError, match="day"):
        dataclasses.replace(made, day=DAY + timedelta(days=1))


def test_what_is_no_sheet_is_refused(world: Any) -> None:
    with pytest.raises(CanonicalError):
        Sheet.decode(b"{ }")
    data: Any = canonical.decode(sheet(world, "log", []).encode())
    with pytest.raises(SuiteUnknownError):
        Sheet.decode(canonical.encode(data | {"suite": "sm"}))
    with pytest.raises(SettlementError, match="nobody"):
        _ = Match(None, None, None).entry


def test_an_entry_is_the_leaf_in_short(world: Any) -> None:
    leaf = world.leaf()
    entry = Entry.of(leaf)
    assert (entry.request, entry.units, entry.billed) == (leaf.request.request, 1, None)
    assert entry.leaf == world.suite.digest(leaf.encode())
    assert "billed" not in entry.to_json()
