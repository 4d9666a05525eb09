"""Files that are there whole or not at all, and bytes in pieces."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.node.pieces import PIECE_BYTES, in_pieces
from unseen.streams.whole import write_whole


@pytest.fixture
def _shared() -> Iterator[None]:
    """Let files be read by others, whatever this process was told before: a node's does not."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_shared")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_what_was_written_and_nothing_is_beside_it(
    tmp_path: Path, private: bool, durable: bool
) -> None:
    path = tmp_path / "a"
    for data in (b"first", b"", b"x" * 100_000):
        write_whole(path, data, private=private, durable=durable)
        assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert bool(stat.S_IMODE(path.stat().st_mode) & 0o077) is not private


def test_what_is_written_a_few_bytes_at_a_time_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(
        "unseen.streams.whole.os.write", lambda handle, data: write(handle, data[:3])
    )
    write_whole(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_whole(path, b"before")
    calls = iter([3])

    def full(handle: int, data: bytes) -> int:
        for size in calls:
            return os.pwrite(handle, data[:size], 0)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unseen.streams.whole.os.write", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@given(st.integers(0, 3 * PIECE_BYTES), st.integers(0, 3 * PIECE_BYTES))
def test_pieces_are_the_rest_of_the_bytes(size: int, start: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    found = list(in_pieces(memoryview(data), start))
    assert b"".join(found) == data[start:]
    assert all(0 < len(piece) <= PIECE_BYTES for piece in found)
    assert all(len(piece) == PIECE_BYTES for piece in found[:-1])
