"""examples/07_intersect: what is in common is found, counted and summed up within its noise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from unseen.evidence import trust
from unseen.evidence.verify import verify_receipt

EXAMPLE = Path(__file__).parents[2] / "examples/07_intersect"


@pytest.mark.slow
@pytest.mark.long
def test_the_story_ends_as_its_readme_says(tmp_path: Path) -> None:
    folder = tmp_path / "intersect"
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "overlap.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "as it should be: True" in done.stdout
    first, second = re.findall(r"in the table +about (\d+)", done.stdout)
    assert abs(int(first) - 240) <= 12
    assert abs(int(second) - 240) <= 17
    (error,) = re.findall(r"give or take ([\d,]+)", done.stdout)
    (off,) = re.findall(r"off by (\d+)", done.stdout)
    assert int(off) <= 12 * int(error.replace(",", ""))
    assert done.stdout.count("300 items, done") == 6  # a count and a sum take two steps each
    assert "20 items by oprf_table, since 20 items are few beside the table's rows" in done.stdout
    assert "300 items by ecdh_psi, since 300 items are not few" in done.stdout
    assert re.findall(r"  in the table: (\d+)", done.stdout) == ["20", "240"]

    believed = trust.parse((folder / "foundation/parties.json").read_bytes())
    receipts = [
        verify_receipt(path.read_text().strip(), believed)
        for path in (folder / "foundation/receipts").glob("*.receipt")
    ]
    assert sorted((receipt.units, receipt.privacy) for receipt in receipts) == [
        (20, "0"),
        (300, "0"),
        (300, "0"),
        (300, "0.5"),
        (300, "0.5"),
    ]
