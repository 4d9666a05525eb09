"""Measurements against each other: how many times as long, and how many times the bytes.

Cases of one run were measured in turn, so that their laps belong together: each lap is set against
the one beside it. Laps of two runs do not, and what else the machine did falls on one side alone:
medians are set against each other, and the range is that of the farthest laps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from unseen.bench.kept import Kept
from unseen.protocols.errors import InputInvalidError

COLUMNS = ("name", "against", "by cpu", "range", "by wall", "range", "bytes", "")


@dataclass(frozen=True, slots=True)
class Times:
    """How many times one takes what the other does, for each unit; and the range over laps."""

    middle: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A case against another one. None: one of the two took no such time, or sent nothing."""

    name: str
    against: str
    params: dict[str, int | str]
    paired: bool
    cpu: Times | None
    wall: Times | None
    sent: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as one object."""
        return asdict(self)


def within(kept: Sequence[Kept], base: str = "") -> list[Compared]:
    """Return each case against `base`, or the first one, of its own run.

    Raises:
        InputInvalidError: no run has a case of that name.

    """
    firsts = {}
    for one in kept:
        if one.name == base or (not base and one.run not in firsts):
            firsts[one.run] = one
    if not firsts:
        raise InputInvalidError(
            f"no run has a case {base!r}",
            clause="bench.compare",
            remedy=f"name one of: {', '.join(dict.fromkeys(one.name for one in kept)) or 'none'}",
        )
    return [
        compare(firsts[one.run], one)
        for one in kept
        if one.run in firsts and firsts[one.run] is not one
    ]


def between(before: Sequence[Kept], after: Sequence[Kept]) -> list[Compared]:
    """Return each case of `after` against the one of `before` with its name and parameters.

    Raises:
        InputInvalidError: there is none.

    """
    known = {_key(one): one for one in before}
    found = [compare(known[_key(one)], one) for one in after if _key(one) in known]
    if not found:
        raise InputInvalidError(
            "the two have no case with the same parameters",
            clause="bench.compare",
            remedy="run both with the same --set and --sweep",
        )
    return found


def unmatched(before: Sequence[Kept], after: Sequence[Kept]) -> list[str]:
    """Return the names of cases that only one of the two has, with these parameters."""
    first, second = ({_key(one) for one in side} for side in (before, after))
    return sorted({name for name, _ in first ^ second})


def compare(base: Kept, other: Kept) -> Compared:
    """Return what `other` takes, in times of `base`."""
    paired = base.run == other.run
    return Compared(
        name=other.name,
        against=base.name,
        params=dict(other.params),
        paired=paired,
        cpu=_times(_each(base, base.cpu), _each(other, other.cpu), paired=paired),
        wall=_times(_each(base, base.wall), _each(other, other.wall), paired=paired),
        sent=other.bytes_sent / base.bytes_sent if base.sent and other.sent else None,
    )


def _each(kept: Kept, laps: Sequence[float]) -> list[float]:
    return [lap * kept.whole / kept.units for lap in laps]


def _times(base: Sequence[float], other: Sequence[float], *, paired: bool) -> Times | None:
    if min(base) <= 0 or min(other) <= 0:
        return None
    if paired:
        ratios = [b / a for a, b in zip(base, other, strict=False)]  # what ran once has one lap
        return Times(median(ratios), min(ratios), max(ratios))
    middle = median(other) / median(base)
    return Times(middle, min(other) / max(base), max(other) / min(base))


def _key(kept: Kept) -> tuple[str, tuple[tuple[str, int | str], ...]]:
    return kept.name, tuple(sorted(kept.params.items()))


def notes(before: Sequence[Kept], after: Sequence[Kept]) -> Iterator[str]:
    """Say what makes two sets hard to compare."""
    for what in ("cpu", "cores", "system", "python"):
        first, second = (_machines(side, what) for side in (before, after))
        if first != second:
            yield f"{what}: {first} against {second}"
    if missing := unmatched(before, after):
        yield f"in one of them alone: {', '.join(missing)}"


def _machines(kept: Sequence[Kept], what: str) -> str:
    return ", ".join(sorted({str(one.machine.get(what, "")) for one in kept}))


def print_table(compared: Sequence[Compared], varied: Sequence[str]) -> None:
    """Print one row a comparison; `varied` are parameters that are shown with the name."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if number < 2 else "right", no_wrap=number == 0)
    for one in compared:
        shown = " ".join(f"{key}={one.params[key]}" for key in varied)
        cells = (
            f"{one.name} {shown}".strip(),
            one.against,
            *_cells(one.cpu),
            *_cells(one.wall),
            "" if one.sent is None else f"{one.sent:.2f}",
            "paired" if one.paired else "not paired",
        )
        table.add_row(*map(Text, cells))
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)


def _cells(times: Times | None) -> tuple[str, str]:
    if times is None:
        return "", ""
    return f"{times.middle:.2f}", f"{times.least:.2f} to {times.most:.2f}"


def varying(compared: Sequence[Compared]) -> list[str]:
    """Return the parameters that are not the same for all."""
    keys = dict.fromkeys(key for one in compared for key in one.params)
    return [key for key in keys if len({str(one.params.get(key)) for one in compared}) > 1]
