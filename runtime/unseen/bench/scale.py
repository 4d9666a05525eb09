"""Table builds on a cluster of this machine: one worker beside several, and beside none.

A real cluster under mutual TLS, each worker a machine as far as it knows. The tables are held
against each other: the same rows under the same key and nonce give the same bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from unseen.bench import machine
from unseen.bench import world as worlds
from unseen.bench.registry import SEED, Bench, Case, Group, Settings
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import cache

DEFAULTS = {"records": 1_000_000, "workers": 2, "memory_mb": 1024, "seed": SEED}
TARGET = ">= 1.7 with 2 workers"
_FILES = "cluster"
Answer = dict[str, Any]


class Side:
    """The process that builds, and what it said last of each number of parts."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take what has been started."""
        self.process = process
        self.said: dict[int, Answer] = {}

    def build(self, parts: int) -> None:
        """Build the table once.

        Raises:
            InputInvalidError: it was not built.

        """
        if self.process.stdin and self.process.stdout:
            self.process.stdin.write(f"{parts}\n")
            self.process.stdin.flush()
            if line := self.process.stdout.readline():
                self.said[parts] = json.loads(line)
                return
        raise _failed("a table was not built")

    def close(self) -> None:
        """End it."""
        if self.process.stdin:
            self.process.stdin.close()
        worlds.stop(self.process)


@contextmanager
def groups(settings: Settings) -> Iterator[Iterator[Group]]:
    """Hand out one group: the same build by no cluster, by one worker and by all."""
    with tempfile.TemporaryDirectory(prefix="unseen-bench-") as name, ExitStack() as stack:
        yield _groups(Path(name), settings, stack)


def _groups(folder: Path, settings: Settings, stack: ExitStack) -> Iterator[Group]:
    (folder / "settings.json").write_text(json.dumps(dict(settings)))
    for step in ("table", "register"):
        answer = _module("building", step, str(folder))
        if subprocess.run(answer, stderr=subprocess.DEVNULL, check=False).returncode:
            raise _failed(f"the step {step} of the build failed")
    address, pids = _cluster(folder, settings["workers"], stack)
    there = _side(folder, stack, address, str(folder / _FILES))
    here = _side(folder, stack)
    many = settings["workers"]

    def work(side: Side, parts: int) -> Callable[[], None]:
        return lambda: _built(side, parts, pids)

    def note(side: Side, parts: int) -> Callable[[], str]:
        return lambda: _note(side.said[parts], here.said[1])

    def case(name: str, side: Side, parts: int, limit: str = "", target: str = "") -> Case:
        return Case(
            name=name,
            phase="set-up",
            units=settings["records"],
            work=work(side, parts),
            limit=limit,
            target=target,
            note=note(side, parts),
            processes=lambda: [*pids, *machine.descendants(side.process.pid)],
            threads=max(parts, 1),
            once=True,
        )

    one = "scale/build/one"
    yield [
        case("scale/read", there, 0),
        case("scale/build/local", here, 1),
        case(one, there, 1),
        case("scale/build/many", there, many, one, TARGET if many > 1 else ""),
    ]


def _cluster(folder: Path, workers: int, stack: ExitStack) -> tuple[str, list[int]]:
    """Start a scheduler and workers; return the address and the workers' processes."""
    files = str(folder / _FILES)
    made = subprocess.run([*_cli("init"), "--files", files], stdout=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise _failed("the cluster's files were not made")

    def start(*arguments: str) -> "subprocess.Popen[str]":
        command = [*_cli(*arguments), "--files", files, "--format", "json"]
        process = worlds.launch(folder, command, **_environment(folder))
        stack.callback(worlds.stop, process)
        return process

    log = folder / worlds.LOG
    first = worlds.first_line(start("scheduler", "--listen", "127.0.0.1:0"), log)
    address = str(json.loads(first)["address"])
    started = [start("worker", address, "--tasks", "1") for _ in range(workers)]
    for process in started:
        worlds.first_line(process, log)
    return address, [process.pid for process in started]


def _side(folder: Path, stack: ExitStack, *cluster: str) -> Side:
    process = subprocess.Popen(
        _module("scaling", str(folder), *cluster),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | _environment(folder),
    )
    side = Side(process)
    stack.callback(side.close)
    return side


def _built(side: Side, parts: int, workers: Sequence[int]) -> None:
    """Build once, and note the CPU time of the worker that had the most to do."""
    before = [machine.cpu_of(pid) for pid in workers]
    side.build(parts)
    side.said[parts]["busiest_s"] = max(
        machine.cpu_of(pid) - cpu for pid, cpu in zip(workers, before, strict=True)
    )


def _note(found: Answer, expected: Answer) -> str:
    if found["digest"] not in ("", expected["digest"]):
        raise _failed("two tables differ that should be the same")
    steps = f"fill {found['fill_s']:.2f} s, merge {found['merge_s']:.2f} s"
    return f"{steps}; busiest worker {found['busiest_s']:.2f} s of CPU"


def _environment(folder: Path) -> dict[str, str]:
    """Return what has every process keep what it compiles: they are many, and are all alike."""
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    return {**kept, cache.VARIABLE: str(cache.folder() or folder / "kernels")}


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"unseen.bench.{name}", *arguments]


def _cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "unseen.cli", "node", "cluster", *arguments]


def _failed(message: str) -> InputInvalidError:
    return InputInvalidError(
        message,
        clause="bench.scale",
        remedy="install the node's libraries and Dask: unseen[node,kernels,dask]",
    )


BENCH = Bench(
    "scale",
    "building a table on a cluster: several workers beside one",
    DEFAULTS,
    groups,
    size="records",
)
