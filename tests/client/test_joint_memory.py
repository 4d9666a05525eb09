"""What a buyer's client holds of the vectors of a joint round: a bound, however many nodes."""

import mmap
import threading
import tracemalloc
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unseen.client.errors import Cause, RefusedError, UnreachableError
from unseen.client.joint import rounds
from unseen.client.joint.rounds import Cohort
from unseen.client.joint.seats import Contributed
from unseen.evidence.contracts.joint import Joint, Place, honest_range
from unseen.evidence.suite import INTL
from unseen.protocols.errors import MalformedMessageError, SurvivorsTooFewError
from unseen.protocols.kernels.words import wire_bytes
from unseen.protocols.secagg import Arrival, Masked, Party, arriving
from unseen.protocols.secagg.parameters import Round
from unseen.protocols.testing import seeded_rng

NODES = 8
DIMENSION = 1 << 17
VECTOR = DIMENSION * 8
PIECE = 1 << 16
VALUES = np.arange(DIMENSION)


@dataclass(eq=False)
class Node:
    """A seat whose node is here: its vector lies in a file, so that none of it is memory."""

    name: str
    clause: Joint
    signing: Ed25519PrivateKey
    folder: Path
    told: list[str]
    one: threading.Lock
    fault: str = ""
    suite: Any = INTL
    party: Party | None = None
    message: bytes = b""
    asked: int = 0

    @property
    def key(self) -> bytes:
        return self.clause.key_of(self.name)

    def keys(self, parameters: Round, _payload: bytes, _seconds: float) -> bytes:
        self.party = Party(parameters, self.name, self.signing.sign, seeded_rng(int(self.name[-1])))
        self.asked = 0
        return self.party.advertise()

    def shares(self, _round: Round, roster: Sequence[bytes], _seconds: float) -> bytes:
        assert self.party is not None
        return self.party.share(roster)

    def _made(self, deals: Sequence[bytes]) -> None:
        assert self.party is not None
        self.asked += 1
        if self.fault == f"gone at {self.asked}":
            raise UnreachableError(Cause("UNREACHABLE", "no answer"))
        if self.asked > 1:
            return
        if self.fault == "refuses":
            raise RefusedError(Cause("JOINT_REFUSED", "too few people"))
        with self.one:  # what a node holds while it masks is not the client's
            self._keep(self.party.mask(deals, VALUES))

    def _keep(self, found: Masked) -> None:
        self.message = found.message
        (self.folder / self.name).write_bytes(wire_bytes(found.words))

    def mask(self, _round: Round, deals: Sequence[bytes], _seconds: float) -> None:
        self.told.append(f"{self.name} makes")
        self._made(deals)

    def masked(self, parameters: Round, deals: Sequence[bytes], _seconds: float) -> Arrival:
        self.told.append(f"{self.name} sends")
        self._made(deals)
        arrival = Arrival(parameters)
        with (self.folder / self.name).open("rb") as file:
            while piece := file.read(PIECE):
                arrival.add(piece if self.fault != "garbage" else bytes(len(piece)))
        return arrival

    def contribute(self, _round: Round) -> Contributed:
        self.told.append(f"{self.name} charges")
        if self.fault == "charges nothing":
            raise UnreachableError(Cause("UNREACHABLE", "no answer"))
        receipt: Any = None
        return Contributed(self.message, self.name, receipt, self.folder)

    def confirm(
        self, _round: Round, survivors: bytes, _signed: Sequence[bytes], _seconds: float
    ) -> bytes:
        assert self.party is not None
        return self.party.confirm(survivors)

    def reveal(self, _round: Round, confirmations: Sequence[bytes], _seconds: float) -> bytes:
        assert self.party is not None
        return self.party.reveal(confirmations)


@dataclass
class World:
    nodes: list[Node]
    told: list[str] = field(default_factory=list)

    def sum(self) -> Any:
        seats: Any = self.nodes
        try:
            return Cohort(seats).sum(b"what is asked", DIMENSION)
        finally:  # a round that ends early waits for nobody: what is under way is no other test's
            for thread in threading.enumerate():
                if thread.name.startswith("joint"):
                    thread.join()

    def charged(self) -> set[str]:
        return {line.split()[0] for line in self.told if line.endswith("charges")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    told: list[str] = []
    one = threading.Lock()
    names = [f"node-{number}" for number in range(NODES)]
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([n + 1] * 32)) for n in range(NODES)]
    clause = Joint(
        nodes=tuple(
            Place(name=name, key=key.public_key().public_bytes_raw())
            for name, key in zip(names, keys, strict=True)
        ),
        honest=honest_range(NODES)[0],
        ring=64,
        bound=1 << 40,
        task=bytes(32),
    )
    made = [
        Node(name, clause, key, tmp_path, told, one) for name, key in zip(names, keys, strict=True)
    ]
    return World(made, told)


@pytest.fixture
def two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "UNSIGNED_BYTES", 2 * VECTOR + VECTOR // 2)


class Held:
    """How many vectors have been here at once, not counting the sum; and all else, in vectors."""

    def __init__(self) -> None:
        self.beside = 0.0
        self.most = self._now = 0
        self._lock = threading.Lock()

    def pages(self, size: int) -> mmap.mmap:
        made = mmap.mmap(-1, size)
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        weakref.finalize(made, self._freed)
        return made

    def _freed(self) -> None:
        with self._lock:
            self._now -= 1

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.most = self._now
        tracemalloc.start()
        try:
            yield
            self.beside = tracemalloc.get_traced_memory()[1] / VECTOR
        finally:
            tracemalloc.stop()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    found = Held()
    monkeypatch.setattr(arriving, "pages", found.pages)
    return found


def check(found: Any, missing: Sequence[str] = ()) -> None:
    left = NODES - len(missing)
    assert found.vector.tolist() == (VALUES * left).tolist()
    assert found.gone == tuple(missing)
    assert len(found.survivors) == left


BESIDE = 1 + 2  # the sum, and what one node holds at a time while it masks, with all that is small


@pytest.mark.usefixtures("two_at_a_time")
def test_a_round_holds_the_sum_and_as_many_vectors_as_fit(world: World, held: Held) -> None:
    world.sum()  # what is loaded and compiled once is no part of it
    with held.watched():
        total = world.sum()
    assert held.most == 2
    assert 1 < held.beside < BESIDE
    check(total)


def test_where_all_fit_all_are_there_before_the_first_charge(world: World, held: Held) -> None:
    world.sum()
    world.told.clear()
    with held.watched():
        total = world.sum()
    assert held.most == NODES
    assert held.beside < BESIDE
    assert [line.split()[1] for line in world.told] == ["sends"] * NODES + ["charges"] * NODES
    check(total)


def test_one_vector_is_held_where_not_even_one_fits(
    world: World, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "UNSIGNED_BYTES", 1)
    with held.watched():
        total = world.sum()
    assert held.most == 1
    check(total)


@pytest.mark.usefixtures("two_at_a_time")
def test_nobody_is_charged_before_all_have_made_their_vectors(world: World) -> None:
    check(world.sum())
    made = [line.split()[1] for line in world.told[:NODES]]
    assert sorted(made) == ["makes"] * (NODES - 2) + ["sends"] * 2
    rest = [line.split()[1] for line in world.told[NODES:]]
    assert rest == ["charges"] * 2 + (["sends"] * 2 + ["charges"] * 2) * 3


@pytest.mark.usefixtures("two_at_a_time")
def test_a_refusal_comes_before_any_charge(world: World) -> None:
    world.nodes[7].fault = "refuses"
    with pytest.raises(RefusedError, match="node-7: too few people"):
        world.sum()
    assert world.charged() == set()


@pytest.mark.usefixtures("two_at_a_time")
@pytest.mark.parametrize("fault", ["gone at 1", "gone at 2", "charges nothing"])
def test_the_sum_goes_on_without_a_node_that_is_gone(world: World, held: Held, fault: str) -> None:
    world.nodes[5].fault = fault
    world.sum()
    with held.watched():
        total = world.sum()
    assert held.most == 2
    assert held.beside < BESIDE
    check(total, ["node-5"])


@pytest.mark.usefixtures("two_at_a_time")
def test_too_many_gone_before_the_first_charge_cost_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "_PAUSE", 0)
    for node in world.nodes[5:]:
        node.fault = "gone at 1"
    with pytest.raises(SurvivorsTooFewError):
        world.sum()
    assert world.charged() == set()


@pytest.mark.usefixtures("two_at_a_time")
@pytest.mark.parametrize("number", [0, 6])
def test_a_vector_that_was_not_signed_ends_the_sum(world: World, number: int) -> None:
    world.nodes[number].fault = "garbage"
    with pytest.raises(MalformedMessageError, match=f"node-{number}: another vector than the one"):
        world.sum()
