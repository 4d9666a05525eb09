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

from unseen.node.data.encrypted import Streamed
from unseen.node.errors import InternalError, PredicateFailsError, TableChangedError
from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.lookup.subject import SubjectColumn


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


def test_of_two_rows_that_a_form_makes_one_subject_one_serves(world: World) -> None:
    column = SubjectColumn("patient", "integer")
    theirs = listed(world.folder, [hash_of(7)], subject=(column,))
    # Three visits are of each patient: what names a row names several.
    from unseen.evidence.suite import suite_of
    from unseen.protocols.lookup.subject import encode_subject

    theirs.file.write_bytes(suite_of("intl").digest(encode_subject((column,), [7], theirs.domain)))
    values, _ = read(reading(world, "", listed=theirs, count=1))
    assert values.shape == (1, COLUMNS)
    assert list(values[0]) in [seen(row) for row in world.visits if row["patient"] == 7]


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
