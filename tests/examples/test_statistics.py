"""examples/05_statistics: answers lie within their noise, and cost what they say."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from unseen.evidence import trust
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.verify import verify_receipt

EXAMPLE = Path(__file__).parents[2] / "examples/05_statistics"
ROW = re.compile(r"answer +([\d.]+)  true +([\d.]+)  off by +([\d.]+), noise +([\d.]+)")


@pytest.mark.slow
@pytest.mark.long
def test_the_story_ends_as_its_readme_says(tmp_path: Path) -> None:
    folder = tmp_path / "statistics"
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "ask.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    rows = [tuple(map(float, found)) for found in ROW.findall(done.stdout)]
    assert len(rows) == 4
    for answer, true, off, noise in rows:
        assert off == pytest.approx(abs(answer - true), abs=0.02)
        assert off < 6 * noise
    assert rows[0][1] > max(true for _, true, _, _ in rows[1:])  # free care: the study's result
    assert "kept here: True; sent anew, for a rho of 0: the same numbers: True" in done.stdout
    assert "refused by budget: " in done.stdout

    believed = trust.parse((folder / "actuary/parties.json").read_bytes())
    receipts = [
        verify_receipt(path.read_text().strip(), believed)
        for path in (folder / "actuary/receipts").glob("*.receipt")
    ]
    spent = sum(Fraction(receipt.privacy) for receipt in receipts)
    assert len(receipts) == 5
    assert sum(receipt.privacy != "0" for receipt in receipts) == 3
    (said,) = re.findall(r"spent +epsilon [\d.]+ \(rho ([\d.]+)\)", done.stdout)[-1:]
    assert Fraction(said) == spent


def test_the_menu_reads_as_one() -> None:
    found = parse_definition((EXAMPLE / "menu.toml").read_bytes())
    assert found.person == ("zper",)
    assert found.menu.rows_per_person == 5
    assert found.menu.partition is not None
    assert found.menu.partition.by == ("coinsurance",)
