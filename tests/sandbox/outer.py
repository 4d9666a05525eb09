"""The outer sandbox's own program: a host of decoys, on which attempts are made.

    python outer.py NAMESPACES

Refuses to run on a bare machine: `NAMESPACES` are those of the machine, as JSON, and each has to be
another than its own; the folder `/throwaway` is at the root, and this is no superuser. Reads names
of attempts, a line each, or `#` and a seed of random calls; answers each with one line of JSON: for
every tier and for the control, whether it succeeded and how the job ended.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

NAMESPACES = ("mnt", "pid", "net", "user", "ipc", "uts")


def refuse_unconfined() -> None:
    """End where anything of the machine itself could be reached."""
    machine = json.loads(sys.argv[1]) if len(sys.argv) == 2 else {}
    own = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in NAMESPACES}
    alike = [name for name in NAMESPACES if machine.get(name) in (None, own[name])]
    if alike or not Path("/throwaway").is_dir() or os.getuid() == 0 or Path("/etc/passwd").exists():
        sys.exit(f"refused: not in a sandbox that is thrown away ({', '.join(alike)})")


refuse_unconfined()

from tests.sandbox import fuzz  # noqa: E402
from tests.sandbox.attempts import ATTEMPTS, PRELUDE, Attempt  # noqa: E402

from unseen.sandbox import bubblewrap, landlocked, runner, supervisor  # noqa: E402
from unseen.sandbox.environment import Bind, of_this_process  # noqa: E402
from unseen.sandbox.job import Job, Limits  # noqa: E402
from unseen.sandbox.supervisor import Started  # noqa: E402

HERE = Path(__file__).parent
LIMITS = Limits(
    seconds=10, memory_mb=1024, output_bytes=1 << 20, output_files=8, scratch_mb=1, threads=8
)


def decoys() -> int:
    """Make what attempts are aimed at; return the number of a process of the host."""
    for name, text in (
        ("etc/passwd", "root:x:0:0"),
        ("home/alice/.ssh/key", "A KEY"),
        ("home/alice/key", "A KEY"),
        ("tmp/unseen-job-other/rows", "rows"),
        ("srv/packages/module.py", "X = 1"),
        ("srv/inputs/rows", "rows"),
        ("srv/log", "open"),
    ):
        path = Path("/") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    Path("/srv/link").symlink_to("/srv/log")
    threading.Thread(target=listen, daemon=True).start()
    os.environ["UNSEEN_SECRET"] = "canary-4711"
    leak()
    # A program of its own, so that what reads its variables finds them.
    waiting = [sys.executable, "-IS", "-c", "import time; time.sleep(1e6)"]
    decoy = subprocess.Popen(waiting)
    os.dup2(os.pidfd_open(decoy.pid), 203)
    while "[stack]" not in Path(f"/proc/{decoy.pid}/maps").read_text():
        time.sleep(0.01)  # until it is that program
    return decoy.pid


def again() -> None:
    """Put back what attempts may have taken away."""
    for name in ("gone", "moved"):
        Path(f"/srv/{name}").touch()
    Path("/srv/empty").mkdir(exist_ok=True)
    Path("/srv/log").write_text("open")
    for name in ("new", "moved2"):
        Path(f"/srv/{name}").unlink(missing_ok=True)
    if Path("/srv/folder").is_dir():
        Path("/srv/folder").rmdir()


_kept: list[socket.socket] = []


def listen() -> None:
    """Answer on a port, by datagrams, on an abstract socket and on one that is a file."""
    for family, place in ((2, ("127.0.0.1", 7001)), (1, "\0host"), (1, "/srv/host.sock")):
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind(place)
        server.listen(64)
        _kept.append(server)
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind(("127.0.0.1", 7002))
    while True:
        data, sender = echo.recvfrom(64)
        echo.sendto(data, sender)


def leak() -> None:
    """Have a file, a socket and a folder open, as a careless program has."""
    os.dup2(os.open("/srv/log", os.O_RDWR), 200)
    ours, theirs = socket.socketpair()
    _kept.append(ours)
    os.dup2(theirs.fileno(), 201)
    os.dup2(os.open("/home/alice", os.O_PATH | os.O_DIRECTORY), 202)


class Leaking(subprocess.Popen[bytes]):
    """Hands every decoy's descriptor on."""

    def __init__(self, command: Any, *, pass_fds: Any, **rest: Any) -> None:
        super().__init__(command, pass_fds=(*pass_fds, 200, 201, 202, 203), **rest)


@contextmanager
def without(removed: frozenset[str]) -> Iterator[None]:
    """Leave layers out of whatever is started."""
    run = vars(runner)["supervised"]

    def supervised(tier: Any, job: Job, started: Started, folder: int | None = None) -> Any:
        return run(tier, job, changed(started, removed), folder)

    modules = (runner, landlocked)
    for module in modules:
        vars(module)["supervised"] = supervised
    try:
        yield
    finally:
        for module in modules:
            vars(module)["supervised"] = run


def changed(started: Started, removed: frozenset[str]) -> Started:
    """Return the same, with a stage 2 that leaves layers out, and bubblewrap's own folders."""
    command = list(started.command)
    place = command.index("-c") + 1
    command[place] = command[place].replace(
        "from unseen.sandbox.inside.main import main;main(*map(int,sys.argv[1:]))",
        "sys.path.insert(0,'/attempts');from tests.sandbox.ablated import main;"
        f"main(int(sys.argv[1]),int(sys.argv[2]),{','.join(removed)!r})",
    )
    if "tmpfs" in removed and "--remount-ro" in command:
        last = command.index("--remount-ro")
        command[last:last] = ["--tmpfs", bubblewrap.OUTPUTS, "--tmpfs", bubblewrap.SCRATCH]
    variables = dict(os.environ) if "variables" in removed else started.variables
    return replace(started, command=command, variables=variables)


class Trial:
    """Makes attempts on this host."""

    def __init__(self, decoy: int) -> None:
        base = of_this_process(Path("/srv/packages"))
        self.environment = base
        beside = Bind(HERE, "/attempts/tests/sandbox")
        self.with_attempts = replace(base, binds=(*base.binds, beside))
        self.decoy = decoy
        self.library = next(Path(sys.base_prefix).glob("lib/python3*/lib-dynload/_heapq*.so"))

    def made(self, attempt: Attempt) -> dict[str, Any]:
        """Return what came of an attempt, on each tier and as a control."""
        found: dict[str, Any] = {}
        found["S2"] = self._ran(attempt, runner.BubblewrapRunner(self.environment), "S2")
        found["S1"] = self._ran(attempt, landlocked.LandlockRunner(self.environment), "S1")
        bare = "namespaces" in attempt.layers
        kind = landlocked.LandlockRunner if bare else runner.BubblewrapRunner
        with without(attempt.layers):
            found["control"] = self._ran(attempt, kind(self.with_attempts), "S1" if bare else "S2")
        return found

    def _ran(self, attempt: Attempt, box: runner.Runner, tier: str) -> dict[str, Any]:
        again()
        words = self._words(tier)
        program = f"{PRELUDE.replace('{words!r}', repr(words))}\n{attempt.program}\nwon()\n"
        job = Job(program=program, inputs=Path("/srv/inputs"), limits=LIMITS)
        began = time.monotonic()
        done = box.run(job)
        return {
            "won": b"WON" in done.log.splitlines(),
            "status": str(done.status),
            "detail": done.detail,
            "log": done.log.decode(errors="replace")[-300:],
            "seconds": round(time.monotonic() - began, 3),
        }

    def fuzzed(self, seed: int) -> dict[str, Any]:
        """Make random calls in tier S2; return how many, and what of the host has changed."""
        again()
        before = self._host()
        program = fuzz.program(seed, 50_000, runner.machine().numbers)
        limits = replace(LIMITS, seconds=60, log_bytes=16 << 20)
        job = Job(program=program, inputs=Path("/srv/inputs"), limits=limits)
        done = runner.BubblewrapRunner(self.environment).run(job)
        made = 500 * done.log.count(b"\n#500\n")
        return {"status": str(done.status), "made": made, "same": self._host() == before}

    def _host(self) -> list[Any]:
        """Return what a host's canaries are: files and times, mounts, names, a process."""
        files = [path for path in Path("/srv").rglob("*") if not path.is_socket()]
        files += [
            Path("/etc/passwd"),
            *Path("/home").rglob("*"),
            Path(bubblewrap.SCRATCH, "unseen-job-other/rows"),
        ]
        shown = [(str(path), path.lstat().st_mtime_ns, path.lstat().st_mode) for path in files]
        texts = [path.read_bytes() for path in files if path.is_file()]
        limits = Path(f"/proc/{self.decoy}/limits").read_text()
        mounts = Path("/proc/self/mounts").read_text()
        return [sorted(shown), texts, mounts, os.uname().nodename, limits]

    def _words(self, tier: str) -> dict[str, Any]:
        mounted = tier == "S2"
        env = self.environment if mounted else self.environment.in_place()
        library = self.library.relative_to(sys.base_prefix)
        return {
            "decoy": self.decoy,
            "packages": "/packages/0" if mounted else "/srv/packages",
            "inputs": "/in" if mounted else "/srv/inputs",
            "stage": f"{'/stage' if mounted else '/opt/runtime'}/unseen/sandbox/inside",
            "python": env.python,
            "library": f"{'/python' if mounted else sys.base_prefix}/{library}",
            "numbers": dict(runner.machine().numbers),
            "place": stack(self.decoy),
        }


def stack(process: int) -> int:
    """Return an address of a process at which 8 bytes can be read and written."""
    maps = Path(f"/proc/{process}/maps").read_text().splitlines()
    end = next(line for line in maps if line.endswith("[stack]")).split()[0].partition("-")[2]
    return int(end, 16) - 8


def left(decoy: int) -> list[str]:
    """Return what runs and should not, but for this process, its first one and the decoy."""
    kept = {"1", str(os.getpid()), str(decoy)}
    found = [""]
    until = time.monotonic() + 2  # what has ended is taken off by the first process
    while found and time.monotonic() < until:
        names = [path.name for path in Path("/proc").iterdir()]
        found = [name for name in names if name.isdigit() and name not in kept]
    return found


def main() -> None:
    decoy = decoys()
    vars(vars(supervisor)["subprocess"])["Popen"] = Leaking
    trial = Trial(decoy)
    by_name = {attempt.name: attempt for attempt in ATTEMPTS}
    for line in sys.stdin:
        name = line.strip()
        seed = name.removeprefix("#")
        found = trial.made(by_name[name]) if seed == name else trial.fuzzed(int(seed))
        sys.stdout.write(json.dumps(found | {"left": left(decoy)}) + "\n")
        sys.stdout.flush()
    os.kill(decoy, signal.SIGKILL)


main()
