"""Tier S1: Landlock and seccomp around one process, where a machine allows no namespaces.

A typical container is such a machine. Outputs are files that exist beforehand, under fixed names,
and there is no other place to write. Weaker than S2: the program can ask whether a path exists and
how large what is there is, and it learns the host's name; how much it writes is bounded by file.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import unseen.sandbox.inside
from unseen.sandbox.bubblewrap import entry, variables
from unseen.sandbox.environment import Environment
from unseen.sandbox.inside import landlock
from unseen.sandbox.job import Job, Outcome, Tier
from unseen.sandbox.runner import lend, planned, supervised
from unseen.sandbox.supervisor import Started

LEAST_LANDLOCK: Final = 4  # the first that knows TCP
_JOBS: Final = 32  # at a time, whose threads are counted together
_ROOT: Final = Path(unseen.sandbox.inside.__file__).parents[3]
# What libraries ask about the machine, and stop at where it is forbidden instead of missing.
_ASKED: Final = (
    *("/proc/self/status", "/proc/self/stat", "/proc/self/cgroup", "/proc/meminfo"),
    *("/proc/cpuinfo", "/sys/devices/system/cpu", "/sys/fs/cgroup"),
)


@dataclass(frozen=True, slots=True)
class LandlockRunner:
    """Tier S1. `uid` is who a superuser's node runs jobs as."""

    environment: Environment
    uid: int | None = None

    @property
    def tier(self) -> Tier:
        """How strong its walls are."""
        return Tier.S1

    def run(self, job: Job) -> Outcome:
        """Run a job to its end and return what came of it."""
        job.check()
        environment = self.environment.in_place()
        with _folder(job, self.uid) as folder:
            outputs = [str(folder / "out" / name) for name in job.outputs]
            plan = planned(
                job,
                environment,
                rules=(
                    *((path, landlock.READ) for path in environment.readable),
                    *((path, landlock.READ) for path in _ASKED if Path(path).exists()),
                    *((str(path), landlock.READ) for path in _inputs(job)),
                    *((path, landlock.WRITE) for path in outputs),
                    *((path, landlock.READ) for path in ("/dev/urandom", "/dev/zero")),
                    ("/dev/null", landlock.WRITE),
                ),
                landlock=LEAST_LANDLOCK,
                bounding=False,
                parent=os.getpid(),
                file_bytes=job.limits.output_bytes,
                tasks=_tasks(self.uid) + _JOBS * job.limits.threads,
            )
            started = Started(
                command=[environment.python, "-I", "-S", "-B", "-c", entry(str(_ROOT))],
                plan=plan.encoded(),
                variables=variables(),
                uid=self.uid,
                folder=str(folder),
            )
            handle = os.open(folder / "out", os.O_PATH | os.O_DIRECTORY)
            return supervised(self.tier, job, started, handle)


def _inputs(job: Job) -> list[Path]:
    return [] if job.inputs is None else [job.inputs.resolve()]


@contextmanager
def _folder(job: Job, uid: int | None) -> Iterator[Path]:
    """Lend a folder with `in`, a link, and `out`, which holds every output as an empty file."""
    with tempfile.TemporaryDirectory(prefix="unseen-job-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        out = folder / "out"
        out.mkdir(mode=0o750)
        for output in job.outputs:
            (out / output).touch(mode=0o600)
        if job.inputs is not None:
            (folder / "in").symlink_to(job.inputs.resolve())
        if uid is not None:
            if job.inputs is not None:
                lend(job.inputs, uid)
            os.chown(folder, -1, uid)
            folder.chmod(0o750)
            os.chown(out, -1, uid)
            for output in job.outputs:
                os.chown(out / output, uid, uid)
        yield folder


def _tasks(uid: int | None) -> int:
    """Return how many threads this user has now: the kernel counts all of them together."""
    whose = os.geteuid() if uid is None else uid
    count = 0
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == whose:
                count += len(list((process / "task").iterdir()))
    return count
