"""examples/10_score: loans are scored as the model would, for one unit, and bad ones stay here."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from unseen.evidence import trust
from unseen.evidence.verify import verify_receipt

EXAMPLE = Path(__file__).parents[2] / "examples/10_score"


@pytest.mark.slow
@pytest.mark.long
def test_the_story_ends_as_its_readme_says(tmp_path: Path) -> None:
    folder = tmp_path / "score"
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "loans.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "a weighted sum of 27 columns is known after 28 scores" in done.stdout
    assert "27 columns is a polynomial of degree 2, known after 406 scores" in done.stdout
    offs = re.findall(r"farthest from the model's own: (\S+)", done.stdout)
    assert len(offs) == 2
    assert all(0 < float(off) <= 1e-4 for off in offs)
    ranks = re.findall(r"above a good one: (\S+), in the clear (\S+)", done.stdout)
    assert len(ranks) == 2
    for encrypted, clear in ranks:
        assert float(encrypted) > 0.75
        assert abs(float(encrypted) - float(clear)) <= 2e-4
    assert "age_in_years is out of bounds in row 0" in done.stdout
    assert done.stdout.count("1 ciphertext, done") == 2
    assert "1 of 4 units" in done.stdout

    with (folder / "scores.csv").open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [row["loan"] for row in written] == [str(number) for number in range(1, 1001)]
    assert all(0 < float(row["predicted"]) < 1 for row in written)

    believed = trust.parse((folder / "bank/parties.json").read_bytes())
    receipts = [
        verify_receipt(path.read_text().strip(), believed)
        for path in (folder / "bank/receipts").glob("*.receipt")
    ]
    assert [(receipt.kind, receipt.units) for receipt in receipts] == [("score", 1)] * 2
