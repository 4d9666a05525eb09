"""Jobs in the sandbox beside the same programs in a plain interpreter of the same kind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from unseen.bench.registry import SEED, Bench, Case, Group, Parameters
from unseen.protocols.errors import InputInvalidError
from unseen.sandbox import environment
from unseen.sandbox.job import Job, Limits, Status, Tier
from unseen.sandbox.probe import open_runner
from unseen.sandbox.runner import Runner

DEFAULTS = {"jobs": 10, "uid": 61_000, "seed": SEED}
OVERHEAD_TARGET: Final = "<= 60 ms over a plain interpreter, the median job"
NUMPY_TARGET: Final = "<= 400 ms, the median job"
_PROGRAMS: Final = {
    "empty": "pass",
    "numpy": "import numpy as np; np.linalg.inv(np.eye(200) + (1 + {seed}) * np.ones((200, 200)))",
}
_MODEL: Final = "the program is hostile, kernel and operator are not"


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench: `jobs` a lap; `uid` is whom a superuser runs them as.

    `seed` is a number of the one program that computes.
    """
    packages = environment.packages_of_this_process()
    uid = parameters["uid"] if os.geteuid() == 0 else None
    box = open_runner(environment.of_this_process(packages), least=Tier.S2, uid=uid)
    programs = {name: text.format(seed=parameters["seed"]) for name, text in _PROGRAMS.items()}
    yield (
        [*_cases(name, text, box, packages, parameters["jobs"])] for name, text in programs.items()
    )


def _cases(name: str, program: str, box: Runner, packages: Path, count: int) -> Iterator[Case]:
    bare: list[float] = []
    confined: list[float] = []

    def plain() -> None:
        bare.extend(_seconds_plain(program, packages) for _ in range(count))

    def boxed() -> None:
        confined.extend(_seconds(program, box) for _ in range(count))

    def note() -> str:
        over = median(confined) - median(bare)
        return f"{1e3 * median(confined):.0f} ms a job, {1e3 * over:.0f} over plain"

    limit = f"sandbox/{name}/plain"
    yield Case(name=limit, phase="online", units=count, work=plain)
    yield Case(
        name=f"sandbox/{name}",
        phase="online",
        units=count,
        whole=1,
        work=boxed,
        limit=limit,
        target=OVERHEAD_TARGET if name == "empty" else NUMPY_TARGET,
        note=note,
        threat_model=_MODEL,
    )


def _seconds_plain(program: str, packages: Path) -> float:
    began = perf_counter()
    code = f"import sys; sys.path.append({str(packages)!r}); {program}"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], check=True)
    return perf_counter() - began


def _seconds(program: str, box: Runner) -> float:
    began = perf_counter()
    done = box.run(Job(program=program, limits=Limits(seconds=60)))
    if done.status is not Status.DONE:
        raise InputInvalidError(f"a job ended as {done.status}", clause="bench.sandbox")
    return perf_counter() - began


BENCH = Bench(
    name="sandbox",
    summary="a job behind the walls of tier S2, beside the same program without any",
    defaults=DEFAULTS,
    groups=groups,
    size="jobs",
)
