"""The picture in docs/ is drawn from figures, and shows every one of them."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CENTRE = re.compile(r'<circle cx="[0-9.]+" cy="([0-9.]+)"')
MEASURED: list[dict[str, object]] = [
    {"name": "train/rand/pooled", "note": "AUC 0.6681, loss 0.5900"},
    {
        "name": "train/rand/epsilon-4",
        "note": "AUC 0.6618, loss 0.5950; AUC -0.0064 (worst split -0.0134), loss +0.0050",
    },
    {
        "name": "train/rand/epsilon-1",
        "note": "AUC 0.6483, loss 0.6000; AUC -0.0198 (worst split -0.0338), loss +0.0100",
    },
    {
        "name": "train/german/epsilon-8",
        "note": "AUC 0.7914, loss 0.5000; AUC +0.0049 (worst split -0.0257), loss -0.0010",
    },
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
    assert tool.points(MEASURED, "rand") == [
        (1, -0.0198, -0.0338, 0.0100),
        (4, -0.0064, -0.0134, 0.0050),
    ]
    assert tool.points(MEASURED, "german") == [(8, 0.0049, -0.0257, -0.0010)]


def test_every_figure_is_drawn(tool: ModuleType) -> None:
    dots = {float(y) for y in CENTRE.findall(tool.picture(MEASURED, {1: [(0.5, 0.75)]}))}
    areas = [tool.AREA.y(value) for value in (-0.0198, -0.0064, 0.0049)]
    losses = [tool.LOSS.y(value) for value in (0.0100, 0.0050, -0.0010)]
    for height in (*areas, *losses, tool.CALIBRATION.y(0.75)):
        assert any(abs(dot - height) < 0.1 for dot in dots)


def test_the_picture_of_the_page_has_all_of_them() -> None:
    drawn = (ROOT / "docs/pictures/train.svg").read_text(encoding="utf-8")
    legend = 4
    assert len(CENTRE.findall(drawn)) == 2 * 2 * 4 + 2 * 10 + legend
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    assert "(pictures/train.svg)" in page
