"""examples/09_encrypted_training: models come out near those of clear training, as is said."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/09_encrypted_training"
NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.slow
@pytest.mark.long
def test_both_models_come_out_near_those_of_clear_training() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "train.py"), "--epsilon", "8"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    encrypted = [float(one) for one in re.findall(r"with noise (\S+)", done.stdout)]
    clear = [float(one) for one in re.findall(r"clear, without +(\S+)", done.stdout)]
    assert len(encrypted) == len(clear) == 2
    for found, wanted, least in zip(encrypted, clear, (0.8, 0.6), strict=True):
        assert abs(found - wanted) < 0.04
        assert found > least
    assert done.stdout.count("epsilon 8 (rho") == 2
    assert done.stdout.count("semi-honest") == done.stdout.count("半诚实") == 2
    assert "how many weights, labels and columns of the buyer's (4) there are" in done.stdout


def test_the_picture_has_a_dot_for_each_training_and_a_line_for_each_in_the_clear() -> None:
    tree = ET.fromstring((EXAMPLE / "areas.svg").read_text(encoding="utf-8"))  # noqa: S314 - ours
    assert len(list(tree.iter(f"{NAMESPACE}circle"))) == 2 * 4 + 2
    dashed = [
        float(one.attrib["y1"])
        for one in tree.iter(f"{NAMESPACE}line")
        if "stroke-dasharray" in one.attrib
    ]
    assert len(dashed) == 2
    for curve, clear in zip(tree.iter(f"{NAMESPACE}polyline"), dashed, strict=True):
        heights = [float(one.split(",")[1]) for one in curve.attrib["points"].split()]
        # The most noise is the farthest from the clear line; a pixel is 0.0018 of area.
        assert len(heights) == 4
        assert abs(heights[3] - clear) < abs(heights[0] - clear) + 6
        assert abs(heights[3] - clear) < 20
