"""Files that are there whole or not at all. Needs no numpy, unlike most of this room."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, data: bytes, *, private: bool = False, durable: bool = True) -> None:
    """Put `data` at `path` so that a reader sees all of it or the file as it was before.

    `private` lets nobody but its owner read it; `durable` waits until a power cut could not undo
    it, nor the file's name.

    Raises:
        OSError: it cannot be written; what was there before still is.

    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)
        try:
            write_all(handle, data)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def write_all(handle: int, data: bytes) -> None:
    """Write all of `data` to an open file, however little of it goes at once."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
