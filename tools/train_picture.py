"""Draw what privacy costs in accuracy, from the bench's own figures and one more training.

    ./unseen bench run train --format json >train.json
    .venv/bin/python tools/train_picture.py train.json >docs/pictures/train.svg

Area under the curve and loss are those in the notes of the cases `train/TABLE/epsilon-N`; for the
calibration RAND health is trained anew on the first split. An SVG of lines and text, by no library.
"""

import json
import re
import sys
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Final, NamedTuple

from unseen.bench import training
from unseen.bench.drawing import BOTTOM, Panel, dot, frame, line, path, sheet, text

WIDTH: Final = 960
HEIGHT: Final = 360
NOTE: Final = re.compile(
    r"AUC [0-9.]+, loss [0-9.]+; "
    r"AUC ([+-][0-9.]+) \(worst split ([+-][0-9.]+)\), loss ([+-][0-9.]+)"
)
TABLES: Final = {
    "rand": ("RAND health: 5,912 people, 4 parties", "#1f5fa8", 0.01),
    "german": ("German credit: 1,000 loans, 3 parties", "#b4531a", 0.03),
}
CALIBRATED: Final = {1: "#8fb7de", 4: "#1f5fa8"}


class Point(NamedTuple):
    """How far area under the curve and loss are from those of pooled rows, by epsilon."""

    epsilon: int
    auc: float
    worst: float
    loss: float


AREA: Final = Panel(60, 310, -0.12, 0.0)
LOSS: Final = Panel(375, 625, 0.0, 0.12)
CALIBRATION: Final = Panel(690, 930, 0.3, 1.0)


def points(measured: list[dict[str, object]], table: str) -> list[Point]:
    """Return what the bench found for a table, by epsilon."""
    found = []
    for one in measured:
        name = re.fullmatch(rf"train/{table}/epsilon-(\d+)", str(one["name"]))
        note = NOTE.fullmatch(str(one["note"]))
        if name and note:
            found.append(Point(int(name[1]), *map(float, note.groups())))
    return sorted(found)


def picture(
    measured: list[dict[str, object]], calibrated: dict[int, Sequence[tuple[float, float]]]
) -> str:
    """Return the SVG. `calibrated` has (predicted, observed) of the tenths, by epsilon."""
    lines = frame(AREA, "Area under the curve, less pooled", [-0.02 * n for n in range(7)])
    lines += frame(LOSS, "Logistic loss, more than pooled", [0.02 * n for n in range(7)])
    lines += frame(CALIBRATION, "RAND health, tenths by score", [0.3 + 0.1 * n for n in range(8)])
    for number, table in enumerate(TABLES):
        lines += _series(points(measured, table), table, number)
    for panel in (AREA, LOSS):
        lines += [
            text(_by_epsilon(panel, e), BOTTOM + 18, str(e), "middle") for e in training.EPSILONS
        ]
        lines.append(text(panel.x(0.5), BOTTOM + 36, "epsilon", "middle"))
    words = "dot: mean of the splits; line: to the worst; dashed: the bar at epsilon 4"
    lines.append(text(AREA.left, HEIGHT - 8, words))
    return sheet(WIDTH, HEIGHT, [*lines, *_calibration(calibrated)])


def _by_epsilon(panel: Panel, epsilon: int) -> float:
    """Return where an epsilon from 1 to 8 stands: by its logarithm."""
    return panel.x(0.1 + 0.8 * log2(epsilon) / 3)


def _series(found: list[Point], table: str, number: int) -> list[str]:
    words, colour, target = TABLES[table]
    shift = 6 * number - 3
    lines = []
    for panel, name in ((AREA, "auc"), (LOSS, "loss")):
        spots = [(_by_epsilon(panel, p.epsilon) + shift, panel.y(getattr(p, name))) for p in found]
        lines.append(path(spots, colour))
        lines += [dot(spot, colour) for spot in spots]
    for point in found:
        x = _by_epsilon(AREA, point.epsilon) + shift
        lines.append(line((x, AREA.y(point.auc)), (x, AREA.y(point.worst)), colour))
    x, y = _by_epsilon(AREA, 4) + shift, AREA.y(-target)
    lines.append(line((x - 14, y), (x + 14, y), colour, dashed=True))
    height = HEIGHT - 26
    lines.append(dot((AREA.left + 240 * number + 5, height - 4), colour))
    lines.append(text(AREA.left + 240 * number + 16, height, words))
    return lines


def _calibration(calibrated: dict[int, Sequence[tuple[float, float]]]) -> list[str]:
    def spot(predicted: float, observed: float) -> tuple[float, float]:
        part = (predicted - CALIBRATION.low) / (CALIBRATION.high - CALIBRATION.low)
        return CALIBRATION.x(part), CALIBRATION.y(observed)

    lines = [line(spot(0.3, 0.3), spot(1.0, 1.0), "#999", dashed=True)]
    for number, (epsilon, tenths) in enumerate(sorted(calibrated.items())):
        spots = [spot(*tenth) for tenth in tenths]
        lines.append(path(spots, CALIBRATED[epsilon]))
        lines += [dot(one, CALIBRATED[epsilon]) for one in spots]
        words = f"epsilon {epsilon}"
        lines.append(dot((CALIBRATION.left + 90 * number + 5, HEIGHT - 30), CALIBRATED[epsilon]))
        lines.append(text(CALIBRATION.left + 90 * number + 16, HEIGHT - 26, words))
    for value in (0.4, 0.6, 0.8, 1.0):
        lines.append(text(spot(value, 0.3)[0], BOTTOM + 18, f"{value:.1f}", "middle"))
    lines.append(text(CALIBRATION.x(0.5), BOTTOM + 36, "predicted, and observed above", "middle"))
    return lines


def main() -> int:
    """Draw the figures of a file."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    measured = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    table = training.rand()
    calibrated = {epsilon: table.joint(epsilon, 0).calibration for epsilon in CALIBRATED}
    print(picture(measured, dict(calibrated)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
