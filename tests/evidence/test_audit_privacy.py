"""An audit adds privacy up again: whoever hides an overspend is found, whoever does not is not."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.auditing import Case, case, event_of
from tests.evidence.conftest import NOW, World
from tests.evidence.test_audit_signed import Court, release
from tests.evidence.test_encrypted import SECRET
from tests.evidence.test_joint import make

from unseen.evidence.audit.leaves import Event, read_leaf
from unseen.evidence.audit.privacy import Privacy, TableSpent, rho
from unseen.evidence.canonical import b64encode, encode
from unseen.evidence.contracts.privacy import charged_units, limit_of, rho_text
from unseen.evidence.contracts.training import clause as training
from unseen.evidence.log import encode_leaf, event_leaf
from unseen.evidence.suite import INTL
from unseen.protocols.train.spec import Descent, Feature, Spec
from unseen.protocols.train.spec import Privacy as Rules

__all__ = ["case"]
DELTA = "0.000001"
ONE = limit_of("1", DELTA) // 1000 * 1000


class Books(Court):
    """What an audit knows of privacy: one table, `enterprises`, and contracts over it."""

    def __init__(self, *known: str) -> None:
        super().__init__(World(INTL))
        names = known or (self.world.terms().table,)
        tables: Any = SimpleNamespace(knows=lambda table: table in names)
        self.privacy = Privacy(self.context, tables)

    @property
    def table(self) -> str:
        return str(self.world.terms().table)

    def contract(self, budget: str = "10", **menu: Any) -> Any:
        parameters = {"menu": {"delta": DELTA} | menu} if menu or budget else {}
        return SimpleNamespace(terms=self.world.terms(budget=budget, parameters=parameters))

    def budget(self, epsilon: str = "1", kind: str = "privacy.budget", **changes: Any) -> list[str]:
        """Take a leaf that sets a budget, and return what is wrong so far."""
        limit = changes["limit"] if "limit" in changes else limit_of(epsilon, DELTA)
        fields: dict[str, Any] = {"table": self.table, "epsilon": epsilon, "delta": DELTA}
        fields |= {"by": "operator"} | changes | {"limit": limit}
        self.privacy.budgeted(1, Event(kind, NOW, fields))
        return self.rules

    def spend(self, contract: Any, units: int) -> list[str]:
        """Return what is wrong with a release that costs `units`."""
        name = b64encode(contract.terms.id()).encode()
        leaf = release(self, contract=name, privacy=units)
        return [rule for rule, _ in self.privacy.faults(contract, leaf)]


def test_an_honest_ledger_holds() -> None:
    books = Books()
    assert books.budget() == []
    one, other = books.contract(), books.contract("0.5")
    assert books.spend(one, ONE - 2_000) == []
    assert books.spend(other, 1_000) == []
    assert books.spend(one, 0) == []
    assert books.spend(one, 1_000) == []
    (total,) = books.privacy.totals()
    assert total == TableSpent(books.table, "1", DELTA, limit_of("1", DELTA), ONE)
    assert sorted(books.privacy.contracts.values()) == [1_000, ONE - 1_000]


def test_whatever_exceeds_a_table_s_budget_is_found_and_named() -> None:
    books = Books()
    books.budget()
    assert books.spend(books.contract(), ONE) == []
    assert books.spend(books.contract("9"), 1_000) == ["privacy_table"]
    contract = books.contract("8")
    leaf = release(books, contract=b64encode(contract.terms.id()).encode(), privacy=1_000)
    ((_, what),) = books.privacy.faults(contract, leaf)
    assert books.table in what
    assert rho(ONE + 2_000) in what


def test_whatever_exceeds_a_contract_s_budget_is_found() -> None:
    books = Books()
    books.budget("10")
    contract = books.contract("1")
    assert books.spend(contract, ONE) == []
    assert books.spend(contract, 1_000) == ["privacy_contract"]


def test_without_budgets_nothing_is_spent() -> None:
    books = Books()
    assert books.spend(books.contract(), 1_000) == ["privacy_table"]
    books = Books()
    books.budget()
    assert books.spend(books.contract(""), 1_000) == ["privacy_contract"]
    assert books.spend(books.contract("1", delta="1"), 1_000) == ["privacy"]
    assert books.spend(books.contract("1", joined="all"), 1_000) == ["privacy"]


def test_joined_tables_are_counted_too() -> None:
    books = Books()
    books.budget()
    assert books.spend(books.contract("1", joined=["wages"]), 1_000) == ["privacy_table"]
    assert {total.table: total.spent for total in books.privacy.totals()} == {
        books.table: 1_000,
        "wages": 1_000,
    }


def joint_contract(books: Books, kind: str, **parameters: Any) -> Any:
    said = {"menu": {"delta": DELTA}, "joint": make().to_json()} | parameters
    terms = books.world.terms(kind=kind, budget="10", parameters=said)
    return SimpleNamespace(terms=terms)


def test_a_part_of_a_joint_sum_costs_something() -> None:
    books = Books()
    books.budget("10")
    contract = joint_contract(books, "statistics")
    assert books.spend(contract, 1_000) == []
    assert books.spend(contract, 0) == ["privacy_joint"]
    led = joint_contract(books, "statistics", joint=make(lead="hospital-01").to_json())
    assert books.spend(led, 0) == []


def test_a_step_of_a_training_costs_what_the_contract_says() -> None:
    books, spec = Books(), a_spec()
    books.budget("100")
    contract = joint_contract(books, "train", train=spec.to_json())
    costs = {charged_units(training.charge_of(step)) for step in training.steps_of(spec)}
    for units in costs:
        assert books.spend(contract, units) == []
    assert books.spend(contract, min(costs) - 1_000) == ["privacy_joint"]
    for _ in range(training.MODELS):
        assert books.spend(contract, 0) == []  # a finished model costs nothing more
    assert books.spend(contract, 0) == ["privacy_joint"]
    assert books.spend(joint_contract(books, "train", train={}), 1_000) == []


def encrypted_contract(books: Books, **clause: Any) -> Any:
    said = {"menu": {"delta": DELTA}, "encrypted": SECRET.to_json() | clause}
    terms = books.world.terms(kind="train", protocol="ckks", budget="10", parameters=said)
    return SimpleNamespace(terms=terms)


def test_a_gradient_costs_what_the_contract_says_and_is_one_unit() -> None:
    books = Books()
    books.budget("100")
    contract, cost = encrypted_contract(books), charged_units(SECRET.charge)

    def wrong(privacy: int, units: int = 1, told: Any = contract) -> list[str]:
        name = b64encode(told.terms.id()).encode()
        leaf = release(books, contract=name, privacy=privacy, units=units)
        return [rule for rule, _ in books.privacy.faults(told, leaf)]

    assert wrong(cost) == []
    for other in (0, cost - 1_000, cost + 1_000):
        assert wrong(other) == ["privacy_gradient"]
    assert wrong(cost, units=2) == ["privacy_gradient"]
    # What is no clause is a finding of its own, where contracts are read.
    assert wrong(1_000, told=encrypted_contract(books, rho="0")) == []


def a_spec() -> Spec:
    return Spec(
        family="logistic",
        features=(Feature(name="age", low=0, high=100),),
        label=Feature(name="ill"),
        steps=Descent(rounds=3, norm="2", clip="0.5"),
        privacy=Rules(rho="0.1", parties=3, honest=3, evaluation="0.01"),
    )


def test_more_than_before_says_so() -> None:
    books = Books()
    books.budget()
    assert books.budget("2", "privacy.raised") == []
    assert books.budget("1") == []
    assert books.budget("2") == ["privacy.raised"]
    for epsilon in ("2", "1"):
        books = Books()
        books.budget("2")
        assert books.budget(epsilon, "privacy.raised") == ["privacy.raised"]
    assert Books().budget("1", "privacy.raised") == ["privacy.raised"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"limit": ONE}, "privacy.budget"),
        ({"limit": str(ONE)}, "privacy.budget"),
        ({"epsilon": "0", "limit": 0}, "privacy.budget"),
        ({"epsilon": None, "limit": 0}, "privacy.budget"),
        ({"delta": "0.1"}, "privacy.budget"),
        ({"table": "elsewhere"}, "privacy.table"),
    ],
)
def test_a_budget_is_what_its_leaf_says(changes: dict[str, Any], rule: str) -> None:
    assert Books().budget(**changes) == [rule]


def test_delta_stays_and_what_is_spent_stays() -> None:
    books = Books()
    books.budget("2")
    other = "0.00001"
    assert books.budget("1", delta=other, limit=limit_of("1", other)) == ["privacy.delta"]
    books = Books()
    books.budget("2")
    books.spend(books.contract(), 2 * ONE)
    assert books.budget("1") == ["privacy.budget"]


def test_what_a_predecessor_spent_counts() -> None:
    books = Books()
    leaf = Event("privacy.inherited", NOW, {"table": books.table, "origin": "x", "spent": ONE})
    books.privacy.inherited(1, leaf)
    books.budget()
    assert books.rules == []
    assert books.spend(books.contract(), 1_000) == ["privacy_table"]
    wrong: tuple[Any, ...] = (0, -1, "1", None, True, 2**53)
    for spent in wrong:
        spoilt = Event(leaf.type, NOW, {**leaf.fields, "spent": spent})
        books.privacy.inherited(1, spoilt)
    assert books.rules == ["privacy.inherited"] * len(wrong)


asked = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=12)


@settings(max_examples=25)
@given(asked)
def test_findings_are_exactly_where_a_limit_is_passed(asked: list[tuple[int, int]]) -> None:
    books = Books()
    books.budget("1")
    budgets = ("0.5", "1", "2")
    contracts = [books.contract(budget) for budget in budgets]
    table, of = 0, [0, 0, 0]
    for which, part in asked:
        units = part * (ONE // 10_000) * 1_000
        table, of[which] = table + units, of[which] + units
        wanted = {"privacy_table"} if table > ONE else set()
        if of[which] > limit_of(budgets[which], DELTA):
            wanted.add("privacy_contract")
        assert set(books.spend(contracts[which], units)) == (wanted if units else set())


class TestExport:
    """The same on a whole export: what the node wrote, and what somebody made of it."""

    def test_a_budget_in_an_honest_log_is_no_finding(self, case: Case) -> None:
        at = case.place("release")
        table = case.log[case.place("table.registered")]["table"]
        fields = {"table": table, "epsilon": "1", "delta": DELTA, "limit": limit_of("1", DELTA)}
        case.insert(at, event_of(case, at, "privacy.budget", **fields, by="operator"))
        report = case.check()
        assert report.findings == ()
        assert [ledger.epsilon for ledger in report.privacy] == ["1"]
        assert dict(report.rows())["privacy"].startswith(f"table {table}: rho 0 of rho 0.0243")
        told: Any = report.to_json()["privacy"]
        assert told[0]["spent"] == "0"

    def test_a_cost_that_nobody_granted_is_found(self, case: Case) -> None:
        at = case.place("release")
        case.edit(at, privacy="0.5")
        found = case.check()
        rules = {finding.rule for finding in found.findings if finding.index == at}
        assert rules == {"release.privacy_table", "release.privacy_contract"}
        assert found.contracts[0].privacy or any(each.privacy for each in found.contracts)
        assert "of no budget" in dict(found.rows())["privacy"]

    def test_fast_and_slow_read_the_same_cost(self, case: Case) -> None:
        leaf = case.log[case.place("release")]
        for privacy in ("0", "1", "0.000000001", "999999999.999999999"):
            found = read_leaf(encode(leaf | {"privacy": privacy}), INTL)
            assert rho_text(found.privacy) == privacy  # type: ignore[union-attr]

    def test_events_have_one_form(self) -> None:
        fields: dict[str, Any] = {"table": "people", "epsilon": "1", "delta": DELTA, "limit": 1}
        for kind in ("privacy.budget", "privacy.raised"):
            found = read_leaf(encode_leaf(event_leaf(INTL, kind, NOW, fields)), INTL)
            assert isinstance(found, Event)
            assert found.fields == fields
