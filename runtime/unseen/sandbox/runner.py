"""Runs jobs behind the walls of one tier."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from unseen.sandbox import bubblewrap
from unseen.sandbox.bpf import assembled
from unseen.sandbox.collector import OutputRefusedError, collect
from unseen.sandbox.environment import Environment
from unseen.sandbox.errors import SandboxMissingError
from unseen.sandbox.inside import landlock
from unseen.sandbox.inside.plan import Plan
from unseen.sandbox.job import Job, Limits, Outcome, Status, Tier
from unseen.sandbox.supervisor import Started, Watched, watched
from unseen.sandbox.syscalls import Architecture, architecture

_MIB: Final = 1 << 20
_FILES: Final = 4096  # in the scratch folder
_FURTHER_TASKS: Final = 2  # bubblewrap's own process, and the program's first thread


class Runner(Protocol):
    """Runs jobs; one object for many threads."""

    @property
    def tier(self) -> Tier:
        """How strong its walls are."""
        ...

    def run(self, job: Job) -> Outcome:
        """Run a job to its end and return what came of it.

        Raises:
            InputInvalidError: the job itself cannot be run: no program, no inputs.

        """
        ...


@dataclass(frozen=True, slots=True)
class BubblewrapRunner:
    """Tier S2: namespaces, and stage 2 within. `uid` is who a superuser's node runs jobs as."""

    environment: Environment
    uid: int | None = None

    @property
    def tier(self) -> Tier:
        """How strong its walls are."""
        return Tier.S2

    def run(self, job: Job) -> Outcome:
        """Run a job to its end and return what came of it."""
        job.check()
        if job.inputs is not None and self.uid is not None:
            lend(job.inputs, self.uid)
        if self.uid is None:
            command = bubblewrap.command(self.environment, job.inputs, ())
        else:
            command = bubblewrap.as_superuser(self.environment, job.inputs, (), self.uid)
        plan = planned(
            job,
            self.environment,
            tmpfs=(
                (bubblewrap.OUTPUTS, job.limits.output_bytes, job.limits.output_files),
                (bubblewrap.SCRATCH, job.limits.scratch_mb * _MIB, _FILES),
            ),
            rules=(
                *((place, landlock.READ) for place in self._readable(job)),
                ("/dev/null", landlock.WRITE),
                (bubblewrap.OUTPUTS, landlock.MAKE),
                (bubblewrap.SCRATCH, landlock.MAKE_FOLDERS),
            ),
            output=bubblewrap.OUTPUTS,
        )
        return supervised(self.tier, job, Started(command=command, plan=plan.encoded()))

    def _readable(self, job: Job) -> Sequence[str]:
        inputs = () if job.inputs is None else (bubblewrap.INPUTS,)
        return (*self.environment.readable, "/dev/urandom", "/dev/zero", *inputs)


def machine() -> Architecture:
    """Return this machine's architecture.

    Raises:
        SandboxMissingError: there is no table of its system calls.

    """
    found = architecture(os.uname().machine)
    if found is None:
        raise SandboxMissingError(
            f"no table of system calls for {os.uname().machine}",
            clause="sandbox.architecture",
            remedy="run code of others on x86-64 or AArch64",
        )
    return found


def planned(job: Job, environment: Environment, **walls: Any) -> Plan:
    """Return what stage 2 is told: of every tier, and `walls`, which are the tier's own."""
    limits = job.limits
    made = assembled(machine())
    told: dict[str, Any] = {
        "cpu_seconds": processor_seconds(limits),
        "memory": limits.memory_mb * _MIB,
        "file_bytes": max(limits.output_bytes, limits.scratch_mb * _MIB),
        "tasks": limits.threads + _FURTHER_TASKS,
        "paths": environment.paths,
        "own_pid_at": made.own_pid_at,
    }
    return Plan(filter_=made.program, program=job.source(), **(told | walls))


def processor_seconds(limits: Limits) -> int:
    """Return how long all threads together may compute."""
    return math.ceil(limits.seconds * min(limits.threads, os.cpu_count() or 1)) + 1


def supervised(tier: Tier, job: Job, started: Started, folder: int | None = None) -> Outcome:
    """Run what was prepared, and collect what a program that ended well has written.

    `folder` is a descriptor of the output folder, closed here, where stage 2 hands out none.
    """
    began = time.monotonic()
    with watched(started, job.limits.seconds, job.limits.log_bytes, folder) as seen:
        return _outcome(tier, job, seen, time.monotonic() - began)


def _outcome(tier: Tier, job: Job, seen: Watched, seconds: float) -> Outcome:
    status, detail, outputs = seen.status(), seen.broken, {}
    if status is Status.DONE and job.outputs and seen.folder is not None:
        wanted = dict.fromkeys(job.outputs, job.limits.output_bytes)
        try:
            outputs = collect(seen.folder, wanted, job.limits.output_bytes)
        except OutputRefusedError as error:
            status, detail = Status.OUTPUT_REFUSED, str(error)
    log = bytes(seen.log)
    if not seen.confined:
        detail, log = detail or log.decode(errors="replace")[:500], b""
    return Outcome(
        status=status, tier=tier, outputs=outputs, log=log, detail=detail, seconds=seconds
    )


def lend(folder: Path, uid: int) -> None:
    """Let the group `uid` read a folder of inputs, which a superuser's node has made for itself."""
    for path in (folder, *folder.iterdir()):
        os.chown(path, -1, uid, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o550 if path.is_dir() else 0o440)
