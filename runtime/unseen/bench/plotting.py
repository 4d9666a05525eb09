"""Time and bytes against the size of the input, on logarithmic axes, as SVG by no library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from math import ceil, floor, log10
from typing import Final

from unseen.bench.drawing import BOTTOM, TOP, Panel, dot, line, path, sheet, text
from unseen.bench.growth import Law, fit
from unseen.bench.kept import Kept
from unseen.protocols.errors import InputInvalidError

WIDTH: Final = 960
_LEGEND: Final = BOTTOM + 62
_ROW: Final = 18
COLOURS: Final = (
    "#1f5fa8",
    "#b4531a",
    "#2e7d4f",
    "#7b4397",
    "#a61f4b",
    "#4d7a8a",
    "#8a6d1f",
    "#555555",
    "#c2185b",
    "#00796b",
    "#5d4037",
    "#3949ab",
)
_SECONDS: Final = {
    -6: "1 us",
    -5: "10 us",
    -4: "100 us",
    -3: "1 ms",
    -2: "10 ms",
    -1: "100 ms",
    0: "1 s",
    1: "10 s",
    2: "100 s",
}
_BYTES: Final = {
    2: "100 B",
    3: "1 kB",
    4: "10 kB",
    5: "100 kB",
    6: "1 MB",
    7: "10 MB",
    8: "100 MB",
    9: "1 GB",
}
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """One case over all sizes: (size, seconds) and (size, bytes), ascending."""

    name: str
    seconds: Points
    sent: Points

    @property
    def law(self) -> Law | None:
        """Return how its seconds grow."""
        return fit(self.seconds)


def series(kept: Sequence[Kept], sizes: Mapping[str, str], wanted: Sequence[str]) -> list[Series]:
    """Return what there is over more than one size.

    Args:
        kept: measurements of any files.
        sizes: for each bench the parameter that says how large its input is.
        wanted: patterns of names, such as `psi/ecdh*`; none: all but bare limits.

    Raises:
        InputInvalidError: nothing of it was measured at two sizes.

    """
    found: dict[str, dict[int, list[Kept]]] = {}
    for one in kept:
        size = one.params.get(sizes.get(one.name.partition("/")[0], ""))
        shown = any(fnmatch(one.name, each) for each in wanted) if wanted else one.own
        if shown and isinstance(size, int):
            found.setdefault(one.name, {}).setdefault(size, []).append(one)
    drawn = [_series(name, by_size) for name, by_size in found.items() if len(by_size) > 1]
    if not drawn:
        raise InputInvalidError(
            "no case was measured at two sizes",
            clause="bench.plot",
            remedy="unseen bench run NAME --sweep 1000,10000,100000 --format json >FILE",
        )
    return drawn


def _series(name: str, by_size: Mapping[int, Sequence[Kept]]) -> Series:
    """Return one case; of several runs at one size the last counts."""
    last = {size: by_size[size][-1] for size in sorted(by_size)}
    return Series(
        name,
        [(size, one.seconds) for size, one in last.items()],
        [(size, one.bytes_sent) for size, one in last.items() if one.sent],
    )


def picture(drawn: Sequence[Series], about: str) -> str:
    """Return the SVG: seconds to the left, bytes to the right, names and laws below."""
    colours = {one.name: COLOURS[number % len(COLOURS)] for number, one in enumerate(drawn)}
    sizes = [size for one in drawn for size, _ in one.seconds]
    time = _Axes(70, 450, sizes, [value for one in drawn for _, value in one.seconds])
    lines = time.frame("CPU seconds of the whole job, or of one query", _SECONDS)
    for one in drawn:
        lines += time.curve(one.seconds, colours[one.name])
    if sent := [value for one in drawn for _, value in one.sent]:
        traffic = _Axes(550, 930, sizes, sent)
        lines += traffic.frame("bytes sent by both parties", _BYTES)
        for one in drawn:
            lines += traffic.curve(one.sent, colours[one.name])
    for number, one in enumerate(drawn):
        y = _LEGEND + _ROW * (number // 2)
        left = 70 if number % 2 == 0 else 510
        lines.append(dot((left, y - 4), colours[one.name]))
        lines.append(text(left + 11, y, f"{one.name}{_words(one.law)}"))
    height = _LEGEND + _ROW * ceil(len(drawn) / 2) + 14
    lines.append(text(70, height - 6, about))
    return sheet(WIDTH, height, lines)


def about(kept: Sequence[Kept]) -> str:
    """Say what the measurements were taken on."""
    machines = dict.fromkeys(f"{one.machine['cpu']}, {one.machine['cores']} cores" for one in kept)
    commits = dict.fromkeys(one.commit for one in kept)
    return f"{'; '.join(machines)}; commit {', '.join(commits)}"


def _words(law: Law | None) -> str:
    return "" if law is None else f": {law}"


class _Axes:
    """A panel with logarithmic axes, between powers of ten around what it shows."""

    def __init__(
        self, left: float, right: float, sizes: Sequence[float], values: Sequence[float]
    ) -> None:
        self._low, self._high = log10(min(sizes)), log10(max(sizes))
        above = [value for value in values if value > 0]
        low, high = floor(log10(min(above))), ceil(log10(max(above)))
        self._panel = Panel(left, right, low, max(high, low + 1))

    def spot(self, size: float, value: float) -> tuple[float, float]:
        part = (log10(size) - self._low) / (self._high - self._low)
        return self._panel.x(0.03 + 0.94 * part), self._panel.y(log10(value))

    def curve(self, points: Points, colour: str) -> list[str]:
        spots = [self.spot(size, value) for size, value in points if value > 0]
        return [path(spots, colour), *(dot(one, colour) for one in spots)] if spots else []

    def frame(self, title: str, written: Mapping[int, str]) -> list[str]:
        panel = self._panel
        lines = [text(panel.left, TOP - 20, title)]
        for power in range(int(panel.low), int(panel.high) + 1):
            y = panel.y(power)
            lines.append(line((panel.left, y), (panel.right, y), "#ddd"))
            lines.append(text(panel.left - 8, y + 4, written.get(power, f"1e{power}"), "end"))
        for power in range(ceil(self._low), floor(self._high) + 1):
            x, _ = self.spot(10**power, 10**panel.low)
            lines.append(line((x, TOP), (x, BOTTOM), "#ddd"))
            lines.append(text(x, BOTTOM + 18, f"{10**power:,}", "middle"))
        lines.append(text(panel.x(0.5), BOTTOM + 38, "n", "middle"))
        return lines
