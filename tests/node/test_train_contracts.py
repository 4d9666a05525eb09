"""Contracts over trainings: what they hold, what stands against them, and what they say."""

import dataclasses
from typing import Any

import pytest
from tests.evidence.menus import DEFINITION
from tests.node.conftest import RULES, make_ask, make_offer, offering
from tests.node.test_statistics_contracts import STAYS, table_of

from unseen.evidence.contracts.contract import Quota, Terms
from unseen.evidence.contracts.joint import PROTOCOL, Joint, Place, most_bound
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.privacy import delta_of, granted, limit_of, spends, tables_of
from unseen.evidence.contracts.ruling import breaches
from unseen.evidence.contracts.statistics import menu_of
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.contracts.training import clause as training
from unseen.evidence.contracts.training.file import parse_training
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.suite import INTL, key_id
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.contracts.explain import explain
from unseen.node.contracts.standing import ask_of
from unseen.protocols.train import Spec

FILE = """
family = "logistic"
features = ["region", "cost", "stay"]
label = "adult"

[steps]
rounds = 3
norm = 2
clip = 0.5

[privacy]
epsilon = 6
"""
KEYS = [bytes([number]) * 32 for number in (11, 12, 13)]


def spec_of(text: str = FILE) -> Spec:
    return parse_training(text.encode(), DEFINITION.menu, 3, 3)


def joint_of(spec: Spec, **changes: Any) -> Joint:
    names = ("north", "south", "west")
    fields: dict[str, Any] = {
        "nodes": tuple(Place(name=n, key=k) for n, k in zip(names, KEYS, strict=True)),
        "honest": 3,
        "ring": 64,
        "bound": most_bound(3, 64),
        "task": training.task_of(spec),
    }
    return Joint(**fields | changes)


def offer_of(kind: str = "train", **changes: Any) -> Offer:
    product = dataclasses.replace(offering(DEFINITION, "stays"), kind=kind)
    made = make_offer(product, table_of("stays", STAYS, "stay"))
    signers = dataclasses.replace(made.signers, node=key_id(INTL, KEYS[0]))
    joined = table_of("insurances", {"holder": "VARCHAR", "active": "BOOLEAN"}, "holder")
    fields: dict[str, Any] = {"signers": signers, "node": "north", "joined": joined}
    return dataclasses.replace(made, **fields | changes)


def ask(spec: Spec | None = None, joint: Joint | None = None, **changes: Any) -> Ask:
    known = spec or spec_of()
    clause = joint or joint_of(known)
    fields: dict[str, Any] = {"train": known.encode(), "joint": clause.encode(), "budget": "6"}
    return dataclasses.replace(make_ask(outputs=training.names_of(known)), **fields | changes)


def made(asked: Ask, offer: Offer | None = None) -> Compiled:
    found = compile_contract(asked, offer or offer_of())
    assert isinstance(found, Compiled), found
    return found


def clauses_of(asked: Ask, offer: Offer | None = None) -> list[str]:
    found = compile_contract(asked, offer or offer_of())
    assert isinstance(found, Refusal)
    assert all(error.remedy for error in found.errors)
    return [error.clause for error in found.errors]


def test_a_contract_holds_menu_training_and_joint_clause_and_no_exact_table() -> None:
    spec = spec_of()
    found = made(ask(spec))
    terms, plan = found.terms, found.plan
    assert training.training_of(terms.parameters) == spec
    assert {*menu_of(terms.parameters).names} == {"region", "cost", "stay", "adult"}
    assert menu_of(terms.parameters).partition is None
    assert (terms.kind, terms.protocol, plan.protocol) == ("train", PROTOCOL, PROTOCOL)
    assert plan.bits_per_unit == training.bits_of(spec)
    assert plan.release is not None
    assert plan.release.bits_in_all == 10 * training.bits_of(spec)
    assert {"region", "cost", "days", "age", "patient"} == {*plan.columns_read}
    assert plan.rows is not None
    assert {label.column for label in plan.rows.labels} >= {*plan.columns_read}
    check_agreed(terms, plan)
    assert Terms.from_json(terms.to_json()) == terms
    assert Plan.from_json(plan.to_json()) == plan
    assert breaches(RULES, terms, plan, found.leakage) == []


def test_its_privacy_is_counted_at_the_menu_s_delta() -> None:
    terms = made(ask()).terms
    assert (spends(terms), tables_of(terms), delta_of(terms)) == (True, ("stays",), "0.000001")
    assert granted(terms) == limit_of("6", "0.000001")
    assert training.total_of(spec_of()) <= granted(terms)


def test_who_learns_what_stands_in_both_languages_with_the_joint_clause_s_lines() -> None:
    lines = {line.what: line for line in made(ask()).leakage.statements}
    assert {"weights", "model", "privacy", "joint-sum", "joint-garbage"} <= {*lines}
    assert "epsilon 6 at delta 0.000001" in lines["model"].bound
    assert all(line.text_zh for line in lines.values())
    assert not any("{" in line.text + line.bound for line in lines.values())


def test_what_was_asked_comes_back_from_the_terms() -> None:
    asked = ask()
    again = ask_of(made(asked).terms)
    assert (again.train, again.joint, again.outputs) == (asked.train, asked.joint, asked.outputs)
    assert training.decode_training(again.train) == spec_of()


def test_no_product_of_another_kind_is_trained_on() -> None:
    assert "train" in clauses_of(ask(), offer_of("statistics"))


def test_a_training_needs_to_be_told_and_with_whom() -> None:
    assert clauses_of(ask(train=b"")) == ["train"]
    assert clauses_of(dataclasses.replace(ask(), joint=b"")) == ["joint"]


@pytest.mark.parametrize("data", [b"{}", b"garbage", b"{ }", b'{"format":1}', b"\xff" * 100])
def test_hostile_bytes_are_no_training(data: bytes) -> None:
    assert all(clauses_of(ask(train=data)))


def test_outputs_are_what_the_training_names() -> None:
    assert clauses_of(ask(outputs=("region", "cost", "adult"))) == ["outputs"]
    assert clauses_of(ask(outputs=())) == ["outputs"]


def test_clamps_of_another_menu_are_refused() -> None:
    spec = spec_of()
    wide = dataclasses.replace(spec.features[1], high=2_000_000)
    other = dataclasses.replace(spec, features=(spec.features[0], wide, spec.features[2]))
    assert clauses_of(ask(other)) == ["parameters.train.features.cost"]


def test_nothing_is_read_beside_the_table() -> None:
    spec = spec_of(FILE.replace('"adult"', '"insured"'))
    assert "parameters.train.features" in clauses_of(ask(spec))


def test_a_joint_clause_over_another_training_is_refused() -> None:
    other = spec_of(FILE.replace("rounds = 3", "rounds = 4"))
    assert clauses_of(ask(spec_of(), joint_of(other))) == ["parameters.joint.task"]


def test_a_unit_for_every_step_is_needed() -> None:
    steps = len(training.steps_of(spec_of()))
    few = Quota(units=steps - 1, per_minute=10)
    assert clauses_of(ask(quota=few)) == ["quota.units"]
    made(ask(quota=Quota(units=steps, per_minute=10)))


def test_a_budget_below_what_the_training_costs_is_refused() -> None:
    assert clauses_of(ask(budget="5.9")) == ["budget"]


def test_more_rows_than_a_party_may_have_are_refused() -> None:
    spec = spec_of(FILE + "most_rows = 99999\n")
    assert clauses_of(ask(spec)) == ["parameters.train.privacy.most_rows"]


TREES = """
family = "boosting"
features = ["region", "cost", "stay"]
label = "adult"

[steps]
objective = "logistic"
trees = 2
depth = 2
bins = 8
columns = 3
leaf = 20

[privacy]
epsilon = 6
"""


def test_leaves_below_the_group_are_refused_before_anything_is_spent() -> None:
    spec = spec_of(TREES)
    made(ask(spec, group=20))
    assert clauses_of(ask(spec, group=21)) == ["parameters.train.steps.leaf"]


def test_a_model_too_large_for_the_rows_is_refused_before_anything_is_spent() -> None:
    offer = offer_of()
    snapshot = dataclasses.replace(offer.table.snapshot, rows=29)
    small = dataclasses.replace(offer, table=dataclasses.replace(offer.table, snapshot=snapshot))
    assert clauses_of(ask(), small) == ["parameters.train.features"]
    made(ask(), dataclasses.replace(small, table=_rows(offer, 30)))


def _rows(offer: Offer, rows: int) -> Any:
    snapshot = dataclasses.replace(offer.table.snapshot, rows=rows)
    return dataclasses.replace(offer.table, snapshot=snapshot)


def _changed(terms: Terms, **parameters: Any) -> Terms:
    return dataclasses.replace(terms, parameters={**terms.parameters, **parameters})


def test_who_reads_the_terms_finds_what_does_not_go_together() -> None:
    spec, found = spec_of(), made(ask())
    terms, plan = found.terms, found.plan
    other = spec_of(FILE.replace("rounds = 3", "rounds = 4"))
    without = {name: v for name, v in terms.parameters.items() if name != "train"}
    for wrong in (
        _changed(terms, train=other.to_json()),
        dataclasses.replace(terms, parameters=without),
        _changed(terms, menu=DEFINITION.only(training.names_of(spec)).to_json() | {"delta": "2"}),
        dataclasses.replace(terms, quota=Quota(units=2, per_minute=2)),
        dataclasses.replace(terms, budget="1"),
        dataclasses.replace(terms, kind="statistics"),
    ):
        with pytest.raises(ContractInvalidError):
            check_agreed(wrong, plan)
    with pytest.raises(ContractInvalidError, match="bits"):
        check_agreed(terms, dataclasses.replace(plan, bits_per_unit=plan.bits_per_unit - 1))


def test_a_contract_of_another_kind_holds_no_training() -> None:
    found = made(
        dataclasses.replace(make_ask(), outputs=("region", "stay")), offer_of("statistics")
    )
    check_agreed(found.terms, found.plan)
    with pytest.raises(ContractInvalidError, match="train"):
        check_agreed(_changed(found.terms, train=spec_of().to_json()), found.plan)


def test_it_is_explained_and_the_narrowest_that_would_do_is_a_training_too() -> None:
    found = explain(ask(quota=Quota(units=50, per_minute=500)), offer_of())
    for each in (found.asked, found.narrowest):
        assert isinstance(each, Compiled)
        assert training.training_of(each.terms.parameters) == spec_of()
    assert isinstance(explain(ask(budget="1"), offer_of()).asked, Refusal)
