"""Measurements as JSON for programs and as a table for people."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unseen.bench.measuring import Measurement

_PIPE_WIDTH = 200
COLUMNS = (
    "name",
    "phase",
    "per second",
    "limit",
    "ratio",
    "by cpu",
    "target",
    "note",
    "lap s",
    "cpu s",
    "up",
    "down",
    "rounds",
    "peak MB",
)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Hand out what shows on a terminal's standard error what is being measured."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda words: status.update(Text(words))


def as_json(measurements: Sequence[Measurement]) -> str:
    """Return one JSON list."""
    return json.dumps([item.to_json() for item in measurements], indent=2)


def print_table(measurements: Sequence[Measurement]) -> None:
    """Print one row a case, and under each table what was run where; a table for each setting."""
    for _, alike in itertools.groupby(measurements, lambda item: item.params):
        _print_table(list(alike))


def _print_table(measurements: Sequence[Measurement]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    rows = [_row(item) for item in measurements]
    filled = [number for number in range(len(COLUMNS)) if any(row[number] for row in rows)]
    for number in filled:
        left = COLUMNS[number] in {"name", "phase", "target", "note"}
        table.add_column(COLUMNS[number], justify="left" if left else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(row[number]) for number in filled))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    console.print(table)
    first = measurements[0]
    params = ", ".join(f"{key}={value}" for key, value in first.params.items() if value != "")
    machine = first.machine
    console.print(
        Text(
            f"{params}\n{machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
            f"Python {machine['python']}, commit {first.commit or 'unknown'}"
        )
    )


def _row(item: Measurement) -> tuple[str, ...]:
    return (
        item.name,
        item.phase,
        _figure(item.per_second),
        _figure(item.limit_per_second),
        _ratio(item.ratio),
        _ratio(item.ratio_cpu),
        item.target,
        item.note,
        _seconds(item.wall_s),
        _seconds(item.cpu_s),
        _count(item.bytes_up),
        _count(item.bytes_down),
        _count(item.rounds),
        f"{item.peak_rss_mb:.0f}",
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value >= 0.1 or not value else f"{value:.5f}"


def _count(value: int) -> str:
    return f"{value:,}" if value else ""
