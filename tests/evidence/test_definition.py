"""What an operator offers to be counted: definitions, the files they come from, bits of answers.

`formats_v1_statistics.json` was written by `frozen` below.
"""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.menus import AGE, COST, DEFINITION, FILE, MENU, REGION, STAY

from unseen.evidence import canonical
from unseen.evidence.contracts.plan import Output, ReleaseSpec
from unseen.evidence.contracts.statistics import (
    Dimension,
    Menu,
    Question,
    check_question,
    shape_of,
)
from unseen.evidence.contracts.statistics.agreed import check_agreed
from unseen.evidence.contracts.statistics.bounds import largest_bits
from unseen.evidence.contracts.statistics.definition import Condition, Definition, Join, Origin
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.statistics.menu import MAX_CELLS
from unseen.evidence.errors import CanonicalError, ContractInvalidError, QuestionInvalidError

FILE_OF_VECTORS = Path(__file__).parents[1] / "vectors/evidence/formats_v1_statistics.json"
VECTORS: dict[str, Any] = json.loads(FILE_OF_VECTORS.read_text(encoding="utf-8"))


def changed(**changes: Any) -> Definition:
    return dataclasses.replace(DEFINITION, **changes)


def test_a_definition_is_written_in_one_way() -> None:
    data = DEFINITION.encode()
    assert Definition.decode(data) == DEFINITION
    assert canonical.encode(json.loads(data)) == data
    with pytest.raises(CanonicalError):
        Definition.decode(data + b" ")


def test_a_file_says_what_the_definition_does_but_for_the_columns_of_filters() -> None:
    bare = [dataclasses.replace(each, columns=()) for each in DEFINITION.conditions]
    assert parse_definition(FILE.encode()) == changed(conditions=tuple(bare))


def test_entries_read_their_column_the_person_and_the_keys_of_a_join() -> None:
    assert DEFINITION.reads("region") == ("patient", "region")
    assert DEFINITION.reads("adult") == ("patient", "age")
    joined = ("patient", "insurances.holder", "insurances.active")
    assert DEFINITION.reads("insured") == joined


def test_a_part_of_the_menu_names_the_joined_table_only_if_it_is_read() -> None:
    assert DEFINITION.only(("region", "insured")).joined == ("insurances",)
    less = DEFINITION.only(("region", "adult", "cost"))
    assert less.joined == ()
    assert less.partition == MENU.partition


def test_what_a_plan_hashes_of_an_entry_is_all_of_it() -> None:
    text = json.loads(DEFINITION.entry_text("insured"))
    assert text == {
        "name": "insured",
        "text": "has an insurance in force",
        "expression": "active",
        "table": "insurances",
        "columns": ["active"],
    }
    others = {DEFINITION.entry_text(name) for name in MENU.names}
    assert len(others) == len(MENU.names)


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        ({"columns": DEFINITION.columns[1:]}, "columns"),
        ({"columns": DEFINITION.columns[::-1]}, "columns"),
        ({"columns": list(DEFINITION.columns)}, "columns"),
        ({"conditions": ()}, "conditions"),
        ({"person": ()}, "rows_per_person"),
        ({"person": ("patient", "patient")}, "person"),
        ({"join": None}, "joined"),
        ({"join": Join(table="others", on=(("patient", "holder"),))}, "joined"),
        ({"menu": None}, "menu"),
        ({"join": ()}, "join"),
        (
            {"conditions": (DEFINITION.conditions[0], Condition(name="insured", expression="a"))},
            "join",
        ),
        (
            {
                "conditions": (
                    Condition(name="adult", expression="a", table="elsewhere"),
                    DEFINITION.conditions[1],
                )
            },
            "table",
        ),
    ],
)
def test_a_definition_that_does_not_hold_is_refused(change: dict[str, Any], clause: str) -> None:
    with pytest.raises(ContractInvalidError) as refused:
        changed(**change)
    assert refused.value.clause == clause


@pytest.mark.parametrize(
    "build",
    [
        lambda: Origin(name="a b", column="c"),
        lambda: Origin(name="a", column=""),
        lambda: Origin(name="a", column="c" * 181),
        lambda: Condition(name="a", expression=""),
        lambda: Condition(name="a", expression="x" * 2001),
        lambda: Join(table="t", on=()),
        lambda: Join(table="t", on=(cast("Any", ("a",)),)),
        lambda: Join(table="t", on=(("a", "b"), ("a", "c"))),
        lambda: Join(table="t/u", on=(("a", "b"),)),
        lambda: Definition(menu=Menu()),
    ],
)
def test_parts_of_a_definition_are_checked(build: Any) -> None:
    with pytest.raises(ContractInvalidError):
        build()


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"columns": []},
        {"columns": [{"name": "region", "column": "r", "table": ""}]},
        {"conditions": [{"name": "adult", "expression": "x", "columns": []}]},
        {"person": "patient"},
        {"join": {"table": "insurances", "on": [["patient"]]}},
        {"join": {"table": "insurances", "on": ["ab"]}},
        {"menu": None},
    ],
)
def test_definitions_of_strangers_are_read_strictly(change: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError):
        Definition.from_json(DEFINITION.to_json() | change)


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("high = 10_000.00", "high = 10_000.001", "measure.cost.high"),
        ("high = 10_000.00", "high = 9.00000000000000000000000000000000001", "measure.cost.high"),
        ("high = 10_000.00", "high = nan", "measure.cost.high"),
        ("high = 10_000.00", "high = inf", "measure.cost.high"),
        ("high = 10_000.00", "high = 1e999999999", "measure.cost.high"),
        ("high = 10_000.00", "high = 1e-999999999", "measure.cost.high"),
        ("high = 10_000.00", "high = 1e99999999999999999999", "measure.cost.high"),
        ("high = 10_000.00", "high = true", "measure.cost.high"),
        ("high = 10_000.00", 'high = "9"', "measure.cost.high"),
        ("decimals = 2", "decimals = -1", "measure.cost.decimals"),
        ("decimals = 2", "decimals = 1.5", "measure.cost.decimals"),
        ('column = "days"', 'columns = "days"', "measure.column"),
        ('values = ["north"', 'values = [1, "north"', "dimension.region.values"),
        ("edges = [0, 18, 65, 120]", "edges = [0, 18.5]", "dimension.age.edges"),
        ("edges = [0, 18, 65, 120]", "edges = 5", "dimension.edges"),
        ("edges = [0, 18, 65, 120]", "", "dimensions"),
        ("delta = 0.000001", "delta = 1", "delta"),
        ("delta = 0.000001", "delta = nan", "delta"),
        ("delta = 0.000001", "epsilon = 1", "menu"),
        ("rows_per_person = 3", "rows_per_person = 0", "rows_per_person"),
        ('on = [["patient", "holder"]]', "on = []", "join.on"),
        ('by = ["region"]', 'by = "region"', "partition.by"),
        ("[partition]", "[partition", "document"),
    ],
)
def test_a_file_that_does_not_hold_is_refused_by_name(old: str, new: str, clause: str) -> None:
    assert old in FILE
    with pytest.raises(ContractInvalidError) as refused:
        parse_definition(FILE.replace(old, new, 1).encode())
    assert refused.value.clause == clause


def test_values_of_a_boolean_may_be_written_as_such() -> None:
    text = FILE.replace('values = ["north", "south", "西部"]', "values = [true, false]")
    assert parse_definition(text.encode()).menu.dimensions[0].values == ("true", "false")


def asked(menu: Menu) -> list[Question]:
    """Return a question of every form that `menu` allows, with every grouping."""
    names = [dimension.name for dimension in menu.dimensions]
    groupings = [
        by for length in range(len(names) + 1) for by in itertools.combinations(names, length)
    ]
    ninths = tuple(f"0.{number}" for number in range(1, 10))
    found = [] if menu.partition is None else [Question(what="partition")]
    for by in groupings:
        found.append(Question(what="count", by=by, rho="1"))
        for measure in menu.measures:
            of: dict[str, Any] = {"of": measure.name, "by": by, "rho": "1"}
            plain = ("sum", "mean", "variance", *["histogram"] * bool(measure.edges))
            found += [Question(what=what, **of) for what in plain]
            if measure.edges:
                places = [ninths[:count] for count in range(1, 10)]
                found += [Question(what="quantile", at=at, **of) for at in places]
    return found


@given(
    dimensions=st.sets(st.sampled_from(("region", "age"))),
    measures=st.sets(st.sampled_from(("cost", "stay"))),
    exact=st.booleans(),
)
def test_no_answer_says_more_bits_than_the_largest(
    dimensions: set[str], measures: set[str], exact: bool
) -> None:
    menu = MENU.only({*dimensions, *measures, "adult"})
    if not exact:
        menu = dataclasses.replace(menu, partition=None)
    most = max(shape_of(menu, question).bits for question in asked(menu))
    assert most <= largest_bits(menu)
    if "cost" not in measures:  # else a hundred quantiles are more than nine
        assert most == largest_bits(menu)


@given(st.lists(st.integers(1, 400), max_size=4))
def test_of_many_groupings_the_largest_that_may_be_asked_for_counts(sizes: list[int]) -> None:
    """Groupings of more than a thousand cells cannot be asked for, and count for nothing."""
    dimensions = tuple(
        Dimension(name=f"d{place}", text="grouped", values=tuple(map(str, range(size))))
        for place, size in enumerate(sizes)
    )
    menu = Menu(dimensions=dimensions, measures=(STAY,))
    found = []
    for question in asked(menu):
        if menu.cells(question.by) <= MAX_CELLS:
            found.append(shape_of(menu, question).bits)
        else:
            with pytest.raises(QuestionInvalidError):
                shape_of(menu, question)
    assert largest_bits(menu) == max(found)


def test_the_largest_answer_of_quantiles_is_the_one_with_most_places() -> None:
    menu = Menu(dimensions=(REGION, AGE), measures=(COST, STAY))
    at = tuple(f"0.{number:02}".rstrip("0") for number in range(1, 100))
    shapes = [
        shape_of(menu, Question(what="quantile", of="cost", by=by, at=at, rho="1")).bits
        for by in ((), ("region",), ("age",), ("region", "age"))
    ]
    assert largest_bits(menu) == max(shapes)


@given(groups=st.integers(1, 1000), bins=st.integers(1, 120))
def test_of_quantiles_as_many_count_as_fit_beside_the_groups(groups: int, bins: int) -> None:
    edges = tuple(range(0, 1000 * (bins + 1), 1000))
    measure = dataclasses.replace(COST, low=0, high=edges[-1], edges=edges)
    grouped = Dimension(name="d", text="grouped", values=tuple(map(str, range(groups))))
    menu = Menu(dimensions=(grouped,), measures=(measure,))
    found = [shape_of(menu, question).bits for question in asked(menu) if fits(menu, question)]
    at = tuple(f"0.{number:02}".rstrip("0") for number in range(1, 100))
    for by in ((), ("d",)):
        for count in {1, 2, 64, 65, 99, min(99, MAX_CELLS // groups)}:
            question = Question(what="quantile", of="cost", by=by, at=at[:count], rho="1")
            if fits(menu, question):
                found.append(shape_of(menu, question).bits)
    assert largest_bits(menu) == max(found)


def fits(menu: Menu, question: Question) -> bool:
    try:
        check_question(menu, question)
    except QuestionInvalidError:
        return False
    return True


QUESTIONS = {
    "count": Question(what="count", by=("region", "age"), where=("adult",), rho="0.001"),
    "mean": Question(what="mean", of="cost", by=("region",), rho="0.25"),
    "quantile": Question(what="quantile", of="cost", at=("0.25", "0.5", "0.75"), rho="0.01"),
    "partition": Question(what="partition"),
}


def frozen(world: Any) -> dict[str, str]:
    """Return what a contract over the whole menu says, and questions under it."""
    spec = ReleaseSpec(
        type="aggregate", bits_per_run=largest_bits(MENU), bits_in_all=9 * largest_bits(MENU)
    )
    outputs = tuple(
        Output(
            name=entry.name,
            text=entry.text,
            expression_digest=world.suite.digest(DEFINITION.entry_text(entry.name).encode()),
        )
        for entry in DEFINITION.entries()
    )
    read = {column for name in MENU.names for column in DEFINITION.reads(name)}
    plan = world.plan(
        kind="statistics",
        protocol="dp_statistics",
        columns_read=tuple(sorted(read)),
        outputs=outputs,
        bits_per_unit=spec.bits_per_run,
        label_bytes=0,
        release=spec,
        group=10,
        budget="0.5",
    )
    terms = world.terms(
        kind="statistics",
        protocol="dp_statistics",
        outputs=MENU.names,
        plan=plan.digest(world.suite),
        group=10,
        budget="0.5",
        parameters={"menu": MENU.to_json()},
    )
    check_agreed(terms, plan)
    return {
        "menu": canonical.encode(MENU.to_json()).decode(),
        "definition": DEFINITION.encode().decode(),
        "entry": DEFINITION.entry_text("insured"),
        "plan": plan.encode().decode(),
        "terms": terms.encode().decode(),
        "terms_id": terms.id().hex(),
        **{name: question.encode().decode() for name, question in QUESTIONS.items()},
    }


def test_the_bytes_of_menus_and_questions_are_frozen(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]
