"""Files of many subjects: the same from every kind, and one clear error from what is none."""

import csv
import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from unseen.cli.failures import UsageError
from unseen.cli.subject_files import subjects_in
from unseen.client.subjects import subject_values
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.subject import SubjectColumn

COLUMNS = (SubjectColumn("name", "string"), SubjectColumn("born", "date"))
ROWS: list[dict[str, Any]] = [
    {"name": f"Ada {number}", "born": dt.date(1990, 1, 1 + number)} for number in range(20)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, ["name", "born"])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=6)
    else:
        table = pa.Table.from_pylist(rows)
        with ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=7)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_every_kind_of_file_names_the_same_subjects(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"people{suffix}", ROWS)
    found = [subject_values(COLUMNS, subject) for subject in subjects_in(path)]
    assert found == [tuple(row.values()) for row in ROWS]


def test_a_file_without_subjects_is_refused(tmp_path: Path) -> None:
    for path in (write(tmp_path / "people.csv", []), tmp_path / "people.parquet"):
        if path.suffix == ".parquet":
            parquet.write_table(pa.table({"name": pa.array([], pa.string())}), path)
        with pytest.raises(UsageError, match="holds no subject"):
            subjects_in(path)


@pytest.mark.parametrize(
    "data",
    [
        b"name,born\nAda\n",
        b"name,born\nAda,1990-01-01,x\n",
        b"name\n\xff\n",
        "name\nAda\n".encode("utf-16"),
        b'name\n"Ada\n',
        b"name,name\nAda,Bo\n",
        b"name\n" + b"x" * 200_000 + b"\n",
    ],
    ids=range(7),
)
def test_a_csv_file_that_is_none_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"people\.csv"):
        subjects_in(path)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_told_how_to_be_mended(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes("name\nMüller\n".encode(encoding))
    with pytest.raises(UsageError, match="UTF-8") as caught:
        subjects_in(path)
    assert "iconv" in caught.value.remedy


def test_the_line_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,born\nAda,1990-01-01\n\nBo\n")
    with pytest.raises(UsageError, match="line 4"):
        subjects_in(path)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "people.csv"
    path.write_bytes(b"name,born\n" + data)
    try:
        found = subjects_in(path)
    except UsageError:
        return
    assert all(isinstance(row, dict) and set(row) == {"name", "born"} for row in found)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize("data", [b"", b"PAR1", b"ARROW1\x00\x00", b"x" * 500], ids=len)
def test_a_file_that_is_no_arrow_is_refused(suffix: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"people{suffix}"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="cannot be read"):
        subjects_in(path)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    one = pa.array(["Ada"])
    parquet.write_table(pa.table([one, one], ["name", "name"]), path)
    with pytest.raises(UsageError, match="one name"):
        subjects_in(path)


def test_a_missing_value_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "people.parquet", [*ROWS, {"name": None, "born": ROWS[0]["born"]}])
    with pytest.raises(SubjectInvalidError, match="name"):
        [subject_values(COLUMNS, subject) for subject in subjects_in(path)]


def test_a_time_of_day_is_no_date(tmp_path: Path) -> None:
    noon = dt.datetime(1990, 1, 1, 12, tzinfo=dt.UTC)
    path = write(tmp_path / "people.parquet", [{"name": "Ada", "born": noon}])
    with pytest.raises(SubjectInvalidError, match="born"):
        [subject_values(COLUMNS, subject) for subject in subjects_in(path)]


def test_without_pyarrow_there_is_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "people.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"need pyarrow$"):
        subjects_in(path)
    assert len(subjects_in(write(tmp_path / "people.csv", ROWS))) == len(ROWS)
