"""The picture of a training: what each step bought, for how much privacy, and is it calibrated."""

from collections.abc import Sequence
from math import ceil, floor

from unseen.bench.drawing import BOTTOM, Panel, dot, frame, line, path, sheet, text
from unseen.bench.training import Judged

WIDTH, HEIGHT = 960, 350
JOINT, POOLED = "#1f5fa8", "#b4531a"
FIRST, SECOND, THIRD = (60, 310), (375, 625), (690, 930)


def picture(title: str, steps: Sequence[tuple[float, Judged]], pooled: Judged) -> str:
    """Return an SVG. `steps` are (epsilon so far, how good) after each gradient."""
    losses = [found.loss for _, found in steps]
    areas = [found.auc for _, found in steps]
    spent = [epsilon for epsilon, _ in steps]
    lines = _panel(FIRST, "Logistic loss after each step", losses, pooled.loss)
    lines += _panel(SECOND, "Area under the curve, by epsilon spent", areas, pooled.auc, spent)
    lines += _calibration(steps[-1][1], pooled)
    for number, (words, colour) in enumerate(
        (("joint, with noise", JOINT), ("pooled, without noise", POOLED))
    ):
        lines.append(dot((FIRST[0] + 160 * number + 5, HEIGHT - 16), colour))
        lines.append(text(FIRST[0] + 160 * number + 16, HEIGHT - 12, words))
    lines.append(text(THIRD[1], HEIGHT - 12, title, "end"))
    return sheet(WIDTH, HEIGHT, lines)


def _panel(
    at: tuple[int, int],
    title: str,
    values: Sequence[float],
    pooled: float,
    spent: Sequence[float] = (),
) -> list[str]:
    """Draw values by the number of the step, or by the epsilon spent until then."""
    every = [*values, pooled]
    low, high = floor(50 * min(every)) / 50, ceil(50 * max(every)) / 50
    panel = Panel(*at, low, max(high, low + 0.02))
    last = ceil(spent[-1]) if spent else len(values)
    places = spent or range(1, last + 1)
    spots = [
        (panel.x(0.95 * place / last), panel.y(value))
        for place, value in zip(places, values, strict=True)
    ]
    ticks = round((panel.high - panel.low) / 0.01)
    lines = frame(panel, title, [panel.low + 0.01 * n for n in range(ticks + 1)])
    lines.append(line((at[0], panel.y(pooled)), (at[1], panel.y(pooled)), POOLED, dashed=True))
    lines += [path(spots, JOINT), *(dot(spot, JOINT) for spot in spots)]
    for number in range(1, last + 1):
        lines.append(text(panel.x(0.95 * number / last), BOTTOM + 18, str(number), "middle"))
    lines.append(text(panel.x(0.5), BOTTOM + 36, "epsilon" if spent else "gradient", "middle"))
    return lines


def _calibration(joint: Judged, pooled: Judged) -> list[str]:
    every = [value for found in (joint, pooled) for tenth in found.calibration for value in tenth]
    low, high = floor(10 * min(every)) / 10, ceil(10 * max(every)) / 10
    panel = Panel(*THIRD, low, high)

    def spot(predicted: float, observed: float) -> tuple[float, float]:
        return panel.x((predicted - low) / (high - low)), panel.y(observed)

    ticks = [low + 0.1 * n for n in range(round(10 * (high - low)) + 1)]
    lines = frame(panel, "Observed, by what was predicted: tenths", ticks, 1)
    lines.append(line(spot(low, low), spot(high, high), "#999", dashed=True))
    for found, colour in ((pooled, POOLED), (joint, JOINT)):
        spots = [spot(*tenth) for tenth in found.calibration]
        lines += [path(spots, colour), *(dot(one, colour) for one in spots)]
    lines += [
        text(spot(value, low)[0], BOTTOM + 18, f"{value:.1f}", "middle") for value in ticks[::2]
    ]
    return [*lines, text(panel.x(0.5), BOTTOM + 36, "predicted", "middle")]
