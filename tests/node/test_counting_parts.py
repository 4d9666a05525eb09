"""A table counted in parts: what they find adds up to what one process finds, exactly."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.node.counted import World, offered
from tests.node.test_counting import SLOW, questions, worlds

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import Partition, Question
from unseen.node.data.counting import Counting, encode_counting
from unseen.node.data.statistics import count_exact, count_raw
from unseen.node.errors import PredicateFailsError
from unseen.node.jobs.tasks import TASKS
from unseen.node.statistics.found import Behind, Exact, merged, summed

EXACT = Partition(by=("ward", "urgent"), where=("stayed",), measures=("cost", "days"))
PARTS = st.integers(2, 5)


def cut(counting: Counting, parts: int) -> list[Counting]:
    return [replace(counting, part=part, parts=parts) for part in range(parts)]


def world_of(folder: Path, tables: tuple[list[Any], list[Any]], *, by_visit: bool) -> World:
    visits, insurances = tables
    if by_visit:
        visits = [row | {"patient": row["visit"]} for row in visits]
    return World(folder, visits, insurances)


@SLOW
@given(worlds(), questions(), st.integers(1, 3), st.booleans(), PARTS)
def test_raw_tables_of_parts_add_up(
    tmp_path: Path,
    tables: tuple[list[Any], list[Any]],
    question: Question,
    most: int,
    by_visit: bool,
    parts: int,
) -> None:
    definition = offered(1 if by_visit else most, by_visit=by_visit)
    counting = world_of(tmp_path, tables, by_visit=by_visit).counting(definition, question)
    found = [count_raw(each, b"") for each in cut(counting, parts)]
    assert summed(found) == count_raw(counting, b"")


@SLOW
@given(worlds(), st.booleans(), PARTS)
def test_exact_counts_of_parts_are_those_of_all(
    tmp_path: Path, tables: tuple[list[Any], list[Any]], by_visit: bool, parts: int
) -> None:
    definition = offered(1 if by_visit else 3, by_visit=by_visit, exact=EXACT)
    world = world_of(tmp_path, tables, by_visit=by_visit)
    counting = world.counting(definition, Question(what="partition"))
    found = [count_exact(each, b"") for each in cut(counting, parts)]
    assert merged(found) == count_exact(counting, b"")


def test_the_most_two_are_found_wherever_they_stand() -> None:
    def part(*numbers: int) -> Exact:
        return Exact(1, ((Behind(*numbers),),))

    found = merged([part(2, 9, 9, 5, 4), part(0, 0, 0, 0, 0), part(3, -1, 20, 8, 7)])
    assert found == Exact(3, ((Behind(5, 8, 29, 8, 7),),))


def test_noise_is_put_on_what_the_parts_have_in_all(tmp_path: Path) -> None:
    rows = [
        {"visit": at, "patient": at, "ward": "east", "age": 3.0, "urgent": True}
        | {"cost": 1.0, "days": at % 3}
        for at in range(200)
    ]
    question = Question(what="sum", of="days", by=("ward",), rho="1")
    counting = World(tmp_path, rows, []).counting(offered(1, by_visit=True), question)
    quiet: Any = [str(Fraction(1, 1000)) for _ in counting.tallies]  # nothing but 0 is ever drawn

    def task(name: str, *parts: bytes) -> bytes:
        (found,) = TASKS[name]([*parts], lambda _: None)
        return found

    partials = [
        task("count_plain", canonical.encode(encode_counting(each))) for each in cut(counting, 3)
    ]
    assert len({*partials}) > 1
    whole = task("count_plain", canonical.encode(encode_counting(counting)))
    assert task("add_noise", canonical.encode(quiet), *partials) == whole
    loud = canonical.encode([str(10**12) for _ in counting.tallies])
    assert task("add_noise", loud, *partials) != whole
    with pytest.raises(ValueError, match="zip"):  # a part that is of another question
        task("add_noise", canonical.encode([*quiet, "1"]), *partials)


def test_an_expression_that_fails_on_a_row_fails_in_its_part(tmp_path: Path) -> None:
    rows = [
        {"visit": at, "patient": at, "ward": "1" if at else "one", "age": 3.0, "urgent": True}
        | {"cost": 1.0, "days": 1}
        for at in range(40)
    ]
    definition = offered(1, by_visit=True)
    first, *rest = definition.conditions
    failing = replace(first, expression="CAST(ward AS INTEGER) > 0")
    definition = replace(definition, conditions=(failing, *rest))
    question = Question(what="count", where=("stayed",), rho="1")
    counting = World(tmp_path, rows, []).counting(definition, question)
    failed = []
    for each in cut(counting, 4):
        try:
            count_raw(each, b"")
        except PredicateFailsError as error:
            failed.append(str(error))
    assert len(failed) == 1
    assert "stayed" in failed[0]
