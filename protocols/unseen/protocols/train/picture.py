"""Niculescu-Mizil and Caruana, ICML 2005: a reliability diagram of a model, as an SVG of its card.

What was predicted and what was observed, in ten groups by score; beside it the figures that there
are. Everything comes out of the card, and so out of sums with noise: a dot of a few rows may lie
anywhere. Other labels than yes or no have no groups: then the share of variance is drawn. By no
library, and to the same bytes each time.
"""

from collections.abc import Iterator
from math import sqrt
from typing import Final
from xml.sax.saxutils import escape

from unseen.protocols.train.card import Card
from unseen.protocols.train.card_words import METRICS

WIDTH: Final = 720
HEIGHT: Final = 400
_LEFT: Final = 70
_TOP: Final = 50
_SIDE: Final = 280
_TEXT: Final = 390
_LINE: Final = 24
_PARTS: Final = 1000
_LARGEST: Final = 11  # radius of a dot, that of the group of most rows
_COLOUR: Final = "#1f5fa8"


def to_svg(card: Card) -> str:
    """Return the picture of a card."""
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    figures = dict(card.metrics)
    if card.calibration:
        lines += _calibration(card)
    elif "explained" in figures:
        lines += _explained(figures["explained"])
    else:
        lines.append(_text(_LEFT, _TOP + _SIDE / 2, "Not measured（未评估）"))
    lines += _figures(card)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _calibration(card: Card) -> Iterator[str]:
    yield _text(_LEFT, 30, f"{card.spec.label.name}: predicted, observed（预测与实际）")
    for tenth in range(0, 11, 2):
        part = tenth / 10
        x, y = _spot(part, part)
        yield _line((_LEFT, y), (_LEFT + _SIDE, y), "#ddd")
        yield _text(_LEFT - 8, y + 4, f"{part:.1f}", "end")
        yield _text(x, _TOP + _SIDE + 20, f"{part:.1f}", "middle")
    yield _line(_spot(0, 0), _spot(1, 1), "#999", dashed=True)
    most = max(1, *(rows for _, _, rows in card.calibration))
    for mean, share, rows in card.calibration:
        x, y = _spot(mean / _PARTS, share / _PARTS)
        radius = max(_LARGEST * sqrt(max(rows, 0) / most), 1.5)
        words = f"{mean / _PARTS:.3f}, {share / _PARTS:.3f}, {rows:,}"
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_COLOUR}"'
            f' fill-opacity="0.7"><title>{words}</title></circle>'
        )


def _explained(parts: int) -> Iterator[str]:
    share = min(max(parts / _PARTS, 0.0), 1.0)
    yield _text(_LEFT, 30, "Share of variance explained（解释方差比例）")
    top = _TOP + _SIDE / 2
    yield f'<rect x="{_LEFT}" y="{top:.1f}" width="{_SIDE}" height="30" fill="#ddd"/>'
    width = share * _SIDE
    yield f'<rect x="{_LEFT}" y="{top:.1f}" width="{width:.1f}" height="30" fill="{_COLOUR}"/>'
    for tenth in range(0, 11, 2):
        x, _ = _spot(tenth / 10, 0)
        yield _text(x, top + 50, f"{tenth / 10:.1f}", "middle")


def _figures(card: Card) -> Iterator[str]:
    at = _TOP + 6
    for name, value in card.metrics:
        text = f"{value:,}" if name == "rows" else f"{value / _PARTS:.3f}"
        english, chinese = METRICS.get(name, (name, name))
        yield _text(_TEXT, at, f"{text}  {english}（{chinese}）")
        at += _LINE
    if (epsilon := card.epsilon) is not None:
        yield _text(_TEXT, at, f"{float(epsilon):.3f}  epsilon, delta {card.delta}")
        at += _LINE
    yield _text(_TEXT, at + _LINE, "Out of sums with noise: estimates.", colour="#666")
    yield _text(_TEXT, at + 2 * _LINE, "由加噪求和得出，仅为估计值。", colour="#666")


def _spot(across: float, up: float) -> tuple[float, float]:
    """Return where two shares stand."""
    return _LEFT + across * _SIDE, _TOP + (1 - up) * _SIDE


def _line(
    start: tuple[float, float], end: tuple[float, float], colour: str, *, dashed: bool = False
) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="{colour}"{dash}/>'


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "black") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"
