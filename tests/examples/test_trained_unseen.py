"""examples/11_encrypted_training: both models are near the clear, each iteration is paid once."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import onnxruntime
import pytest

from unseen.evidence import trust
from unseen.evidence.verify import verify_receipt

NAMESPACE = "{http://www.w3.org/2000/svg}"
EXAMPLE = Path(__file__).parents[2] / "examples/11_encrypted_training"


@pytest.mark.slow
@pytest.mark.long
def test_the_story_ends_as_its_readme_says(tmp_path: Path) -> None:
    folder = tmp_path / "training"
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "models.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    areas = re.findall(r"area under the curve, held out: (\S+); in the clear (\S+)", done.stdout)
    assert len(areas) == 2
    for (found, wanted), least in zip(areas, (0.8, 0.6), strict=True):
        assert abs(float(found) - float(wanted)) < 0.04
        assert float(found) > least
    assert "done before: 5" in done.stdout
    assert "5 of 20 are done" in done.stdout
    assert "20 of 20 units" in done.stdout
    assert "It has 4,511 people, of whom 300 are strangers there" in done.stdout
    assert re.search(r"own rows +4,211", done.stdout)
    assert done.stdout.count("semi-honest") >= 2

    drawn = ET.fromstring((folder / "areas.svg").read_text(encoding="utf-8"))  # noqa: S314 - ours
    curves = [one.attrib["points"].split() for one in drawn.iter(f"{NAMESPACE}polyline")]
    assert [len(curve) for curve in curves] == [21, 41]

    model = json.loads((folder / "secret-model/model.json").read_bytes())
    assert len(model["weights"]) == 15
    assert "密态训练" in (folder / "secret-model/card.zh.md").read_text(encoding="utf-8")
    session = onnxruntime.InferenceSession(str(folder / "joint-model/model.onnx"))
    joint = json.loads((folder / "joint-model/model.json").read_bytes())
    middles = np.array([[1.0] * len(joint["weights"])])
    score = joint["intercept"] + sum(one["weight"] for one in joint["weights"])
    (found,) = session.run(None, {"rows": middles})
    assert float(found[0, 0]) == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-9)

    for buyer, units in (("institute", {"train": 20}), ("insurer", {"train": 40, "intersect": 1})):
        believed = trust.parse((folder / buyer / "parties.json").read_bytes())
        receipts = [
            verify_receipt(path.read_text().strip(), believed)
            for path in (folder / buyer / "receipts").glob("*.receipt")
        ]
        kinds = [receipt.kind for receipt in receipts]
        assert {kind: kinds.count(kind) for kind in set(kinds)} == units
        assert all(receipt.units == 1 for receipt in receipts if receipt.kind == "train")


def test_the_picture_has_a_curve_for_each_model_and_ends_near_the_clear() -> None:
    drawn = ET.fromstring((EXAMPLE / "areas.svg").read_text(encoding="utf-8"))  # noqa: S314 - ours
    curves = [one.attrib["points"].split() for one in drawn.iter(f"{NAMESPACE}polyline")]
    dashed = [one for one in drawn.iter(f"{NAMESPACE}line") if "stroke-dasharray" in one.attrib]
    assert [len(curve) for curve in curves] == [21, 41]
    assert len(dashed) == 20 + 40
    for curve, last in zip(curves, (dashed[19], dashed[-1]), strict=True):
        # A pixel is 0.0018 of area.
        assert abs(float(curve[-1].split(",")[1]) - float(last.attrib["y2"])) < 20
