"""The demo's folder: one demo at a time, and nothing deleted that is not a demo's own."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from unseen.cli.failures import UsageError

_MARK = "demo.json"
_MARKED = b'{"type":"unseen-demo","v":1}\n'


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one demo lies."""

    root: Path

    @property
    def node(self) -> Path:
        """The operator's side: the node's home, with the operator's own in it."""
        return self.root / "node"

    @property
    def buyer(self) -> Path:
        """The buyer's home: all that the buyer's process is given."""
        return self.root / "buyer"

    @property
    def node_log(self) -> Path:
        """What the node's process printed."""
        return self.root / "node.log"

    @property
    def buyer_log(self) -> Path:
        """What the buyer's process printed beside its answers."""
        return self.root / "buyer.log"

    @property
    def statements(self) -> Path:
        """The two bills."""
        return self.root / "statements"

    @property
    def tampered(self) -> Path:
        """A receipt with one changed byte."""
        return self.root / "tampered.receipt"

    @property
    def trust(self) -> Path:
        """The keys the buyer trusts."""
        return self.buyer / "parties.json"

    def clear(self) -> None:
        """Remove what an earlier demo made here, by name; only who holds the folder may."""
        own = (self.node, self.buyer, self.node_log, self.buyer_log, self.statements, self.tampered)
        for path in own:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.statements.mkdir(mode=0o700)


@contextmanager
def demo_folder(root: Path) -> Iterator[Folder]:
    """Hold the folder `root` for one demo, emptied of what an earlier demo left there.

    Raises:
        UsageError: the folder holds something else, or another demo is running in it.

    """
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
        folder = Folder(root)
        folder.clear()
        yield folder
    finally:
        os.close(handle)


def _ours(root: Path, mark: Path) -> bool:
    if not root.is_dir():
        return False
    found = [path.name for path in root.iterdir()]
    # A start that was cut off right away leaves nothing, or nothing but the mark.
    return found in ([], [_MARK]) or (mark.is_file() and mark.read_bytes() == _MARKED)
