"""Make an environment from hash-pinned locks, then hand over to it. Standard library only.

An environment is a folder with a stamp: which interpreter made it, where the repository lay, and
the hash of each lock and of `pyproject.toml` at the time they were installed. What the stamp
still agrees with is not touched, so that a start costs a few file hashes. Two starts at once
wait for each other.

What cannot be done is said in one line; the whole output of the installers is in `install.log`
inside the environment.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"
STAMP = "unseen-stamp.json"
LOCK = "unseen.lock"
LOG = "install.log"
BYTECODE = "bytecode"
PROJECT = "pyproject.toml"
DEVELOPER_VERBS = ("test", "dev")
# What the installers print when no package index answers.
NETWORK = (
    "name resolution",
    "name or service not known",
    "dns error",
    "connection refused",
    "network is unreachable",
    "newconnectionerror",
    "connecttimeout",
    "timed out",
    "error sending request",
    "failed to fetch",
    "no matching distribution found",
)

# And what they print behind a proxy that opens TLS, whose authority they were not told of.
CERTIFICATE = ("invalid peer certificate", "certificate_verify_failed", "certificate verify failed")


class SetupError(Exception):
    """Set-up cannot go on. The message is one line for the user."""


def main(arguments: list[str]) -> int:
    """Set up what the verb needs and replace this process; return a status only on failure."""
    verb, *rest = arguments or [""]
    lock = "dev.txt" if verb in DEVELOPER_VERBS else "node.txt"
    try:
        python = ensure(VENV, "setup.txt", lock, project=True)
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next start goes on from here")
        return 130
    if verb == "test":
        keep_bytecode()
        return become(python, test_command(rest))
    if verb == "dev":
        return become(python, [str(ROOT / "tools/dev.py"), *rest])
    os.environ["UNSEEN_LAUNCHER"] = typed(sys.argv[0])
    return become(python, ["-m", "unseen.cli", *arguments])


def typed(name: str) -> str:
    """Return how this launcher is started from here again: what its hints begin with."""
    return name if os.sep in name else f"./{name}"


def become(python: Path, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by `python arguments`."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [str(python), *arguments])  # noqa: S606 - no shell is the point


def test_command(arguments: Sequence[str]) -> list[str]:
    """Return how pytest is called: from the repository, on all cores unless told otherwise."""
    os.chdir(ROOT)
    alone = any(a.startswith(("-n", "--numprocesses", "--pdb", "--trace")) for a in arguments)
    cores = [] if alone else ["-n", "auto", "--dist", "worksteal"]
    return ["-m", "pytest", *cores, *arguments]


def keep_bytecode() -> None:
    """Have all that is started from here keep what it compiles, within the environment.

    Tests start hundreds of processes. Where `PYTHONDONTWRITEBYTECODE` is set, as in most images
    of containers, each compiles all that it imports again, which is half the time of a start.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(VENV / BYTECODE))


def ensure(path: Path, *locks: str, project: bool = False) -> Path:
    """Bring the environment at `path` up to `locks` and return its interpreter.

    Args:
        path: the environment; made when it is not there.
        locks: files under `requirements/`, in the order in which they are installed.
        project: whether the project itself is installed too, in editable form.

    Raises:
        SetupError: it cannot be made; the message says in one line what is missing.

    """
    wanted = fingerprints(locks, project=project)
    python = path / "bin" / "python"
    if not missing(path, wanted):
        return python
    with exclusive(path):
        if not usable(path):
            create(path)
        for name in missing(path, wanted):
            if name == PROJECT:
                install_project(path)
            else:
                install_lock(path, name)
            write_stamp(path, {**read_stamp(path), name: wanted[name]})
    return python


def fingerprints(locks: Sequence[str], *, project: bool) -> dict[str, str]:
    """Return name -> SHA-256 of each lock, and of `pyproject.toml` where the project is wanted."""
    files = {name: REQUIREMENTS / name for name in locks}
    if project:
        files[PROJECT] = ROOT / PROJECT
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


def origin() -> dict[str, str]:
    """Return what a usable environment was made by and for."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": version, "root": str(ROOT)}


def missing(path: Path, wanted: dict[str, str]) -> list[str]:
    """Return which of `wanted` the environment has not installed, in order."""
    if not usable(path):
        return list(wanted)
    stamp = read_stamp(path)
    return [name for name, digest in wanted.items() if stamp.get(name) != digest]


def usable(path: Path) -> bool:
    """Whether the environment runs, and was made by this Python for this folder."""
    stamp = read_stamp(path)
    return (path / "bin" / "python").exists() and origin().items() <= stamp.items()


def read_stamp(path: Path) -> dict[str, str]:
    """Return the stamp, or nothing where there is none that can be read."""
    try:
        stamp = json.loads((path / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, stamp: dict[str, str]) -> None:
    """Replace the stamp in one step, so that a crash leaves the old one or the new one."""
    fresh = path / f"{STAMP}.new"
    fresh.write_text(json.dumps(stamp, indent=2, sort_keys=True) + "\n")
    fresh.replace(path / STAMP)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the environment's lock; a second start waits here."""
    try:
        path.mkdir(exist_ok=True)
        handle = (path / LOCK).open("a")
    except OSError as error:
        raise SetupError(f"cannot write to {path}: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another start is setting up {path.name}, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def create(path: Path) -> None:
    """Make a fresh environment in `path`, which holds our lock file and perhaps an older one."""
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise SetupError(
            "this Python has no venv module; install it (on Debian and Ubuntu: "
            "apt install python3-venv) and start again"
        )
    ours = (path / STAMP).exists() or (path / LOG).exists()
    if (path / "pyvenv.cfg").exists() and not ours:
        raise SetupError(f"{path} was not made by ./unseen; move it away and start again")
    for old in path.iterdir():
        if old.name != LOCK:
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    # The interpreter beneath, in case this one runs from the environment that is made anew.
    python = getattr(sys, "_base_executable", sys.executable)
    run(path, f"making {path.name}", [python, "-m", "venv", str(path)])
    write_stamp(path, origin())


def install_lock(path: Path, name: str) -> None:
    """Install one lock: by uv where it is there already, by pip otherwise."""
    lock = REQUIREMENTS / name
    what = f"installing {name} ({lock_size(lock)} packages)"
    uv = path / "bin" / "uv"
    options = ["--require-hashes", "--requirement", str(lock)]
    if uv.exists():
        python = ["--python", str(path / "bin" / "python")]
        try:
            run(path, what, [str(uv), "pip", "install", *python, *options])
        except SetupError as error:
            say(f"{error}; trying pip")
        else:
            return
    pip = [str(path / "bin" / "python"), "-m", "pip", "--no-input", "--retries", "2"]
    run(path, what, [*pip, "install", "--no-deps", *options])


def lock_size(lock: Path) -> int:
    """Return how many packages a lock names."""
    lines = lock.read_text().splitlines()
    return sum("==" in line and not line.startswith((" ", "#")) for line in lines)


def install_project(path: Path) -> None:
    """Install the project in editable form: a `.pth` of its source roots, its metadata, `unseen`.

    The build backend comes from `setup.txt`, so that nothing unpinned is downloaded for the build.
    """
    pip = [str(path / "bin" / "python"), "-m", "pip", "--no-input", "install"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)]
    run(path, "installing unseen", [*pip, *options])


def run(path: Path, what: str, command: Sequence[str]) -> None:
    """Run one installer with its output in the log, and show that time passes.

    Raises:
        SetupError: it failed. The message is `what` and the likely reason.

    """
    with (path / LOG).open("ab") as log:
        log.write(f"$ {what}\n".encode())
        log.flush()
        start = log.tell()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        ) as process:
            watch(process, what)
    if process.returncode:
        output = (path / LOG).read_bytes()[start:].decode(errors="replace")
        raise SetupError(f"{what} failed: {reason(output)} (all of it: {path / LOG})")


def watch(process: subprocess.Popen[bytes], what: str) -> None:
    """Wait for `process`; on a terminal, count the seconds."""
    started = time.monotonic()
    if not sys.stderr.isatty():
        say(what)
        process.wait()
        return
    while process.poll() is None:
        sys.stderr.write(f"\runseen: {what}, {time.monotonic() - started:.0f} s ")
        sys.stderr.flush()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
    sys.stderr.write("\n")


def reason(output: str) -> str:
    """Return the likely reason why an installer failed, in a few words."""
    if any(sign in output.lower() for sign in CERTIFICATE):
        return "the package index shows a certificate that is not trusted here"
    if any(sign in output.lower() for sign in NETWORK):
        return "no network, or no package index answers"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def say(line: str) -> None:
    """Print one line to the user, away from the output of commands."""
    sys.stderr.write(f"unseen: {line}\n")
