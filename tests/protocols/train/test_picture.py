"""The picture of a card: well-formed, the same each time, with every figure, without marks."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from tests.protocols.train.tasks import LABELS
from tests.protocols.train.test_card import made

from unseen.protocols.train.picture import to_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("family", LABELS)
def test_every_figure_of_a_card_is_drawn(family: str) -> None:
    card = made(family)
    drawn = to_svg(card)
    assert drawn == to_svg(card)
    tree = ET.fromstring(drawn)  # noqa: S314 - our own
    words = " ".join(text.text or "" for text in tree.iter(f"{NAMESPACE}text"))
    for name, value in card.metrics:
        assert (f"{value:,}" if name == "rows" else f"{value / 1000:.3f}") in words
    assert f"{float(card.epsilon or 0):.3f}  epsilon" in words
    dots = list(tree.iter(f"{NAMESPACE}circle"))
    assert len(dots) == len(card.calibration)
    for dot, (mean, share, _rows) in zip(dots, card.calibration, strict=True):
        x, y = (float(dot.attrib[name]) for name in ("cx", "cy"))
        assert abs((x - 70) / 280 - mean / 1000) < 0.001
        assert abs((330 - y) / 280 - share / 1000) < 0.001
    assert bool(dots) == (family in {"logistic", "boosting"})


def test_what_was_not_measured_is_said_and_marks_are_escaped() -> None:
    card = made()
    assert "Not measured" in to_svg(replace(card, metrics=(), calibration=()))
    label = replace(card.spec.label, name="<script>&")
    drawn = to_svg(replace(card, spec=replace(card.spec, label=label)))
    assert "&lt;script&gt;&amp;" in drawn
    assert not re.search("<script", drawn)
