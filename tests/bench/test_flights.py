"""Flights counted by the node and by hand: the same rules find the same numbers."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from unseen.bench import counting
from unseen.node.data.statistics import count_exact

CARRIED = pytest.mark.parametrize("carried", [True, False])


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carried: bool) -> Path:
    """Write flights, of a file such as the package has, of few rows, or made up."""
    lines = [
        f"{at % 12 + 1},{counting.CARRIERS[at % 16]},{f'N{at % 9}' if at % 5 else 'NA'},"
        f"{counting.ORIGINS[at % 3]},{at % 400 - 100 if at % 7 else 'NA'},{at}"
        for at in range(4000)
    ]
    text = "\n".join(["month,carrier,tailnum,origin,arr_delay,distance", *lines])
    monkeypatch.setattr(counting, "_carried", text.encode if carried else lambda: None)
    assert counting.flights(tmp_path, 2, 3) is carried
    return tmp_path


def by_hand(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW flights AS SELECT * FROM '{folder}/flights.parquet'")
        return connection.execute(counting.written(counting.BY_HAND[question])).fetchall()


@CARRIED
def test_sql_by_hand_finds_what_is_counted(written: Path) -> None:
    carriers, origins = counting.CARRIERS, counting.ORIGINS
    counts, sums = counting.raw(written, "mean", 256)
    assert {
        (origin, carrier): (count, total)
        for origin, carrier, count, total in by_hand(written, "mean")
    } == {
        (origins[at // 16], carriers[at % 16]): (count, total)
        for at, (count, total) in enumerate(zip(counts, sums, strict=True))
        if count
    }
    (bins,) = counting.raw(written, "histogram", 256)
    assert {(origin, at): count for origin, at, count in by_hand(written, "histogram")} == {
        (origins[at // 13], at % 13): count for at, count in enumerate(bins) if count
    }
    found = count_exact(counting.counting_of(written, "exact", 256), b"")
    for origin, month, flights, planes, most, miles, farthest in by_hand(written, "exact"):
        rows, sums_of = found.cells[12 * origins.index(origin) + month - 1]
        assert (rows.value, rows.persons, rows.largest) == (flights, planes, most[0])
        assert (sums_of.value, sums_of.largest, sums_of.second) == (miles, *[*farthest, 0][:2])


@CARRIED
def test_no_plane_has_more_flights_than_are_counted(written: Path) -> None:
    with duckdb.connect() as connection:
        asked = f"SELECT count(DISTINCT tailnum) FROM '{written}/flights.parquet'"
        ((planes,),) = connection.execute(asked).fetchall()
    (miles,) = counting.raw(written, "persons", 256)
    most = 20 * 3000 * planes
    assert 0 < sum(miles) <= most
    assert sum(total for _, total in by_hand(written, "persons")) <= most


def test_each_side_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_carried", lambda: None)
    counting.flights(tmp_path, 1, 0)
    sides = {
        "ours": counting.ours(tmp_path, 256),
        "hand": counting.by_sql(tmp_path, 256, counting.BY_HAND),
        "plain": counting.by_sql(tmp_path, 256, counting.PLAIN),
    }
    for question in counting.BY_HAND:
        assert all(answer(question) > 0 for answer in sides.values())
