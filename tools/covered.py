"""Branch coverage of what decides about money and permission. Run: `./unseen dev coverage`.

The tests run a node and its workers as processes; these are measured too. What is listed in
`WHOLE` has to be covered whole, or the exit status is 1; arguments go to pytest.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests/evidence", "tests/node", "tests/promises")
NODE = "runtime/unseen/node"
WHOLE = (
    "protocols/unseen/evidence/*",
    f"{NODE}/contracts/compile.py",
    f"{NODE}/contracts/decide.py",
    f"{NODE}/contracts/clauses/*",
    f"{NODE}/contracts/rules.py",
    f"{NODE}/metering/*",
    f"{NODE}/release/*",
)
SETTINGS = """[run]
branch = true
parallel = true
patch = subprocess
sigterm = true
source = protocols, runtime
data_file = {folder}/.coverage
[report]
include_namespace_packages = true
exclude_also =
    if TYPE_CHECKING:
    \\.\\.\\.$
    raise NotImplementedError
"""


def main(arguments: list[str]) -> int:
    """Run the tests, then report; return an exit status."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "coverage.ini"
        settings.write_text(SETTINGS.format(folder=folder))
        run = ["run", "-m", "pytest", "-q", "-p", "no:cacheprovider", *(arguments or TESTS)]
        tested = _coverage(settings, *run)
        _coverage(settings, "combine", "-q")
        report = ("report", "--show-missing", "--skip-covered", f"--include={','.join(WHOLE)}")
        whole = _coverage(settings, *report, "--fail-under=100")
    return tested or whole


def _coverage(settings: Path, verb: str, *arguments: str) -> int:
    command = [sys.executable, "-m", "coverage", verb, f"--rcfile={settings}", *arguments]
    environment = {**os.environ, "UNSEEN_TEST_GENTLE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
