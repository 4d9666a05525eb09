"""examples/02_dispute: the whole story runs, and ends as its README says."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from unseen.evidence import trust
from unseen.evidence.bills.statement import read_statement, verify_statement

EXAMPLE = Path(__file__).parents[2] / "examples/02_dispute"


@pytest.mark.slow
@pytest.mark.long
def test_both_exports_settle_the_bill(tmp_path: Path) -> None:
    folder = tmp_path / "dispute"
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "dispute.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert done.stdout.rstrip().endswith("=== Settled.")
    rows = list(csv.DictReader((folder / "rulings.csv").read_text().splitlines()))
    assert [row["ruling"] for row in rows] == ["agreed"] * 4 + ["denied"] * 2
    assert [row["owed"] for row in rows] == ["1", "1", "1", "0", "1", "1"]

    believed = trust.parse((folder / "auditor/parties.json").read_bytes())
    bills = {
        name: verify_statement((folder / f"{name}.jws").read_text().strip(), believed)
        for name in ("settled", "operator", "bank")
    }
    roles = {name: bill.signer.role for name, bill in bills.items()}
    assert roles == {"settled": "auditor", "operator": "operator", "bank": "buyer"}
    assert bills["settled"].statement == bills["operator"].statement
    amounts = {name: read_statement(bill.statement)["amount"] for name, bill in bills.items()}
    invoice = json.loads((folder / "invoice.json").read_text())["amount"]
    readme = (EXAMPLE / "README.md").read_text()
    for amount in (amounts["settled"], amounts["bank"], invoice):
        assert f"{amount / 1_000_000:.2f} CNY" in readme
