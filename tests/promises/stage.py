"""A real node in a process of its own, and the homes of its operator and its buyers.

A `Stage` is a folder with a node and its parties. One is made from nothing for each test run;
tests that stop, kill or roll back a node work on a copy of it at another port.
"""

import contextlib
import datetime as dt
import json
import os
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
from tests.ports import free_port
from tests.promises.nursery import Process, nursery

from unseen.cli.commands.node import init
from unseen.cli.output import Format
from unseen.client import Client
from unseen.client.catalog import Predicate, Prices, Product, Table
from unseen.client.local.home import Home
from unseen.client.local.profile import load_profile

START_SECONDS = 60.0
FROM_NOTHING = "UNSEEN_TEST_GENTLE" in os.environ  # what is measured begins in each interpreter
KEPT = "UNSEEN_KERNEL_CACHE"  # each node would compile kernels of its own
LABELS = {"*": ("public", "1")}
BUYERS = ("lender", "rival")
_SKEWED = """
import datetime
from unseen.cli.main import main
from unseen.node import clock, main as serving
now = clock.system_now
skew = datetime.timedelta(seconds={})
clock.Clock.__init__.__defaults__ = (lambda: now() + skew, None)
certificate = serving.server_certificate  # whose clients go by the machine's clock
serving.server_certificate = lambda k, s, c: certificate(k, s, clock.Clock(now))
main()
"""
EARNINGS = (None, 12_000, 40_000, 55_000)
PREDICATES = (
    Predicate("earns_40k", "earns at least 40000", "earnings >= 40000"),
    Predicate("earns", "has earnings at all", "earnings > 0"),
)
ROWS = 64


@dataclass(frozen=True)
class Person:
    """A row of the test table, and the random 128-bit values planted in its columns."""

    subject: str
    note: str
    payload: bytes
    amount: int
    serial: int
    earnings: int | None

    @property
    def canaries(self) -> tuple[bytes, ...]:
        """Everything planted beside the subject, as the bytes of its number or text."""
        amount = self.amount.to_bytes(16, "big")
        return bytes.fromhex(self.note), self.payload, amount, self.serial.to_bytes(8, "big")

    @property
    def answers(self) -> dict[str, str]:
        """The words of the two predicates' answers."""
        if self.earnings is None:
            return {"earns_40k": "no_usable_result", "earns": "no_usable_result"}
        return {
            "earns_40k": "yes" if self.earnings >= 40_000 else "no",
            "earns": "yes" if self.earnings > 0 else "no",
        }


def make_people(count: int = ROWS) -> tuple[Person, ...]:
    """Return rows whose values nobody can guess; the columns' names are no ASCII either."""
    return tuple(
        Person(
            subject=secrets.token_hex(16),
            note=secrets.token_hex(16),
            payload=secrets.token_bytes(16),
            amount=secrets.randbelow(10**38 - 10**37) + 10**37,
            serial=secrets.randbits(62) | 1 << 61,
            earnings=EARNINGS[number % len(EARNINGS)],
        )
        for number in range(count)
    )


def write_table(path: Path, people: Sequence[Person]) -> None:
    """Write the rows as Parquet. A date or an earning cannot hold 128 bits; the rest do."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE people (subject VARCHAR, note VARCHAR, payload BLOB,"
            " amount DECIMAL(38, 0), serial BIGINT, earnings INTEGER, 出生日期 DATE)"
        )
        connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?::DECIMAL(38, 0), ?, ?, ?)",
            [
                (p.subject, p.note, p.payload, str(p.amount), p.serial, p.earnings, "2000-01-31")
                for p in people
            ],
        )
        connection.execute(f"COPY people TO '{path}' (FORMAT parquet)")


@dataclass
class Stage:
    """One node and its parties under `root`. Clients are opened when first asked for."""

    root: Path
    port: int
    table: Path  # read by every copy: never change it
    people: tuple[Person, ...]
    program: tuple[str, ...] = ()  # that serves in the place of `unseen`
    process: Process | None = None
    _clients: dict[str, Client] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The node's home."""
        return self.root / "node"

    @property
    def output(self) -> Path:
        """Where everything goes that the node prints, its workers too."""
        return self.root / "node.log"

    def party_home(self, party: str) -> Path:
        """The client home of a party."""
        return self.home / "operator" if party == "operator" else self.root / party

    def launch(
        self, environment: Mapping[str, str], skew: int = 0, output: Path | None = None
    ) -> Process:
        """Start `unseen node serve` and return its process without waiting for it.

        Its clock goes `skew` seconds before the machine's. It prints to `output`, to the stage's
        own unless told. It is forked (`nursery.py`) unless its interpreter has to begin otherwise.
        """
        arguments = ["node", "serve", "--format", "json", "--home", str(self.home)]
        output, whole = output or self.output, node_environment(environment)
        program = ("-c", _SKEWED.format(skew)) if skew else self.program
        if not program and not FROM_NOTHING and "PYTHONPATH" not in environment:
            return nursery().start(arguments, whole, output)
        with output.open("ab") as printed:
            return subprocess.Popen(
                [sys.executable, *(program or ("-m", "unseen.cli")), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=whole,
            )

    def start(self, **environment: str) -> None:
        """Start the node and wait until it answers."""
        self.start_skewed(0, **environment)

    def start_skewed(self, skew: int, **environment: str) -> None:
        """Do as `start` does, with a clock that goes `skew` seconds before the machine's."""
        self.process = self.launch(environment, skew)
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the node did not start: {self.output.read_text()[-2000:]}")

    def refuses_to_start(self, **environment: str) -> str:
        """Start a node that must give up by itself, and return its error's reason."""
        output = self.root / f"refused-{uuid.uuid4().hex}.log"  # another node may be printing
        process = self.launch(environment, output=output)
        try:
            code = process.wait(START_SECONDS)
        finally:
            process.kill()
            process.wait()
        printed = output.read_text()
        assert code == 2, printed
        assert "Traceback" not in printed
        error = json.loads(printed.splitlines()[-1])
        assert error["clause"]
        assert error["remedy"]
        return str(error["reason"])

    def stop(self) -> None:
        """Ask the node to stop, as an operator would."""
        self.close_clients()
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(START_SECONDS)
            self.process = None

    def kill(self) -> None:
        """Let the node die as a power cut would."""
        self.close_clients()
        if self.process is not None:
            self.process.kill()
            self.process.wait(START_SECONDS)
            self.process = None

    def end(self) -> None:
        """End the node at once; gently where what it ran has to be written down (coverage)."""
        if "UNSEEN_TEST_GENTLE" in os.environ:
            self.stop()
        else:
            self.kill()

    def wait_dead(self) -> int:
        """Wait until the node has died by itself, and return how."""
        assert self.process is not None
        code = self.process.wait(START_SECONDS)
        self.process = None
        self.close_clients()
        return code

    def limit_files(self, size: int) -> None:
        """Let no file of the node grow beyond `size` bytes, as on a full disk; -1 lifts it."""
        assert self.process is not None
        limits = (size if size >= 0 else resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limits)

    def client(self, party: str) -> Client:
        """Return the open client of a party."""
        if party not in self._clients:
            self._clients[party] = Client(self.party_home(party))
        return self._clients[party]

    @property
    def operator(self) -> Client:
        """The operator's client."""
        return self.client("operator")

    @property
    def lender(self) -> Client:
        """A buyer's client."""
        return self.client("lender")

    @property
    def rival(self) -> Client:
        """Another buyer's client."""
        return self.client("rival")

    def events(self) -> int:
        """Return how many entries the log has but for those that builds write when they end."""
        background = {"manifest.published", "epoch.closed", "job.started", "job.finished"}
        return sum(leaf.type not in background for leaf in self.operator.leaves())

    def close_clients(self) -> None:
        """Close what is open."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def join(self, party: str, role: str = "buyer") -> None:
        """Invite and enrol a party."""
        invitation = self.operator.invite(party, role)
        self._clients[party] = Client.join(invitation, self.party_home(party))

    def register(self, name: str, source: Path | str, subject: str = "subject") -> Table:
        """Register a table."""
        return self.operator.register_table(name, str(source), subject=[subject], labels=LABELS)

    def offer(
        self, name: str, table: str, kind: str, predicates: Sequence[Predicate] = PREDICATES
    ) -> Product:
        """Offer predicates over a table."""
        return self.operator.register_product(
            name,
            table=table,
            kind=kind,
            title=f"Earnings, {name}",
            predicates=predicates,
            prices=Prices("CNY", 1_000_000, 500_000),
        )

    def propose(
        self,
        product: str = "hidden",
        *,
        buyer: str = "lender",
        units: int = 1000,
        per_minute: int | None = None,
    ) -> str:
        """Ask for a contract; neither side has signed it."""
        found = self.client(buyer).request_contract(
            product,
            outputs=[predicate.name for predicate in PREDICATES],
            scenario="tests",
            units=units,
            days=1,
            per_minute=per_minute,
        )
        return found.id

    def contract(
        self,
        product: str = "hidden",
        *,
        buyer: str = "lender",
        units: int = 1000,
        per_minute: int | None = None,
    ) -> str:
        """Return a contract in force."""
        contract = self.propose(product, buyer=buyer, units=units, per_minute=per_minute)
        self.operator.approve(contract)
        self.client(buyer).sign(contract)
        return contract

    def copy(self, root: Path) -> "Stage":
        """Return a stopped copy of a stopped stage, at a port of its own."""
        shutil.copytree(self.root, root)
        other = Stage(root, free_port(), self.table, self.people)
        config = other.home / "node.toml"
        config.write_text(config.read_text().replace(f":{self.port}", f":{other.port}"))
        for party in ("operator", *BUYERS):
            home = Home(other.party_home(party))
            profile = load_profile(home)
            node = replace(profile.node, address=f"127.0.0.1:{other.port}")
            replace(profile, node=node).save(home)
        return other


def node_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return a small node's environment; nothing else of `UNSEEN_*` comes from the outside."""
    outside = {
        name: value
        for name, value in os.environ.items()
        if name == KEPT or not name.startswith("UNSEEN_")
    }
    return {**outside, "UNSEEN_WORKERS": "1", "UNSEEN_MEMORY_MB": "256", **more}


def make_stage(root: Path) -> Stage:
    """Make a node with one table, two products and two buyers, and leave it stopped."""
    root.mkdir(parents=True)
    stage = Stage(root, free_port(), root / "people.parquet", make_people())
    write_table(stage.table, stage.people)
    init(home=stage.home, name="test-node", listen=f"127.0.0.1:{stage.port}", form=Format.JSON)
    stage.start()
    try:
        stage.register("people", stage.table)
        for name, kind in (("hidden", "lookup"), ("clear", "verify")):
            stage.offer(name, "people", kind)
        for buyer in BUYERS:
            stage.join(buyer)
        stage.stop()
    finally:
        stage.kill()
    return stage


@contextlib.contextmanager
def serving(stage: Stage, **environment: str) -> Iterator[Stage]:
    """Start a stage's node and end it, whatever happens."""
    stage.start(**environment)
    try:
        yield stage
    finally:
        stage.end()


def wait_until(condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Wait until `condition` holds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.05)


def now() -> dt.datetime:
    """Return the time in UTC, to the second."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
