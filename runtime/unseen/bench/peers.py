"""Other libraries, each in a process of the environment that `./unseen dev peers` makes.

A peer is a program beside this module that imports nothing of ours. It reads one order a line,
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

from unseen.protocols.errors import InputInvalidError

VARIABLE: Final = "UNSEEN_PEERS"
COMMAND: Final = "./unseen dev peers"
_ROOT: Final = Path(__file__).parents[3]


class Peer:
    """A running peer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take its process."""
        self._process = process

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

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
            found = json.loads(source.readline())
        except (OSError, ValueError):
            raise InputInvalidError(
                "the library that is measured beside this one does not answer",
                clause="bench.peers",
                remedy=f"install it anew with {COMMAND}, or leave it out with --set peers=0",
            ) from None
        return dict(found)


def python() -> Path | None:
    """Return the Python of the peers' environment, or None where there is none.

    `UNSEEN_PEERS` names it, else it is that of the clone this runs from.
    """
    named = os.environ.get(VARIABLE)
    found = Path(named) if named else _ROOT / ".venv-peers" / "bin" / "python"
    return found if found.is_file() and os.access(found, os.X_OK) else None


@contextmanager
def running(what: str, program: str, parameters: Mapping[str, int]) -> Iterator[Peer | None]:
    """Start `program` of this folder, or say why not and hand out None."""
    interpreter = python()
    if interpreter is None:
        sys.stderr.write(f"unseen: {what} is not measured: install it with {COMMAND}\n")
        yield None
        return
    process = subprocess.Popen(
        [str(interpreter), str(Path(__file__).with_name(program)), json.dumps(dict(parameters))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Peer(process)
    finally:
        process.kill()
        with suppress(BrokenPipeError), process:  # closes the pipes, and waits
            pass
