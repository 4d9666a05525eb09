"""Files of records: whole or not there, sorted at any size below a ceiling, matched by keys."""

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.streams.matching import members
from unseen.streams.records import Block, Records, Writer, ascending
from unseen.streams.room import LEAST_MEMORY, Room
from unseen.streams.sorting import distinct, sort, unique

MIB = 1 << 20


def block_of(rows: list[bytes], width: int) -> Block:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, width)


def rows_of(blocks: Iterator[Block]) -> list[bytes]:
    return [row.tobytes() for block in blocks for row in block]


def cut(rows: list[bytes], sizes: list[int], width: int) -> Iterator[Block]:
    """Yield rows in blocks of these sizes over and over."""
    first, turn = 0, 0
    while first < len(rows):
        size = sizes[turn % len(sizes)] if sizes else len(rows)
        yield block_of(rows[first : first + size], width)
        first, turn = first + size, turn + 1


# Keys that begin alike, end in zeros, and come again.
keys = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 3).map(lambda n: bytes([n]) + bytes(31)),
    st.integers(0, 3).map(lambda n: bytes(31) + bytes([n])),
    st.integers(0, 3).map(lambda n: b"\xff" * 15 + bytes([n]) + b"\x00" * 16),
)


@settings(max_examples=80)
@given(
    found=st.lists(st.tuples(keys, st.binary(min_size=8, max_size=8)), max_size=40),
    sizes=st.lists(st.integers(1, 9), max_size=3),
    rows=st.integers(1, 12),
)
def test_sorted_is_what_python_sorts(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[tuple[bytes, bytes]],
    sizes: list[int],
    rows: int,
) -> None:
    folder = tmp_path_factory.mktemp("sort")
    records = [key + rest for key, rest in found]
    memory = rows * (3 * 40 + 64)
    out = rows_of(sort(cut(records, sizes, 40), 40, folder, memory))
    assert [row[:32] for row in out] == sorted(row[:32] for row in records)
    assert sorted(out) == sorted(records)
    assert list(folder.iterdir()) == []


@settings(max_examples=30)
@given(numbers=st.lists(st.integers(0, 2**40), max_size=60), rows=st.integers(1, 12))
def test_keys_of_one_word(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], rows: int
) -> None:
    folder = tmp_path_factory.mktemp("sort")
    records = [number.to_bytes(8, "big") for number in numbers]
    out = rows_of(sort(cut(records, [7], 8), 8, folder, rows * (3 * 8 + 64), 8))
    assert out == sorted(records)


def test_many_runs_are_merged_in_steps(tmp_path: Path) -> None:
    """Two runs at a time is the least that is merged: nine runs take three passes."""
    source = np.random.default_rng(1)
    block = source.integers(0, 256, (900, 40), np.uint8)
    out = np.concatenate(list(sort([block], 40, tmp_path, 100 * (3 * 40 + 64))))
    expected = sorted(row.tobytes() for row in block)
    assert [row.tobytes() for row in out] == expected


def test_a_sort_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    source = np.random.default_rng(1)
    block = source.integers(0, 256, (900, 40), np.uint8)
    begun = sort([block], 40, tmp_path, 100 * (3 * 40 + 64))
    next(begun)
    assert list(tmp_path.iterdir())
    begun.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []

    def breaking() -> Iterator[Block]:
        yield block
        raise RuntimeError

    with pytest.raises(RuntimeError):
        list(sort(breaking(), 40, tmp_path, 100 * (3 * 40 + 64)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("width", "size"), [(40, 12), (40, 0), (40, 48), (41, 32)])
def test_records_of_another_width_are_refused(tmp_path: Path, width: int, size: int) -> None:
    with pytest.raises(InputInvalidError):
        list(sort([np.zeros((3, 40), np.uint8)], width, tmp_path, MIB, size))


def test_memory_stays_below_the_ceiling(tmp_path: Path) -> None:
    ceiling, width, count = 8 * MIB, 40, 700_000  # 27 MiB of records

    def blocks() -> Iterator[Block]:
        source = np.random.default_rng(1)
        for _ in range(count // 10_000):
            yield source.integers(0, 256, (10_000, width), np.uint8)

    tracemalloc.start()
    try:
        last, seen = b"", 0
        for block in distinct(sort(blocks(), width, tmp_path, ceiling)):
            assert last < block[0, :32].tobytes()
            last, seen = block[-1, :32].tobytes(), seen + len(block)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == count
    assert most < ceiling + MIB


@given(found=st.lists(keys, max_size=30), sizes=st.lists(st.integers(1, 5), max_size=3))
def test_repeated_keys_are_counted_over_blocks(found: list[bytes], sizes: list[int]) -> None:
    repeated = len(found) - len(set(found))
    blocks = distinct(cut(sorted(found), sizes, 32))
    if repeated:
        with pytest.raises(InputInvalidError, match=f"^{repeated} items"):
            list(blocks)
    else:
        assert rows_of(blocks) == sorted(found)
    assert rows_of(unique(cut(sorted(found), sizes, 32))) == sorted(set(found))


@given(
    left=st.sets(keys, max_size=25),
    right=st.sets(keys, max_size=25),
    sizes=st.lists(st.integers(1, 5), max_size=3),
    others=st.lists(st.integers(1, 5), max_size=3),
)
def test_matched_is_what_sets_say(
    left: set[bytes], right: set[bytes], sizes: list[int], others: list[int]
) -> None:
    records = [key + b"beside.." for key in sorted(left)]
    found = members(cut(records, sizes, 40), cut(sorted(right), others, 32))
    assert rows_of(found) == [key + b"beside.." for key in sorted(left & right)]


def test_both_sides_are_read_to_their_ends() -> None:
    right = cut([b"a" * 32, b"b" * 32, b"a" * 32], [1], 32)
    with pytest.raises(MalformedMessageError):
        list(members(iter([]), ascending(right)))


@given(found=st.lists(keys, max_size=20), sizes=st.lists(st.integers(1, 5), max_size=3))
def test_what_does_not_ascend_is_refused(found: list[bytes], sizes: list[int]) -> None:
    blocks = ascending(cut(found, sizes, 32))
    if found == sorted(set(found)):
        assert rows_of(blocks) == found
    else:
        with pytest.raises(MalformedMessageError):
            list(blocks)


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "records"
    with Writer(target, b"head") as writer:
        assert writer.write_all([np.ones((2, 8), np.uint8)] * 3) == 6
        assert not target.exists()
    assert target.read_bytes() == b"head" + b"\x01" * 48
    assert target.stat().st_mode & 0o777 == 0o600
    writer = Writer(target)
    with pytest.raises(InputInvalidError), writer:
        writer.write_all(distinct(iter([np.zeros((2, 40), np.uint8)])))
    assert target.read_bytes() == b"head" + b"\x01" * 48
    assert list(tmp_path.iterdir()) == [target]


def test_records_that_are_cut_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "records"
    target.write_bytes(bytes(41))
    with pytest.raises(InputInvalidError):
        Records.of(target, 40)
    records = Records(target, 8, 6)
    with pytest.raises(InputInvalidError, match="cut"):
        list(records.blocks())
    assert sum(len(block) for block in Records(target, 8, 4, 3).blocks(3)) == 4


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from unseen.streams.sorting import sort
from unseen.streams.records import Writer
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
block = np.random.default_rng(1).integers(0, 256, (9000, 40), np.uint8)
try:
    with Writer(folder / "sorted") as writer:
        writer.write_all(sort([block], 40, folder, int(sys.argv[2])))
except OSError as error:
    print(error.errno, error.filename is not None)
print(sorted(path.name for path in folder.iterdir()))
"""


@pytest.mark.parametrize("memory", [1_000_000, 100_000_000], ids=["in a run", "in the target"])
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path, memory: int) -> None:
    """A limit on a file's size fails as a full disk does."""
    run = [sys.executable, "-c", FULL, str(tmp_path), str(memory)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["27 True", "[]"]


def test_a_room_has_memory_and_is_swept(tmp_path: Path) -> None:
    with pytest.raises(InputInvalidError):
        Room(tmp_path, LEAST_MEMORY - 1)
    (tmp_path / ".half").write_bytes(b"x")
    (tmp_path / ".sort-x").mkdir()
    (tmp_path / ".sort-x/0").write_bytes(b"x")
    (tmp_path / "whole").write_bytes(b"x")
    Room(tmp_path).sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
