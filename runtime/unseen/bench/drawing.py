"""Pictures as SVG, of lines, dots and text alone, by no library. Lengths are pixels."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

TOP: Final = 50  # where the highest value of a panel stands, and its title above it
BOTTOM: Final = 270
_TITLE: Final = 30

Spot = tuple[float, float]


class Panel(NamedTuple):
    """A part of the picture: its left and right edge, and the values at its bottom and top."""

    left: float
    right: float
    low: float
    high: float

    def x(self, part: float) -> float:
        """Return where a part of the width stands."""
        return self.left + part * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where a value stands."""
        return BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP)


def sheet(width: int, height: int, lines: Sequence[str]) -> str:
    """Return a picture of these lines on white."""
    box = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    return "\n".join([*head, *lines, "</svg>"]) + "\n"


def frame(panel: Panel, title: str, values: Sequence[float], places: int = 2) -> list[str]:
    """Draw a title, and a line with its number at each value; signs are left out."""
    lines = [text(panel.left, _TITLE, title)]
    for value in values:
        y = panel.y(value)
        lines.append(line((panel.left, y), (panel.right, y), "#ddd"))
        lines.append(text(panel.left - 8, y + 4, f"{abs(value) and value:.{places}f}", "end"))
    return lines


def path(spots: Sequence[Spot], colour: str) -> str:
    """Draw a line through some spots."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'


def dot(spot: Spot, colour: str) -> str:
    """Draw a dot."""
    return f'<circle cx="{spot[0]:.1f}" cy="{spot[1]:.1f}" r="4" fill="{colour}"/>'


def line(start: Spot, end: Spot, colour: str, *, dashed: bool = False) -> str:
    """Draw a thin line."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="{colour}"{dash}/>'


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Write words that begin, or by `anchor` end or have their middle, at x."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
