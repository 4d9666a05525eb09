"""Nodes of several operators, and a buyer with a home and a contract at each, all on this machine.

A node is a process of its own with its own keys, table, log and privacy ledger; no node knows of
another but by the roster in its contract. The buyer's client carries what they say.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from unseen.cli.progress import board
from unseen.client import Client
from unseen.client.audit.checking import check_folder
from unseen.client.catalog import Prices
from unseen.client.joint.seats import Seat
from unseen.evidence import trust
from unseen.evidence.contracts.joint import Joint, Place
from unseen.evidence.contracts.statistics.definition import Definition
from unseen.evidence.verify import VerifiedReceipt, verify_receipt
from unseen.protocols.train import Spec

BUYER = "institute"
COUNTED, TRAINED = "counts", "model"  # the products of each node
PRICES = Prices("USD", 1_000_000, 500_000)


@dataclass(frozen=True)
class Member:
    """One node of the story, with the client of its operator and the buyer's at it."""

    name: str
    table: Path
    operator: Client
    buyer: Client
    buyer_home: Path

    @property
    def place(self) -> Place:
        """How it stands in a roster: by its name, and the key that it signs with."""
        return self.buyer.profile.node.place

    def offer(self, definition: Definition, subject: Sequence[str], budget: str) -> None:
        """Register the table, offer its menu twice, and say what answers may cost, for ever."""
        labels = {"*": ("public", "1")}
        self.operator.register_table("rows", str(self.table), subject=subject, labels=labels)
        for name, kind in ((COUNTED, "statistics"), (TRAINED, "train")):
            self.operator.register_product(
                name,
                table="rows",
                kind=kind,
                title=f"{name} of {self.name}",
                predicates=definition,
                prices=PRICES,
            )
        delta = definition.menu.delta
        self.operator.set_privacy_budget("rows", epsilon=budget, delta=delta)

    def agree(
        self, outputs: Sequence[str], joint: Joint, budget: str, train: Spec | None = None
    ) -> str:
        """Have a contract signed by both: for questions, or for a training; return its id."""
        contract = self.buyer.request_contract(
            TRAINED if train else COUNTED,
            outputs=outputs,
            scenario="research",
            units=20,
            days=1,
            group=10,
            budget=budget,
            joint=joint,
            train=train,
        )
        self.operator.approve(contract.id)
        self.buyer.sign(contract.id)
        return contract.id


def say(text: str) -> None:
    """Print a step of the story."""
    print(f"\n=== {text}", flush=True)


@contextmanager
def bars(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar of `total` steps on a terminal; what it yields moves it by one."""
    with board() as shown:
        done = 0
        shown.report(what, 0, total)

        def move() -> None:
            nonlocal done
            done += 1
            shown.report(what, done, total)

        yield move


def agreed(members: Sequence[Member], agree: Callable[[Member], str]) -> list[Seat]:
    """Agree on a contract with each, and return the buyer's seats under them."""
    with bars("contracts", len(members)) as move:
        seats = []
        for member in members:
            seats.append(member.buyer.seat(agree(member)))
            move()
    return seats


@contextmanager
def serving(folder: Path, tables: dict[str, Path]) -> Iterator[list[Member]]:
    """Make and serve a node for each table while the block runs; the buyer has joined each."""
    with ExitStack() as stack:
        with bars("starting nodes", 3 * len(tables)) as move:
            made = {name: _make(folder / name, name) for name in tables}
            for name, process in made.items():
                _, said = process.communicate(timeout=120)
                if process.returncode:
                    raise SystemExit(f"{name} could not be made: {said.decode()}")
                move()
            nodes = {name: stack.enter_context(_serve(folder / name)) for name in tables}
            for name, process in nodes.items():
                if not process.stdout or not process.stdout.readline():  # it says where it answers
                    raise SystemExit(f"{name} did not start")
                move()
            members = []
            for name, table in tables.items():
                members.append(_joined(stack, folder, name, table))
                move()
        yield members


def _joined(stack: ExitStack, folder: Path, name: str, table: Path) -> Member:
    operator = stack.enter_context(Client(folder / name / "operator"))
    home = folder / BUYER / name
    home.parent.mkdir(exist_ok=True)
    buyer = stack.enter_context(Client.join(operator.invite(BUYER), home))
    operator.parties()  # the operator pins the buyer's key, to sign contracts with it
    return Member(name, table, operator, buyer, home)


def _unseen(*words: str) -> list[str]:
    return [sys.executable, "-m", "unseen.cli", *words]


def _make(home: Path, name: str) -> "subprocess.Popen[bytes]":
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    words = ("node", "init", "--name", name, "--listen", address, "--home", str(home))
    return subprocess.Popen(_unseen(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@contextmanager
def _serve(home: Path) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(
        _unseen("node", "serve", "--home", str(home), "--format", "json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"UNSEEN_WORKERS": "1"},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


def receipts(members: Sequence[Member]) -> dict[str, list[VerifiedReceipt]]:
    """Verify every receipt of the buyer with nothing but a file of keys; in the log's order."""
    found = {}
    for member in members:
        keys = trust.parse((member.buyer_home / "parties.json").read_bytes())
        paths = (member.buyer_home / "receipts").glob("*.receipt")
        each = [verify_receipt(path.read_text().strip(), keys) for path in paths]
        found[member.name] = sorted(each, key=lambda receipt: receipt.index)
    return found


def export(member: Member, folder: Path) -> Path:
    """Write the log of a node, and the keys to check it with; return the folder."""
    target = folder / f"log-of-{member.name}"
    member.operator.export(target)
    return target


def audit(member: Member, log: Path) -> list[str]:
    """Recompute a node's whole log, offline; return what is wrong with it."""
    keys = trust.parse(member.operator.home.trust.read_bytes())
    return [str(finding) for finding in check_folder(log, keys).findings]
