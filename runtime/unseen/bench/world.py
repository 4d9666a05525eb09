"""A real node and a real buyer on this machine: everything a figure of the node needs.

The node is started by its own command, in a process of its own, with the settings that an
operator would have; the buyer is the SDK. All state lies in one folder.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from unseen.bench import machine
from unseen.client import Client
from unseen.client.catalog import Predicate
from unseen.protocols.errors import InputInvalidError

UNITS = 1_000_000_000  # so that no quota ends a run
LOG = "node.log"
_START_SECONDS = 60
_STOP_SECONDS = 30
_PREDICATES = (
    Predicate("large", "the amount is at least 50000", "amount >= 50000"),
    Predicate("even", "the amount is even", "amount % 2 = 0"),
)


@dataclass(frozen=True, slots=True)
class World:
    """A serving node, an enrolled buyer's client, and an active contract between them."""

    process: subprocess.Popen[str]
    client: Client
    contract: str

    def processes(self) -> list[int]:
        """Return the node's process and its workers."""
        return machine.descendants(self.process.pid)


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Make a node under `folder` and serve it; give its process and its home.

    Raises:
        InputInvalidError: it does not start; the message has its last line.

    """
    home = make(folder, "node")
    command = _command("node", "serve", "--home", str(home), "--format", "json")
    process = launch(folder, command, UNSEEN_WORKERS=str(workers))
    try:
        first_line(process, folder / LOG)
        yield process, home
    finally:
        stop(process)


def make(folder: Path, name: str) -> Path:
    """Make a node of this name under `folder`, for a free port of this machine; give its home.

    Raises:
        InputInvalidError: it cannot be made; the message has the last line that was said.

    """
    home, address = folder / "node", f"127.0.0.1:{_free_port()}"
    _cli(folder, "node", "init", "--home", str(home), "--name", name, "--listen", address)
    return home


def launch(folder: Path, command: Sequence[str], **settings: str) -> subprocess.Popen[str]:
    """Start a process with these settings in its environment; what it logs goes to `folder`."""
    with (folder / LOG).open("w") as log:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **settings},
        )


@contextmanager
def world(folder: Path, process: subprocess.Popen[str], home: Path, rows: int) -> Iterator[World]:
    """Register a table of `rows`, enrol a buyer, agree on a contract; the table is built."""
    with parties(folder, home, "lookup", rows) as (operator, buyer):
        contract = agree(operator, buyer)
        buyer.lookup(contract, 0)
        yield World(process, buyer, contract)


@contextmanager
def parties(folder: Path, home: Path, kind: str, rows: int) -> Iterator[tuple[Client, Client]]:
    """Register a table of `rows` and a product of a kind; give operator and enrolled buyer."""
    source = folder / "table.csv"
    made = (f"{number},{number * 2654435761 % 100_000}\n" for number in range(rows))
    source.write_text("id,amount\n" + "".join(made))
    with ExitStack() as clients:
        operator = clients.enter_context(Client(home))
        operator.register_table("bench", str(source), subject=["id"], labels={"*": ("public", "1")})
        operator.register_product(
            "bench", table="bench", kind=kind, title="Bench", predicates=_PREDICATES
        )
        buyer = clients.enter_context(Client.join(operator.invite("buyer"), folder / "buyer"))
        yield operator, buyer


def agree(operator: Client, buyer: Client, units: int = UNITS) -> str:
    """Return the id of a fresh contract in force over all that the product offers."""
    outputs = [predicate.name for predicate in _PREDICATES]
    contract = buyer.request_contract("bench", outputs=outputs, scenario="bench", units=units)
    operator.approve(contract.id)
    return buyer.sign(contract.id).id


@contextmanager
def child(module: str, *arguments: str, log: Path) -> Iterator[tuple[str, int]]:
    """Run a module of ours while the block runs; give the first line it prints, and its pid."""
    command = [sys.executable, "-m", module, *arguments]
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield first_line(process, log), process.pid
    finally:
        stop(process)


def first_line(process: subprocess.Popen[str], log: Path) -> str:
    """Return the line by which a process says that it is ready.

    Raises:
        InputInvalidError: it ended, or said nothing for a minute.

    """
    ready = process.stdout and select.select([process.stdout], [], [], _START_SECONDS)[0]
    line = process.stdout.readline() if process.stdout and ready else ""
    if not line:
        raise _failed("a process of this bench does not start", log.read_text())
    return line.strip()


def stop(process: subprocess.Popen[str]) -> None:
    """End a process, gently first."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _cli(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        _command(*arguments), cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise _failed(f"unseen {' '.join(arguments[:2])} failed", done.stderr)


def _command(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "unseen.cli", *arguments]


def _failed(what: str, output: str) -> InputInvalidError:
    last = (output.strip().splitlines() or ["it said nothing"])[-1]
    return InputInvalidError(
        f"{what}: {last}",
        clause="bench.node",
        remedy="install the node's libraries (unseen[node]) and try again",
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
