"""Make the environments of what the benches are held against: `./unseen dev peers [NAME ...]`.

Each library lies in an environment of its own under `.venv-peers`, from the lock in
`benchmarks/peers`, since they pin what others pin otherwise. Without names: all of them.
"""

import subprocess
import sys
from pathlib import Path

import starter

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv-peers"
LOCKS = ROOT / "benchmarks" / "peers"
SHOW = "import importlib.metadata as m, sys; print(sys.argv[1], m.version(sys.argv[1]))"


def names() -> list[str]:
    """Return the peers there are: each has a lock."""
    return sorted(lock.stem for lock in LOCKS.glob("*.txt"))


def install(name: str) -> int:
    """Make one environment where it is not yet, and say which version is there."""
    FOLDER.mkdir(exist_ok=True)
    try:
        python = starter.ensure(FOLDER / name, "setup.txt", f"../benchmarks/peers/{name}.txt")
    except starter.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run([str(python), "-c", SHOW, name], check=False).returncode


def main(arguments: list[str]) -> int:
    """Make the environments that are named; also after one has failed."""
    unknown = sorted(set(arguments) - set(names()))
    if unknown:
        print(f"there is no peer {unknown[0]!r}: {', '.join(names())}", file=sys.stderr)
        return 2
    return max(install(name) for name in arguments or names())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
