"""Real nodes on this machine, each a process of its own, and a buyer with a contract at each.

All nodes offer the same menu; contracts, ledgers, charges and receipts are as they always are.
What the nodes add up is made up (`adding`), so that a round may have any number of coordinates.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from unseen.bench import world as worlds
from unseen.bench.parts import name_of
from unseen.client import Client
from unseen.client.joint.statistics import make_clause
from unseen.evidence.contracts.joint import Joint, Place, most_bound
from unseen.evidence.contracts.statistics import Dimension, Menu
from unseen.evidence.contracts.statistics.definition import Definition, Origin
from unseen.evidence.suite import INTL
from unseen.protocols.kernels import cache

EPSILON, DELTA = "100", "0.000001"
UNITS = 1_000_000
GROUP = 10
ROWS = 20
_AT_ONCE = 2  # nodes that are set up side by side: each has a core's work with it
_OFFERED = Definition(
    menu=Menu(
        dimensions=(Dimension(name="range", text="Range of the amount", edges=(0, 500, 1000)),),
        measures=(),
        delta=DELTA,
    ),
    columns=(Origin(name="range", column="amount"),),
)


@dataclass(frozen=True, slots=True)
class Served:
    """A node that answers: its process and its home, in a folder where its buyer lives as well."""

    process: subprocess.Popen[str]
    folder: Path

    @property
    def home(self) -> Path:
        """The node's home."""
        return self.folder / "node"

    @property
    def buyer(self) -> Path:
        """The home of the buyer's client at this node."""
        return self.folder / "buyer"


@contextmanager
def serving(folder: Path, count: int) -> Iterator[list[Served]]:
    """Serve `count` nodes under `folder`.

    Raises:
        InputInvalidError: one does not start; the message has its last line.

    """
    with ExitStack() as stack:

        def started(number: int) -> Served:
            home = folder / name_of(number)
            home.mkdir()
            made = Served(_launched(home), home)
            stack.callback(worlds.stop, made.process)
            worlds.first_line(made.process, home / worlds.LOG)
            return made

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(started, range(1, count + 1)))
        yield found


def agree(nodes: Sequence[Served], ring: int) -> list[str]:
    """Register a table with each node, enrol a buyer, and return a joint contract at each."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        places = list(pool.map(_furnished, nodes))
        clause = _clause(places, ring)
        return list(pool.map(lambda node: _agreed(node, clause), nodes))


def _launched(folder: Path) -> "subprocess.Popen[str]":
    home = worlds.make(folder, folder.name)
    return worlds.launch(
        folder,
        [sys.executable, "-m", "unseen.bench.adding", str(home)],
        UNSEEN_WORKERS="1",
        # Kernels are compiled once, and not by each of them.
        **{cache.VARIABLE: str(cache.folder() or "")},
    )


def _clause(places: Sequence[Place], ring: int) -> Joint:
    found = make_clause(places, _OFFERED.menu, INTL)
    return replace(found, ring=ring, bound=most_bound(len(places), ring))


def _furnished(node: Served) -> Place:
    source = node.folder / "amounts.csv"
    source.write_text("id,amount\n" + "".join(f"{row},{row * 37}\n" for row in range(ROWS)))
    with Client(node.home) as operator:
        operator.register_table("added", str(source), subject=["id"], labels={"*": ("public", "1")})
        operator.set_privacy_budget("added", epsilon=EPSILON, delta=DELTA)
        operator.register_product(
            "added", table="added", kind="statistics", title="Added up", predicates=_OFFERED
        )
        with Client.join(operator.invite("buyer"), node.buyer) as buyer:
            pins = buyer.profile.node
            return Place(name=pins.name, key=pins.evidence_key)


def _agreed(node: Served, clause: Joint) -> str:
    with Client(node.home) as operator, Client(node.buyer) as buyer:
        contract = buyer.request_contract(
            "added",
            outputs=["range"],
            scenario="bench",
            units=UNITS,
            per_minute=UNITS,
            group=GROUP,
            budget=EPSILON,
            joint=clause,
        )
        operator.approve(contract.id)
        return buyer.sign(contract.id).id
