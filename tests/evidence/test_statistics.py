"""Menus and questions: one way to write each, shapes and costs that follow from them alone."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import (
    Dimension,
    Filter,
    Measure,
    Menu,
    Partition,
    Question,
    check_question,
    menu_of,
    raws_of,
    shape_of,
)
from unseen.evidence.contracts.statistics.entries import decimal_text
from unseen.evidence.errors import CanonicalError, ContractInvalidError, QuestionInvalidError
from unseen.protocols.dp.laws import Gaussian

REGION = Dimension(name="region", text="region of residence", values=("north", "south", "西部"))
AGE = Dimension(name="age", text="age in years", edges=(0, 18, 65, 120))
COST = Measure(
    name="cost",
    text="cost of care",
    unit="yuan",
    decimals=2,
    low=0,
    high=1_000_000,
    edges=(0, 5, 9),
)
STAY = Measure(name="stay", text="days in hospital", unit="days", decimals=0, low=-3, high=60)
ADULT = Filter(name="adult", text="at least 18 years old")
EXACT = Partition(by=("region", "age"), where=("adult",), measures=("cost",))
MENU = Menu(
    dimensions=(REGION, AGE),
    measures=(COST, STAY),
    filters=(ADULT,),
    rows_per_person=3,
    partition=EXACT,
    joined=("insured",),
)
BY = st.sets(st.sampled_from(("region", "age"))).map(MENU.in_order)
WHERE = st.sampled_from(((), ("adult",)))
RHO = st.integers(1, 10**10).map(lambda n: decimal_text(n, 9).rstrip("0").rstrip("."))


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Return a question that `MENU` answers."""
    what = draw(st.sampled_from(("count", "sum", "mean", "variance", "histogram", "quantile")))
    measures = ["cost"] if what in ("histogram", "quantile") else ["cost", "stay"]
    places = st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True).map(sorted)
    at = tuple(f"0.{n:02}".rstrip("0") for n in draw(places)) if what == "quantile" else ()
    of = "" if what == "count" else draw(st.sampled_from(measures))
    return Question(what=what, of=of, by=draw(BY), where=draw(WHERE), at=at, rho=draw(RHO))


@given(questions())
def test_a_question_is_written_in_one_way(question: Question) -> None:
    data = question.encode()
    assert Question.decode(data) == question
    assert canonical.encode(json.loads(data)) == data


@given(questions())
def test_an_answer_has_a_row_for_every_cell_that_the_menu_declares(question: Question) -> None:
    shape = shape_of(MENU, question)
    keys = [cell for cell in shape.cells if hasattr(cell, "of")]
    cells = 1
    for key in keys:
        cells *= key.values
    assert shape.most == cells
    assert [name for name, _ in shape.columns[: len(question.by)]] == list(question.by)
    assert all(cell.optional for cell in shape.cells[len(keys) :])


@given(questions())
def test_raw_tables_cost_exactly_the_rho_of_the_question(question: Question) -> None:
    raws = raws_of(MENU, question)
    costs = [Gaussian(raw.sigma2).rho(raw.sensitivity) for raw in raws]
    assert sum(costs) == Fraction(question.rho)
    assert all(raw.sensitivity.l1 >= 3 for raw in raws)  # three rows a person


@pytest.mark.parametrize(
    ("what", "of", "l2"),
    [
        ("count", "", 3),
        ("sum", "cost", 3_000_000),
        ("sum", "stay", 180),
        ("histogram", "cost", 3),
    ],
)
def test_one_person_moves_a_table_by_all_of_its_rows(what: str, of: str, l2: int) -> None:
    (raw,) = raws_of(MENU, Question(what=what, of=of, rho="0.5"))
    assert raw.sensitivity.l2_squared == l2**2


def test_sums_behind_a_mean_are_counted_from_the_middle_of_the_clamp() -> None:
    count, shifted = raws_of(MENU, Question(what="mean", of="stay", rho="1"))
    assert (count.sort, shifted.sort) == ("count", "shifted")
    assert (STAY.middle, STAY.reach) == (28, 32)
    assert shifted.sensitivity.l2_squared == (3 * 32) ** 2


def test_the_exact_table_is_the_one_that_the_menu_fixes() -> None:
    shape = shape_of(MENU, Question(what="partition"))
    assert [name for name, _ in shape.columns] == ["region", "age", "count", "sum:cost"]
    assert shape.most == 9
    assert [raw.sigma2 for raw in raws_of(MENU, Question(what="partition"))] == [0, 0]


@pytest.mark.parametrize(
    ("fields", "clause"),
    [
        ({"what": "median"}, "what"),
        ({"what": "count", "of": "cost", "rho": "1"}, "of"),
        ({"what": "sum", "rho": "1"}, "of"),
        ({"what": "count"}, "rho"),
        ({"what": "count", "rho": "0.10"}, "rho"),
        ({"what": "count", "rho": "-1"}, "rho"),
        ({"what": "count", "rho": "0.0000000001"}, "rho"),
        ({"what": "partition", "rho": "1"}, "what"),
        ({"what": "partition", "by": ("age",)}, "what"),
        ({"what": "quantile", "of": "cost", "rho": "1"}, "at"),
        ({"what": "quantile", "of": "cost", "rho": "1", "at": ("1",)}, "at"),
        ({"what": "quantile", "of": "cost", "rho": "1", "at": ("0.5", "0.25")}, "at"),
        ({"what": "count", "rho": "1", "by": ("age", "age")}, "by"),
        ({"what": "count", "rho": "1", "at": ("0.5",)}, "at"),
    ],
)
def test_a_question_that_says_nothing_is_refused(fields: dict[str, Any], clause: str) -> None:
    with pytest.raises(QuestionInvalidError) as refused:
        Question(**fields)
    assert refused.value.clause == clause


@pytest.mark.parametrize(
    ("fields", "clause"),
    [
        ({"what": "count", "by": ("sex",)}, "by"),
        ({"what": "count", "by": ("age", "region")}, "by"),
        ({"what": "count", "where": ("rich",)}, "where"),
        ({"what": "sum", "of": "region"}, "of"),
        ({"what": "histogram", "of": "stay"}, "of"),
        ({"what": "quantile", "of": "stay", "at": ("0.5",)}, "of"),
    ],
)
def test_what_the_menu_does_not_offer_is_refused(fields: dict[str, Any], clause: str) -> None:
    with pytest.raises(QuestionInvalidError) as refused:
        check_question(MENU, Question(**fields, rho="1"))
    assert refused.value.clause == clause


def test_an_answer_of_too_many_cells_is_refused() -> None:
    wide = Dimension(name="day", text="day", edges=tuple(range(400)))
    menu = Menu(dimensions=(REGION, wide))
    with pytest.raises(QuestionInvalidError) as refused:
        shape_of(menu, Question(what="count", by=("region", "day"), rho="1"))
    assert refused.value.clause == "by"


def test_without_a_partition_there_is_no_exact_answer() -> None:
    with pytest.raises(QuestionInvalidError):
        shape_of(Menu(dimensions=(AGE,)), Question(what="partition"))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"what": None},
        {"by": "region"},
        {"by": [1]},
        {"v": 2},
        {"v": True},
        {"of": None},
        {"rho": 1},
        {"at": ["0.5"]},
    ],
)
def test_questions_of_strangers_are_read_strictly(change: dict[str, Any]) -> None:
    value = Question(what="count", rho="1").to_json() | change
    with pytest.raises(QuestionInvalidError):
        Question.from_json(value)


def test_bytes_that_are_not_canonical_are_no_question() -> None:
    data = Question(what="count", rho="1").encode()
    with pytest.raises(CanonicalError):
        Question.decode(data.replace(b",", b", "))


def test_a_menu_is_written_in_one_way() -> None:
    assert Menu.from_json(MENU.to_json()) == MENU
    assert menu_of({"menu": MENU.to_json()}) == MENU
    assert canonical.decode(canonical.encode(MENU.to_json())) == MENU.to_json()
    plain = Menu(dimensions=(AGE,))
    assert plain.to_json().keys() == {"rows_per_person", "delta", "dimensions"}
    assert Menu.from_json(plain.to_json()) == plain


def test_a_part_of_a_menu_keeps_its_exact_table_only_whole() -> None:
    assert MENU.only(("region", "age", "adult", "cost")).partition == EXACT
    less = MENU.only(("region", "adult", "cost"))
    assert less.partition is None
    assert less.names == ("region", "cost", "adult")
    assert less.rows_per_person == MENU.rows_per_person


@pytest.mark.parametrize(
    "change",
    [
        {"dimensions": (REGION, REGION)},
        {"filters": (Filter(name="cost", text="one name, two things"),)},
        {"rows_per_person": 0},
        {"delta": "0"},
        {"delta": "1"},
        {"partition": Partition(by=("age", "region"))},
        {"partition": Partition(by=("sex",))},
        {"joined": ("a", "a")},
    ],
)
def test_a_menu_that_does_not_hold_is_refused(change: dict[str, Any]) -> None:
    fields = {name: getattr(MENU, name) for name in Menu.__slots__} | change
    with pytest.raises(ContractInvalidError):
        Menu(**fields)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Dimension(name="region", text="both", values=("a",), edges=(1, 2)),
        lambda: Dimension(name="region", text="neither"),
        lambda: Dimension(name="age", text="order", edges=(2, 1)),
        lambda: Dimension(name="age", text="one edge", edges=(1,)),
        lambda: Dimension(name="count", text="a word of answers", edges=(1, 2)),
        lambda: Dimension(name="a:b", text="a colon", edges=(1, 2)),
        lambda: Dimension(name="n" * 57, text="long", edges=(1, 2)),
        lambda: Measure(name="x", text="empty", unit="", decimals=0, low=1, high=1),
        lambda: Measure(name="x", text="wide", unit="", decimals=0, low=0, high=1 << 41),
        lambda: Measure(name="x", text="fine", unit="", decimals=8, low=0, high=1),
        lambda: Menu(
            measures=(Measure(name="x", text="bit", unit="", decimals=0, low=0, high=1),),
            partition=Partition(by=(), measures=("x",)),
        ),
    ],
)
def test_entries_that_do_not_hold_are_refused(build: Any) -> None:
    with pytest.raises(ContractInvalidError):
        build()


@pytest.mark.parametrize("value", [[], {"rows_per_person": 1}, {"menu": 1}, None])
def test_a_menu_of_a_stranger_is_read_strictly(value: Any) -> None:
    with pytest.raises(ContractInvalidError):
        Menu.from_json(value)
    with pytest.raises(ContractInvalidError):
        menu_of({})


@pytest.mark.parametrize("field", ["dimensions", "measures", "filters", "joined"])
def test_a_menu_says_nothing_by_empty_lists(field: str) -> None:
    with pytest.raises(ContractInvalidError):
        Menu.from_json(Menu(dimensions=(AGE,)).to_json() | {field: []})


def test_a_variance_that_no_number_can_say_is_refused() -> None:
    wide = Measure(name="x", text="wide", unit="", decimals=0, low=0, high=1 << 40)
    with pytest.raises(QuestionInvalidError):
        shape_of(Menu(measures=(wide,)), Question(what="variance", of="x", rho="1"))


def test_labels_of_bins_show_decimals() -> None:
    assert AGE.bins == ("[0,18)", "[18,65)", "[65,120)")
    assert COST.bins == ("[0.00,0.05)", "[0.05,0.09)")
    assert decimal_text(-5, 2) == "-0.05"
