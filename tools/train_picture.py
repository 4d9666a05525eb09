"""Draw what privacy costs in accuracy, from the bench's own figures.

    ./unseen bench run train --format json >train.json
    .venv/bin/python tools/train_picture.py train.json >docs/pictures/train.svg

An SVG of lines and text, without a library. Reads the notes of the cases `train/TABLE/epsilon-N`.
"""

import json
import re
import sys
from math import log2
from pathlib import Path
from typing import Final, NamedTuple

WIDTH: Final = 640
HEIGHT: Final = 360
LEFT, RIGHT, TOP, BOTTOM = 70, 610, 40, 300
LOWEST: Final = -0.11
NOTE: Final = re.compile(r"AUC ([0-9.]+), ([+-][0-9.]+), worst split ([+-][0-9.]+)")
TABLES: Final = {
    "rand": ("RAND health: 5,912 people, 4 parties", "#1f5fa8", 0.01),
    "german": ("German credit: 1,000 loans, 3 parties", "#b4531a", 0.03),
}


class Point(NamedTuple):
    """Mean and worst distance of the area under the curve from that of pooled rows."""

    epsilon: int
    mean: float
    worst: float


def points(measured: list[dict[str, object]], table: str) -> list[Point]:
    """Return what the bench found for a table, by epsilon."""
    found = []
    for one in measured:
        name = re.fullmatch(rf"train/{table}/epsilon-(\d+)", str(one["name"]))
        note = NOTE.fullmatch(str(one["note"]))
        if name and note:
            found.append(Point(int(name[1]), float(note[2]), float(note[3])))
    return sorted(found)


def x_of(epsilon: int) -> float:
    """Return where an epsilon stands: from 1 to 8, by its logarithm."""
    return LEFT + 30 + log2(epsilon) / 3 * (RIGHT - LEFT - 60)


def y_of(value: float) -> float:
    """Return where a distance stands."""
    return TOP + value / LOWEST * (BOTTOM - TOP)


def picture(measured: list[dict[str, object]]) -> str:
    """Return the SVG."""
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 22, "Area under the curve, less that of pooled rows without noise"),
    ]
    for part in range(6):
        value = -0.02 * part
        lines.append(_line(LEFT, y_of(value), RIGHT, y_of(value), "#ddd"))
        lines.append(_text(LEFT - 8, y_of(value) + 4, f"{value:.2f}", "end"))
    for number, table in enumerate(TABLES):
        lines += _series(points(measured, table), table, number)
    lines += [_text(x_of(e), BOTTOM + 18, str(e), "middle") for e in (1, 2, 4, 8)]
    lines.append(_text((LEFT + RIGHT) / 2, BOTTOM + 36, "epsilon", "middle"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _series(found: list[Point], table: str, number: int) -> list[str]:
    words, colour, target = TABLES[table]
    shift = 6 * number - 3
    path = " ".join(f"{x_of(p.epsilon) + shift:.1f},{y_of(p.mean):.1f}" for p in found)
    lines = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for point in found:
        x = x_of(point.epsilon) + shift
        lines.append(_line(x, y_of(point.mean), x, y_of(point.worst), colour))
        lines.append(f'<circle cx="{x:.1f}" cy="{y_of(point.mean):.1f}" r="4" fill="{colour}"/>')
    x = x_of(4) + shift
    lines.append(_line(x - 14, y_of(-target), x + 14, y_of(-target), colour, dashed=True))
    height = BOTTOM - 50 + 18 * number
    lines.append(_line(LEFT + 230, height - 4, LEFT + 255, height - 4, colour))
    lines.append(_text(LEFT + 262, height, words))
    if number:
        words = "dot: mean of the splits; line: to the worst; dashed: the bar at epsilon 4"
        lines.append(_text(LEFT + 130, height + 18, words))
    return lines


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'
    )


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def main() -> int:
    """Draw the figures of a file."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    print(picture(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
