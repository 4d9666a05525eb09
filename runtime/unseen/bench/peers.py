"""Other libraries, each in a process of the environment that `./unseen dev peers` makes for it.

A peer is a program of `benchmarks/peers` that imports nothing of ours. It reads one order a line,
does it, and answers with one line of JSON.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from unseen.bench import machine
from unseen.protocols.errors import InputInvalidError

VARIABLE: Final = "UNSEEN_PEERS"
COMMAND: Final = "./unseen dev peers"
_ROOT: Final = Path(__file__).parents[3]
_PATIENCE: Final = 5.0  # seconds
_PROGRAMS: Final = _ROOT / "benchmarks" / "peers"


class Peer:
    """A running peer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take its process."""
        self._process = process

    def pids(self) -> list[int]:
        """Return the numbers of its process and of those that it started."""
        return machine.descendants(self._process.pid)

    def ask(self, order: str) -> dict[str, Any]:
        """Have it do something, and return its answer.

        Raises:
            InputInvalidError: it ended, or answered with something else.

        """
        source, sink = self._process.stdout, self._process.stdin
        try:
            if source is None or sink is None:
                raise BrokenPipeError
            sink.write(order + "\n")
            sink.flush()
            found = dict(json.loads(source.readline()))
        except (OSError, ValueError):
            raise _failed("does not answer") from None
        if "failed" in found:
            raise _failed(f"fails: {found['failed']}")
        return found


def _failed(how: str) -> InputInvalidError:
    return InputInvalidError(
        f"the library that is measured beside this one {how}",
        clause="bench.peers",
        remedy=f"install it anew with {COMMAND}, or leave it out with --set peers=0",
    )


def python(name: str) -> Path | None:
    """Return the Python of a peer's environment, or None where there is none.

    `UNSEEN_PEERS` names the folder of all of them, else it is that of the clone this runs from.
    """
    folder = os.environ.get(VARIABLE)
    found = (Path(folder) if folder else _ROOT / ".venv-peers") / name / "bin" / "python"
    return found if found.is_file() and os.access(found, os.X_OK) else None


@contextmanager
def running(name: str, what: str, parameters: Mapping[str, int]) -> Iterator[Peer | None]:
    """Start the peer `name`, or say why `what` is not measured and hand out None."""
    interpreter = python(name)
    program = _PROGRAMS / f"{name.replace('-', '_')}_peer.py"
    if interpreter is None or not program.is_file():
        sys.stderr.write(f"unseen: {what} is not measured: install it with {COMMAND} {name}\n")
        yield None
        return
    process = subprocess.Popen(
        [str(interpreter), str(program), json.dumps(dict(parameters))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Peer(process)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """Close its input, upon which it ends by itself and cleans up; after a while, by force."""
    with suppress(BrokenPipeError), process:  # closes the pipes, and waits
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
