"""Counting over two tables, wherever they lie; and that nothing of a row comes out of it."""

import base64
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.node.counted import World, offered

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics import Partition, Question
from unseen.node.data.connection import connect, joined_view
from unseen.node.data.counting import Condition, Counting, Joined, encode_counting
from unseen.node.data.source import Source, take_fingerprint
from unseen.node.data.statistics import count_raw
from unseen.node.errors import ColumnUnknownError, TableUnreadableError
from unseen.node.jobs import frames

VISITS: list[Any] = [
    {"visit": at, "patient": at % 7, "ward": ("east", "west")[at % 2], "age": 20.0 + at % 60}
    | {"urgent": at % 3 == 0, "cost": at * 1.5, "days": at % 5}
    for at in range(90)
]
INSURANCES: list[Any] = [
    {"holder": at, "plan": ("basic", "full")[at % 2], "limit": None, "active": at != 3}
    for at in range(6)
]
QUESTION = Question(what="sum", of="days", by=("ward", "plan"), where=("insured",), rho="1")
EXPECTED = [
    sum(v["days"] for v in VISITS if v["ward"] == ward and v["patient"] in whom)
    for ward in ("east", "west", "café")
    for whom in ((0, 2, 4), (1, 5))
]


@pytest.fixture
def counting(tmp_path: Path) -> Counting:
    return World(tmp_path, VISITS, INSURANCES).counting(offered(90, by_visit=False), QUESTION)


def moved(counting: Counting, own: str, beside: str) -> Counting:
    """Return the counting over the same rows elsewhere; both texts as `Source.parse` takes them."""
    places = [Source.parse(own), Source.parse(beside)]
    joined = counting.joined[0]
    beside_it = Joined(places[1], take_fingerprint(places[1].path), joined.on)
    return replace(
        counting,
        source=places[0],
        fingerprint=take_fingerprint(places[0].path),
        joined=(beside_it,),
    )


def test_rows_of_another_table_are_met_by_its_subject(counting: Counting) -> None:
    assert count_raw(counting, b"") == [EXPECTED]


@pytest.mark.parametrize(
    ("own", "beside"),
    [
        ("duckdb:{0}/one.duckdb#visits", "duckdb:{0}/one.duckdb#insurances"),
        ("duckdb:{0}/one.duckdb#visits", "duckdb:{0}/two.duckdb#insurances"),
        ("duckdb:{0}/one.duckdb#visits", "{0}/insurances.parquet"),
        ("{0}/visits.parquet", "duckdb:{0}/two.duckdb#insurances"),
        ("{0}/visits.csv", "{0}/insurances.parquet"),
        ("{0}/visits.csv", "{0}/insurances.csv"),
    ],
)
def test_tables_of_every_format_are_joined(
    counting: Counting, tmp_path: Path, own: str, beside: str
) -> None:
    for file in ("one", "two"):
        with duckdb.connect(tmp_path / f"{file}.duckdb") as connection:
            for table in ("visits", "insurances"):
                path = tmp_path / f"{table}.parquet"
                connection.execute(f"CREATE TABLE {table} AS SELECT * FROM '{path}'")
                connection.execute(f"COPY {table} TO '{tmp_path / table}.csv'")
    elsewhere = moved(counting, own.format(tmp_path), beside.format(tmp_path))
    assert count_raw(elsewhere, b"") == [EXPECTED]


def test_a_connection_to_two_tables_reaches_no_third(counting: Counting, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    beside = [each.source for each in counting.joined]
    with connect(counting.source, memory_mb=64, spill=None, joined=beside) as connection:
        rows = connection.execute(f"SELECT count(*) FROM {joined_view(1)}").fetchall()
        assert rows == [(len(INSURANCES),)]
        for forbidden in (
            f"SELECT * FROM '{tmp_path}/other.csv'",
            f"ATTACH '{tmp_path}/new.duckdb'",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(forbidden)
    gone = [Source.parse(str(tmp_path / "gone.parquet"))]
    with pytest.raises(TableUnreadableError):
        connect(counting.source, memory_mb=64, spill=None, joined=gone)


def test_a_table_is_not_joined_by_another_type(counting: Counting) -> None:
    (joined,) = counting.joined
    by_ward = Joined(joined.source, joined.fingerprint, (("ward", "holder"),))
    with pytest.raises(ColumnUnknownError, match="another type"):
        count_raw(replace(counting, joined=(by_ward,)), b"")


CANARY = "8f1d0c4be7a94e52b6d3"  # 80 bits: by chance in nothing
NUMBER = 7_316_254_908_451_237


@pytest.mark.parametrize("task", ["count_noisy", "count_exact"])
@pytest.mark.parametrize("spoil", ["", "CAST(ward AS INTEGER) > 0", "error(ward || cost)"])
def test_no_value_comes_out_of_a_worker(tmp_path: Path, task: str, spoil: str) -> None:
    visits = [
        row | {"visit": NUMBER + at, "ward": CANARY, "cost": float(NUMBER + at)}
        for at, row in enumerate(VISITS)
    ]
    exact = Partition(by=("ward", "urgent"), where=("stayed",), measures=("cost", "days"))
    question = (
        Question(what="partition")
        if task == "count_exact"
        else Question(what="mean", of="cost", by=("ward",), where=("stayed",), rho="1")
    )
    world = World(tmp_path, visits, INSURANCES)
    counting = world.counting(offered(2, by_visit=False, exact=exact), question)
    ward = replace(counting.axes[0], values=(CANARY, "west"))  # or no row would be looked at
    counting = replace(counting, axes=(ward, *counting.axes[1:]))
    if spoil:
        counting = replace(counting, filters=(Condition("stayed", spoil),))
    said = _worker(task, canonical.encode(encode_counting(counting)))
    assert (b"PREDICATE_FAILS" in said) == bool(spoil)
    for value in (CANARY, *(str(NUMBER + at) for at in range(90))):
        data = value.encode()
        forms: list[Any] = [data, data.hex().encode(), base64.b64encode(data)[:-4]]
        assert not any(form in said for form in forms)


def _worker(task: str, part: bytes) -> bytes:
    """Return everything that a worker says: its answer, and what it writes to its error output."""

    done = subprocess.run(
        [sys.executable, "-m", "unseen.node.jobs.worker", str(os.getpid())],
        input=frames.framed(frames.pack([task.encode(), part])),
        capture_output=True,
        check=False,
    )
    assert len(done.stdout) > 10
    return done.stdout + done.stderr
