"""`compile_contract`: no plan outside the ask, no ask outside the product and its labels."""

from hypothesis import given
from hypothesis import strategies as st
from tests.node.conftest import RULES, make_ask, make_offer, make_product, make_signers, make_table

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.statistics import menu_of
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.contracts.statistics.bounds import largest_bits
from unseen.node.catalog.labels import CATEGORIES, LEVELS
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.kinds.kind import KINDS

names = st.sampled_from([f"p{number}" for number in range(5)] + ["", "no such", "p0 "])
kinds = st.sampled_from(sorted(KINDS))


@given(
    outputs=st.one_of(st.lists(names, max_size=70), st.lists(names, max_size=3, unique=True)),
    kind=kinds,
    level=st.sampled_from(LEVELS),
    category=st.sampled_from(CATEGORIES),
    offered=st.integers(1, 5),
    units=st.integers(1, 2**40),
    rows=st.integers(0, 1000),
)
def test_a_plan_holds_what_was_asked_for_and_nothing_else(
    outputs: list[str],
    kind: str,
    level: str,
    category: str,
    offered: int,
    units: int,
    rows: int,
) -> None:
    product, table = make_product(kind, offered), make_table(level, category, rows)
    ask, signers = make_ask(units=units, outputs=tuple(outputs)), make_signers()
    found = compile_contract(ask, make_offer(product, table))
    if isinstance(found, Refusal):
        assert found.errors
        assert all(error.reason for error in found.errors)
        return
    terms, plan = found.terms, found.plan
    by_name = {predicate.name: predicate for predicate in product.predicates}
    wanted = tuple(outputs) or tuple(by_name)
    assert terms.outputs == wanted == tuple(output.name for output in plan.outputs)
    assert set(plan.columns_read) == {c for name in wanted for c in by_name[name].columns}
    counts = kind == "statistics"
    most = largest_bits(menu_of(terms.parameters)) if counts else 2 * len(wanted)
    assert plan.bits_per_unit == most
    assert plan.release is not None
    assert (plan.release.type, plan.by_question) == (
        ("aggregate", True) if counts else ("verdicts", False)
    )
    check_agreed(terms, plan)
    assert plan.release.bits_in_all == plan.bits_per_unit * units
    assert plan.release.bits_per_run <= plan.release.bits_in_all
    assert (terms.kind, plan.kind, terms.table, plan.table) == (kind, kind, "people", "people")
    assert terms.plan == plan.digest(signers.suite)
    assert terms.leakage == found.leakage.digest(signers.suite)
    assert (terms.quota, terms.period) == (ask.quota, ask.period)
    assert (terms.consent is not None) == (category == "personal")
    assert (plan.rows is not None and plan.rows.consent) == (category == "personal")
    assert level in ("1", "2", "3")
    assert terms.rules == RULES.digest
    assert plan.rows
    assert {(i.column, i.category, i.level) for i in plan.rows.labels} == {
        (name, category, level) for name in {"id", *plan.columns_read}
    }
    assert found.leakage.ciphertext_leaves == (terms.protocol == "oprf_table")
    if kind == "lookup":
        assert terms.protocol == plan.protocol == ("lwe_pir" if level == "3" else "oprf_table")
    for output in plan.outputs:
        expression = by_name[output.name].expression.encode()
        assert output.expression_digest == signers.suite.digest(expression)
    if kind == "lookup" and category != "public":
        assert units <= max(rows // 10, 1)


def test_every_clause_that_stands_against_it_is_named() -> None:
    ask = make_ask(units=2**40, outputs=("p0", "x", "y"))
    found = compile_contract(ask, make_offer(table=make_table("4")))
    assert isinstance(found, Refusal)
    assert [error.clause for error in found.errors] == [
        "outputs.x",
        "outputs.y",
        "labels.public.4",
        "quota.units",
        "approvals.holder",
        "approvals.approver",
        "order",
        "region",
    ]
    assert all(error.remedy for error in found.errors)


def test_the_same_ask_makes_the_same_contract_and_another_nonce_another() -> None:
    ask = make_ask()
    one, same, other = (compile_contract(each, make_offer()) for each in (ask, ask, make_ask()))
    assert isinstance(one, Compiled)
    assert isinstance(other, Compiled)
    assert one == same
    assert b64encode(one.terms.id()) != b64encode(other.terms.id())


def test_an_unusable_product_is_a_refusal_and_no_exception() -> None:
    found = compile_contract(make_ask(), make_offer(make_product(count=200)))
    assert isinstance(found, Refusal)
