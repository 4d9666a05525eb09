"""examples/08_encrypted_scoring: scores come back right, and the picture shows what they did."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.protocols.he.models.credit import EXAMPLE, area, held_out, loans, logistic, network

from unseen.protocols.he.models import from_onnx

NAMESPACE = "{http://www.w3.org/2000/svg}"


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    file = tmp_path_factory.mktemp("scored") / "scores.svg"
    return run("score.py", "--picture", str(file)), file


def test_encrypted_scores_are_near_and_rank_as_those_in_the_clear(told: tuple[str, Path]) -> None:
    text = told[0]
    distances = [float(one) for one in re.findall(r"in the clear: (\S+) \(allowed: 1e-04\)", text)]
    assert len(distances) == 2
    assert all(0 < one <= 1e-4 for one in distances)
    bad, out = loans()[2], held_out()
    for model, encrypted, clear in zip(
        (logistic(), network()),
        re.findall(r"encrypted (\S+)", text),
        re.findall(r"clear     (\S+)", text),
        strict=True,
    ):
        assert float(clear) == pytest.approx(
            area(model.predictor(loans()[1])[out], bad[out]), abs=1e-4
        )
        assert float(encrypted) == pytest.approx(float(clear), abs=2e-4)
        assert float(clear) > 0.75
    assert "known after 28 scores" in text
    assert "a polynomial of degree 2, known after 406 scores at most" in text
    assert "取得 28 个" in text


def test_the_picture_has_every_eighth_loan_and_where_a_flood_is_too_large(
    told: tuple[str, Path],
) -> None:
    for file in (told[1], EXAMPLE / "scores.svg"):
        tree = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 - our own
        assert len(list(tree.iter(f"{NAMESPACE}circle"))) == 2 * (1000 // 8) + 2
        (curve,) = tree.iter(f"{NAMESPACE}polyline")
        heights = [float(one.split(",")[1]) for one in curve.attrib["points"].split()]
        assert len(heights) == 29
        assert heights[0] > heights[20] > heights[28]  # up is less
        dashed = [one for one in tree.iter(f"{NAMESPACE}line") if "stroke-dasharray" in one.attrib]
        allowed = float(dashed[1].attrib["y1"])
        assert heights[20] > allowed > heights[28]


def test_the_models_can_be_fitted_again(tmp_path: Path) -> None:
    run("fit.py", str(tmp_path))
    assert (tmp_path / "columns.json").read_bytes() == (EXAMPLE / "columns.json").read_bytes()
    features, rows, bad = loans()
    out = held_out()
    for name, stored in (("credit", logistic()), ("network", network())):
        again = from_onnx((tmp_path / f"{name}.onnx").read_bytes(), features)
        assert again.layers[0].powers == stored.layers[0].powers
        areas = [area(one.predictor(rows)[out], bad[out]) for one in (again, stored)]
        assert areas[0] == pytest.approx(areas[1], abs=0.01)
