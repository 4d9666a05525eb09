"""Rewrite the hash-pinned locks under requirements/. Run: `./unseen dev lock [--upgrade]`.

`dev.txt` is resolved first and constrains `node.txt` and `client.txt`, so that one version of a
package is tested and installed everywhere. Each lock is universal (any platform, Python 3.11 and
newer) and names no package index: the one that pip or uv is configured with is used.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
)
PROJECT = "pyproject.toml"
# One for each library that the benches are held against: they need not go together.
PEERS = tuple(
    (f"../benchmarks/peers/{source.stem}.txt", (f"benchmarks/peers/{source.name}",))
    for source in sorted((ROOT / "benchmarks" / "peers").glob("*.in"))
)
EXTRAS = tuple(f"--extra={name}" for name in ("node", "kernels", "train", "he", "dask"))
# Lock, its sources. The order matters: dev first, the others within it.
LOCKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("setup.txt", ("requirements/setup.in",)),
    ("proto.txt", ("requirements/proto.in",)),
    ("mutants.txt", ("requirements/mutants.in",)),
    *PEERS,
    ("dev.txt", (PROJECT, *EXTRAS, "--group=dev")),
    ("node.txt", (PROJECT, *EXTRAS, "--constraint=requirements/dev.txt")),
    ("client.txt", (PROJECT, "--constraint=requirements/dev.txt")),
)


def main(arguments: list[str]) -> int:
    """Compile every lock; `arguments` go to each `uv pip compile`."""
    uv = str(Path(sys.executable).with_name("uv"))
    for name, sources in LOCKS:
        command = [uv, "pip", "compile", *OPTIONS, *sources, f"--output-file=requirements/{name}"]
        # Without PIP_* and UV_*: what this machine is configured with must not shape a lock.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
        subprocess.run([*command, *arguments], cwd=ROOT, env=environment, check=True)
        text = (FOLDER / name).read_text()
        if "://" in text or text.lstrip().startswith("-"):
            print(f"{name} names a package index or a folder", file=sys.stderr)
            return 1
        print(f"{name}: {text.count('==')} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
