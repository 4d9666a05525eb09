"""Files in chunks: any way of cutting and stopping gives the file, or one error and no file."""

import hashlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import CountMismatchError, MalformedMessageError
from unseen.streams.chunks import CHUNK_BYTES, Incoming, chunks

DATA = bytes(range(256)) * 8
DIGEST = hashlib.sha256(DATA).digest()


def test_chunks_are_the_file_from_any_offset(tmp_path: Path) -> None:
    path, data = tmp_path / "file", DATA * 600
    path.write_bytes(data)
    assert len(data) > 2 * CHUNK_BYTES
    for offset in (0, 1, CHUNK_BYTES, len(data) - 1, len(data)):
        found = list(chunks(path, offset))
        assert b"".join(found) == data[offset:]
        assert all(1 <= len(chunk) <= CHUNK_BYTES for chunk in found)
    for offset in (-1, len(data) + 1):
        with pytest.raises(MalformedMessageError):
            list(chunks(path, offset))


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=12), stops=st.sets(st.integers(0, 12)))
def test_a_file_arrives_however_often_it_stops(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], stops: set[int]
) -> None:
    target = tmp_path_factory.mktemp("in") / "target"
    edges = [0, *sorted(cuts), len(DATA)]
    incoming = Incoming(target, len(DATA), DIGEST)
    incoming.__enter__()
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        if number in stops:
            incoming.__exit__()
            incoming = Incoming(target, len(DATA), DIGEST)
            incoming.__enter__()
        assert incoming.offset == start
        incoming.add(start, DATA[start:end])
    incoming.__exit__()
    assert target.read_bytes() == DATA
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_chunks_out_of_place_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with Incoming(target, len(DATA), DIGEST) as incoming:
        incoming.add(0, DATA[:100])
        for offset in (0, 50, 99, 101, len(DATA)):  # again, and reordered
            with pytest.raises(CountMismatchError) as caught:
                incoming.add(offset, DATA[offset : offset + 10])
            assert (caught.value.found, caught.value.expected) == (offset, 100)
        with pytest.raises(MalformedMessageError):
            incoming.add(100, DATA[100:] + b"x")
        incoming.add(100, DATA[100:])
        with pytest.raises(CountMismatchError):
            incoming.add(0, DATA)
        with pytest.raises(MalformedMessageError):
            incoming.add(len(DATA), b"x")
        incoming.add(len(DATA), b"")  # changes nothing
    assert target.read_bytes() == DATA


def test_a_chunk_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (
        Incoming(tmp_path / "target", 4 * CHUNK_BYTES, bytes(32)) as incoming,
        pytest.raises(MalformedMessageError),
    ):
        incoming.add(0, bytes(CHUNK_BYTES + 1))


def test_bytes_of_another_digest_leave_nothing_and_may_come_again(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with Incoming(target, len(DATA), DIGEST) as incoming:
        incoming.add(0, DATA[:100])
        with pytest.raises(MalformedMessageError, match="digest"):
            incoming.add(100, bytes(len(DATA) - 100))
        assert not target.exists()
        assert incoming.offset == 0
        incoming.add(0, DATA)
        assert incoming.is_complete
    assert target.read_bytes() == DATA


def test_what_lies_there_of_a_longer_file_is_dropped(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with Incoming(target, 10 * len(DATA), DIGEST) as incoming:
        incoming.add(0, DATA + b"more")
    with Incoming(target, len(DATA), DIGEST) as incoming:
        assert incoming.offset == 0
        incoming.add(0, DATA)
    assert target.read_bytes() == DATA


def test_a_file_that_is_there_takes_nothing_more(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(DATA)
    with Incoming(target, len(DATA), DIGEST) as incoming:
        assert (incoming.is_complete, incoming.offset) == (True, len(DATA))
        incoming.add(len(DATA), b"")
    assert target.read_bytes() == DATA
