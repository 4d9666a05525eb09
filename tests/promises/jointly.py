"""Several real nodes that add numbers up, each over its own socket, all in one process.

What each of them adds is given here: its number times the place of the coordinate, with noise. A
node can be told to go wrong in one way (`Consortium.faults`).
"""

import asyncio
import dataclasses
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.promises.stage import LABELS, Stage, free_port, make_people, wait_until, write_table

from unseen.cli.commands.node import init
from unseen.cli.output import Format
from unseen.client.catalog import Predicate, Prices
from unseen.client.errors import UnreachableError
from unseen.client.joint.rounds import Cohort, JointSum
from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.joint import Joint, Place, honest_range, round_of
from unseen.node import main as serving
from unseen.node.joint import kinds, steps
from unseen.node.joint.contribution import Asked, Contribution, Contributor, Outline
from unseen.node.joint.rounds import Reply
from unseen.node.kinds.kind import KINDS
from unseen.protocols.dp import Distributed
from unseen.protocols.secagg.noise import PartyNoise
from unseen.protocols.secagg.parameters import Round

if TYPE_CHECKING:
    import concurrent.futures

KIND = "train"  # its product here is one with predicates, whatever it is elsewhere
PREDICATES = (Predicate("earns", "has earnings at all", "earnings > 0"),)
TASK = bytes(32)
SIGMA2 = 9
SECONDS = 60.0


class Nodes:
    """A loop in a thread of its own that nodes are served on."""

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._running: dict[Path, concurrent.futures.Future[None]] = {}

    def start(self, home: Path) -> None:
        """Serve a home, and return when it answers."""
        ready = threading.Event()
        serve = serving.serve(home, ready=lambda _address: ready.set())
        self._running[home] = asyncio.run_coroutine_threadsafe(serve, self._loop)
        assert ready.wait(SECONDS), self._running[home]

    def stop(self, home: Path) -> None:
        """End a node; what it had in memory is gone."""
        if (task := self._running.pop(home, None)) is None:
            return
        task.cancel()
        while home.joinpath("state.db-wal").exists():
            threading.Event().wait(0.02)

    def close(self) -> None:
        """End all nodes and the thread."""
        for home in list(self._running):
            self.stop(home)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)


@dataclass
class Consortium:
    """Nodes called `node-1` and on, with a buyer at each; `faults` by the name of a node."""

    stages: list[Stage]
    nodes: Nodes
    faults: dict[str, str] = field(default_factory=dict)

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
        self.faults[f"node-{number}"] = what
        try:
            yield
        finally:
            del self.faults[f"node-{number}"]

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
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("UNSEEN_")]:
            patch.delenv(name)
        patch.setenv("UNSEEN_WORKERS", "1")
        patch.setenv("UNSEEN_DRAIN_SECONDS", "0")
        made = Consortium(stages, Nodes())
        _contribute(patch, made.faults)
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


def _contribute(patch: pytest.MonkeyPatch, faults: dict[str, str]) -> None:
    """Let the nodes of this process take part, and go wrong as `faults` says."""
    kind = dataclasses.replace(KINDS["verify"], protocol="tests", release="aggregate")
    patch.setitem(KINDS, KIND, kind)

    def outline(asked: Asked) -> Outline:
        return Outline(int(asked.payload[:8]), Fraction(asked.payload[8:16].decode().strip()))

    async def contribute(node: Any, asked: Asked, parameters: Round) -> Contribution:
        fault = faults.get(node.settings.name, "")
        number = int(node.settings.name.removeprefix("node-"))
        values = np.arange(parameters.dimension, dtype=np.int64) * number
        if fault == "overflow":
            values[5] = asked.clause.bound + 1
        table = node.catalogue.table(asked.contract.terms.table)
        spread = Distributed(SIGMA2, asked.clause.honest, parameters.dimension)
        noise = PartyNoise(spread, parameters, secrets.token_bytes)
        return Contribution(
            vector=values[1:] if fault == "dimension" else values,
            people=4 if fault == "people" else table.snapshot.rows,
            snapshot=b64decode(table.snapshot.commitment),
            noise=None if fault == "bare" else noise,
        )

    made = Contributor(most_bytes=1 << 20, outline=outline, contribute=contribute)
    patch.setitem(kinds.CONTRIBUTORS, KIND, made)
    _lie(patch, faults)


def _lie(patch: pytest.MonkeyPatch, faults: dict[str, str]) -> None:
    """Have nodes begin other rounds than their contracts say, or send what is no message."""
    begin, take = steps.begin, steps.take_step
    beginning: list[str] = []

    def lying_round(clause: Joint, *rest: Any) -> Round:
        found, fault = round_of(clause, *rest), faults.get(beginning[-1], "")
        if fault == "plan":
            return dataclasses.replace(found, plan_hash=bytes(32))
        if fault != "roster":
            return found
        at = next(i for i, member in enumerate(found.members) if member.name != beginning[-1])
        members = list(found.members)
        members[at] = dataclasses.replace(members[at], key=secrets.token_bytes(32))
        return dataclasses.replace(found, members=tuple(members))

    def named_begin(node: Any, *rest: Any) -> Reply:
        beginning.append(node.settings.name)
        return begin(node, *rest)

    async def take_step(node: Any, *rest: Any) -> Reply:
        reply = await take(node, *rest)
        fault, step = faults.get(node.settings.name, ""), rest[3].name
        if fault == f"late at {step}":
            await asyncio.sleep(3)
        if fault == f"garbage at {step}":
            noise = secrets.token_bytes(len(reply.message))
            return Reply(noise, None if reply.vector is None else reply.vector + 1)
        return reply

    patch.setattr(steps, "round_of", lying_round)
    patch.setattr(steps, "begin", named_begin)
    patch.setattr(steps, "take_step", take_step)


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
