"""Starts the sandbox that is thrown away, in which attempts are made: never on the machine itself.

Private namespaces of every kind, nothing of the machine but programs and this project, read-only;
everything that can be written is in memory.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.sandbox.boxes import UID

from unseen.sandbox.bubblewrap import SCRATCH
from unseen.sandbox.environment import Bind, of_this_process

ROOT = Path(__file__).parents[2]
NAMESPACES = ("mnt", "pid", "net", "user", "ipc", "uts")
PYTHON = "/opt/python"


def machine() -> str:
    """Return the namespaces of this machine."""
    return json.dumps({name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in NAMESPACES})


def binds() -> list[Bind]:
    """Return what is shown of the machine: an interpreter, libraries, programs, this project."""
    base = of_this_process()
    kept = [bind for bind in base.binds if not bind.place.startswith(("/stage", "/usr/share"))]
    moved = [Bind(b.source, b.place.replace("/python", PYTHON, 1)) for b in kept]
    return [
        *moved,
        *(Bind(Path(name).resolve(), name) for name in ("/usr/bin/bwrap",)),
        Bind(ROOT / "runtime", "/opt/runtime"),
        Bind(ROOT / "protocols", "/opt/protocols"),
        Bind(ROOT / "tests/sandbox", "/attempts/tests/sandbox"),
    ]


def command(program: list[str]) -> list[str]:
    """Return what runs a program of the project in a sandbox of its own."""
    shown = binds()
    first: list[str] = []
    if UID is not None:
        first = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/mnt"]
        for place, bind in enumerate(shown):
            first += ["--ro-bind", str(bind.source), f"/mnt/{place}"]
        first += [
            "--unshare-pid",
            "--cap-add",
            "ALL",
            "--die-with-parent",
            "--",
            "setpriv",
            f"--reuid={UID}",
        ]
        first += [f"--regid={UID}", "--clear-groups", "--inh-caps=-all", "--"]
        shown = [Bind(Path(f"/mnt/{place}"), bind.place) for place, bind in enumerate(shown)]
    said = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    said += ["--unshare-uts", "--unshare-cgroup-try", "--uid", "1234", "--gid", "1234"]
    said += ["--hostname", "decoy", "--die-with-parent", "--new-session", "--clearenv"]
    said += ["--setenv", "PATH", "/usr/bin", "--proc", "/proc", "--dev", "/dev"]
    for bind in shown:
        said += ["--ro-bind", str(bind.source), bind.place]
    for folder in ("/throwaway", SCRATCH, "/srv", "/home", "/mnt"):
        said += ["--dir", folder]
    path = "import sys;sys.path[:0]=['/opt/runtime','/opt/protocols','/attempts'];"
    run = "import runpy;sys.argv=sys.argv[1:];runpy.run_path(sys.argv[0],run_name='__main__')"
    python = f"{PYTHON}/bin/{Path(sys.executable).resolve().name}"
    return [
        *first,
        *said,
        "--chdir",
        "/",
        "--",
        python,
        "-I",
        "-S",
        "-B",
        "-c",
        path + run,
        *program,
    ]


class Throwaway:
    """One such sandbox, that makes attempts as it is asked to."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            command(["/attempts/tests/sandbox/outer.py", machine()]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def made(self, name: str) -> dict[str, Any]:
        """Return what came of an attempt."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the pipes are gone")
        stdin.write(f"{name}\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the outer sandbox ended at {name!r}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """Throw it away."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
