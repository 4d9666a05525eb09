"""Install what the benches are held against, in an environment of its own: `./unseen dev peers`."""

import subprocess
import sys
from pathlib import Path

import starter

VENV = Path(__file__).resolve().parents[1] / ".venv-peers"
SHOW = "import flwr, importlib.metadata as m; print('flwr', m.version('flwr'))"


def main() -> int:
    """Install it where it is not yet, and say which versions are there."""
    try:
        python = starter.ensure(VENV, "setup.txt", "peers.txt")
    except starter.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run([str(python), "-c", SHOW], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
