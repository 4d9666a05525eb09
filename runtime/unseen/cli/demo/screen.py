"""What the demo shows: plain words on standard output, and a bar while one waits.

Where the output is no terminal there is no bar and no colour, and every line stands by itself.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_WIDEST = 100
_INDENT = 3


class Screen:
    """The demo's output."""

    def __init__(
        self, steps: Mapping[str, float], *, quiet: bool = False, say: Callable[[str], str] = str
    ) -> None:
        """Show on standard output, or nothing if `quiet`; `steps` take so many seconds, about.

        `say` is how a step is called in the present language.
        """
        self._steps, self._say = steps, say
        self._console = Console(quiet=quiet, highlight=False)
        self._console.width = min(self._console.width, _WIDEST)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bars.add_task("", total=sum(steps.values()))
        self._done = self._planned = 0.0
        self._since = time.monotonic()
        self._sections = 0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._bars.stop()

    def doing(self, step: str) -> None:
        """Say which of the steps begins."""
        self._done += self._planned
        self._planned, self._since = self._steps[step], time.monotonic()
        self._bars.update(self._task, description=self._say(step), completed=self._done)

    def tick(self) -> None:
        """Move the bar by the time that has passed, at most to the end of this step."""
        passed = min(time.monotonic() - self._since, self._planned)
        self._bars.update(self._task, completed=self._done + passed)

    def section(self, title: str) -> None:
        """Begin a numbered section."""
        self._sections += 1
        self._console.print()
        self._console.print(Text(f"{self._sections}. {title}", style="bold cyan"))

    def say(self, *lines: str) -> None:
        """Print paragraphs."""
        for line in lines:
            self._indented(Text(line))

    def facts(self, rows: Iterable[tuple[str, object]]) -> None:
        """Print names and values."""
        self._indented(_grid(rows))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table."""
        shown = Table(header_style="bold")
        for column in columns:
            shown.add_column(column, overflow="fold")
        for row in rows:
            shown.add_row(*(_cell(value) for value in row))
        self._indented(shown)

    def panel(self, title: str, rows: Iterable[tuple[str, object]], colour: str) -> None:
        """Print names and values in a frame."""
        self._indented(
            Panel(_grid(rows), title=title, title_align="left", border_style=colour, expand=False)
        )

    def line(self, text: str) -> None:
        """Print one line as it is, however long: it is to be copied."""
        self._console.print(Text(text), soft_wrap=True)

    def _indented(self, what: RenderableType) -> None:
        self._console.print(Padding(what, (0, 0, 0, _INDENT), expand=False))


def _grid(rows: Iterable[tuple[str, object]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, Text(str(value)))
    return grid


_COLOURS = {"yes": "green", "no": "red", "no usable result": "yellow"}
_COLOURS |= {"是": "green", "否": "red", "无可用结果": "yellow"}
_COLOURS |= {"consistent": "green", "inconsistent": "red"}
_COLOURS |= {"一致": "green", "不一致": "red", "库无": "yellow"}


def _cell(value: object) -> Any:
    return Text(str(value), style=_COLOURS.get(str(value), ""))
