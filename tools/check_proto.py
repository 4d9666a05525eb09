"""Check the wire: generated code is fresh, style holds, nothing published broke.

Run: `./unseen dev wire`, or `./unseen dev proto --accept` to publish the present wire: it becomes
`proto/image.binpb`, against which later changes are held.
"""

import filecmp
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import generate_proto
import starter

PROTO = generate_proto.ROOT
IMAGE = PROTO / "image.binpb"


def main(arguments: list[str]) -> int:
    """Run the three checks, or accept the present wire; return an exit status."""
    if arguments == ["--accept"]:
        return buf("build", ".", "--exclude-source-info", f"--output={IMAGE.name}")
    try:
        stale = drift()
    except starter.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    for name in stale:
        print(f"proto/gen/{name}: stale, run ./unseen dev proto", file=sys.stderr)
    lint = buf("lint", ".")
    broken = buf("breaking", ".", f"--against={IMAGE.name}")
    return int(bool(stale or lint or broken))


def drift() -> list[str]:
    """Return which files of proto/gen differ from what the generator writes now."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate_proto.generate(fresh)
        names = files(fresh) | files(generate_proto.GEN)
        return sorted(
            name
            for name in names
            if not (fresh / name).exists()
            or not (generate_proto.GEN / name).exists()
            or not filecmp.cmp(fresh / name, generate_proto.GEN / name, shallow=False)
        )


def files(folder: Path) -> set[str]:
    """Return the names of all source files below `folder`, relative to it."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def buf(*arguments: str) -> int:
    """Run buf on proto/ and return its exit status. It needs no network: there is no module."""
    command = [str(Path(sys.executable).with_name("buf")), *arguments]
    cache = {"BUF_CACHE_DIR": tempfile.gettempdir()} if "HOME" not in os.environ else {}
    return subprocess.run(command, cwd=PROTO, env={**os.environ, **cache}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
