"""Mutation testing in an environment of its own; see `mutating.py`. Run: `./unseen dev mutants`."""

import subprocess
import sys
from pathlib import Path

import starter

TOOLS = Path(__file__).resolve().parent
VENV = TOOLS.parent / ".venv-mutants"


def main(arguments: list[str]) -> int:
    """Install cosmic-ray where it is not yet, and run `mutating.py` there."""
    try:
        python = starter.ensure(VENV, "setup.txt", "mutants.txt")
    except starter.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    command = [str(python), str(TOOLS / "mutating.py"), *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
