"""Revocation and emergency stop under load: how long until a node refuses, what still leaves.

Threads of a buyer ask a real node over mutual TLS, in the clear, one charged question after
another. In the middle of it a signer revokes the contract, or the operator gives a signed order
that suspends it or stops the node. A lap lasts from there, signing included, to the first refusal
that a thread meets. Beside it stands one question answered under the same load: a call and a
durable change as well.

What was answered nevertheless is counted twice: by the buyer, of what it asked after the node had
acknowledged the stop; and in the node's log, after the leaf of the stop. Both have to be none.
"""

import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from unseen.bench import machine
from unseen.bench import world as worlds
from unseen.bench.registry import CURVE_BITS, Case, Group, Parameters
from unseen.client import Client
from unseen.client.errors import RefusedError
from unseen.evidence.log import RELEASE

TARGET = "0 answers after it"
_LIMIT = "evidence/stop/answer"
_MODEL = "a buyer that goes on asking; EUF-CMA of Ed25519; TLS 1.3 against the network"
_CAUSE = "measured"
_WARM = 2  # answers that each thread has before anything is measured
_UNITS = 1_000_000  # of each contract; what a buyer may ask over a table bounds their sum
_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """A serving node's operator and its buyer; whom to ask about; what ends the present lap."""

    operator: Client
    buyer: Client
    threads: int
    subjects: Iterator[int]
    processes: Callable[[], Sequence[int]]
    pool: ThreadPoolExecutor
    pending: ExitStack

    def settle(self) -> None:
        """End the lap that was prepared last, whichever case it was of."""
        self.pending.close()


@dataclass(frozen=True, slots=True)
class Way:
    """One way to stop a contract: the leaf that says so, the call, and what undoes it."""

    name: str
    leaf: str
    give: Callable[[str], object]
    lift: Callable[[str], object]


class Load:
    """Threads that ask under a contract until they are refused or told to end."""

    def __init__(self, world: World, contract: str) -> None:
        """Start the threads and wait until each has had answers."""
        self._world, self._contract = world, contract
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._warm = threading.Barrier(world.threads + 1, timeout=_WAIT_SECONDS)
        self.refused = threading.Event()
        self.asked: list[float] = []  # when each question was put that was answered
        self._pool = ThreadPoolExecutor(world.threads)
        self._running = [self._pool.submit(self._ask) for _ in range(world.threads)]
        self._warm.wait()

    def end(self) -> None:
        """End the threads; raise what one of them met besides a refusal."""
        self._ended.set()
        with self._pool:
            for each in self._running:
                each.result()

    def _ask(self) -> None:
        for number in itertools.count():
            if number == _WARM:
                self._warm.wait()
            if self._ended.is_set():
                return
            with self._lock:
                subject = next(self._world.subjects)
            begun = perf_counter()
            try:
                self._world.buyer.verify(self._contract, subject)
            except RefusedError:
                self.refused.set()
                return
            self.asked.append(begun)


class Stopping:
    """One way to stop, lap by lap; every lap has a contract and a load of its own."""

    def __init__(self, world: World, way: Way) -> None:
        """Measure `way`."""
        self._world, self._way = world, way
        self._load: Load | None = None
        self._contract, self._size, self._begun = "", 0, 0.0
        self._given: Future[float] | None = None
        self._answered = self._meanwhile = self._logged = 0

    def prepare(self) -> None:
        """Have threads ask under a fresh contract."""
        world = self._world
        world.settle()
        self._size = world.operator.log_size()
        self._contract = worlds.agree(world.operator, world.buyer, _UNITS)
        self._load = Load(world, self._contract)
        world.pending.callback(self._settle, self._load)

    def stop(self) -> None:
        """Stop, and wait for the first refusal.

        Raises:
            RuntimeError: nothing is refused.

        """
        self._begun = perf_counter()
        self._given = self._world.pool.submit(self._give)
        if self._load is None or not self._load.refused.wait(_WAIT_SECONDS):
            raise RuntimeError("a stop was given, and nothing is refused")

    def note(self) -> str:
        """Return what all laps, the warm-up among them, still got."""
        self._world.settle()
        return (
            f"{self._answered} answers after it, {self._logged} after its leaf, "
            f"{self._meanwhile} while it was given"
        )

    def _give(self) -> float:
        self._way.give(self._contract)
        return perf_counter()

    def _settle(self, load: Load) -> None:
        """End a lap: count what was answered in spite of the stop, and lift that."""
        if self._given is None:
            load.end()
            return
        acknowledged = self._given.result(_WAIT_SECONDS)
        load.end()
        self._answered += sum(begun > acknowledged for begun in load.asked)
        self._meanwhile += sum(self._begun < begun <= acknowledged for begun in load.asked)
        types = [leaf.type for leaf in self._world.operator.leaves(self._size)]
        self._logged += types[types.index(self._way.leaf) :].count(RELEASE)
        self._way.lift(self._contract)
        self._given = None


class Answering:
    """One more question under the same load, which is answered."""

    def __init__(self, world: World) -> None:
        """Ask in `world`."""
        self._world, self._contract = world, ""

    def prepare(self) -> None:
        """Have threads ask under a contract."""
        world = self._world
        world.settle()
        self._contract = worlds.agree(world.operator, world.buyer, _UNITS)
        world.pending.callback(Load(world, self._contract).end)

    def ask(self) -> None:
        """Ask one question."""
        self._world.buyer.verify(self._contract, 0)


@contextmanager
def stopping(parameters: Parameters) -> Iterator[Group]:
    """Revoke, suspend, stop the node: each under load, on a node of its own folder."""
    rows = parameters["rows"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unseen-bench-")))
        process, home = stack.enter_context(worlds.serving(folder, workers=1))
        parties = stack.enter_context(worlds.parties(folder, home, "verify", rows))
        subjects = (number % rows for number in itertools.count(parameters["seed"]))

        def processes() -> list[int]:
            return machine.descendants(process.pid)

        pool = stack.enter_context(ThreadPoolExecutor(1))
        pending = stack.enter_context(ExitStack())
        world = World(*parties, parameters["askers"], subjects, processes, pool, pending)
        yield [*(_case(world, way) for way in _ways(world)), _limit(world)]


def _ways(world: World) -> Sequence[Way]:
    operator, buyer = world.operator, world.buyer
    return (
        Way("revoke", "contract.revoked", lambda c: buyer.revoke(c, _CAUSE), lambda _: None),
        Way(
            "suspend",
            "contract.suspended",
            lambda c: operator.suspend(c, _CAUSE),
            lambda c: operator.resume(c, _CAUSE),
        ),
        Way(
            "node",
            "node.stopped",
            lambda _: operator.stop_node(_CAUSE),
            lambda _: operator.resume_node(_CAUSE),
        ),
    )


def _case(world: World, way: Way) -> Case:
    measured = Stopping(world, way)
    return Case(
        name=f"evidence/stop/{way.name}",
        phase="online",
        units=1,
        prepare=measured.prepare,
        work=measured.stop,
        note=measured.note,
        limit=_LIMIT,
        target=TARGET,
        threads=world.threads,
        threat_model=_MODEL,
        security_bits=CURVE_BITS,
        processes=world.processes,
    )


def _limit(world: World) -> Case:
    measured = Answering(world)
    return Case(
        name=_LIMIT,
        phase="online",
        units=1,
        prepare=measured.prepare,
        work=measured.ask,
        threads=world.threads,
        processes=world.processes,
    )
