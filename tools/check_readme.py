"""Execute the README's own commands as a newcomer would. Run: `./unseen dev readme`.

A fenced `sh` block is executed where the line `<!-- run -->` stands right above it. The blocks run
in order, by one shell that stops at the first failure, in a copy of the working tree without
anything git ignores, under a home of its own: what the README forgets to say is not there.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from copied import copy_tree

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 900
# What a block has left running in the background ends with the check, however that ends.
TIDY = "trap 'jobs -p | xargs -r kill' EXIT"


def blocks(text: str) -> list[str]:
    """Return the blocks of a Markdown text that are marked to be run.

    Raises:
        ValueError: a mark stands over something else than an `sh` block.

    """
    found = BLOCK.findall(text)
    if len(found) != text.count("<!-- run -->"):
        raise ValueError("a <!-- run --> mark has no ```sh block right below it")
    return found


def newcomer(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has this Python and nothing of ours."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("UNSEEN_", "VIRTUAL_"))}
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).parent)
    # What was downloaded once is not downloaded again; the cache is no part of the README.
    cache = variables.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv"))
    path = os.pathsep.join([python, variables.get("PATH", os.defpath)])
    return {**variables, "HOME": str(home), "PATH": path, "UV_CACHE_DIR": cache}


def main() -> int:
    """Run the marked blocks; return the shell's exit status."""
    script = "\n".join(blocks((ROOT / "README.md").read_text()))
    if not script:
        print("README.md marks no block with <!-- run -->", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        tree, home = Path(folder) / "unseen", Path(folder) / "home"
        home.mkdir()
        copy_tree(tree)
        command = ["bash", "-euxo", "pipefail", "-c", f"{TIDY}\n{script}"]
        return subprocess.run(
            command, cwd=tree, env=newcomer(home), check=False, timeout=SECONDS
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
