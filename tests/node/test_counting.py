"""Counting rows into cells: the same as by hand, and nobody moves a count by more than is said."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.node.counted import (
    AGE,
    COST,
    World,
    offered,
    raw_by_hand,
    rows_of,
    whole,
)

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import Menu, Partition, Question, raws_of
from unseen.node.data import statistics
from unseen.node.data.counting import (
    Amount,
    Axis,
    Condition,
    Counting,
    Place,
    decode_counting,
    encode_counting,
)
from unseen.node.data.statistics import count_exact, count_noisy, count_raw
from unseen.node.errors import (
    ColumnUnknownError,
    PredicateFailsError,
    TableChangedError,
    TableUnreadableError,
)
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import seeded_rng

ROW = {"visit": 1, "patient": 1, "ward": "east", "age": 20.0, "urgent": True}
WHATS = ("count", "sum", "mean", "variance", "histogram", "quantile")
ODD = st.sampled_from([None, float("nan"), float("inf"), float("-inf"), 1e300, -1e300, -0.0])
VISIT = st.fixed_dictionaries(
    {
        "patient": st.one_of(st.integers(1, 4), st.none()),
        "ward": st.sampled_from(["east", "west", "caf\u00e9", "cafe\u0301", "north", "", None]),
        "age": st.one_of(st.integers(-5, 130).map(float), st.just(17.99), ODD),
        "urgent": st.sampled_from([True, False, None]),
        "cost": st.one_of(st.floats(-100, 500, width=32), st.just(2.675), ODD),
        "days": st.one_of(st.integers(-3, 90), st.none()),
    }
)
INSURANCE = st.fixed_dictionaries(
    {
        "plan": st.sampled_from(["basic", "full", "other", None]),
        "limit": st.one_of(st.integers(-10, 9_999).map(lambda n: Decimal(n) / 10), st.none()),
        "active": st.sampled_from([True, False, None]),
    }
)
SLOW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    visits = [{"visit": at} | row for at, row in enumerate(draw(st.lists(VISIT, max_size=24)))]
    people = draw(st.sets(st.integers(1, 4)))
    return visits, [{"holder": who} | draw(INSURANCE) for who in sorted(people)]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    what = draw(st.sampled_from(WHATS))
    measures = {"count": [""], "histogram": ["cost", "days"], "quantile": ["cost", "days"]}
    of = draw(st.sampled_from(measures.get(what, ["cost", "days", "limit"])))
    offers = ("ward", "age", "urgent", "plan")
    chosen = draw(st.sets(st.sampled_from(offers), max_size=2))
    filters = draw(st.sets(st.sampled_from(("stayed", "insured"))))
    return Question(
        what=what,
        of=of,
        by=tuple(name for name in offers if name in chosen),
        where=tuple(name for name in ("stayed", "insured") if name in filters),
        at=("0.5",) if what == "quantile" else (),
        rho="0.01",
    )


def sorts_of(menu: Menu, question: Question) -> list[str]:
    return [raw.sort for raw in raws_of(menu, question)]


@SLOW
@given(worlds(), questions())
def test_every_raw_table_is_what_one_counts_by_hand(
    tmp_path: Path, tables: tuple[list[Any], list[Any]], question: Question
) -> None:
    world = World(tmp_path, *tables)
    definition = offered(1, by_visit=True)
    counting = world.counting(definition, question)
    assert counting.unique
    found = count_raw(counting, b"")
    by_hand = raw_by_hand(world, definition.menu, question, sorts_of(definition.menu, question))
    assert found == by_hand


@SLOW
@given(worlds(), questions())
def test_without_a_bound_that_matters_a_persons_rows_all_count(
    tmp_path: Path, tables: tuple[list[Any], list[Any]], question: Question
) -> None:
    world = World(tmp_path, *tables)
    definition = offered(100, by_visit=False)
    found = count_raw(world.counting(definition, question), b"")
    known = World(tmp_path, [row for row in tables[0] if row["patient"] is not None], tables[1])
    by_hand = raw_by_hand(known, definition.menu, question, sorts_of(definition.menu, question))
    assert found == by_hand


@SLOW
@given(worlds(), questions(), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_one_person_moves_no_raw_table_by_more_than_is_said(
    tmp_path: Path,
    tables: tuple[list[Any], list[Any]],
    question: Question,
    rows_per_person: int,
    patient: int,
    by_visit: bool,
) -> None:
    visits, insurances = tables
    if by_visit:  # the subject is the person: one row each, and the same name in the other table
        visits = [row | {"patient": row["visit"]} for row in visits]
        insurances = [row | {"holder": row["holder"] - 1} for row in insurances]
        rows_per_person, patient = 1, patient - 1
    world = World(tmp_path, visits, insurances)
    definition = offered(rows_per_person, by_visit=by_visit)
    raws = raws_of(definition.menu, question)
    with_person = count_raw(world.counting(definition, question), b"")
    without = count_raw(world.without(patient).counting(definition, question), b"")
    for raw, one, other in zip(raws, with_person, without, strict=True):
        moved = [a - b for a, b in zip(one, other, strict=True)]
        assert sum(step * step for step in moved) <= raw.sensitivity.l2_squared
        assert sum(map(abs, moved)) <= raw.sensitivity.l1


@SLOW
@given(worlds(), questions(), st.integers(1, 3))
def test_the_order_of_rows_says_nothing(
    tmp_path: Path, tables: tuple[list[Any], list[Any]], question: Question, most: int
) -> None:
    visits, insurances = tables
    definition = offered(most, by_visit=False)
    forward = count_raw(World(tmp_path, visits, insurances).counting(definition, question), b"")
    turned = World(tmp_path, visits[::-1], insurances[::-1])
    assert count_raw(turned.counting(definition, question), b"") == forward


HEAVY = [
    ROW | {"visit": at, "patient": 1, "cost": 1e9 * (-1) ** at, "days": 30} for at in range(12)
]
ALWAYS = [
    ROW | {"visit": at, "patient": at, "cost": 3.0, "days": 1, "ward": "west"}
    for at in range(20, 24)
]


@pytest.mark.parametrize("most", [1, 2, 5])
@pytest.mark.parametrize("by", [(), ("ward",), ("age", "urgent")])
@pytest.mark.parametrize("what", WHATS)
def test_the_worst_person_moves_as_much_as_is_said_and_no_more(
    tmp_path: Path, what: str, by: tuple[str, ...], most: int
) -> None:
    of, at = ("" if what == "count" else "days"), (("0.5",) if what == "quantile" else ())
    question = Question(what=what, of=of, by=by, at=at, rho="1")
    definition = offered(most, by_visit=False)
    world = World(tmp_path, HEAVY + ALWAYS, [])
    one = count_raw(world.counting(definition, question), b"")
    other = count_raw(world.without(1).counting(definition, question), b"")
    for raw, with_person, without in zip(
        raws_of(definition.menu, question), one, other, strict=True
    ):
        moved = [a - b for a, b in zip(with_person, without, strict=True)]
        assert sum(step * step for step in moved) == raw.sensitivity.l2_squared


def test_which_rows_of_a_person_count_does_not_depend_on_where_they_stand(tmp_path: Path) -> None:
    question = Question(what="sum", of="cost", rho="1")
    definition = offered(1, by_visit=False)
    rows = [row | {"cost": float(at)} for at, row in enumerate(HEAVY)]
    turned = [World(tmp_path, rows[turn:] + rows[:turn], []) for turn in range(len(rows))]
    found = [count_raw(world.counting(definition, question), b"") for world in turned]
    assert len({str(each) for each in found}) == 1


@pytest.mark.parametrize("expression", ["age < 100", "age > 100", "age = 20", "age <> 20"])
@pytest.mark.parametrize("others", [[20.0], [20.0, 150.0], [150.0], []])
def test_what_is_no_number_counts_the_same_whoever_else_is_there(
    tmp_path: Path, expression: str, others: list[float]
) -> None:
    nobody = [ROW | {"cost": float("nan"), "days": 1, "age": float("nan")}] * 3
    rest = [ROW | {"cost": 1.0, "days": 1, "age": age} for age in others]
    world = World(tmp_path, [row | {"visit": at} for at, row in enumerate(nobody + rest)], [])
    definition = offered(1, by_visit=True)
    counting = world.counting(definition, Question(what="sum", of="days", by=("age",), rho="1"))
    assert count_raw(counting, b"") == [[0, others.count(20.0), 0]]
    filtered = _changed(counting, axes=(), filters=(Condition("f", expression),))
    holds = {"age < 100": [20.0], "age > 100": [150.0], "age = 20": [20.0], "age <> 20": [150.0]}
    assert count_raw(filtered, b"") == [[sum(others.count(age) for age in holds[expression])]]


@SLOW
@given(worlds(), questions())
def test_next_to_no_noise_leaves_the_counts_as_they_are(
    tmp_path: Path, tables: tuple[list[Any], list[Any]], question: Question
) -> None:
    counting = World(tmp_path, *tables).counting(offered(2, by_visit=False), question)
    quiet = decode_counting(
        {**_json(counting), "tallies": [[t.sort, "1/1000"] for t in counting.tallies]}
    )
    # exp(-500) is the chance of anything but 0
    assert count_noisy(quiet, b"", seeded_rng(1)) == count_raw(counting, b"")


def _json(counting: Counting) -> Any:
    return canonical.decode(canonical.encode(encode_counting(counting)))


EXACT = Partition(by=("ward", "urgent"), where=("stayed",), measures=("cost", "days"))
MANY = [
    {"visit": at, "patient": at % 3, "ward": "east", "age": 3.0, "urgent": True}
    | {"cost": float(at), "days": 1}
    for at in range(7)
]


@SLOW
@given(worlds(), st.booleans())
@example((MANY, []), False)
def test_exact_counts_know_who_is_behind_them(
    tmp_path: Path, tables: tuple[list[Any], list[Any]], by_visit: bool
) -> None:
    world = World(tmp_path, *tables)
    definition = offered(1, by_visit=by_visit, exact=EXACT)
    menu, question = definition.menu, Question(what="partition")
    found = count_exact(world.counting(definition, question), b"")
    who = "visit" if by_visit else "patient"
    persons = {row[who] for row in world.visits} - {None}
    assert found.population == len(persons)
    rows = rows_of(world, menu, EXACT.by, EXACT.where)
    for cell, behind in enumerate(found.cells):
        inside = [row for at, row in rows if at == cell and row[who] is not None]
        _check_behind(behind[0], [(row[who], 1) for row in inside])
        for place, name in enumerate(EXACT.measures, 1):
            measure = menu.measure(name)
            values = [(row[who], whole(row[name], measure)) for row in inside if measure]
            _check_behind(behind[place], [(p, v) for p, v in values if v is not None])


def _check_behind(behind: Any, values: list[tuple[int, int]]) -> None:
    sums: dict[int, int] = {}
    for person, value in values:
        sums[person] = sums.get(person, 0) + value
    most = sorted((abs(value) for value in sums.values()), reverse=True)
    assert behind.persons == len(sums)
    assert behind.value == sum(sums.values())
    assert behind.total == sum(most)
    assert [behind.largest, behind.second] == [*most, 0, 0][:2]


PLAIN = Question(what="count", rho="1")


def _plain(tmp_path: Path, **row: Any) -> World:
    return World(tmp_path, [ROW | {"cost": 1.0, "days": 1} | row], [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.005, 1),
        (-0.005, -1),
        (2.5, 250),
        (299.999, 30_000),
        (1e300, 30_001),
        (-1e300, -1_000),
        (float("nan"), 0),
        (float("inf"), 0),
        (None, 0),
    ],
)
def test_values_are_scaled_moved_and_rounded_one_by_one(
    tmp_path: Path, value: float | None, expected: int
) -> None:
    question = Question(what="sum", of="cost", rho="1")
    counting = _plain(tmp_path, cost=value).counting(offered(1, by_visit=True), question)
    assert count_raw(counting, b"") == [[expected]]


def test_the_widest_clamp_over_many_rows_does_not_overflow(tmp_path: Path) -> None:
    edge = 1 << 40
    world = _plain(tmp_path, cost=-1e300)
    world = World(tmp_path, [world.visits[0] | {"visit": at} for at in range(5000)], [])
    counting = world.counting(offered(1, by_visit=True), Question(what="sum", of="cost", rho="1"))
    wide = Amount(place=Place("cost"), decimals=7, low=-edge, high=edge, middle=0)
    body = _json(counting)
    body["amounts"] = _json(_changed(counting, amounts=(wide,)))["amounts"]
    body["tallies"] = [["count", "1"], ["shifted", "1"], ["squares", "1"]]
    assert count_raw(decode_counting(body), b"") == [[5000], [-5000 * edge], [5000 * edge * edge]]


def _changed(counting: Counting, **fields: Any) -> Counting:
    names = {name: getattr(counting, name) for name in counting.__dataclass_fields__}
    return Counting(**names | fields)


@pytest.mark.parametrize("value", [-(1 << 63), (1 << 63) - 1, 0, 12_345])
def test_whole_columns_of_64_bits_are_moved_before_they_are_scaled(
    tmp_path: Path, value: int
) -> None:
    counting = World(tmp_path, [ROW | {"visit": value, "cost": 1.0, "days": 1}], []).counting(
        offered(1, by_visit=True), Question(what="sum", of="cost", rho="1")
    )
    amount = Amount(place=Place("visit"), decimals=7, low=-5_000_000_001, high=10**12)
    found = count_raw(_changed(counting, amounts=(amount,)), b"")
    assert found == [[min(max(value * 10**7, amount.low), amount.high)]]


@pytest.mark.parametrize("edges", [(7, 9, 11), (7, 8, 11), (-(1 << 53) + 1, 1 << 52)])
@pytest.mark.parametrize("value", [-(1 << 63), (1 << 63) - 1, 6, 7, 8, 9, 10, 11])
def test_bins_of_whole_numbers_hold_at_their_ends(
    tmp_path: Path, value: int, edges: tuple[int, ...]
) -> None:
    world = World(tmp_path, [ROW | {"visit": value, "cost": 1.0, "days": 1}], [])
    counting = world.counting(offered(1, by_visit=True), PLAIN)
    (found,) = count_raw(_changed(counting, axes=(Axis(place=Place("visit"), edges=edges),)), b"")
    assert found == [int(low <= value < high) for low, high in pairwise(edges)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"axes": (Axis(place=Place("gone"), values=("a",)),)}, ColumnUnknownError),
        ({"axes": (Axis(place=Place("ward"), edges=(0, 1)),)}, ColumnUnknownError),
        (
            {"axes": (Axis(place=Place("ward"), values=("caf\u00e9", "cafe\u0301")),)},
            ColumnUnknownError,
        ),
        (
            {"amounts": (Amount(place=Place("ward"), decimals=0, low=0, high=1),)},
            ColumnUnknownError,
        ),
        ({"filters": (Condition("f", "CAST(ward AS INTEGER) > 0"),)}, PredicateFailsError),
    ],
)
def test_columns_and_expressions_that_do_not_fit_are_refused(
    tmp_path: Path, change: dict[str, Any], error: type[Exception]
) -> None:
    question = Question(what="sum", of="cost", rho="1")
    counting = _plain(tmp_path).counting(offered(1, by_visit=True), question)
    with pytest.raises(error):
        count_raw(_changed(counting, **change), b"")


def test_names_and_values_cannot_leave_their_quotes(tmp_path: Path) -> None:
    evil = """x' OR 1=1 --" ; DROP TABLE t"""
    question = Question(what="count", by=("ward",), rho="1")
    counting = _plain(tmp_path, ward=evil).counting(offered(1, by_visit=True), question)
    axis = Axis(place=Place("ward"), values=("other", evil))
    assert count_raw(_changed(counting, axes=(axis,)), b"") == [[0, 1]]
    with pytest.raises(ColumnUnknownError):
        count_raw(_changed(counting, axes=(Axis(place=Place(evil), values=("a",)),)), b"")


def test_a_file_that_is_another_one_is_refused(tmp_path: Path) -> None:
    world = _plain(tmp_path)
    counting = world.counting(offered(1, by_visit=True), PLAIN)
    World(tmp_path, [*world.visits, world.visits[0] | {"visit": 2}], []).write()
    with pytest.raises(TableChangedError):
        count_raw(counting, b"")
    (tmp_path / "visits.parquet").unlink()
    with pytest.raises(TableUnreadableError):
        count_raw(counting, b"")


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _plain(tmp_path)
    counting = world.counting(offered(1, by_visit=True), PLAIN)
    fetch = statistics._fetch

    def replaced(*asked: Any) -> Any:
        found = fetch(*asked)
        World(tmp_path, [*world.visits, world.visits[0] | {"visit": 2}], []).write()
        return found

    monkeypatch.setattr(statistics, "_fetch", replaced)
    with pytest.raises(TableChangedError):
        count_raw(counting, b"")


def test_more_than_the_memory_given_is_an_error_and_no_answer(tmp_path: Path) -> None:
    rows = [
        ROW | {"visit": at, "patient": at, "cost": at * 1.0, "days": 1} for at in range(200_000)
    ]
    world = World(tmp_path, rows, [])
    question = Question(what="sum", of="cost", rho="1")
    counting = world.counting(offered(3, by_visit=False), question)
    assert count_raw(counting, b"")[0][0] > 0
    with pytest.raises(TableUnreadableError):
        count_raw(_changed(counting, memory_mb=2), b"")


@pytest.mark.parametrize("wrong", [1.0, 2.5, float("nan"), True, None, "1", Decimal(1)])
def test_a_count_that_is_no_whole_number_gets_no_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Any
) -> None:
    counting = _plain(tmp_path).counting(offered(1, by_visit=True), PLAIN)

    def floating(*_: Any, **__: Any) -> Any:
        return [[(wrong,)]]

    monkeypatch.setattr("unseen.node.data.statistics._run", floating)
    with pytest.raises(InputInvalidError):
        count_noisy(counting, b"", seeded_rng(1))


def test_noise_is_of_the_law_that_is_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laws: list[Fraction] = []
    question = Question(what="variance", of="cost", rho="0.25")
    definition = offered(3, by_visit=False)
    counting = _plain(tmp_path).counting(definition, question)

    class Recorded:
        def __init__(self, sigma2: Fraction) -> None:
            laws.append(sigma2)

        def sample(self, rng: Callable[[int], bytes]) -> int:
            return rng(1)[0]

    monkeypatch.setattr("unseen.node.data.statistics.Gaussian", Recorded)
    noisy = count_noisy(counting, b"", seeded_rng(1))
    raws = raws_of(definition.menu, question)
    assert laws == [raw.sigma2 for raw in raws]
    assert sum(raw.sensitivity.l2_squared / (2 * raw.sigma2) for raw in raws) == Fraction("0.25")
    assert noisy != count_raw(counting, b"")


def test_a_counting_survives_its_way(tmp_path: Path) -> None:
    question = Question(what="mean", of="limit", by=("plan",), where=("insured",), rho="0.3")
    counting = _plain(tmp_path).counting(offered(2, by_visit=False), question)
    assert counting.joined
    assert decode_counting(_json(counting)) == counting
    assert counting.amounts[0].reach == 2500
    assert AGE.bins == ("[0,18)", "[18,65)", "[65,120)")
    assert COST.middle == 14_500
