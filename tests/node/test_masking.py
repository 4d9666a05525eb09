"""Intersections masked in parts: the same bytes as by one process, and what hostile parts get."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.node.masking import (
    SESSION,
    SNAPSHOT,
    SUMMED,
    Here,
    merged,
    node_of,
    shares,
    table,
    work_of,
)

from unseen.node.data.connection import hashed
from unseen.node.errors import TableChangedError
from unseen.node.intersecting.spreading import Masking, masked
from unseen.protocols.errors import ElementInvalidError, MalformedMessageError
from unseen.protocols.group.ristretto255 import random_scalar
from unseen.protocols.psi import sum as sums
from unseen.protocols.psi.messages import pack, unpack
from unseen.protocols.testing import seeded_rng
from unseen.streams import psi, psi_sum
from unseen.streams.room import Room

ROWS, ITEMS = 120, 20


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("table") / "people.parquet", ROWS)


def step(work: Masking, spool: Path, parts: int, task: str, more: tuple[bytes, ...] = ()) -> Any:
    here: Any = Here(parts)
    found = asyncio.run(merged(here, work, spool, task, more))
    folder = work.buyers.parent
    return found, {path.name: path.read_bytes() for path in folder.iterdir()}, here.seen


@pytest.mark.parametrize("parts", [2, 7, 40])
@pytest.mark.parametrize("task", ["intersect_answer", "intersect_mask"])
def test_parts_give_the_bytes_of_one(people: Path, tmp_path: Path, task: str, parts: int) -> None:
    more = (SNAPSHOT,) if task == "intersect_mask" else ()
    alone = step(work_of(tmp_path / "one", people, ITEMS, ROWS), tmp_path, 1, task, more)
    found = step(work_of(tmp_path / "many", people, ITEMS, ROWS), tmp_path, parts, task, more)
    assert found[:2] == alone[:2]
    assert alone[2] == []
    assert found[2] == ["intersect_stretch", *["intersect_part"] * parts]
    told = {"intersect_answer": {"set", "answer"}}
    assert {*found[1]} == told.get(task, {"set", "others", "doubled", "snapshot"})


@pytest.mark.parametrize("parts", [1, 4])
def test_a_sum_in_parts_is_the_sum(people: Path, tmp_path: Path, parts: int) -> None:
    buyer, provider = shares()
    share = (provider.secret, provider.element, provider.proof)
    work = work_of(tmp_path / "run", people, ITEMS, ROWS, summed=True)
    step(work, tmp_path, parts, "intersect_mask", (SNAPSHOT, *share))
    folder, rng, room = tmp_path / "run", seeded_rng(9), Room(tmp_path)
    key = psi_sum.key_from(folder / "others", buyer, SESSION, provider=True)
    assert key == work.key
    own = psi.only_set(folder / "others", psi_sum.RECORD_BYTES, sums.HEAD_BYTES)
    assert own.count == ROWS  # twice in another form is once, and no form is not there
    mine = seeded_scalar()
    psi_sum.mix(folder / "others", mine, key, folder / "mixed", rng, room)
    gathered = psi_sum.gather(folder / "mixed", folder / "doubled", own.count)
    assert gathered.found == ITEMS
    closed = sums.closing(key, provider, gathered.total, 0, rng)
    expected = sum(number % 7 for number in range(0, 2 * ITEMS, 2))
    assert sums.opened(buyer, closed, SUMMED.high * ITEMS) == expected
    assert {path.name for path in folder.iterdir()} == {
        *("set", "others", "doubled", "snapshot", "mixed")
    }


def seeded_scalar() -> bytes:
    """Return the buyer's scalar of `work_of`, whose first draw it is."""
    return random_scalar(seeded_rng(4))


@pytest.mark.parametrize("summed", [False, True])
def test_a_table_that_nobody_can_ask_about_gives_one_filler(tmp_path: Path, summed: bool) -> None:
    source = tmp_path / "nobody.parquet"
    with duckdb.connect() as connection:
        query = "SELECT ' ' AS name, range::INTEGER AS born, 1 AS amount FROM range(9)"
        connection.sql(query).write_parquet(str(source))
    work = work_of(tmp_path / "run", source, ITEMS, ROWS, summed=summed)
    _, provider = shares()
    share = (provider.secret, provider.element, provider.proof) if summed else ()
    step(work, tmp_path, 3, "intersect_mask", (SNAPSHOT, *share))
    width, head = (psi_sum.RECORD_BYTES, sums.HEAD_BYTES) if summed else (32, 0)
    assert psi.only_set(work.buyers.parent / "others", width, head).count == 1


def spoiled(work: Masking, change: Callable[[list[bytes]], list[bytes]]) -> None:
    (elements,) = unpack(work.buyers.read_bytes(), [True])
    work.buyers.write_bytes(pack([change([*elements])]))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda elements: [*elements[:-1], b"\xff" * 32], ElementInvalidError),
        (lambda elements: elements[::-1], MalformedMessageError),
        (lambda elements: elements[:-1] + elements[-2:-1], MalformedMessageError),
    ],
)
def test_what_the_buyer_sent_is_looked_at_before_the_table(
    people: Path, tmp_path: Path, change: Any, error: type[Exception]
) -> None:
    work = work_of(tmp_path / "run", people, ITEMS, ROWS)
    spoiled(work, change)
    here: Any = Here(3)
    with pytest.raises(error):
        asyncio.run(merged(here, work, tmp_path))
    assert here.seen == ["intersect_stretch"]
    assert not (tmp_path / "job").exists()
    assert [path.name for path in work.buyers.parent.iterdir()] == ["set"]


def test_a_table_that_changes_ends_all_parts(people: Path, tmp_path: Path) -> None:
    work = work_of(tmp_path / "run", people, ITEMS, ROWS)
    fingerprint: Any = work.reading["fingerprint"]
    changed = {**work.reading, "fingerprint": {**fingerprint, "size": 1, "sha256": "0" * 64}}
    here: Any = Here(3)
    with pytest.raises(TableChangedError):
        asyncio.run(merged(here, replace(work, reading=changed), tmp_path))
    assert not (tmp_path / "job").exists()


def test_a_small_run_is_not_cut(people: Path, tmp_path: Path) -> None:
    work = work_of(tmp_path / "run", people, ITEMS, ROWS)

    async def cut(cut_rows: int) -> Any:
        node = node_of(Here(2), tmp_path, cut_rows)
        async with masked(node, "job", work, lambda _: None) as reading:
            return reading["table"]

    assert asyncio.run(cut(ROWS + ITEMS + 1)) == []
    assert len(asyncio.run(cut(ROWS + ITEMS))) == 2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=3) | st.none(), st.integers(-5, 5)), max_size=40),
    st.integers(2, 9),
)
def test_each_row_falls_to_one_part_with_all_that_are_alike(
    rows: list[tuple[str | None, int]], parts: int
) -> None:
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE t (a VARCHAR, "b""" INTEGER)')
        if rows:
            connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        queries = [hashed(["a", 'b"'], part, parts) for part in range(parts)]
        each = [
            connection.execute(f"SELECT * FROM t WHERE {query}").fetchall() for query in queries
        ]
    assert sorted((row for part in each for row in part), key=repr) == sorted(rows, key=repr)
    assert sum(len({*part}) for part in each) == len({*rows})
