"""Files in chunks from any offset, as both sides send them, and their digests."""

import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, cast

from unseen.protocols.errors import MalformedMessageError

CHUNK_BYTES: Final = 512 << 10  # of a message, at most


def chunks(path: Path, offset: int = 0) -> Iterator[bytes]:
    """Yield a file's bytes from an offset on, 512 KiB at a time.

    Raises:
        MalformedMessageError: the offset is beyond the file.

    """
    size = path.stat().st_size
    if not 0 <= offset <= size:
        raise MalformedMessageError("a file is asked for from beyond its end")
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def digest_with(path: Path, digest: Callable[[bytes], bytes]) -> bytes:
    """Return the digest of a file by any hash of bytes; it is not read into memory as a whole."""
    if not path.stat().st_size:
        return digest(b"")
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        return digest(cast("bytes", mapped))
