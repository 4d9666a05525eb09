"""Contracts over trainings under encryption: what they hold, what stands against them, and why."""

import dataclasses
import json
from functools import cache
from html import escape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.menus import DEFINITION
from tests.node.conftest import RULES, make_ask, make_offer, offering
from tests.node.test_statistics_contracts import STAYS, table_of
from tests.node.test_train_contracts import joint_of, spec_of

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import Quota, Terms
from unseen.evidence.contracts.encrypted import (
    SAMPLE_BITS,
    Encrypted,
    domain_of,
    encrypted_in,
)
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.privacy import granted, limit_of, spends, tables_of
from unseen.evidence.contracts.rules import parse_rules
from unseen.evidence.contracts.ruling import breaches
from unseen.evidence.contracts.statistics import menu_of
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.contracts.training.encrypted_file import parse_encrypted
from unseen.evidence.errors import ContractInvalidError, ReleaseInvalidError
from unseen.evidence.exports.form import FormData, approval_form
from unseen.evidence.exports.odrl import contract_odrl
from unseen.evidence.releases.encrypted import SentGradient
from unseen.evidence.releases.scored import SentScores
from unseen.evidence.suite import suite_of
from unseen.node.catalog.labels import Label
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.clauses.encrypted import ENCRYPTED
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract, reading_of
from unseen.node.contracts.explain import explain
from unseen.node.contracts.rules import Rules, default_text
from unseen.node.contracts.standing import ask_of
from unseen.node.release.declared import declared, is_hidden
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.subject import encode_subject

SECRET = """
protocol = "ckks"
family = "logistic"
features = ["region", "cost", "stay"]
label = "adult"

[steps]
iterations = 10
norm = 2

[privacy]
epsilon = 3.9
most_rows = 200000
"""
VERTICAL = SECRET.replace('label = "adult"\n', "").replace(
    "[steps]\n",
    """[label]
name = "relapsed"

[[own]]
name = "income"
low = 0
high = 1000.50

[steps]
own_norm = 1
""",
)
DEFAULTS = default_text().decode()
TRUSTING = Rules(
    parse_rules(DEFAULTS.replace('"malicious-buyer"', '"semi-honest"').encode(), "intl")
)

# What an operator could write: every level for every kind, and buyers taken at their word.
_RULE = """
[[rule]]
category = "{}"
levels = ["1", "2", "3", "4", "important", "core"]
kinds = ["verify", "lookup", "intersect", "statistics", "score", "train", "run"]
ciphertext = true
threat_model = "semi-honest"
group = 1
budget = ""
share = 0
approvals = ["operator"]
order = false
region = ""
consent = false
template = false
"""
_RULES = [_RULE.format(category) for category in ("public", "enterprise", "personal")]
_HEAD = DEFAULTS[: DEFAULTS.index("[[rule]]")]
ANYTHING = Rules(parse_rules("".join([_HEAD, *_RULES]).encode(), "intl"))


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every machine take itself for one with the library; one test says otherwise."""
    monkeypatch.setattr("unseen.node.contracts.clauses.encrypted.is_installed", lambda: True)


def clause_of(text: str = SECRET) -> Encrypted:
    return parse_encrypted(text.encode(), MENU)


MENU = dataclasses.replace(DEFINITION.menu, rows_per_person=1)
OFFERED = dataclasses.replace(DEFINITION, menu=MENU)


def offer_of(kind: str = "train", rules: Rules = TRUSTING, **changes: Any) -> Offer:
    product = dataclasses.replace(offering(OFFERED, "stays"), kind=kind)
    made = make_offer(product, table_of("stays", STAYS, "stay"))
    joined = table_of("insurances", {"holder": "VARCHAR", "active": "BOOLEAN"}, "holder")
    fields: dict[str, Any] = {"joined": joined, "rules": rules}
    return dataclasses.replace(made, **fields | changes)


def ask(text: str = SECRET, clause: Encrypted | None = None, **changes: Any) -> Ask:
    known = clause or clause_of(text)
    quota = Quota(units=known.iterations, per_minute=known.iterations)
    fields: dict[str, Any] = {"encrypted": known.encode(), "budget": "4", "quota": quota}
    return dataclasses.replace(make_ask(outputs=known.names), **fields | changes)


def made(asked: Ask, offer: Offer | None = None) -> Compiled:
    found = compile_contract(asked, offer or offer_of())
    assert isinstance(found, Compiled), found
    return found


@cache
def made_once(text: str) -> Compiled:
    return made(ask(text))


def clauses_of(asked: Ask, offer: Offer | None = None) -> list[str]:
    found = compile_contract(asked, offer or offer_of())
    assert isinstance(found, Refusal)
    assert all(error.remedy for error in found.errors)
    return [error.clause for error in found.errors]


@pytest.mark.parametrize("text", [SECRET, VERTICAL])
def test_a_contract_holds_menu_and_clause_and_neither_joint_nor_train(text: str) -> None:
    clause, found = clause_of(text), made(ask(text))
    terms, plan = found.terms, found.plan
    assert encrypted_in(terms.parameters) == clause
    assert {*terms.parameters} == {"menu", "encrypted"}
    assert {*menu_of(terms.parameters).names} == {*clause.names}
    assert (terms.kind, terms.protocol, plan.protocol) == ("train", "ckks", "ckks")
    assert plan.bits_per_unit == clause.samples * SAMPLE_BITS
    assert plan.release is not None
    assert plan.release.bits_per_run == plan.bits_per_unit
    assert plan.release.bits_in_all == 10 * plan.bits_per_unit
    assert not plan.by_question
    check_agreed(terms, plan)
    assert Terms.from_json(terms.to_json()) == terms
    assert Plan.from_json(plan.to_json()) == plan
    assert breaches(TRUSTING, terms, plan, found.leakage) == []


def test_a_vertical_training_reads_no_label_of_the_table() -> None:
    assert "age" not in made(ask(VERTICAL)).plan.columns_read
    assert "age" in made(ask()).plan.columns_read


def test_its_privacy_is_counted_at_the_menu_s_delta() -> None:
    terms, clause = made(ask()).terms, clause_of()
    assert (spends(terms), tables_of(terms)) == (True, ("stays",))
    assert granted(terms) == limit_of("4", "0.000001")
    assert clause.iterations * clause.charge * 10**12 <= limit_of("3.9", "0.000001")
    assert clause.charge >= clause.chain().rho


@pytest.mark.parametrize("text", [SECRET, VERTICAL])
def test_who_learns_what_stands_in_both_languages(text: str) -> None:
    found = made(ask(text))
    lines = {line.what: line for line in found.leakage.statements}
    assert {"gradients", "counts", "semi-honest", "weights", "privacy"} <= {*lines}
    vertical = text is VERTICAL
    assert ("subjects" in lines) == ("membership" in lines) == vertical
    assert ("rows" in lines) == (not vertical)
    assert "10 gradients" in lines["gradients"].text
    assert "semi-honest" in lines["semi-honest"].bound
    assert ("columns of the buyer's" in lines["weights"].text) == vertical
    for line in lines.values():
        assert line.text_zh
        assert line.bound_zh
        assert "{" not in line.text + line.bound + line.text_zh + line.bound_zh
    assert not found.leakage.ciphertext_leaves
    assert "semi-honest" not in found.plan.threat_model
    assert "购买方" in found.plan.threat_model_zh


def test_an_operator_finds_whom_a_buyer_names_by_guessing_and_the_contract_says_so() -> None:
    found = made_once(VERTICAL)
    suite, domain = suite_of(found.terms.suite), domain_of(found.terms.id())

    def named(number: int) -> bytes:
        (column,) = found.plan.subject_columns
        value = number if column.type == "integer" else f"{number:05d}"
        return suite.digest(encode_subject(found.plan.subject_columns, [value], domain))

    absent = named(8061)  # what the node gets of somebody that its table does not have
    assert [number for number in range(10_000) if named(number) == absent] == [8061]
    (line,) = [line for line in found.leakage.statements if line.what == "subjects"]
    assert "guess" in line.text
    assert "guesses" in line.bound
    assert "猜" in line.text_zh
    assert "猜" in line.bound_zh


def test_what_was_asked_comes_back_from_the_terms() -> None:
    asked = ask()
    again = ask_of(made(asked).terms)
    assert (again.encrypted, again.train, again.joint) == (asked.encrypted, b"", b"")
    assert again.outputs == asked.outputs


def test_a_product_serves_joint_trainings_and_those_under_encryption() -> None:
    spec = spec_of()
    joint = ask(encrypted=b"", train=spec.encode(), joint=joint_of(spec).encode())
    assert "protocol" not in clauses_of(joint)
    assert made(ask()).terms.kind == "train"


def test_the_default_rules_let_no_buyer_that_may_deviate_train_on_such_rows() -> None:
    assert clauses_of(ask(), offer_of(rules=RULES)) == ["labels.enterprise.1"]


@pytest.mark.parametrize("category", ["public", "enterprise", "personal"])
@pytest.mark.parametrize("level", ["3", "4", "important", "core"])
def test_no_rule_file_lets_it_read_above_level_two(category: str, level: str) -> None:
    offer = offer_of(rules=ANYTHING)
    made(ask(), offer)
    held = _labelled(offer, "cost", Label(category, level))
    assert clauses_of(ask(), held) == [f"labels.{category}.{level}"]


def _labelled(offer: Offer, column: str, label: Label) -> Offer:
    columns = tuple(
        dataclasses.replace(each, label=label) if each.name == column else each
        for each in offer.table.columns
    )
    return dataclasses.replace(offer, table=dataclasses.replace(offer.table, columns=columns))


def test_who_reads_the_plan_refuses_what_is_above_level_two() -> None:
    found = made(ask())
    assert found.plan.rows is not None
    first, *rest = found.plan.rows.labels
    for level in ("3", "core", "secret"):
        rows = dataclasses.replace(
            found.plan.rows, labels=(dataclasses.replace(first, level=level), *rest)
        )
        with pytest.raises(ContractInvalidError) as caught:
            check_agreed(found.terms, dataclasses.replace(found.plan, rows=rows))
        assert caught.value.clause == "plan.rows.labels"


def test_no_product_of_another_kind_is_trained_on() -> None:
    assert "encrypted" in clauses_of(ask(), offer_of("statistics"))


@pytest.mark.parametrize("data", [b"{}", b"garbage", b"{ }", b'{"family":1}', b"\xff" * 100])
def test_hostile_bytes_are_no_training(data: bytes) -> None:
    assert all(clauses_of(ask(encrypted=data)))


def test_a_training_is_joint_or_under_encryption_and_follows_no_template() -> None:
    spec = spec_of()
    assert "joint" in clauses_of(ask(train=spec.encode(), joint=joint_of(spec).encode()))
    assert "template" in clauses_of(ask(template="credit"))


def test_a_node_without_the_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unseen.node.contracts.clauses.encrypted.is_installed", lambda: False)
    assert clauses_of(ask()) == ["protocol"]


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"outputs": ("region", "cost", "adult")}, "outputs"),
        ({"outputs": ()}, "outputs"),
        ({"quota": Quota(units=9, per_minute=9)}, "quota.units"),
        ({"quota": Quota(units=11, per_minute=9)}, "quota.units"),
        ({"budget": ""}, "budget"),
        ({"budget": "3.8"}, "budget"),
        ({"group": 101}, "parameters.encrypted.least_rows"),
        ({"openings": True}, "openings"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], clause: str) -> None:
    assert clause in clauses_of(ask(**changes), offer_of(rules=ANYTHING))


def test_columns_are_those_of_the_menu_within_its_clamps() -> None:
    clause = clause_of()
    wide = dataclasses.replace(clause.features[1], high=2_000_000)
    other = dataclasses.replace(clause, features=(clause.features[0], wide, clause.features[2]))
    assert clauses_of(ask(clause=other)) == ["parameters.encrypted.features.cost"]
    many = dataclasses.replace(OFFERED, menu=dataclasses.replace(MENU, rows_per_person=2))
    product = dataclasses.replace(offering(many, "stays"), kind="train")
    assert clauses_of(ask(), offer_of(product=product)) == ["menu.rows_per_person"]


@pytest.mark.parametrize(("rows", "field"), [(99, "least_rows"), (200_001, "most_rows")])
def test_a_secret_model_is_fitted_to_as_many_rows_as_it_says(rows: int, field: str) -> None:
    offer = offer_of()
    snapshot = dataclasses.replace(offer.table.snapshot, rows=rows)
    other = dataclasses.replace(offer, table=dataclasses.replace(offer.table, snapshot=snapshot))
    assert clauses_of(ask(), other) == [f"parameters.encrypted.{field}"]
    assert isinstance(compile_contract(ask(VERTICAL), other), Compiled)


def _changed(terms: Terms, **parameters: Any) -> Terms:
    return dataclasses.replace(terms, parameters={**terms.parameters, **parameters})


@pytest.mark.parametrize("text", [SECRET, VERTICAL])
def test_who_reads_the_terms_finds_what_does_not_go_together(text: str) -> None:
    found = made(ask(text))
    terms, plan, clause = found.terms, found.plan, clause_of(text)
    without = {name: v for name, v in terms.parameters.items() if name != "encrypted"}
    menu = menu_of(terms.parameters).to_json()
    spec = plan.release
    assert spec is not None
    other = dataclasses.replace(clause, iterations=11)
    for wrong in (
        _changed(terms, encrypted=other.to_json()),
        _changed(terms, encrypted=clause.to_json() | {"ring": {}}),
        dataclasses.replace(terms, parameters=without),
        dataclasses.replace(terms, protocol="secagg"),
        dataclasses.replace(terms, protocol="secagg", parameters=without),
        _changed(terms, joint=joint_of(spec_of()).to_json()),
        _changed(terms, train=spec_of().to_json()),
        _changed(terms, menu=menu | {"rows_per_person": 2}),
        _changed(terms, menu=menu | {"joined": ["insurances"]}),
        _changed(terms, menu=menu | {"delta": "0.000000001"}),
        dataclasses.replace(terms, quota=Quota(units=9, per_minute=9)),
        dataclasses.replace(terms, budget="1"),
        dataclasses.replace(terms, budget=""),
        dataclasses.replace(terms, group=101),
        dataclasses.replace(terms, kind="statistics"),
        dataclasses.replace(terms, kind="score"),
    ):
        with pytest.raises(ContractInvalidError):
            check_agreed(wrong, plan)
    more = plan.bits_per_unit + 1
    for changes in (
        {"protocol": "dp_statistics", "kind": "statistics"},
        {"protocol": "secagg"},
        {"protocol": "other", "release": dataclasses.replace(spec, type="verdicts")},
        {"bits_per_unit": more},
        {"release": None},
        {"release": dataclasses.replace(spec, bits_per_run=more)},
        {"release": dataclasses.replace(spec, type="verdicts")},
        {"subject_columns": ()} if clause.vertical else {"bits_per_unit": 1},
    ):
        with pytest.raises(ContractInvalidError):
            check_agreed(terms, dataclasses.replace(plan, **changes))


def test_a_gradient_is_read_as_that_and_as_nothing_else() -> None:
    found = made(ask())
    clause, plan = clause_of(), found.plan
    wanted = declared(plan, 1)
    assert wanted.bits == plan.bits_per_unit
    assert is_hidden(plan)
    gradient = SentGradient(suite="intl", samples=clause.samples, digest=bytes(32))
    assert wanted.form.read([gradient.encode()]).parts == (gradient.encode(),)
    scores = SentScores(suite="intl", responses=1, digest=bytes(32))
    fewer = dataclasses.replace(gradient, samples=clause.samples - 1)
    for parts in ([], [gradient.encode()] * 2, [fewer.encode()], [scores.encode()], [b"{}"]):
        with pytest.raises(ReleaseInvalidError):
            wanted.form.read(parts)


@pytest.mark.parametrize("text", [SECRET, VERTICAL])
def test_exports_say_when_it_holds_and_what_leaks(text: str) -> None:
    found = made_once(text)
    parts = found.terms, found.plan, found.leakage
    odrl = json.dumps(contract_odrl(*parts), ensure_ascii=False)
    form = approval_form(
        FormData(terms=found.terms, plan=found.plan, leakage=found.leakage, state="PROPOSED")
    )
    for said in (found.plan.threat_model, found.plan.threat_model_zh, found.plan.retention_zh):
        assert said in odrl
        assert said in form
    for line in found.leakage.statements:
        assert line.text_zh in odrl
        assert escape(line.text) in form
    assert '"unseen:epsilon"' in odrl


def test_it_is_explained_and_the_narrowest_that_would_do_is_a_training_too() -> None:
    found = explain(ask(quota=Quota(units=10, per_minute=500)), offer_of())
    for each in (found.asked, found.narrowest):
        assert isinstance(each, Compiled)
        assert encrypted_in(each.terms.parameters) == clause_of()
    demands = {demand.clause: demand for demand in found.demands}
    assert "no other" in demands["buyer"].because
    assert isinstance(explain(ask(budget="1"), offer_of()).asked, Refusal)


def _edited(body: Any, path: int, value: Json) -> Any:
    """Return `body` with what stands at one place of it, counted depth first, replaced."""
    seen = -1

    def walk(part: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == path:
            return value
        if isinstance(part, dict):
            return {name: walk(each) for name, each in part.items()}
        return [walk(each) for each in part] if isinstance(part, list) else part

    return walk(body)


_FREE = ("least_rows", "most_rows")  # what may be another number, and nothing else is
VALUES: st.SearchStrategy[Json] = st.one_of(
    st.integers(-5, 10**6),
    st.sampled_from(["", "0", "1", "2.5", "a", "logistic", "linear", "9" * 60, None, True, [], {}]),
)


@settings(max_examples=200, deadline=None)
@given(path=st.integers(0, 60), value=VALUES, text=st.sampled_from([SECRET, VERTICAL]))
def test_an_edited_clause_is_refused_or_says_what_it_says(
    path: int, value: Json, text: str
) -> None:
    clause, found = clause_of(text), made_once(text)
    body = _edited(clause.to_json(), path, value)
    try:
        check_agreed(_changed(found.terms, encrypted=body), found.plan)
    except ContractInvalidError:
        return
    read = Encrypted.from_json(body)
    free = {name: getattr(read, name) for name in _FREE}
    if clause.vertical:
        free["label"] = read.label
        free["own"] = read.own
    assert dataclasses.replace(clause, **free) == read
    assert read.own_columns == clause.own_columns
    assert read.chain().law == clause.chain().law


@pytest.mark.parametrize("level", ["1", "2", "3", "core", "unheard-of"])
def test_a_rule_file_is_asked_after_the_level(level: str) -> None:
    labels = [("cost", Label("public", level))]
    asked: dict[str, Any] = {"ciphertext": False, "threat_model": "semi-honest"}
    under = ANYTHING.against_kind("score", labels, highest="2", **asked)
    alone = ANYTHING.against_kind("score", labels, **asked)
    assert [error.clause for error in under] == (
        [] if level in "12" else [f"labels.public.{level}"]
    )
    assert bool(alone) == (level == "unheard-of")


def test_nothing_is_read_beside_the_table() -> None:
    text = SECRET.replace('"adult"', '"insured"')
    assert "parameters.encrypted.features" in clauses_of(ask(text))


def test_rows_that_no_subject_names_are_matched_with_nobody() -> None:
    offer = offer_of()
    table = dataclasses.replace(offer.table, subject=())
    nameless = dataclasses.replace(offer, table=table)
    assert "parameters.encrypted.vertical" in clauses_of(ask(VERTICAL), nameless)
    made(ask(), nameless)


def test_a_budget_that_no_ledger_holds_is_refused_once() -> None:
    assert clauses_of(ask(budget="101"), offer_of(rules=ANYTHING)) == ["budget"]


def test_a_product_without_a_menu_is_none_to_train_on() -> None:
    product = dataclasses.replace(offering(OFFERED, "stays"), kind="train", definition=None)
    asked = ask()
    reading = reading_of(asked, offer_of())
    assert list(ENCRYPTED.check(asked, offer_of(product=product), reading)) == []
    assert list(ENCRYPTED.check(make_ask(), offer_of(), reading)) == []


def test_a_node_without_the_library_for_vectors_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ask()
    monkeypatch.setattr("unseen.evidence.contracts.homomorphic.find_spec", lambda _: None)
    (error,) = ENCRYPTED.check(asked, offer_of(), reading_of(asked, offer_of()))
    assert isinstance(error, InputInvalidError)
    assert "unseen[he]" in error.remedy
