"""A process that has imported a node already, and forks the nodes of the tests.

To import all that a node needs takes most of its start, and a run starts hundreds. What is forked
does what `unseen node serve` does, in a process of its own with its own arguments, environment and
output; only what it imports is there before. It is told by lines of JSON on its standard input:

    {"arguments": [..], "environment": {..}, "output": path}    fork a node; answered with its id
    {"process": id}                                 answered with its exit code, or null before
"""

import atexit
import functools
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Process(Protocol):
    """What tests do with a node's process, whoever started it."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Return how it ended, or nothing while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return how."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it still runs."""

    def kill(self) -> None:
        """End it at once."""


class Forked:
    """A node's process, which is a child of the nursery. Codes are those of `subprocess`."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid, self._nursery = pid, nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.tell({"process": self.pid})
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        seconds = 60.0 if timeout is None else timeout
        give_up = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > give_up:
                raise subprocess.TimeoutExpired(f"node {self.pid}", seconds)
            time.sleep(0.01)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that forks, as the tests see it. Thread-safe."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promises.nursery"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._telling = threading.Lock()
        atexit.register(self.close)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], output: Path
    ) -> Forked:
        """Start `unseen` with these arguments; it prints to `output`."""
        order = {
            "arguments": [*arguments],
            "environment": {**environment},
            "output": str(output.absolute()),
        }
        return Forked(self, self.tell(order))

    def tell(self, order: Mapping[str, Any]) -> Any:
        """Return what is answered."""
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        with self._telling:
            into.write(json.dumps(order) + "\n")
            into.flush()
            line = out.readline()
        assert line, "the nursery has ended"
        return json.loads(line)

    def close(self) -> None:
        """End it, and what it forked."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(60)


@functools.cache
def nursery() -> Nursery:
    """Return the one nursery of this process."""
    return Nursery()


def main() -> None:
    """Fork as is told until there is nobody left to tell; in a child, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever reads the tests' output decides
    for name in ("unseen.cli.main", "unseen.node.main"):
        importlib.import_module(name)
    gc.freeze()
    running: set[int] = set()
    while line := sys.stdin.readline():
        order = json.loads(line)
        if "process" not in order:
            pid = os.fork()
            if not pid:
                serve(order)
                return
            running.add(pid)
            answer: int | None = pid
        else:
            answer = ended(order["process"])
            running -= set() if answer is None else {order["process"]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def ended(pid: int) -> int | None:
    """Return the exit code of a child, or nothing while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def serve(order: Mapping[str, Any]) -> None:
    """Become what was ordered: `unseen` with these arguments, as if it had begun just now."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Path(os.devnull).open("rb") as nothing, Path(order["output"]).open("ab") as printed:
        os.dup2(nothing.fileno(), 0)
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    importlib.reload(importlib.import_module("unseen.node.failpoints"))  # reads the environment
    sys.argv = ["unseen", *order["arguments"]]
    importlib.import_module("unseen.cli.main").main()


if __name__ == "__main__":
    main()
