"""Items from files: every kind of file gives the same, and what is none is one clear error."""

import csv
import datetime as dt
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from unseen.protocols.errors import InputInvalidError, SubjectInvalidError, UnseenError
from unseen.protocols.lookup.subject import SubjectColumn, Value, encode_subject
from unseen.streams import items

COLUMNS = (
    SubjectColumn("name", "string", "name"),
    SubjectColumn("year", "integer"),
    SubjectColumn("born", "date"),
)
HEADER = ["note", "year", "name", "born"]
ROWS: list[tuple[str, int, str, dt.date]] = [
    (f'said "{n}", and more\nlines', 1900 + n, f"Ada {n}", dt.date(1990, 1, 1 + n))
    for n in range(20)
]
SUBJECTS = [(f"ada {n}", 1900 + n, dt.date(1990, 1, 1 + n)) for n in range(20)]


def write(path: Path, rows: Sequence[Sequence[Any]] = ROWS) -> Path:
    columns = {name: [row[place] for row in rows] for place, name in enumerate(HEADER)}
    match path.suffix:
        case ".csv":
            with path.open("w", newline="", encoding="utf-8-sig") as file:
                csv.writer(file).writerows([HEADER, *rows])
        case ".parquet":
            parquet.write_table(pa.table(columns), path, row_group_size=7)
        case _:
            with ipc.new_file(path, pa.table(columns).schema) as file:
                file.write_table(pa.table(columns), max_chunksize=6)
    return path


def subjects(path: Path, rows: int = 4) -> list[tuple[Value, ...]]:
    batches = list(items.read(path, COLUMNS, rows))
    assert all(1 <= len(batch) <= rows for batch in batches)
    return [subject for batch in batches for subject in batch]


kinds = pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])


@kinds
def test_every_kind_of_file_gives_the_same_subjects(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"people{suffix}")
    assert subjects(path) == SUBJECTS
    assert subjects(path, 1000) == SUBJECTS


@kinds
def test_rows_come_by_the_names_of_their_columns(suffix: str, tmp_path: Path) -> None:
    batches = list(items.rows_of(write(tmp_path / f"people{suffix}"), 8))
    assert all(1 <= len(batch) <= 8 for batch in batches)
    found = [row for batch in batches for row in batch]
    as_read = [str(value) if suffix == ".csv" else value for value in ROWS[7]]
    assert len(found) == len(ROWS)
    assert list(found[7].items()) == list(zip(HEADER, as_read, strict=True))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"name,name\nAda,Ada\n")
    with pytest.raises(InputInvalidError, match="more than one"):
        list(items.rows_of(tmp_path / "people.csv"))


def test_subjects_become_items() -> None:
    found = list(items.encoded([SUBJECTS[:3], SUBJECTS[3:5]], COLUMNS, b"domain"))
    assert [len(batch) for batch in found] == [3, 2]
    assert found[1][1] == encode_subject(COLUMNS, SUBJECTS[4], b"domain")


@kinds
@pytest.mark.parametrize("chosen", [[], [0], [19], [3, 4, 5, 11], list(range(20))], ids=len)
def test_rows_come_out_whole(suffix: str, chosen: list[int], tmp_path: Path) -> None:
    path, target = write(tmp_path / f"people{suffix}"), tmp_path / f"found{suffix}"
    blocks = [np.array(chosen[:2], np.int64), np.array(chosen[2:], np.int64)]
    assert items.copy_rows(path, blocks, target) == len(chosen)
    if suffix == ".csv":
        with target.open(newline="", encoding="utf-8") as file:
            header, *found = csv.reader(file)
        assert header == HEADER
        assert found == [[str(value) for value in ROWS[place]] for place in chosen]
    else:
        table = (
            parquet.read_table(target)
            if suffix == ".parquet"
            else ipc.open_file(target.read_bytes()).read_all()
        )
        assert table.column_names == HEADER
        assert list(zip(*table.to_pydict().values(), strict=True)) == [
            ROWS[place] for place in chosen
        ]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, target.name])


@kinds
def test_places_beyond_the_rows_leave_no_file(suffix: str, tmp_path: Path) -> None:
    path, target = write(tmp_path / f"people{suffix}"), tmp_path / f"found{suffix}"
    with pytest.raises(InputInvalidError, match="beyond"):
        items.copy_rows(path, [np.array([2, 20], np.int64)], target)
    assert list(tmp_path.iterdir()) == [path]


def test_a_csv_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    good = "name,year,born\nAda,1990,1990-01-01\n"
    for data, match in (
        (b"", "no header"),
        (b"\n", "no header"),
        (good.encode() + b"Eve,1990\n", "line 3: more or fewer"),
        (good.encode() + b"Eve,1990,1990-01-01,x\n", "line 3: more or fewer"),
        (good.encode("utf-16"), "not UTF-8"),
        (good.encode() + b"\xff\xfe,1,1990-01-01\n", "not UTF-8"),
        (good.encode() + b'"Eve,1990,1990-01-01\n', "unexpected end"),
        (b"name,year\nAda,1990\n", "no column 'born'"),
        (b"name,year,born,born\nAda,1,1990-01-01,1990-01-01\n", "more than one"),
        (good.encode() + b"x" * 200_000 + b",1,1990-01-01\n", "field larger"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputInvalidError, match=match):
            subjects(path)
    path.write_text(good + "\n\n", encoding="utf-8")  # empty lines are no rows
    assert len(subjects(path)) == 1


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (("Eve", "1990.5", "1990-01-01"), "year"),
        (("Eve", "", "1990-01-01"), "year"),
        (("Eve", str(2**63), "1990-01-01"), "year"),
        (("Eve", "1990", "1.1.1990"), "born"),
        (("\x00  ", "1990", "1990-01-01"), "name"),
    ],
)
def test_a_value_that_is_none_is_named_by_its_place_alone(
    row: tuple[str, ...], column: str, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"name,year,born\nAda,1,1990-01-01\n{','.join(row)}\n", encoding="utf-8")
    with pytest.raises(SubjectInvalidError) as caught:
        subjects(path)
    assert "people.csv, row 2: " in str(caught.value)
    assert column in str(caught.value)
    given = dict(zip(("name", "year", "born"), row, strict=True))[column]
    assert not given.strip() or given not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value"), [(1, None), (1, 1.5), (1, True), (2, None), (3, None), (3, 12), (2, 77)]
)
def test_values_of_arrow_are_of_their_columns_type(
    place: int, value: object, tmp_path: Path
) -> None:
    row: list[object] = list(ROWS[0])
    row[place] = value
    path = write(tmp_path / "people.parquet", [row])
    with pytest.raises(SubjectInvalidError, match=r"people.parquet, row 1"):
        subjects(path)


def test_a_time_of_day_is_no_date(tmp_path: Path) -> None:
    row = [*ROWS[0][:3], dt.datetime(1990, 1, 1, 12, tzinfo=dt.UTC)]
    with pytest.raises(SubjectInvalidError, match="born"):
        subjects(write(tmp_path / "people.parquet", [row]))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("data", [b"", b"PAR1", b"ARROW1\x00\x00", b"x" * 500])
def test_a_file_that_is_no_arrow_is_refused(suffix: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    path.write_bytes(data)
    with pytest.raises(InputInvalidError, match="cannot be read"):
        subjects(path)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "people.csv"
    path.write_bytes(b"name,year,born\n" + data)
    try:
        found = subjects(path)
    except UnseenError:
        return
    assert all(len(subject) == 3 for subject in found)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    path.write_bytes(b"x")
    with pytest.raises(InputInvalidError, match="no file of rows"):
        subjects(path)
    with pytest.raises(InputInvalidError, match="no file of rows"):
        items.copy_rows(path, [], tmp_path / "found.xlsx")


WITHOUT = """
import sys
sys.modules["pyarrow"] = None
from pathlib import Path
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.streams import items
column = [SubjectColumn("name", "string")]
print(len(next(items.read(Path(sys.argv[1]), column))))
try:
    next(items.read(Path(sys.argv[2]), column))
except InputInvalidError as error:
    print(error.remedy)
"""


def test_without_pyarrow_there_is_csv(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / f"people{suffix}")) for suffix in (".csv", ".parquet")]
    run = [sys.executable, "-c", WITHOUT, *paths]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["20", "install pyarrow, or give the items as CSV"]
