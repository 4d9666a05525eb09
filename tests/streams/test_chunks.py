"""Files in chunks: from any offset, and by their digests."""

import hashlib
from pathlib import Path

import pytest

from unseen.protocols.errors import MalformedMessageError
from unseen.streams.chunks import CHUNK_BYTES, chunks, digest_with

DATA = bytes(range(256)) * 8


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


@pytest.mark.parametrize("data", [b"", b"x", DATA * 600], ids=len)
def test_a_digest_is_that_of_the_bytes(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert digest_with(path, lambda each: hashlib.sha256(each).digest()) == (
        hashlib.sha256(data).digest()
    )
