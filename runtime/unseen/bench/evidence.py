"""Evidence: what a charge, the decision before it and an audit cost; how soon a stop is felt."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unseen.bench.auditing import auditing
from unseen.bench.registry import CURVE_BITS, SEED, Bench, Case, Group, Parameters
from unseen.bench.stopping import stopping
from unseen.bench.world import first_line, stop

DEFAULTS = {
    "charges": 2048,
    "in_flight": 256,
    "leaves": 1 << 16,
    "decisions": 20_000,
    "audited": 20_000,
    "rows": 1000,
    "askers": 4,
    "seed": SEED,
}
CHARGE_TARGET = ">= 2,500 a second"
DECIDE_TARGET = "<= 50 us each"
_MODEL = "a node that is killed at any point; EUF-CMA of Ed25519"


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench, over files in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="unseen-bench-") as folder:
        yield _groups(Path(folder), parameters)


def _groups(folder: Path, parameters: Parameters) -> Iterator[Group]:
    with _charging(folder, parameters) as node:
        yield charging(node, parameters)
    yield from auditing(folder, parameters)
    with stopping(parameters) as group:
        yield group


class Charging:
    """The node's charge path in a process of its own, told step by step what to do."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        """Talk to `process`, whose errors go to a file."""
        self._process = process
        self._errors = errors
        self._notes: dict[str, str] = {}

    def step(self, name: str) -> None:
        """Have one step done and wait for it.

        Raises:
            InputInvalidError: the process ended; the message has its last line.

        """
        if self._process.stdin is not None:
            self._process.stdin.write(f"{name}\n")
            self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(first_line(self._process, self._errors))
        self._notes[name] = str(answer["note"])

    def note(self) -> str:
        """Return what the last charge showed besides its time."""
        return self._notes.get("charge", "")

    def processes(self) -> Sequence[int]:
        """Return the process whose CPU time counts."""
        return (self._process.pid,)


def charging(node: Charging, parameters: Parameters) -> Group:
    """Charge, log, keep the reply and write the receipt; beside it the bare transactions."""
    count = parameters["charges"]
    return [
        Case(
            name="evidence/charge",
            phase="online",
            units=count,
            prepare=lambda: node.step("prepare"),
            work=lambda: node.step("charge"),
            note=node.note,
            limit="evidence/charge/raw",
            target=CHARGE_TARGET,
            processes=node.processes,
            threat_model=_MODEL,
            security_bits=CURVE_BITS,
        ),
        Case(
            name="evidence/charge/raw",
            phase="online",
            units=count,
            work=lambda: node.step("raw"),
            processes=node.processes,
        ),
        Case(
            name="evidence/decide",
            phase="online",
            units=parameters["decisions"],
            work=lambda: node.step("decide"),
            target=DECIDE_TARGET,
            processes=node.processes,
        ),
    ]


@contextmanager
def _charging(folder: Path, parameters: Parameters) -> Iterator[Charging]:
    (folder / "settings.json").write_text(json.dumps(dict(parameters)))
    errors = folder / "charging.log"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "unseen.bench.charging", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        first_line(process, errors)
        yield Charging(process, errors)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        stop(process)


BENCH = Bench(
    "evidence", "charges with their evidence, audits, and stops under load", DEFAULTS, groups
)
