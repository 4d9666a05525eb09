"""Bars on standard error for whatever takes longer than a moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unseen.cli.hints import tell
from unseen.cli.output import Format, error_console, present_format

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from unseen.client.api import Client


class _Board:
    """One bar a step, made when the step first reports."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def report(self, what: str, done: int, total: int) -> None:
        with self._lock:
            task = self._tasks.get(what)
            if task is None:
                task = self._tasks[what] = self._bars.add_task(what, total=None)
            self._bars.update(task, completed=done, total=total or None)


@contextmanager
def board() -> Iterator[_Board]:
    """Show bars while the block runs; nothing where standard error is no terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    screen = error_console()
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bars:
        yield _Board(bars)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show a moving bar for a step whose length nobody knows."""
    with board() as shown:
        shown.report(what, 0, 0)
        yield


@contextmanager
def open_client(home: Path, *, doing: str = "") -> Iterator["Client"]:
    """Open the client of `home` with bars for what takes long; `doing` names a long step."""
    from unseen.client import Client

    with board() as shown, Client(home, progress=shown.report) as client:
        if doing:
            shown.report(doing, 0, 0)
        yield client
        waiting = client.orders_waiting
    if waiting:
        _remind(waiting, home)


def _remind(waiting: int, home: Path) -> None:
    """Tell a person, and no program, that orders of openings wait for this home."""
    if present_format() is Format.TABLE:
        orders = "order of openings waits" if waiting == 1 else "orders of openings wait"
        tell(f"{waiting} {orders} for this home: unseen audit orders --home {home}", err=True)
