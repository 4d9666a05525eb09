"""Results as Arrow, Parquet and CSV: the same rows, a batch at a time, whole or not at all."""

import csv
import datetime as dt
import errno
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.cli.subject_files import each_in, subjects_in
from unseen.client.queries.intersected import Intersected
from unseen.client.rows import BATCH, Cell, CellType, Exact, Rows, check_target, free_name
from unseen.client.subjects import subject_texts, subject_values
from unseen.client.verdicts import Answer, Verdict, verdict_rows
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.subject import SubjectColumn

COLUMNS = (
    SubjectColumn("name", "string"),
    SubjectColumn("number", "integer"),
    SubjectColumn("born", "date"),
)
TYPES: tuple[tuple[str, CellType], ...] = tuple((each.name, each.type) for each in COLUMNS)
KINDS = (".csv", ".parquet", ".pq", ".arrow", ".feather", ".arrows", ".txt", "")
MANY = 1_000_000

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
cells = st.tuples(
    texts, st.integers(-(2**63), 2**63 - 1), st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
)


@pytest.mark.parametrize("suffix", KINDS)
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(cells, min_size=1, max_size=12), size=st.integers(1, 5))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    rows: list[tuple[Exact, ...]],
    size: int,
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"found{suffix}"
    assert Rows(TYPES, iter(rows)).write(path, size) == len(rows)
    found = [subject_values(COLUMNS, each) for each in subjects_in(path)]
    wanted = [subject_values(COLUMNS, row) for row in rows]  # in the form that values are read in
    assert found == wanted
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", KINDS)
def test_no_rows_are_a_file_with_its_columns(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"none{suffix}"
    assert Rows(TYPES, ()).write(path) == 0
    assert path.stat().st_size
    assert list(each_in(path)) == []


def test_batches_have_types_and_sizes(tmp_path: Path) -> None:
    rows = [("a", n, dt.date(2000, 1, 1)) for n in range(7)]
    found = list(Rows(TYPES, rows).batches(3))
    assert [batch.num_rows for batch in found] == [3, 3, 1]
    assert found[0].schema.types == [pa.string(), pa.int64(), pa.date32()]
    assert pa.Table.from_batches(found).column("number").to_pylist() == [*range(7)]


class Counted(tuple[Cell, ...]):
    """A row that knows how many of its kind there are."""

    __slots__ = ()
    alive = 0
    most = 0

    def __new__(cls, *given: Cell) -> Self:
        found = super().__new__(cls, given)
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)
        return found

    def __del__(self) -> None:
        type(self).alive -= 1


@pytest.mark.sampled
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".arrows"])
def test_a_million_rows_are_a_batch_at_a_time(suffix: str, tmp_path: Path) -> None:
    class Row(Counted):
        """Counted for this file alone."""

        __slots__ = ()

    def made() -> Iterator[Row]:
        for number in range(MANY):
            yield Row(f"item {number}", number)

    path = tmp_path / f"many{suffix}"
    before = pa.total_allocated_bytes()
    columns: tuple[tuple[str, CellType], ...] = (("item", "string"), ("number", "integer"))
    assert Rows(columns, made()).write(path) == MANY
    assert Row.most <= BATCH + 1
    assert Row.alive == 0
    assert pa.total_allocated_bytes() == before
    two = (SubjectColumn("item", "string"), SubjectColumn("number", "integer"))
    count, held, last = 0, 0, None
    for each in each_in(path):
        count, last = count + 1, each
        if not count % 1000:
            held = max(held, pa.total_allocated_bytes() - before)
    assert last is not None
    assert (count, subject_values(two, last)) == (MANY, (f"item {MANY - 1}", MANY - 1))
    assert held <= 8 * BATCH * 40  # a few batches, and never the file


def test_without_pyarrow_csv_is_written_and_the_rest_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(TYPES, [("a", 1, dt.date(2000, 1, 31))])
    for name in ("pyarrow", "pyarrow.parquet", "pyarrow.ipc"):
        monkeypatch.setitem(sys.modules, name, None)
    for suffix in (".parquet", ".arrow", ".arrows"):
        with pytest.raises(InputInvalidError) as caught:
            rows.write(tmp_path / f"found{suffix}")
        assert "pyarrow" in caught.value.remedy
        with pytest.raises(InputInvalidError):
            check_target(tmp_path / f"found{suffix}")
    with pytest.raises(InputInvalidError):
        next(rows.batches())
    check_target(tmp_path / "found.csv")
    for wrong in (tmp_path, tmp_path / "no" / "found.csv"):
        with pytest.raises(OSError, match=r"(directory|folder)"):
            check_target(wrong)
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "found.csv"
    rows.write(path)
    assert path.read_text() == "name,number,born\na,1,2000-01-31\n"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_what_fails_in_the_middle_leaves_what_was_there(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"found{suffix}"
    path.write_bytes(b"before")

    def cut() -> Iterator[tuple[Cell, ...]]:
        yield ("a", 1, dt.date(2000, 1, 31))
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        Rows(TYPES, cut()).write(path, 1)
    assert (caught.value.filename, caught.value.errno) == (str(path), errno.ENOSPC)
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    assert Rows((("item", "string"),), [("a",), ("b",)]).write(path) == 2
    reader.join(30)
    assert read == ["item\na\nb\n"]
    assert path.is_fifo()


def test_names_are_told_apart() -> None:
    assert free_name("found", ("found", "found_")) == "found__"
    with pytest.raises(InputInvalidError):
        Rows((("a", "string"), ("a", "integer")), ())


FOUND = Intersected(
    contract="c",
    output="items",
    columns=("present", "year"),
    types=("string", "integer"),
    items=(("Ada", "1990"), ("Bo, jr", "1991"), ("Cy", "1992")),
    rho="",
    request_id="0" * 32,
    receipt_path=Path("r"),
    present=(True, False, True),
)


def test_an_intersection_writes_what_is_there_or_every_item(tmp_path: Path) -> None:
    path = tmp_path / "found.parquet"
    FOUND.rows().write(path)
    assert subjects_in(path) == [
        {"present": "Ada", "year": 1990},
        {"present": "Cy", "year": 1992},
    ]
    every = pa.Table.from_batches(FOUND.rows(every=True).batches())
    assert every.schema.names == ["present", "year", "present_"]
    assert every.column(2).to_pylist() == [True, False, True]
    FOUND.rows(every=True).write(tmp_path / "every.csv")
    with (tmp_path / "every.csv").open(newline="") as stream:
        assert [row["present_"] for row in csv.DictReader(stream)] == ["true", "false", "true"]
    with pytest.raises(InputInvalidError):
        replace(FOUND, output="count", present=()).rows()


def verdict(subject: tuple[str, ...], contract: str = "c", position: int = 0) -> Verdict:
    return Verdict(
        contract=contract,
        subject=subject,
        answers=MappingProxyType({"name": Answer.YES, "rich": Answer.NO_USABLE_RESULT}),
        found=position == 0,
        cached=False,
        request_id="0" * 32,
        position=position,
        receipt_path=Path("r"),
    )


def test_verdicts_are_rows_of_subject_and_answers(tmp_path: Path) -> None:
    texts = subject_texts(subject_values(COLUMNS, ("Ada", 7, dt.date(1990, 1, 31))))
    rows = verdict_rows(COLUMNS, [verdict(texts), verdict(texts, position=1)])
    path = tmp_path / "verdicts.arrow"
    assert rows.write(path) == 2
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    assert table.schema.names == [
        *("name", "number", "born", "name_", "rich", "found", "request", "position"),
    ]
    assert table.to_pylist()[1] == {
        "name": "Ada",
        "number": 7,
        "born": dt.date(1990, 1, 31),
        "name_": "yes",
        "rich": "no_usable_result",
        "found": False,
        "request": "0" * 32,
        "position": 1,
    }
    for wrong in ([], [verdict(texts), verdict(texts, contract="d")]):
        with pytest.raises(InputInvalidError):
            verdict_rows(COLUMNS, wrong)
