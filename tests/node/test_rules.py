"""`Rules`: the strictest of all labels read; what has no rule allows nothing."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.contracts.rules import THREAT_MODELS
from unseen.node.catalog.labels import CATEGORIES, LEVELS, MAX_EVALUATIONS, Label
from unseen.node.contracts.rules import Rules, Ruling, default_text, least_budget, max_units

RULES = Rules.parse(default_text(), "intl")
CELLS = [Label(category, level) for category in CATEGORIES for level in LEVELS]
cells = st.sampled_from(CELLS)


def ruling(*labels: Label) -> Ruling:
    return RULES.ruling([(f"c{number}", label) for number, label in enumerate(labels)])


def at_most(one: Ruling, other: Ruling) -> bool:
    """Return whether `one` allows nothing that `other` does not, and demands all it demands."""
    return (
        one.kinds <= other.kinds
        and one.ciphertext <= other.ciphertext
        and THREAT_MODELS.index(one.threat_model) >= THREAT_MODELS.index(other.threat_model)
        and one.group >= other.group
        and (not other.budget or Decimal(one.budget) <= Decimal(other.budget))
        and one.share >= other.share
        and set(one.approvals) >= set(other.approvals)
        and one.order >= other.order
        and set(one.regions) >= set(other.regions)
        and one.consent >= other.consent
        and one.template >= other.template
    )


@given(st.lists(cells, max_size=6), cells)
def test_another_label_never_allows_more(labels: list[Label], more: Label) -> None:
    before, after = ruling(*labels), ruling(*labels, more)
    assert at_most(after, before)
    assert at_most(after, ruling(more))


@given(st.lists(cells, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_columns_changes_nothing(labels: list[Label], chance: object) -> None:
    assert all(ruling(*labels) == ruling(*order) for order in itertools.permutations(labels))


def test_nothing_read_is_allowed_as_public_data_are() -> None:
    assert ruling() == Ruling()
    assert ruling().kinds == set(KINDS)


@pytest.mark.parametrize("label", CELLS, ids=str)
def test_the_default_rules(label: Label) -> None:
    found = ruling(label)
    if label.level in ("important", "core"):
        assert not found.kinds
        assert not found.ciphertext
        return
    assert "verify" in found.kinds
    assert found.ciphertext is (label.level in ("1", "2"))
    assert found.consent is (label.category == "personal")
    four = ("operator", "holder", "approver")
    assert found.approvals == (four if label.level == "4" else ("operator",))
    assert found.order is (label.level == "4" or label == Label("personal", "3"))
    assert found.regions == (("CN",) if label.level == "4" else ())
    assert ("lookup" in found.kinds) is (label.level != "4")


@pytest.mark.parametrize("label", CELLS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_a_label_refuses_is_refused_with_the_column(label: Label, kind: str) -> None:
    fine = ("fine", Label("public", "1"))
    errors = RULES.against_kind(
        kind, [fine, ("column", label)], ciphertext=False, threat_model="malicious"
    )
    rule = RULES.of(label)
    if rule is not None and kind in rule.kinds:
        assert errors == []
        return
    (error,) = errors
    assert "'column'" in str(error)
    assert "'fine'" not in str(error)
    assert error.clause == f"labels.{label.category}.{label.level}"
    assert error.remedy


def test_ciphertext_and_weak_protocols_are_refused_where_labels_say_so() -> None:
    three, two = ("a", Label("enterprise", "3")), ("b", Label("enterprise", "2"))

    def clauses(*labels: tuple[str, Label], ciphertext: bool, model: str) -> list[str]:
        found = RULES.against_kind("lookup", labels, ciphertext=ciphertext, threat_model=model)
        return [error.clause for error in found]

    assert clauses(three, two, ciphertext=True, model="malicious") == ["labels.enterprise.3"]
    assert clauses(three, two, ciphertext=False, model="malicious") == []
    assert clauses(three, two, ciphertext=False, model="semi-honest") == [
        "labels.enterprise.3",
        "labels.enterprise.2",
    ]


@pytest.mark.parametrize(
    ("purpose", "label", "clauses"),
    [
        ("credit-check", Label("personal", "1"), []),
        ("marketing", Label("public", "1"), []),
        ("marketing", Label("personal", "1"), ["deny.personal-marketing"]),
        ("精准营销", Label("personal", "core"), ["deny.personal-marketing"]),
        ("Resale", Label("enterprise", "2"), ["deny.resale"]),
    ],
)
def test_the_deny_list_is_asked_of_every_label(
    purpose: str, label: Label, clauses: list[str]
) -> None:
    labels = [("fine", Label("public", "1")), ("column", label)]
    found = RULES.against_purpose(purpose, labels)
    assert [error.clause for error in found] == clauses
    assert all(error.remedy for error in found)


def test_a_demand_names_the_column_that_makes_it() -> None:
    found = RULES.ruling([("a", Label("public", "1")), ("income", Label("personal", "3"))])
    assert found.because["order"] == "column 'income': personal, level 3"
    assert found.because["consent"] == "column 'income': personal, level 3"
    assert "approvals" not in found.because


@given(st.integers(0, 2**40))
def test_hidden_questions_cover_one_row_in_so_many(rows: int) -> None:
    public, enterprise = Label("public", "1"), Label("enterprise", "1")
    assert max_units(ruling(public), rows, hidden=True) == MAX_EVALUATIONS
    assert max_units(ruling(public, enterprise), rows, hidden=False) == MAX_EVALUATIONS
    most = max_units(ruling(public, enterprise), rows, hidden=True)
    assert most == min(max(1, rows // 10), MAX_EVALUATIONS)


@pytest.mark.parametrize(
    ("region", "fits"), [("CN", True), ("CN-44", True), ("CNX", False), ("", False), ("EU", False)]
)
def test_a_region_is_the_one_demanded_or_within_it(region: str, fits: bool) -> None:
    assert ruling(Label("public", "4")).fits(region) is fits
    assert ruling(Label("public", "1")).fits(region)


def test_budgets_are_compared_as_numbers() -> None:
    assert least_budget("10", "9") == "9"
    assert least_budget("0.5", "0.45") == "0.45"
    assert least_budget("", "2") == least_budget("2", "") == "2"
    assert least_budget("", "") == ""
