"""Rules and templates at their limits: what is just allowed, and what is one beyond."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from tests.evidence.conftest import NOW, World
from tests.evidence.governance import (
    make_denial,
    make_rule,
    make_rules,
    make_scope,
    make_template,
)

from unseen.evidence.contracts.contract import Period, Prices, Quota
from unseen.evidence.contracts.limits import exceeded
from unseen.evidence.contracts.ruling import Label, RuleSet
from unseen.evidence.contracts.template import LabelLimit, PriceBand
from unseen.evidence.errors import RulesInvalidError, TemplateInvalidError

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def refusal(make: Any, *arguments: Any, **changes: Any) -> str:
    """Return the clause that refuses, or nothing."""
    try:
        make(*arguments, **changes)
    except (RulesInvalidError, TemplateInvalidError) as error:
        return error.clause
    return ""


@pytest.mark.parametrize(
    ("field", "within", "beyond"),
    [
        ("max_outputs", (1, 128), (0, 129)),
        ("max_units", (1, 2**53 - 1), (0, 2**53)),
        ("max_per_minute", (1, 2**53 - 1), (0, 2**53)),
        ("max_days", (1, 3660), (0, 3661)),
        ("latency_seconds", (0, 1), (-1, True)),
        ("group", (0, 1, 1_000_000), (-1, 1_000_001)),
        ("budget", ("", "0.5"), ("0.50", "-1")),
        ("region", ("", "CN"), ("-", "r" * 65)),
        ("consent", (True, False), (0, 1)),
        ("order", (True, False), (0, 1)),
        ("labels", ((LabelLimit(category="public", level="1"),),), ((), [])),
    ],
)
def test_a_template_is_written_up_to_its_limits(
    intl: World, field: str, within: tuple[Any, ...], beyond: tuple[Any, ...]
) -> None:
    for value in within:
        assert refusal(make_template, intl, **{field: value}) == ""
    for value in beyond:
        assert refusal(make_template, intl, **{field: value}) == field


def test_a_band_of_prices_may_be_one_price_and_is_no_less_than_nothing() -> None:
    for band in ((0, 0), (7, 7), (7, 8)):
        assert refusal(PriceBand, currency="CNY", data_fee=band, service_fee=(0, 1)) == ""
    for band in ((8, 7), (-1, 7)):
        for line in ("data_fee", "service_fee"):
            bands: dict[str, Any] = {"data_fee": (0, 1), "service_fee": (0, 1), line: band}
            assert refusal(PriceBand, currency="CNY", **bands) == f"prices.{line}"


@pytest.mark.parametrize(
    ("level", "allowed"), [("1", True), ("2", True), ("3", False), ("core", False)]
)
def test_a_label_limit_is_a_highest_level_of_one_category(level: str, allowed: bool) -> None:
    limit = LabelLimit(category="enterprise", level="2")
    assert limit.allows("enterprise", level) is allowed
    assert not limit.allows("public", level)


def clauses(world: World, template: dict[str, Any], **scope: Any) -> list[str]:
    return [each.clause for each in exceeded(make_template(world, **template), make_scope(**scope))]


@pytest.mark.parametrize(
    ("group", "budget", "found"),
    [
        (5, "1.5", []),
        (6, "0.5", []),
        (5_000, "1", []),
        (4, "1.5", ["group"]),
        (5, "1.6", ["budget"]),
        (5, "10", ["budget"]),  # as numbers, not as texts
        (5, "", ["budget"]),
        (0, "", ["group", "budget"]),
    ],
)
@pytest.mark.parametrize("kind", ["statistics", "train", "run"])
def test_aggregates_have_a_least_group_and_a_ceiling(
    intl: World, kind: str, group: int, budget: str, found: list[str]
) -> None:
    assert clauses(intl, {"kinds": (kind,)}, kind=kind, group=group, budget=budget) == found
    assert clauses(intl, {}, group=group, budget=budget) == []  # a lookup has neither


@pytest.mark.parametrize(
    ("start", "until", "found"),
    [
        (timedelta(0), 90 * DAY, []),
        (timedelta(0), 90 * DAY + SECOND, ["max_days"]),
        (-10 * DAY, timedelta(0), []),
        (-10 * DAY - SECOND, timedelta(0), ["period"]),
        (250 * DAY, 300 * DAY, []),
        (250 * DAY, 300 * DAY + SECOND, ["period"]),
        (300 * DAY - SECOND, 300 * DAY, []),
        (300 * DAY, 300 * DAY + SECOND, ["period"]),
    ],
)
def test_a_period_lies_within_the_template_s(
    intl: World, start: timedelta, until: timedelta, found: list[str]
) -> None:
    period = Period(start=NOW + start, until=NOW + until)
    assert clauses(intl, {}, period=period) == found


@pytest.mark.parametrize(
    ("start", "ended"), [(299 * DAY, False), (300 * DAY, True), (-11 * DAY, True)]
)
def test_a_template_that_is_over_or_to_come_says_so(
    intl: World, start: timedelta, ended: bool
) -> None:
    period = Period(start=NOW + start, until=NOW + start + 2 * DAY)
    (excess,) = exceeded(make_template(intl), make_scope(period=period))
    assert (excess.clause, excess.ended) == ("period", ended)


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ({"quota": Quota(units=5000, per_minute=100)}, []),
        ({"quota": Quota(units=5001, per_minute=100)}, ["max_units"]),
        ({"quota": Quota(units=5000, per_minute=101)}, ["max_per_minute"]),
        ({"outputs": ("a", "b", "c", "d")}, []),
        ({"outputs": ("a", "b", "c", "d", "e")}, ["max_outputs"]),
        ({"prices": Prices(currency="CNY", data_fee=0, service_fee=10_000)}, []),
        ({"prices": Prices(currency="CNY", data_fee=100_000, service_fee=10_000)}, []),
        ({"prices": Prices(currency="CNY", data_fee=100_001, service_fee=10_000)}, ["data_fee"]),
        ({"prices": Prices(currency="CNY", data_fee=0, service_fee=9_999)}, ["service_fee"]),
        ({"prices": Prices(currency="CNY", data_fee=0, service_fee=10_001)}, ["service_fee"]),
        ({"prices": Prices(currency="EUR", data_fee=0, service_fee=0)}, ["currency"]),
        ({"latency_seconds": 86_400}, []),
        ({"latency_seconds": 86_401}, ["latency_seconds"]),
        ({"latency_seconds": None}, ["consent"]),
        ({"region": "CN"}, []),
        ({"region": "CNX"}, ["region"]),
        ({"region": ""}, ["region"]),
        ({"openings": False}, ["openings"]),
        ({"order": ""}, ["order"]),
        ({"declarations": ()}, ["declarations"]),
        ({"product": "another"}, ["products"]),
        ({"scenario": "another"}, ["purposes"]),
        ({"kind": "score"}, ["kinds"]),
    ],
)
def test_each_limit_holds_to_its_last_one(
    intl: World, scope: dict[str, Any], found: list[str]
) -> None:
    said = [clause.removeprefix("prices.") for clause in clauses(intl, {}, **scope)]
    assert said == found


def test_openings_are_as_the_template_has_them(intl: World) -> None:
    for openings, asked, found in (
        ("required", True, []),
        ("required", False, ["openings"]),
        ("allowed", True, []),
        ("allowed", False, []),
        ("refused", True, ["openings"]),
        ("refused", False, []),
    ):
        assert clauses(intl, {"openings": openings}, openings=asked) == found


@pytest.mark.parametrize(
    ("field", "within", "beyond"),
    [
        ("group", (1, 1_000_000), (0, 1_000_001)),
        ("share", (0, 1), (-1, True)),
        ("levels", (("1",),), ((), ("1", "1"), ("9",))),
        ("kinds", ((), ("verify",)), (("steal",),)),
        ("approvals", (("operator",),), ((), ("holder",))),
        ("budget", ("", "8"), ("08", "x")),
    ],
)
def test_a_rule_is_written_up_to_its_limits(
    field: str, within: tuple[Any, ...], beyond: tuple[Any, ...]
) -> None:
    for value in within:
        assert refusal(make_rule, **{field: value}) == ""
    for value in beyond:
        assert refusal(make_rule, **{field: value}) == f"rules.{field}"


def test_a_deny_list_holds_so_many_entries_and_words(intl: World) -> None:
    words = tuple(f"w{number}" for number in range(257))
    assert refusal(make_denial, purposes=words[:256]) == ""
    assert refusal(make_denial, purposes=words) == "deny.purposes"
    assert refusal(make_denial, purposes=()) == "deny.purposes"
    entries = tuple(make_denial(name=word) for word in words)
    assert refusal(make_rules, intl, deny=entries[:256]) == ""
    assert refusal(make_rules, intl, deny=entries) == "deny"


def test_a_demand_is_the_column_s_that_raised_it(intl: World) -> None:
    """A column that demands less, or the same, is not the reason, whether before or after."""
    weak: dict[str, Any] = {
        "ciphertext": True,
        "group": 2,
        "budget": "8",
        "share": 1,
        "approvals": ("operator",),
        "order": False,
        "region": "",
        "threat_model": "semi-honest",
    }
    strict: dict[str, Any] = {
        "ciphertext": False,
        "kinds": ("verify",),
        "group": 9,
        "budget": "0.5",
        "share": 20,
        "approvals": ("operator", "holder"),
        "order": True,
        "region": "CN",
        "consent": True,
        "template": True,
    }
    rules = RuleSet(
        make_rules(
            intl,
            deny=(),
            rules=(
                make_rule(category="public", levels=("1",), **weak),
                make_rule(category="enterprise", levels=("1", "2"), **strict),
            ),
        )
    )
    low, high = ("a", Label("public", "1")), ("b", Label("enterprise", "1"))
    same = ("c", Label("enterprise", "2"))
    moved = {"kinds", "ciphertext", "threat_model", "group", "budget", "share"}
    moved |= {"approvals", "order", "regions", "consent", "template"}
    for labels in ((low, high, same, low), (high, low, same)):
        because = rules.ruling(labels).because
        raised = {name for name, why in because.items() if why.startswith("column 'b'")}
        assert raised == moved
        assert set(because) == moved
    alone = rules.ruling([low, low]).because
    assert {why.split(":")[0] for why in alone.values()} == {"column 'a'"}
    assert dataclasses.fields(rules.ruling([]))
