"""Build the wheel, install it with the client's lock alone, and use it. CI runs this.

What the tests claim with an import blocker is shown here with packages that are truly absent.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ABSENT = ("duckdb", "numba", "numpy", "pyarrow", "sqlalchemy", "tenseal")
PROGRAM = f"""
import importlib.metadata, importlib.util
import unseen.client, unseen.evidence, unseen.protocols, unseen.cli.main
assert not [name for name in {ABSENT} if importlib.util.find_spec(name)]
print("unseen", importlib.metadata.version("unseen"), "imports with the client's packages alone")
"""


def main() -> int:
    """Run each step; the first that fails ends it."""
    here = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        python = str(environment / "bin/python")
        install = [str(here / "uv"), "pip", "install", "--quiet", "--python", python]
        lock = str(ROOT / "requirements/client.txt")
        steps = [
            [
                sys.executable,
                "-m",
                "hatchling",
                "build",
                "--target",
                "wheel",
                "--directory",
                folder,
            ],
            [sys.executable, "-m", "venv", "--without-pip", str(environment)],
            [*install, "--require-hashes", "--requirement", lock],
        ]
        for step in steps:
            subprocess.run(step, cwd=ROOT, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        for step in (
            [*install, "--no-deps", "--no-index", str(wheel)],
            [str(here / "uv"), "pip", "check", "--python", python],
            [python, "-c", PROGRAM],
            [str(environment / "bin/unseen"), "--help"],
        ):
            subprocess.run(step, cwd=folder, check=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
