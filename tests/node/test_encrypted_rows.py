"""Rows as an encrypted training takes them, held against the same rows read by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.counted import World, offered
from tests.node.encrypted_reading import (
    COLUMNS,
    DOMAIN,
    GOOD,
    SECRET,
    by_hand,
    hash_of,
    ignore,
    listed,
    permit,
    read,
    reading,
    seen,
)
from tests.node.test_train_rows import visits

from unseen.evidence.suite import suite_of
from unseen.node.data.encrypted import Streamed
from unseen.node.errors import InternalError, PredicateFailsError, TableChangedError
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject

WHOLE = {name: GOOD[name] for name in ("ward", "age", "cost", "days")}


def made(folder: Path, count: int = 400) -> World:
    world = World(folder, visits(count), [])
    world.write()
    return world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return made(tmp_path_factory.mktemp("world"))


def together(found: tuple[Any, Any]) -> list[tuple[float, ...]]:
    values, labels = found
    return sorted(
        (*map(float, row), float(label)) for row, label in zip(values, labels, strict=True)
    )


@pytest.mark.parametrize("label", ["stayed", "days"])
def test_every_registered_row_comes_and_one_that_lacks_anything_is_zeros(
    world: World, label: str
) -> None:
    asked = reading(world, label)
    values, labels = read(asked, each=150)
    assert values.shape == (400, COLUMNS)
    wanted = by_hand(world, label)
    assert np.allclose(together((values, labels)), wanted, rtol=0, atol=1e-12)
    empty = sum(not any(row) for row in wanted)
    assert 20 < empty < 200
    assert (values[-empty:] == 0).all()
    assert (np.abs(values) <= 1).all()


def test_who_does_not_consent_is_a_row_of_zeros(world: World, tmp_path: Path) -> None:
    own = replace(world, folder=tmp_path)
    own.write()
    chosen = set(range(0, 400, 3))
    asked = permit(reading(own), own, sorted(chosen))
    wanted = by_hand(own, serves=lambda row: row["visit"] in chosen)
    assert np.allclose(together(read(asked, SECRET)), wanted, rtol=0, atol=1e-12)
    theirs = listed(tmp_path, [hash_of(visit) for visit in (0, 1, 2, 3)])
    asked = permit(reading(own, "", listed=theirs, count=4), own, sorted(chosen))
    values, _ = read(asked, SECRET)
    assert [bool(row.any()) for row in values] == [
        True,
        False,
        False,
        seen(own.visits[3]) is not None,
    ]


@settings(max_examples=15, deadline=None)
@given(
    asked=st.lists(st.integers(-50, 450), min_size=1, max_size=120, unique=True),
    each=st.sampled_from([7, 64, 8192]),
)
def test_rows_of_a_list_come_in_its_order_and_strangers_are_zeros(
    world: World, asked: list[int], each: int
) -> None:
    theirs = listed(world.folder, [hash_of(visit) for visit in asked])
    found = reading(world, "", listed=theirs, count=len(asked))
    values, labels = read(found, each=each)
    rows = {row["visit"]: seen(row) for row in world.visits}
    wanted = [rows.get(visit) or [0.0] * COLUMNS for visit in asked]
    assert np.allclose(values, wanted, rtol=0, atol=1e-12)
    assert labels.size == 0


def test_a_subject_twice_or_a_list_cut_short_is_refused(world: World) -> None:
    twice = listed(world.folder, [hash_of(1), hash_of(2), hash_of(1)])
    with pytest.raises(MalformedMessageError, match="twice"):
        read(reading(world, "", listed=twice, count=3))
    short = listed(world.folder, [hash_of(1)])
    with pytest.raises(MalformedMessageError, match="cut off"):
        read(reading(world, "", listed=short, count=4))


def test_under_another_domain_nobody_is_found(world: World) -> None:
    theirs = listed(world.folder, [hash_of(1), hash_of(2)], domain=b"another")
    values, _ = read(reading(world, "", listed=theirs, count=2))
    assert not values.any()


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_who_is_named_by_the_subject_of_several_rows_is_zeros(tmp_path: Path, rows: int) -> None:
    """Else another row would take the place of one that goes: two changes, and noise for one."""
    world = World(tmp_path, visits(60), [])
    column = SubjectColumn("patient", "integer")
    for number, visit in enumerate(world.visits):  # what names a row names several
        named = number % 20 if number < 20 * rows else number
        visit.update(WHOLE, patient=named)
    world.write()
    hashes = [
        suite_of("intl").digest(encode_subject((column,), [patient], DOMAIN))
        for patient in (7, 59, 1000)
    ]
    theirs = listed(tmp_path, hashes, subject=(column,))
    values, _ = read(reading(world, "", listed=theirs, count=3))
    there = [rows == 1, rows < 3, False]
    wanted = [(place and seen(world.visits[7])) or [0.0] * COLUMNS for place in there]
    assert np.allclose(values, wanted, rtol=0, atol=1e-12)


def test_rows_come_once_and_in_their_order(world: World) -> None:
    rows = Streamed(reading(world), b"", ignore)
    rows.block(0, 100)
    for start in (0, 50, 200):
        with pytest.raises(InternalError):
            rows.block(start, start + 100)
    rows.close()


def test_progress_is_in_rows(world: World) -> None:
    told: list[int] = []
    rows = Streamed(reading(world), b"", told.append)
    for start in range(0, 400, 128):
        rows.block(start, min(start + 128, 400))
    assert told == [128, 128, 128, 16]


def test_a_table_that_changes_is_found_out(tmp_path: Path) -> None:
    world = made(tmp_path, 40)
    asked = reading(world)
    with pytest.raises(TableChangedError):
        read(replace(asked, count=2))  # more rows serve than are registered
    world.visits.pop()
    world.write()
    with pytest.raises(TableChangedError):
        read(asked)


def test_a_condition_that_fails_is_named(world: World) -> None:
    definition = offered(1, by_visit=True)
    failing = replace(definition.conditions[0], expression="error('no') = 1")
    broken = replace(definition, conditions=(failing, *definition.conditions[1:]))
    with pytest.raises(PredicateFailsError, match="stayed"):
        read(reading(world, definition=broken))
