"""Cards about noise and privacy: rows or people, epsilon and rho, English and Chinese."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.menus import MENU

from unseen.cli import words
from unseen.cli.statistic_views import menu_json
from unseen.cli.views import ledger_json
from unseen.cli.words import Language
from unseen.client.cards import Card, in_lines
from unseen.client.joint.statistics import JointStatistic
from unseen.client.menu_card import BudgetCard, MenuCard
from unseen.client.privacy import ContractSpend, Ledger
from unseen.client.statistic import Statistic
from unseen.evidence.contracts.privacy import limit_of
from unseen.evidence.contracts.statistics.question import Question
from unseen.evidence.contracts.statistics.shapes import shape_of

DELTA = "0.000001"
MOST = limit_of("4", DELTA)
ALONE = replace(MENU, rows_per_person=1)
SPENDS = ContractSpend("C" * 43, "bank", 0, MOST, "3", DELTA, "0")


def chinese(card: Card) -> str:
    """Return a card as the command prints it under `--lang zh`."""
    words._present.set(Language.ZH)
    try:
        return card.in_words(words.say)
    finally:
        words._present.set(Language.EN)


def statistic(what: str, menu: Any = MENU, **changes: Any) -> dict[str, Any]:
    at = ("0.5",) if what == "quantile" else ()
    of = "" if what in ("count", "partition") else "cost"
    question = Question(what=what, of=of, at=at, rho="0" if what == "partition" else "0.01")
    return {
        "contract": "C" * 43,
        "question": question,
        "menu": menu,
        "value": shape_of(menu, question),
        "privacy": "0.01",
        "answered_at": "2026-11-22T05:30:00Z",
        "cached": False,
        "request_id": "0" * 32,
        "receipt_path": Path("x.json"),
    } | changes


def rows(card: Card) -> str:
    """Return the rows beneath a card's table, in Chinese; without numbers, which are not asked."""
    words._present.set(Language.ZH)
    try:
        return in_lines("", card._rows(), words.say)
    finally:
        words._present.set(Language.EN)


@pytest.mark.parametrize(
    ("menu", "unit", "unit_zh"), [(MENU, "rows", "行"), (ALONE, "people", "人")]
)
def test_counts_are_of_rows_unless_a_person_has_one(menu: Any, unit: str, unit_zh: str) -> None:
    card = MenuCard("C" * 43, menu, "0.01", "3", 10)
    units = {(question.what, of): of for question, of, _ in card.questions()}
    for what in ("count", "histogram", "quantile"):
        assert (what, unit) in units
    assert ("sum", "yuan") in units
    other = "people" if unit == "rows" else "rows"
    said = repr(card)
    assert f"over 1,000 {unit}" in said
    assert f" {other}\n" not in said
    lines = chinese(card).splitlines()
    counting = [line for line in lines if line.split()[:1] == ["count"]]
    assert [line.split()[-1] for line in counting] == [unit_zh]
    assert f"1,000 {unit_zh}" in chinese(card)
    left = BudgetCard("C" * 43, "3", DELTA, 1, 0)
    found: Any = menu_json(card, left)["questions"]
    assert found[0]["unit"] == unit
    rank = rows(Statistic(**statistic("quantile", menu)))
    assert f"排序位次的一个标准差，单位：{unit_zh}" in rank


def test_a_ledger_says_both_measures_of_budget_and_left() -> None:
    fresh = Ledger("loans", "4", DELTA, MOST, 0, "0", "2026-11-22T05:30:00Z", "bank", (SPENDS,))
    rho = fresh.left_rho
    said = repr(fresh)
    assert f"epsilon 4 at delta {DELTA} (rho {rho}), for ever" in said
    assert f"rho {rho} of {rho}; as one answer an epsilon of 4" in said
    assert str(fresh.left_said) == f"rho {rho} of {rho}"
    assert ledger_json(fresh)["left_epsilon"] == "4"
    half = replace(fresh, spent=MOST // 2, spent_epsilon="2.7")
    assert 2 < float(half.left_epsilon) < 4
    assert replace(fresh, spent=MOST).left_epsilon == "0"
    none = Ledger("loans", "", "", 0, 0, "", "", "")
    assert none.left_epsilon == ""
    assert "unseen table budget loans" in repr(none)


def test_a_ledger_is_whole_in_chinese() -> None:
    ledger = Ledger("loans", "4", DELTA, MOST, 0, "0", "2026-11-22", "bank", (SPENDS,), "P", 2)
    said = chinese(ledger)
    assert "永久有效" in said
    for english in ("at delta", "for ever", "epsilon", "rho", "version", " of "):
        assert english not in said
    assert "bank：已用 ε 0，限额 ε 3" in said
    assert "求交计数与求和、密态训练仅适用于遵循协议的购买方" in said
    honest = "intersections, encrypted trainings: only those that follow the protocol"
    assert honest in repr(ledger)
    budget = BudgetCard("C" * 43, "3", DELTA, MOST, 0)
    assert "as one answer an epsilon of 4, unless others" in repr(budget)
    for english in ("at delta", "epsilon", "rho", "unless"):
        assert english not in chinese(budget)


@pytest.mark.parametrize("what", ["count", "mean", "quantile", "partition"])
@pytest.mark.parametrize("changes", [{}, {"cached": True, "privacy": "0"}])
def test_an_answer_is_whole_in_chinese(what: str, changes: dict[str, Any]) -> None:
    said = rows(Statistic(**statistic(what, **changes)))
    joint: dict[str, Any] = {"nodes": ("a", "b", "c"), "gone": (), "honest": 3, "receipts": {}}
    lead = "b" if what == "partition" else ""
    said += rows(JointStatistic(**statistic(what, **changes), **joint, lead=lead))
    for english in ("standard", "alone", "delta", "now", "unit", "before", "noise", "none", "rho"):
        assert english not in said
    assert "个标准差" in said or what == "partition"
