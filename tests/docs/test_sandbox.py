"""docs/sandbox.md shows every attempt with its layers, every layer with its file, every tier."""

import re
from pathlib import Path

import pytest
from tests.sandbox.attempts import ATTEMPTS, LAYERS, Attempt

from unseen.sandbox import canaries
from unseen.sandbox.job import Limits, Tier

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| stopped \| (stopped|seen) \|$", PAGE, re.MULTILINE)


def row(attempt: Attempt) -> tuple[str, str, str]:
    layers = ", ".join(LAYERS[letter] for letter in attempt.letters)
    return attempt.name, layers, "seen" if attempt.seen else "stopped"


def test_every_attempt_has_its_row() -> None:
    assert [(name, layers.replace("Landlock", "landlock"), s1) for name, layers, s1 in ROWS] == [
        row(attempt) for attempt in ATTEMPTS
    ]


@pytest.mark.parametrize("layer", sorted({*LAYERS.values(), "process", "collector"}))
def test_every_layer_has_its_file(layer: str) -> None:
    (files,) = re.findall(rf"^\| {layer} \| (`.+`) \| .+ \|$", PAGE, re.MULTILINE)
    for file in re.findall(r"`(.+?)`", files):
        assert (ROOT / file).read_text(encoding="utf-8").startswith('"""')


def test_every_tier_and_every_limit_is_named() -> None:
    for tier in Tier:
        assert f"| {tier.name} |" in PAGE
    for limit in Limits.__dataclass_fields__:
        assert f"`{limit}`" in PAGE, limit


def test_the_canaries_are_counted() -> None:
    assert len(canaries.NAMES) + len(canaries.DEADLY) == 11
    assert "eleven attempts" in PAGE
