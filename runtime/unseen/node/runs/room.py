"""What runs may take on the disk, before anybody pays: bytes under the node's home.

A run promises the bytes it may come to before anything is computed, in its own folder: a restart
forgets none.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from unseen.node.errors import OverloadedError, StorageFullError, disk_full
from unseen.node.runs.files import PROMISED
from unseen.streams.whole import write_whole

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.runs.sessions import Run


def check_room(node: "Node", run: "Run", size: int) -> None:
    """Return if a run may come to `size` bytes, beside all that others have or are promised.

    Raises:
        StorageFullError: all runs together may not have so many.
        OverloadedError: others leave less.

    """
    setting = run.kind.setting
    cap = run.kind.most_mib(node) << 20
    if size > cap:
        raise StorageFullError(
            f"this run may take {_mib(size)} MiB, and all runs together {_mib(cap)}",
            clause=f"node.{setting}",
            remedy=f"its operator lets runs take more (setting {setting}), or ask for less at once;"
            " nothing was charged",
        )
    others = sum(_taken(each) for each in run.folder.parent.glob("*") if each != run.folder)
    if others + size > cap:
        raise OverloadedError(
            f"this run may take {_mib(size)} MiB, and others have {_mib(others)} of {_mib(cap)}",
            clause=f"node.{setting}",
            remedy="go on when others have ended, each at most a day after its last step; or its"
            f" operator lets runs take more (setting {setting}); nothing was charged",
        )


def promise(node: "Node", run: "Run", size: int) -> None:
    """Keep room for a run to come to `size` bytes; what it was promised before it keeps.

    Nothing else of the node comes between look and promise: both are of one thread.

    Raises:
        StorageFullError, OverloadedError: there is no room, or no space on the disk.

    """
    check_room(node, run, size)
    if size <= _promised(run.folder):
        return
    try:
        write_whole(run.path(PROMISED), str(size).encode())
    except OSError as error:
        raise disk_full(error) or error from None


def settle(run: "Run") -> None:
    """Take back what a run was promised: it grows no more."""
    run.path(PROMISED).unlink(missing_ok=True)


def _taken(folder: Path) -> int:
    return max(_size(folder), _promised(folder))


def _promised(folder: Path) -> int:
    try:
        return int((folder / PROMISED).read_bytes())
    except (OSError, ValueError):
        return 0


def _size(folder: Path) -> int:
    return sum(map(_bytes, folder.glob("*")))


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # a job has deleted it meanwhile
        return 0


def _mib(size: int) -> str:
    return f"{-(-size >> 20):,}"
