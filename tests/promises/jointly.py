"""Several real nodes that add numbers up, each over its own socket, in a process beside this one.

A node can be told to go wrong in one way (`Consortium.fault`); `joint_nodes.py` has the ways.
"""

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.ports import free_port
from tests.promises.joint_nodes import DONE, KIND, SIGMA2
from tests.promises.stage import (
    LABELS,
    Stage,
    make_people,
    node_environment,
    wait_until,
    write_table,
)

from unseen.cli.commands.node import init
from unseen.cli.output import Format
from unseen.client.catalog import Predicate, Prices
from unseen.client.errors import UnreachableError
from unseen.client.joint.rounds import Cohort, JointSum
from unseen.evidence.contracts.joint import Joint, Place, honest_range

PREDICATES = (Predicate("earns", "has earnings at all", "earnings > 0"),)
TASK = bytes(32)
SECONDS = 60.0


class Nodes:
    """The process that nodes are served in (`joint_nodes.py`)."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promises.joint_nodes"],
            cwd=Path(__file__).parents[2],
            env=node_environment({"UNSEEN_DRAIN_SECONDS": "0", "UNSEEN_MEMORY_MB": "1024"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._telling = threading.Lock()
        self._running: set[Path] = set()

    def start(self, home: Path) -> None:
        """Serve a home, and return when it answers."""
        self._tell("start", str(home))
        self._running.add(home)

    def stop(self, home: Path) -> None:
        """End a node; what it had in memory is gone."""
        if home in self._running:
            self._running.remove(home)
            self._tell("stop", str(home))

    def fault(self, name: str, what: str) -> None:
        """Have the node called `name` go wrong, or, where `what` is empty, right again."""
        self._tell("fault", name, what)

    def close(self) -> None:
        """End all nodes and the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _tell(self, *words: str) -> None:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        with self._telling:
            into.write(" ".join(words) + "\n")
            into.flush()
            while (line := out.readline().strip()) != DONE:
                assert line, "the nodes' process has ended"


@dataclass
class Consortium:
    """Nodes called `node-1` and on, with a buyer at each."""

    stages: list[Stage]
    nodes: Nodes

    def stop(self, number: int) -> None:
        """End a node."""
        self.nodes.stop(self.stages[number - 1].home)

    def start(self, number: int) -> None:
        """Start a node, and wait until its buyer's connection has come back."""
        stage = self.stages[number - 1]
        self.nodes.start(stage.home)
        wait_until(lambda: _answers(stage))

    def restart(self, number: int) -> None:
        """End a node and start it anew."""
        self.stop(number)
        self.start(number)

    @contextmanager
    def fault(self, number: int, what: str) -> Iterator[None]:
        """Have a node go wrong for a while."""
        self.nodes.fault(f"node-{number}", what)
        try:
            yield
        finally:
            self.nodes.fault(f"node-{number}", "")

    def clause(self, numbers: Sequence[int], **changes: Any) -> Joint:
        """Return a clause over some of the nodes."""
        places = tuple(
            Place(
                name=f"node-{number}",
                key=self.stages[number - 1].lender.profile.node.evidence_key,
            )
            for number in sorted(numbers, key=str)  # in the order of the names
        )
        fields: dict[str, Any] = {
            "nodes": places,
            "honest": honest_range(len(numbers))[0],
            "ring": 64,
            "bound": 1 << 40,
            "task": TASK,
        }
        return Joint(**fields | changes)

    def contract(self, number: int, clause: Joint, units: int = 100) -> str:
        """Return a contract in force with one of the nodes."""
        stage = self.stages[number - 1]
        found = stage.lender.request_contract(
            "sums", outputs=["earns"], scenario="tests", units=units, days=1, joint=clause
        )
        stage.operator.approve(found.id)
        stage.lender.sign(found.id)
        return found.id

    def contracts(self, clause: Joint, units: int = 100) -> dict[int, str]:
        """Return a contract with each node of a clause, by the node's number."""
        return {number: self.contract(number, clause, units) for number in numbers_of(clause)}

    def cohort(
        self,
        contracts: Mapping[int, str],
        hook: Callable[[str], None] = lambda _what: None,
        seconds: float = 20.0,
    ) -> Cohort:
        """Return the cohort of these contracts; `hook` hears of each step as it begins."""

        def progress(what: str, done: int, _total: int) -> None:
            if not done:
                hook(what.removeprefix("joint "))

        seats = [self.stages[n - 1].lender.seat(contract) for n, contract in contracts.items()]
        return Cohort(seats, progress=progress, step_seconds=seconds)

    def used(self, contracts: Mapping[int, str]) -> dict[int, int]:
        """Return the units that each contract has been charged."""
        return {
            number: self.stages[number - 1].lender.contract(contract).units_used
            for number, contract in contracts.items()
        }

    def close(self) -> None:
        """End all nodes."""
        for stage in self.stages:
            stage.close_clients()
        self.nodes.close()


@contextmanager
def consortium(root: Path, count: int) -> Iterator[Consortium]:
    """Serve `count` nodes, each with a table, a product and a buyer."""
    stages = [_stage(root / f"node-{number}", number) for number in range(1, count + 1)]
    made = Consortium(stages, Nodes())
    try:
        for number, stage in enumerate(stages, 1):
            made.start(number)
            _furnish(stage)
        yield made
    finally:
        made.close()


def _stage(folder: Path, number: int) -> Stage:
    folder.mkdir(parents=True)
    stage = Stage(folder, free_port(), folder / "people.parquet", make_people())
    write_table(stage.table, stage.people)
    address = f"127.0.0.1:{stage.port}"
    init(home=stage.home, name=f"node-{number}", listen=address, form=Format.JSON)
    return stage


def _answers(stage: Stage) -> bool:
    if not stage.party_home("lender").exists():
        return True  # nobody has joined yet
    try:
        stage.lender.node()
    except UnreachableError:
        return False
    return True


def _furnish(stage: Stage) -> None:
    stage.operator.register_table("people", str(stage.table), subject=["subject"], labels=LABELS)
    stage.operator.register_product(
        "sums",
        table="people",
        kind=KIND,
        title="Sums",
        predicates=PREDICATES,
        prices=Prices("CNY", 1_000_000, 500_000),
    )
    stage.join("lender")


def numbers_of(clause: Joint) -> list[int]:
    """Return the numbers of the nodes of a clause."""
    return [int(name.removeprefix("node-")) for name in clause.names]


def payload(dimension: int, rho: str = "0") -> bytes:
    """Return a payload that no other round has."""
    return b"%8d%8s" % (dimension, rho.encode()) + json.dumps(secrets.token_hex(8)).encode()


def check_sum(found: JointSum, numbers: Sequence[int], dimension: int) -> None:
    """Refuse a sum that is not that of these nodes, give or take their noise."""
    assert found.survivors == tuple(f"node-{number}" for number in numbers)
    off = found.vector - np.arange(dimension) * sum(numbers)
    deviation = (len(numbers) * SIGMA2) ** 0.5
    assert np.abs(off).max() < 8 * deviation  # a coordinate: not once in 2^45
    assert abs(off.mean()) < 8 * deviation / dimension**0.5
    assert off.any()
