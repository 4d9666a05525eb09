"""What a cluster's machine does with a task: hands it to a worker process of its own and waits.

The worker is the one that the node would start on its own machine (`jobs/worker.py`), and the
bytes are the same frames: what a task holds is never pickled. A long task's process ends with it;
one that has answered from a file is kept for the next question at it (`kept.py`). Either is killed
if its task is wanted no more.
"""

import os
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from typing import IO, Any, Final

from distributed.worker import get_worker

from unseen.node.cluster.kept import Kept
from unseen.node.jobs import frames
from unseen.node.jobs.worker import ABROAD

# DuckDB's, too: by its hashes rows are shared out, and all parts have to agree about them.
RELEASE = f"{version('unseen')} with duckdb {version('duckdb')}"
OTHER_RELEASE = b"V"
ENDED = b"X"
LONG: Final = "long"
SHORT: Final = "short"
"""What a machine has of each, as Dask's resources: as many as `--tasks` says."""
_NICE = 10
_LOOK_SECONDS = 0.5
_GONE = frozenset({"cancelled", "released", "forgotten"})
_kept = Kept()


def run(
    release: str, topic: str, number: int, file: str, name: str, parts: list[bytes]
) -> list[bytes]:
    """Run a task; return a worker's last answer, or that there is none.

    `file` is what a short task answers from, empty for a long one. It raises nothing: Dask would
    write a failed call's arguments into its log, which are secret.
    """
    if release != RELEASE:
        return [OTHER_RELEASE, RELEASE.encode()]
    try:
        return _run(topic, number, file, name, parts)
    except (OSError, ValueError):
        return [ENDED]


def _run(topic: str, number: int, file: str, name: str, parts: list[bytes]) -> list[bytes]:
    worker = get_worker()
    process = _kept.take(file) or _started(file)
    done, again = threading.Event(), False
    key = worker.get_current_task()
    watch = threading.Thread(target=_watch, args=(worker, key, process, done), daemon=True)
    watch.start()
    try:
        if process.stdin is None or process.stdout is None:
            return [ENDED]
        process.stdin.write(frames.framed(frames.pack([name.encode(), *parts])))
        process.stdin.flush()
        found = _answer(process.stdout, _Teller(worker, topic, number))
        again = bool(file) and found[0] == b"R"
        return found
    finally:
        done.set()
        watch.join()
        if again:
            _kept.keep(file, process)
        else:
            process.kill()
            with process:  # closes its pipes and waits for it
                pass


def _started(file: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(  # noqa: S603 - a module of ours
        [sys.executable, "-m", "unseen.node.jobs.worker", str(os.getpid()), ABROAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if not file:
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    return process


class _Teller:
    """Tells the node, not too often, how many rows this run has done in all."""

    def __init__(self, worker: Any, topic: str, number: int) -> None:
        self._worker, self._topic, self._number = worker, topic, number
        self._rows, self._next = 0, 0.0

    def add(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() >= self._next:
            self.tell()

    def tell(self) -> None:
        self._next = time.monotonic() + _LOOK_SECONDS
        self._worker.log_event(self._topic, [self._number, self._rows])


def _answer(source: IO[bytes], teller: _Teller) -> list[bytes]:
    while True:
        header = source.read(frames.HEADER_BYTES)
        size = frames.frame_size(header) if len(header) == frames.HEADER_BYTES else 0
        body = source.read(size)
        if not size or len(body) < size:
            return [ENDED]
        kind, *rest = frames.unpack(body)
        if kind != b"P":
            teller.tell()
            return [kind, *rest]
        teller.add(int(rest[0]))


def _watch(
    worker: Any, key: str, process: "subprocess.Popen[bytes]", done: threading.Event
) -> None:
    """Kill the process once its task is nobody's, or this machine is leaving the cluster."""
    while not done.wait(_LOOK_SECONDS):
        task = worker.state.tasks.get(key)
        if task is None or task.state in _GONE or worker.status.name != "running":
            process.kill()
            return
