"""bubblewrap: the namespaces (user, mount, process, network, IPC, host name, control group).

Stops: seeing any file, process, network or shared memory of the host, whatever its rights are;
what outlives the job, since a namespace ends with its first process and that with the node. Alone
it lets 21 of 63 attempts through: what it leaves open is closed by stage 2 within.

It runs as an unprivileged user. Where the node is the superuser's, a first bubblewrap without a
user namespace gathers what only the superuser may read, then gives up every right and becomes the
sandbox's user, for whom a second one makes the sandbox.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from unseen.sandbox.environment import STAGE, Bind, Environment

INPUTS: Final = "/in"
OUTPUTS: Final = "/out"
SCRATCH: Final = "/tmp"  # noqa: S108  the sandbox's own, not the host's
_INSIDE_UID: Final = "1000"
_GATHERED: Final = "/mnt"
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom")
_THREADS: Final = "2"
_VARIABLES: Final = {
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    # Libraries ask how many processors there are and would start a thread for each.
    "OMP_NUM_THREADS": _THREADS,
    "OPENBLAS_NUM_THREADS": _THREADS,
    "MKL_NUM_THREADS": _THREADS,
}
_NAMESPACES: Final = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
    *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"),
    *("--hostname", "sandbox"),
)


def entry(root: str) -> str:
    """Return what the interpreter is told: run stage 2, whose modules lie under `root`."""
    return (
        f"import sys;sys.path.insert(0,{root!r});"
        "from unseen.sandbox.inside.main import main;main(*map(int,sys.argv[1:]))"
    )


def program() -> str | None:
    """Return where bubblewrap is, or None."""
    return shutil.which("bwrap")


def variables() -> dict[str, str]:
    """Return the whole environment that a program has."""
    return dict(_VARIABLES)


def command(environment: Environment, inputs: Path | None, stage: Sequence[str]) -> list[str]:
    """Return what starts `stage`, the arguments of stage 2, in namespaces of its own."""
    said = [program() or "bwrap", *_NAMESPACES, "--uid", _INSIDE_UID, "--gid", _INSIDE_UID]
    for name, value in _VARIABLES.items():
        said += ["--setenv", name, value]
    for bind in _all(environment, inputs):
        said += ["--ro-bind", str(bind.source), bind.place]
    for device in _DEVICES:
        said += ["--dev-bind", device, device]
    for folder in (OUTPUTS, SCRATCH):
        said += ["--dir", folder]
    said += ["--remount-ro", "/", "--chdir", "/", "--", environment.python]
    return [*said, "-I", "-S", "-B", "-c", entry(STAGE), *stage]


def as_superuser(
    environment: Environment, inputs: Path | None, stage: Sequence[str], uid: int
) -> list[str]:
    """Return the same, for a superuser who may not stay one: as user and group `uid`."""
    binds = _all(environment, inputs)
    said = [program() or "bwrap", "--dev-bind", "/", "/", "--tmpfs", _GATHERED]
    for place, bind in enumerate(binds):
        said += ["--ro-bind", str(bind.source), f"{_GATHERED}/{place}"]
    # A superuser without rights, as the first one is by then, cannot signal another user when it
    # dies; but the kernel ends everything in a process namespace with its first process.
    said += ["--unshare-pid", "--cap-add", "ALL", "--die-with-parent", "--"]
    said += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all"]
    gathered = [Bind(Path(f"{_GATHERED}/{n}"), bind.place) for n, bind in enumerate(binds)]
    moved = Environment(tuple(gathered), environment.python, environment.paths)
    return [*said, "--", *command(moved, None, stage)]


def _all(environment: Environment, inputs: Path | None) -> tuple[Bind, ...]:
    if inputs is None:
        return environment.binds
    return (*environment.binds, Bind(inputs.resolve(), INPUTS))
