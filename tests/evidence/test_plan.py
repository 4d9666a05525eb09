"""Plans and leakage statements: their digests, and the ranges of their fields."""

import dataclasses
from typing import Any

import pytest

from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan, ReleaseSpec, RowsRule
from unseen.evidence.errors import ContractInvalidError


def test_digest_is_the_hash_of_the_canonical_bytes(world: Any) -> None:
    for document in (world.plan(), world.leakage()):
        assert document.digest(world.suite) == world.suite.digest(document.encode())


def test_digest_under_another_suite_is_refused(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        for document in (world.plan(), world.leakage()):
            with pytest.raises(ContractInvalidError, match="suite"):
                document.digest(intl.suite)


def test_round_trip(world: Any) -> None:
    assert Plan.from_json(world.plan().to_json()) == world.plan()
    assert Leakage.from_json(world.leakage().to_json()) == world.leakage()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("v", {"v": 2}),
        ("kind", {"kind": "x"}),
        ("protocol", {"protocol": "a b"}),
        ("table", {"table": "a/b"}),
        ("columns_read", {"columns_read": ("a", "a")}),
        ("columns_read", {"columns_read": ("",)}),
        ("columns_read", {"columns_read": ["a"]}),
        ("outputs", {"outputs": ()}),
        ("bits_per_unit", {"bits_per_unit": 0}),
        ("label_bytes", {"label_bytes": 2}),
        ("label_bytes", {"label_bytes": True}),
        ("label_bytes", {"label_bytes": -1}),
        ("threat_model", {"threat_model": ""}),
        ("retention", {"retention": "two\nlines"}),
        ("subject_columns", {"subject_columns": None}),
    ],
    ids=str,
)
def test_a_field_of_the_plan_out_of_range_is_named(
    world: Any, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        world.plan(**changes)
    assert caught.value.clause == field


def test_outputs_and_statements_are_distinct_and_in_range(world: Any) -> None:
    output, line = world.plan().outputs[0], world.leakage().statements[0]
    builds: tuple[Any, ...] = (
        lambda: world.plan(outputs=(output, output)),
        lambda: dataclasses.replace(output, expression_digest=b""),
        lambda: world.leakage(statements=(line, line)),
        lambda: world.leakage(statements=()),
        lambda: world.leakage(ciphertext_leaves=0),
        lambda: dataclasses.replace(line, party="everyone"),
        lambda: dataclasses.replace(line, what="a b"),
        lambda: dataclasses.replace(line, text_zh=""),
        lambda: dataclasses.replace(line, channel="rumour"),
        lambda: dataclasses.replace(line, amount={"measure": "units"}),
    )
    for build in builds:
        with pytest.raises(ContractInvalidError):
            build()


RULES: dict[str, Any] = {
    "rows": RowsRule(consent=True),
    "release": ReleaseSpec(type="verdicts", bits_per_run=4, bits_in_all=40),
    "group": 10,
    "budget": "1.5",
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_written_only_where_it_says_something(world: Any, name: str) -> None:
    bare, ruled = world.plan(), world.plan(**{name: RULES[name]})
    assert set(ruled.to_json()) - set(bare.to_json()) == {name}
    assert Plan.from_json(ruled.to_json()) == ruled
    assert ruled.digest(world.suite) != bare.digest(world.suite)


@pytest.mark.parametrize(("name", "value"), [("rows", {}), ("group", 0), ("budget", "")])
def test_a_rule_that_says_nothing_is_refused(world: Any, name: str, value: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        Plan.from_json(world.plan().to_json() | {name: value})
    assert caught.value.clause == name


@pytest.mark.parametrize(
    ("field", "value"),
    [("rows", True), ("release", "verdicts"), ("group", -1), ("budget", "1.50")],
)
def test_a_rule_out_of_range_is_named(world: Any, field: str, value: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        world.plan(**{field: value})
    assert caught.value.clause == field


def test_what_may_leave_is_of_one_type_and_bounded() -> None:
    fields: dict[str, Any] = {"type": "verdicts", "bits_per_run": 4, "bits_in_all": 4}
    changed: tuple[dict[str, Any], ...] = ({"type": "x"}, {"bits_per_run": 0}, {"bits_in_all": 3})
    for changes in changed:
        with pytest.raises(ContractInvalidError, match="release"):
            ReleaseSpec(**fields | changes)
    assert ReleaseSpec(**fields).bits_in_all == ReleaseSpec(**fields).bits_per_run
    with pytest.raises(ContractInvalidError, match="rows"):
        RowsRule(consent=1)  # type: ignore[arg-type]


def test_an_aggregate_without_a_shape_is_for_kinds_whose_questions_shape_it(world: Any) -> None:
    spec = ReleaseSpec(type="aggregate", bits_per_run=4, bits_in_all=40)
    plan = world.plan(kind="statistics", release=spec)
    assert plan.by_question
    assert Plan.from_json(plan.to_json()) == plan
    assert not world.plan(release=RULES["release"]).by_question
    for kind in ("verify", "run", "train"):
        with pytest.raises(ContractInvalidError) as caught:
            world.plan(kind=kind, release=spec)
        assert caught.value.clause == "release.shape"
    with pytest.raises(ContractInvalidError):
        ReleaseSpec(type="model", bits_per_run=4, bits_in_all=40)
