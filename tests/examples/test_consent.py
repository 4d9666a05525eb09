"""examples/03_consent: whoever withdraws is gone from answers about one, as its README says.

For counts of many, `tests/promises/test_statistics_consent.py` shows the same.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from unseen.evidence import canonical, trust
from unseen.evidence.consents.consent_proof import verify_consent_proof
from unseen.node.kinds.kind import KINDS

EXAMPLE = Path(__file__).parents[2] / "examples/03_consent"


def about_one() -> list[str]:
    # A set's items are not asked about under consents: such a contract is refused. Scores are of
    # rows that no table has.
    verdicts = [name for name, kind in KINDS.items() if kind.release == "verdicts"]
    return [name for name in verdicts if name not in {"intersect", "score"}]


@pytest.mark.slow
@pytest.mark.long
def test_who_withdraws_is_in_no_later_job(tmp_path: Path) -> None:
    folder = tmp_path / "consent"
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "withdraw.py"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "no: the job could not use the subject's row" in done.stdout
    answers = re.findall(r"(\w+) +of resident 42: (.+)", done.stdout)
    silent = re.findall(r"(\w+) +of resident 17: (.+)", done.stdout)
    believed = trust.parse((folder / "hub/parties.json").read_bytes())
    for kind in about_one():
        said = [answer for asked, answer in answers if asked == kind]
        assert said[0] == "yes"
        assert set(said[1:]) == {"no usable result"}
        assert (kind, "no usable result") in silent
        proofs = [
            verify_consent_proof(canonical.load(path.read_bytes()), believed)
            for path in sorted(folder.glob(f"{kind}-*.json"))
        ]
        shown = [bool(proof.permitted) for proof in proofs]
        assert shown == sorted(shown, reverse=True)  # first it could be used, then not
        assert set(shown) == {True, False}
        assert all(proof.job and proof.job.request.kind == kind for proof in proofs)
