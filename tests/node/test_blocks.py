"""A snapshot hashed in parts is the snapshot, and nothing that is missing or changed passes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.node.data import blocks, scan
from unseen.node.data.blocks import BlockHasher, check_blocks
from unseen.node.errors import TableChangedError

SALT = b"s" * 32
Row = tuple[str | None, ...]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "BATCH_ROWS", 4)


def rows_of(count: int) -> list[Row]:
    return [(str(number), None if number % 3 else "x") for number in range(count)]


def snapshot_of(rows: Sequence[Row]) -> bytes:
    hasher = scan.SnapshotHasher(SALT)
    hasher.add(rows)
    return hasher.root()


def hashed(folder: Path, rows: Sequence[Row], parts: int, salt: bytes = SALT) -> list[Path]:
    """Let each part hash its blocks, in pieces of at most three rows."""
    paths = []
    for part in range(parts):
        hasher = BlockHasher(salt)
        for block in range(part, -(-len(rows) // 4), parts):
            for first in (4 * block, 4 * block + 3):
                piece = list(rows[first : min(first + 3, 4 * block + 4)])
                if piece:
                    hasher.add(scan.Batch([], [], piece, first))
        paths.append(folder / f"{part}")
        hasher.save(paths[-1])
    return paths


@given(count=st.integers(0, 70), parts=st.integers(1, 5))
def test_parts_hash_what_one_reader_does(
    tmp_path_factory: pytest.TempPathFactory, count: int, parts: int
) -> None:
    rows = rows_of(count)
    paths = hashed(tmp_path_factory.mktemp("parts"), rows, parts)
    check_blocks(reversed(paths), count, snapshot_of(rows))


def lose_a_part(paths: list[Path]) -> None:
    paths.pop()


def lose_a_block(paths: list[Path]) -> None:
    paths[0].write_bytes(paths[0].read_bytes()[: -blocks._BLOCK.size])


def add_a_part_again(paths: list[Path]) -> None:
    paths.append(paths[0])


def swap_two_roots(paths: list[Path]) -> None:
    size = blocks._BLOCK.size
    data = bytearray(paths[0].read_bytes())
    data[12:size], data[12 + size : 2 * size] = data[12 + size : 2 * size], data[12:size]
    paths[0].write_bytes(data)


def say_a_row_more(paths: list[Path]) -> None:
    number, size, root = blocks._BLOCK.unpack_from(paths[0].read_bytes())
    rest = paths[0].read_bytes()[blocks._BLOCK.size :]
    paths[0].write_bytes(blocks._BLOCK.pack(number, size + 1, root) + rest)


@pytest.mark.parametrize(
    "change", [lose_a_part, lose_a_block, add_a_part_again, swap_two_roots, say_a_row_more]
)
def test_what_is_not_whole_is_refused(tmp_path: Path, change: Callable[[list[Path]], None]) -> None:
    rows = rows_of(30)
    paths = hashed(tmp_path, rows, 2)
    change(paths)
    with pytest.raises(TableChangedError):
        check_blocks(paths, 30, snapshot_of(rows))


def test_other_rows_and_another_salt_are_refused(tmp_path: Path) -> None:
    rows = rows_of(30)
    for changed, salt in (([*rows[:-1], ("x", None)], SALT), (rows, b"o" * 32), (rows[:29], SALT)):
        paths = hashed(tmp_path, changed, 2, salt)
        with pytest.raises(TableChangedError):
            check_blocks(paths, len(changed), snapshot_of(rows))
