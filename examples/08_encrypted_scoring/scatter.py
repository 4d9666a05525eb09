"""The picture of a scoring: encrypted scores against clear ones, and errors against floods."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench.drawing import BOTTOM, TOP, Panel, dot, frame, line, path, sheet, text

WIDTH: Final = 900
HEIGHT: Final = 330
COLOURS: Final = ("#1f5fa8", "#b4531a")
FIRST, SECOND = (60, 420), (510, 870)
EVERY: Final = 8  # of the loans is drawn
LEAST: Final = 40  # bits that the flood of a contract hides
PRECISION: Final = 1e-4
Reals = NDArray[np.float64]


def picture(dots: Sequence[tuple[str, Reals, Reals]], floods: Sequence[tuple[int, float]]) -> str:
    """Return an SVG. `dots` are names, clear and encrypted scores; `floods` bits and errors."""
    return sheet(WIDTH, HEIGHT, [*_scores(dots), *_floods(floods)])


def _scores(dots: Sequence[tuple[str, Reals, Reals]]) -> list[str]:
    low = floor(min(clear.min() for _, clear, _ in dots))
    high = ceil(max(clear.max() for _, clear, _ in dots))
    panel = Panel(*FIRST, low, high)
    lines = frame(panel, "Encrypted score", range(low, high + 1), 0)
    for tick in range(low, high + 1):
        x = panel.x((tick - low) / (high - low))
        lines.append(text(x, BOTTOM + 18, f"{tick}", "middle"))
    lines.append(text(panel.x(0.5), BOTTOM + 36, "score in the clear", "middle"))
    for number, ((name, clear, scores), colour) in enumerate(zip(dots, COLOURS, strict=True)):
        lines += [
            dot((panel.x((x - low) / (high - low)), panel.y(y)), colour)
            for x, y in zip(clear[number::EVERY], scores[number::EVERY], strict=True)
        ]
        words = f"{name}: {np.abs(scores - clear).max():.0e} apart at most"
        lines.append(dot((panel.left + 10, TOP + 10 + 20 * number), colour))
        lines.append(text(panel.left + 22, TOP + 14 + 20 * number, words))
    return lines


def _floods(floods: Sequence[tuple[int, float]]) -> list[str]:
    errors = [log10(error) for _, error in floods]
    most = max(bits for bits, _ in floods)
    low, high = floor(min(errors)), ceil(max(errors))
    panel = Panel(*SECOND, low, high)
    lines = frame(panel, "Largest error, log10", range(low, high + 1), 0)
    for bits in range(0, most + 1, 8):
        lines.append(text(panel.x(bits / most), BOTTOM + 18, f"{bits}", "middle"))
    lines.append(text(panel.x(0.5), BOTTOM + 36, "bits that the flood hides", "middle"))
    x = panel.x(LEAST / most)
    lines.append(line((x, TOP), (x, BOTTOM), "#888", dashed=True))
    lines.append(text(x - 6, TOP + 14, "a contract's flood", "end"))
    y = panel.y(log10(PRECISION))
    lines.append(line((panel.left, y), (panel.right, y), COLOURS[1], dashed=True))
    lines.append(text(panel.left + 6, y - 6, "largest error allowed"))
    spots = [
        (panel.x(bits / most), panel.y(error))
        for (bits, _), error in zip(floods, errors, strict=True)
    ]
    return [*lines, path(spots, COLOURS[0])]
