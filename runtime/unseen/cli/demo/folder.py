"""The demo's folder: one demo at a time, and nothing deleted that is not a demo's own."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from unseen.cli.failures import UsageError

_MARK = "demo.json"
_MARKED = b'{"type":"unseen-demo","v":1}\n'


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one story lies; `OWN` are the names in it that the story makes."""

    root: Path
    OWN: ClassVar[tuple[str, ...]] = ()

    def clear(self) -> None:
        """Remove what the story made here before, by name; only who holds the folder may."""
        for name in self.OWN:
            path = self.root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def demo_folder(folder: Folder) -> Iterator[None]:
    """Hold a folder for one story, emptied of what the story left there before.

    Raises:
        UsageError: the folder holds something else, or another demo is running in it.

    """
    root = folder.root
    mark = root / _MARK
    if root.exists() and not _ours(root, mark):
        raise UsageError(
            f"{root} holds something that no demo has made",
            clause="home",
            remedy="name an empty or a new folder with --home",
        )
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another demo is running in {root}",
                clause="home",
                remedy="wait for it, or name another folder with --home",
            ) from None
        os.pwrite(handle, _MARKED, 0)
        folder.clear()
        yield
    finally:
        os.close(handle)


def _ours(root: Path, mark: Path) -> bool:
    if not root.is_dir():
        return False
    found = [path.name for path in root.iterdir()]
    # A start that was cut off right away leaves nothing, or nothing but the mark.
    return found in ([], [_MARK]) or (mark.is_file() and mark.read_bytes() == _MARKED)
