"""The clause of an intersection, what its messages commit to, and their frozen bytes.

`formats_v1_intersect.json` was written by `frozen` below, from fixed keys.
"""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.contract import Quota, Terms
from unseen.evidence.contracts.intersection import (
    COUNT,
    ITEMS,
    MAX_ITEMS,
    MAX_SUM,
    SUM,
    TEXTS,
    Intersection,
    Offered,
    Summed,
    check_intersection,
    clause_in,
    domain_of,
    intersection_of,
    intersection_rows,
    session_of,
)
from unseen.evidence.contracts.plan import Output, Plan, ReleaseSpec, is_aggregate
from unseen.evidence.contracts.privacy import delta_of, granted, limit_of, spends
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.contracts.typed import decode
from unseen.evidence.errors import (
    CanonicalError,
    ContractInvalidError,
    ReleaseInvalidError,
    RequestInvalidError,
)
from unseen.evidence.releases.intersected import SentAnswer, SentSet, SentSum
from unseen.evidence.releases.metered import bits_of, spec_of

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_intersect.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
OFFERED = Offered(outputs=(ITEMS, COUNT), most=5_000, rho="0.01", delta="0.000001")
OWN = OFFERED.only(ITEMS, 1_000)
NUMBER = OFFERED.only(COUNT, 1_000)
SUMMED = Summed(column="debt", low=-50, high=2_000, decimals=2)
WITH_SUM = replace(OFFERED, outputs=(COUNT, SUM), sum=SUMMED)
TOTAL = WITH_SUM.only(SUM, 1_000)
REQUEST = f"{7:032x}"


def plan_of(world: Any, clause: Intersection, **changes: Any) -> Plan:
    units = 1_000
    fields: dict[str, Any] = {
        "kind": "intersect",
        "protocol": clause.protocol,
        "columns_read": (clause.sum.column,) if clause.sum else (),
        "outputs": (
            Output(
                name=clause.output,
                text=TEXTS[clause.output],
                expression_digest=world.hash(clause.output),
            ),
        ),
        "bits_per_unit": clause.bits_per_unit,
        "label_bytes": 0,
        "release": ReleaseSpec(
            type=clause.release,
            bits_per_run=clause.bits_per_run(units),
            bits_in_all=clause.bits_per_unit * units,
            shape=clause.shape,
        ),
    }
    return cast("Plan", world.plan(**fields | changes))


def terms_of(world: Any, clause: Intersection, **changes: Any) -> Terms:
    fields: dict[str, Any] = {
        "kind": "intersect",
        "protocol": clause.protocol,
        "outputs": (clause.output,),
        "plan": plan_of(world, clause).digest(world.suite),
        "quota": Quota(units=1_000, per_minute=1_000),
        "budget": "1" if clause.rho else "",
        "parameters": {"intersect": clause.to_json()},
    }
    return cast("Terms", world.terms(**fields | changes))


def sent(world: Any) -> SentSet:
    return SentSet(suite=world.suite.id, items=3, digest=bytes(range(32)))


def answered(world: Any) -> SentAnswer:
    return SentAnswer(suite=world.suite.id, items=3, others=40, digest=bytes(range(32)))


def summed(world: Any) -> SentSum:
    return SentSum(suite=world.suite.id, count=40, sum=bytes(range(64)))


def frozen(world: Any) -> dict[str, str]:
    return {
        "offered": OFFERED.encode().decode(),
        "clause_items": canonical.encode(OWN.to_json()).decode(),
        "clause_count": canonical.encode(NUMBER.to_json()).decode(),
        "terms_items": terms_of(world, OWN).encode().decode(),
        "terms_count": terms_of(world, NUMBER).encode().decode(),
        "plan_items": plan_of(world, OWN).encode().decode(),
        "plan_count": plan_of(world, NUMBER).encode().decode(),
        "set": sent(world).encode().decode(),
        "answer": answered(world).encode().decode(),
        "session": session_of(world.suite, bytes(range(32)), REQUEST).hex(),
        "offered_sum": WITH_SUM.encode().decode(),
        "clause_sum": canonical.encode(TOTAL.to_json()).decode(),
        "terms_sum": terms_of(world, TOTAL).encode().decode(),
        "plan_sum": plan_of(world, TOTAL).encode().decode(),
        "sum": summed(world).encode().decode(),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_the_session_is_that_of_the_text_alone() -> None:
    text = b"unseen/intersect/v1 session\x00" + bytes(range(32)) + bytes(15) + b"\x07"
    assert hashlib.sha256(text).hexdigest() == VECTORS["intl"]["session"]
    assert domain_of(bytes(32)) == b"unseen/intersect/v1\x00" + bytes(32)


def test_frozen_documents_are_read_and_written_the_same(world: Any) -> None:
    vector = VECTORS[world.suite.id]
    assert Offered.decode(vector["offered"].encode()) == OFFERED
    for name, clause in (("clause_items", OWN), ("clause_count", NUMBER), ("clause_sum", TOTAL)):
        found = Intersection.from_json(canonical.decode(vector[name].encode()))
        assert found == clause
        assert clause_in({"intersect": found.to_json()}) == clause
    assert SentSet.decode(vector["set"].encode()) == sent(world)
    assert SentAnswer.decode(vector["answer"].encode()) == answered(world)
    assert SentSum.decode(vector["sum"].encode()) == summed(world)
    assert Offered.decode(vector["offered_sum"].encode()) == WITH_SUM


@pytest.mark.parametrize("clause", [OWN, NUMBER, TOTAL])
def test_terms_and_plan_that_follow_from_the_clause_agree(world: Any, clause: Any) -> None:
    check_agreed(terms_of(world, clause), plan_of(world, clause))


@pytest.mark.parametrize("clause", [OWN, NUMBER, TOTAL])
@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {}},
        {"outputs": ("other",)},
        {"protocol": "clear"},
        {"quota": Quota(units=999, per_minute=999)},
        {"kind": "lookup"},
        {"parameters": {"intersect": [], "menu": {}}},
    ],
)
def test_terms_that_do_not_follow_from_the_clause_are_refused(
    world: Any, clause: Any, changes: dict[str, Any]
) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        check_agreed(terms_of(world, clause, **changes), plan_of(world, clause))
    assert caught.value.clause


@pytest.mark.parametrize("clause", [OWN, NUMBER, TOTAL])
def test_a_plan_that_does_not_follow_from_the_clause_is_refused(world: Any, clause: Any) -> None:
    whole = plan_of(world, clause)
    spec = whole.release
    assert spec is not None
    more = spec.bits_per_run + 1
    other = NUMBER if clause is OWN else OWN
    wrong = (
        {"protocol": other.protocol},
        {"release": None},
        {"release": replace(spec, bits_per_run=more, bits_in_all=spec.bits_in_all + 1)},
        {"bits_per_unit": clause.bits_per_unit + 1},
    )
    for changes in wrong:
        with pytest.raises(ContractInvalidError):
            check_intersection(terms_of(world, clause), replace(whole, **changes))


def test_a_count_without_a_budget_is_refused(world: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        check_intersection(terms_of(world, NUMBER, budget=""), plan_of(world, NUMBER))
    assert caught.value.clause == "budget"


def test_only_a_count_costs_privacy_and_is_an_aggregate(world: Any) -> None:
    own, number = terms_of(world, OWN), terms_of(world, NUMBER)
    assert [spends(own), spends(number)] == [False, True]
    assert [granted(own), granted(number)] == [0, limit_of("1", "0.000001")]
    assert [delta_of(own), delta_of(number)] == ["", "0.000001"]
    assert [is_aggregate("intersect", each.outputs) for each in (own, number)] == [False, True]
    assert is_aggregate("statistics", ())
    assert not is_aggregate("lookup", ())
    assert dict(intersection_rows(own.parameters)) == {"items a run": "1,000 at most"}
    assert dict(intersection_rows(number.parameters))["rho a run"] == "0.01"
    assert not dict(intersection_rows({}))
    assert intersection_of({}) is None


def test_what_a_run_says_is_bounded_by_the_clause(world: Any) -> None:
    own, number = plan_of(world, OWN), plan_of(world, NUMBER)
    assert [bits_of(own, units) for units in (1, 1_000)] == [1, 1_000]
    assert [bits_of(number, units) for units in (1, 1_000)] == [10, 10]  # 0 to 1,000, and null
    for plan, clause in ((own, OWN), (number, NUMBER)):
        spec = spec_of(plan, terms_of(world, clause))
        assert bits_of(plan, clause.most) <= spec.bits_per_run <= spec.bits_in_all
    shape = NUMBER.shape
    assert shape is not None
    assert [decode(shape, text).encode() for text in (b"0", b"1000", b"null")] == [
        b"0",
        b"1000",
        b"null",
    ]
    for text in (b"1001", b"-1", b"1.5", b"[1]"):
        with pytest.raises((ReleaseInvalidError, CanonicalError)):
            decode(shape, text)


@given(most=st.integers(1, MAX_ITEMS), asked=st.integers(1, MAX_ITEMS))
def test_a_clause_never_allows_more_than_the_product(most: int, asked: int) -> None:
    offered = replace(OFFERED, most=most)
    for output in offered.outputs:
        clause = offered.only(output, asked)
        assert clause.most == min(most, asked)
        assert Intersection.from_json(clause.to_json()) == clause
        assert (clause.rho, clause.delta) == (("0.01", "0.000001") if output == COUNT else ("", ""))


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": ()},
        {"outputs": ("items", "items")},
        {"outputs": ("mean",)},
        {"outputs": ("items", "sum")},  # and no column
        {"sum": SUMMED},
        {"outputs": ("items",)},  # with noise that nobody asked for
        {"most": 0},
        {"most": MAX_ITEMS + 1},
        {"most": True},
        {"rho": ""},
        {"rho": "0"},
        {"rho": "1e-3"},
        {"delta": ""},
        {"delta": "0"},
        {"delta": "0.01"},
    ],
)
def test_an_offer_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        replace(OFFERED, **changes)
    assert caught.value.clause.startswith("intersect.")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"output": "items"},
        {"output": "items", "most": "7"},
        {"output": "items", "most": 7, "rho": "0.1"},
        {"output": "items", "most": 7, "rho": ""},
        {"output": "items", "most": 7, "more": 1},
        {"output": "count", "most": 7},
        {"output": "sum", "most": 7, "rho": "0.1", "delta": "0.000001"},
        {"output": "count", "most": 7, "rho": "0.1", "delta": "0.000001", "sum": {}},
        {"output": ["items"], "most": 7},
    ],
)
def test_a_clause_that_says_something_else_is_refused(body: Any) -> None:
    with pytest.raises(ContractInvalidError):
        intersection_of({"intersect": body})


@pytest.mark.parametrize("kind", [SentSet, SentAnswer])
def test_what_is_committed_to_is_read_strictly(world: Any, kind: Any) -> None:
    whole = (sent if kind is SentSet else answered)(world)
    error = RequestInvalidError if kind is SentSet else ReleaseInvalidError
    body: Any = canonical.decode(whole.encode())
    wrong: list[dict[str, Any]] = [
        {"items": 0},
        {"items": MAX_ITEMS + 1},
        {"items": "3"},
        {"digest": "AA"},
        {"digest": 7},
        {"type": "set"},
        {"v": 2},
        {"more": 1},
    ]
    if kind is SentAnswer:
        wrong += [{"others": 0}, {"others": None}]
    for changes in wrong:
        with pytest.raises(error):
            kind.decode(canonical.encode(body | changes))
    with pytest.raises((CanonicalError, ReleaseInvalidError)):
        kind.decode(whole.encode() + b" ")
    with pytest.raises(Exception, match="suite"):
        kind.decode(canonical.encode(body | {"suite": "other"}))


def test_a_sum_shares_its_rho_with_the_count_and_leaves_room_for_its_noise(world: Any) -> None:
    shape, terms = TOTAL.shape, terms_of(world, TOTAL)
    assert TOTAL.costs == (Fraction(1, 200), Fraction(1, 200))
    assert TOTAL.tail**2 >= 13**2 * 2_000**2 * 100
    assert TOTAL.bound == 1_000 * 2_000 + TOTAL.tail
    assert shape is not None
    assert decode(shape, b"[[40,-12345]]").encode() == b"[[40,-12345]]"
    assert decode(shape, b"[[null,null]]").encode() == b"[[null,null]]"
    assert (spends(terms), granted(terms)) == (True, limit_of("1", "0.000001"))
    assert dict(intersection_rows(terms.parameters))["values from"] == "-0.5 to 20.0"
    with pytest.raises(ContractInvalidError) as caught:
        check_intersection(terms, plan_of(world, TOTAL, columns_read=()))
    assert caught.value.clause == "parameters.intersect.sum.column"


@pytest.mark.parametrize(
    "changes",
    [
        {"column": ""},
        {"low": 3_000},
        {"low": 0, "high": 0},
        {"high": MAX_SUM + 1},
        {"low": "0"},
        {"decimals": 16},
    ],
)
def test_a_column_that_cannot_be_summed_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        replace(SUMMED, **changes)
    assert caught.value.clause.startswith("intersect.sum")


def test_a_sum_that_nobody_finds_is_refused() -> None:
    large = replace(WITH_SUM, sum=replace(SUMMED, high=1 << 38))
    with pytest.raises(ContractInvalidError) as caught:
        large.only(SUM, 1_000)
    assert caught.value.clause == "intersect.most"


def test_what_is_read_of_a_sum_is_read_strictly(world: Any) -> None:
    assert SentSum.decode(replace(summed(world), count=None, sum=b"").encode()).count is None
    body: Any = canonical.decode(summed(world).encode())
    wrong: list[dict[str, Any]] = [
        {"count": None},
        {"count": -1},
        {"count": True},
        {"sum": ""},
        {"sum": "AA"},
        {"more": 1},
        {"type": "intersect-answer"},
    ]
    for changes in wrong:
        with pytest.raises(ReleaseInvalidError):
            SentSum.decode(canonical.encode(body | changes))
