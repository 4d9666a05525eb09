"""The picture in docs/ is drawn from figures, and shows every one of them."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CENTRE = re.compile(r'<circle cx="[0-9.]+" cy="([0-9.]+)"')
MEASURED: list[dict[str, object]] = [
    {"name": "train/rand/pooled", "note": "AUC 0.6681"},
    {"name": "train/rand/epsilon-4", "note": "AUC 0.6618, -0.0064, worst split -0.0134"},
    {"name": "train/rand/epsilon-1", "note": "AUC 0.6483, -0.0198, worst split -0.0338"},
    {"name": "train/german/epsilon-8", "note": "AUC 0.7914, +0.0049, worst split -0.0257"},
]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("picture", ROOT / "tools/train_picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_points_are_those_of_the_notes(tool: ModuleType) -> None:
    assert tool.points(MEASURED, "rand") == [(1, -0.0198, -0.0338), (4, -0.0064, -0.0134)]
    assert tool.points(MEASURED, "german") == [(8, 0.0049, -0.0257)]


def test_every_figure_is_drawn(tool: ModuleType) -> None:
    dots = [float(y) for y in CENTRE.findall(tool.picture(MEASURED))]
    means = (-0.0198, -0.0064, 0.0049)
    assert dots == pytest.approx([tool.y_of(mean) for mean in means], abs=0.1)


def test_the_picture_of_the_page_shows_two_tables_at_four_epsilons() -> None:
    drawn = (ROOT / "docs/pictures/train.svg").read_text(encoding="utf-8")
    assert len(CENTRE.findall(drawn)) == 8
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert "(pictures/train.svg)" in page
