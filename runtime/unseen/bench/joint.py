"""A whole joint round: nodes in processes of their own, a buyer's client, mutual TLS on loopback.

Everything that a round costs is in it: the client's signed request, charge and receipt at each
node, noise, masks, the vectors' way and the sum. Set beside it is the least there is on the same
cores: the AES streams of all parties by OpenSSL, and the vectors' bytes over bare connections.
What the nodes add up is made up and made before: making it of rows is `statistics` and `train`.
"""

import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import grpc

from unseen.bench import machine, nodes, streams
from unseen.bench.parts import SIGMA2, part
from unseen.bench.registry import CURVE_BITS, SEED, Bench, Case, Group, Parameters, Traffic
from unseen.bench.relaying import Counter
from unseen.client.agreements.contracts import Contracts
from unseen.client.joint.rounds import Cohort, JointSum
from unseen.client.joint.seats import Seat
from unseen.client.local.home import Home
from unseen.client.session import Session, no_progress
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import seeded_rng

ANY = -2  # of the parameter `core`: not kept on one
DEFAULTS = {"parties": 10, "dim": 1_000_000, "ring": 64, "core": ANY, "seed": SEED}
TARGET = "<= 2 s at 10 x 1e6"
STEPS = 6  # keys, shares, vectors, charges, lists, opening: one after another
_MODEL = "active buyer with under a third of the nodes; TLS 1.3 against the network"
_CALL_SECONDS = 120.0
_PIECE = 1 << 18
_FAR = 8  # standard deviations of noise: a coordinate is off by more not once in 2^50


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench; nodes and buyer live in a folder of its own.

    Raises:
        InputInvalidError: numpy is not installed, or too few nodes are asked for.

    """
    if find_spec("numpy") is None:
        raise InputInvalidError(
            "this bench needs numpy", clause="bench.joint", remedy="install unseen[kernels]"
        )
    with ExitStack() as stack:
        stack.enter_context(_kept(parameters["core"]))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unseen-bench-")))
        yield _groups(stack, folder, parameters)


def _kept(core: int) -> AbstractContextManager[object]:
    return nullcontext() if core == ANY else machine.one_core(core)


def _groups(stack: ExitStack, folder: Path, parameters: Parameters) -> Iterator[Group]:
    served: list[nodes.Served] = []
    contracts: list[str] = []

    def start() -> None:
        served.extend(stack.enter_context(nodes.serving(folder, parameters["parties"])))

    def agree() -> None:
        contracts.extend(nodes.agree(served, parameters["ring"]))

    units = parameters["parties"]
    yield [
        Case(name="joint/start", phase="warm-up", units=units, work=start, once=True),
        Case(name="joint/agree", phase="set-up", units=units, work=agree, once=True),
    ]
    yield stack.enter_context(rounds(served, contracts, parameters))


@contextmanager
def rounds(
    served: Sequence[nodes.Served], contracts: Sequence[str], parameters: Parameters
) -> Iterator[Group]:
    """Rounds of these nodes, beside the streams and the bytes alone."""
    dimension, parties = parameters["dim"], len(served)
    with ExitStack() as stack:
        relay = stack.enter_context(_relay(served, _Sought(contracts, dimension)))
        size = dimension * parameters["ring"] // 8
        # A stream for each pair at both of its ends, and that of each own mask twice as well.
        masks = streams.openssl(parties * (parties + 1), size, seeded_rng(parameters["seed"]))

        def bare() -> None:
            masks()
            carry(parties, size)

        yield [
            Case(
                name="joint/round",
                phase="online",
                units=dimension,
                work=relay.sum,
                traffic=relay.weigh,
                limit="joint/round/bare",
                target=TARGET,
                note=relay.note,
                threads=parties,
                threat_model=_MODEL,
                security_bits=CURVE_BITS,
                processes=relay.processes,
                peak_rss_mb=relay.peak,
            ),
            Case(
                name="joint/round/bare",
                phase="online",
                units=dimension,
                work=bare,
                traffic=lambda: Traffic(0, parties * size, 1),
            ),
        ]


@dataclass(frozen=True, slots=True)
class _Sought:
    """What is added up under which contracts, one at each node."""

    contracts: Sequence[str]
    dimension: int

    @property
    def round(self) -> tuple[bytes, int]:
        """Payload and dimension of a round."""
        return b"%d" % self.dimension, self.dimension


class Relay:
    """One buyer's client with a connection to each node. Used by one thread."""

    def __init__(self, sessions: Sequence[Session], pids: Sequence[int], sought: _Sought) -> None:
        """Take what is open; nothing is sent yet."""
        self._sessions, self._pids, self._sought = sessions, pids, sought
        self._cohort = self._seated()
        self._took: list[tuple[float, float]] = []  # of each round: CPU here, and in the nodes
        self._peaks = (0.0, 0.0, 0.0)  # here, in the largest node, everywhere
        self._found: JointSum | None = None

    def processes(self) -> Sequence[int]:
        """Return the nodes' processes."""
        return self._pids

    def sum(self) -> None:
        """Run one round."""
        self._found = None  # or the next peak has it
        here, everywhere = time.process_time(), machine.cpu_seconds(self._pids)
        self._found = self._cohort.sum(*self._sought.round)
        here = time.process_time() - here
        self._took.append((here, machine.cpu_seconds(self._pids) - everywhere - here))
        own = machine.peak_rss_mb()
        each = [machine.peak_rss_mb([pid]) - own for pid in self._pids]
        self._peaks = own, max(each), own + sum(each)

    def weigh(self) -> Traffic:
        """Check the last sum, and return what one more round puts on the wire."""
        if self._found is not None:
            check(self._found, len(self._pids))
        counters = [Counter() for _ in self._sessions]
        plain = [session.channel.grpc for session in self._sessions]
        for session, counter in zip(self._sessions, counters, strict=True):
            session.channel.grpc = grpc.intercept_channel(session.channel.grpc, counter)
        try:
            self._seated().sum(*self._sought.round)
        finally:
            for session, channel in zip(self._sessions, plain, strict=True):
                session.channel.grpc = channel
        up, down = sum(one.up for one in counters), sum(one.down for one in counters)
        return Traffic(up, down, STEPS)

    def note(self) -> str:
        """Return how CPU and memory are shared between client and nodes."""
        here, there = (median(side) for side in zip(*self._took, strict=True))
        own, node, _ = self._peaks
        return (
            f"CPU {here:.2f} s here, {there / len(self._pids):.3f} s a node;"
            f" peak {own:.0f} MB here, {node:.0f} MB a node"
        )

    def peak(self) -> float:
        """Return the peak memory of client and nodes together, in MiB."""
        return self._peaks[2]

    def _seated(self) -> Cohort:
        return Cohort(
            [
                Seat(session, Contracts(session), contract)
                for session, contract in zip(self._sessions, self._sought.contracts, strict=True)
            ]
        )


@contextmanager
def _relay(served: Sequence[nodes.Served], sought: _Sought) -> Iterator[Relay]:
    with ExitStack() as stack:
        sessions = []
        for one in served:
            session = Session.open(Home(one.buyer), no_progress, _CALL_SECONDS)
            stack.callback(session.close)
            sessions.append(session)
        yield Relay(sessions, [one.process.pid for one in served], sought)


def check(found: JointSum, parties: int) -> None:
    """Refuse a sum that is not that of all parts, give or take their noise."""
    import numpy as np  # noqa: PLC0415 - the other benches do without

    expected = sum(part(name, found.vector.size) for name in found.survivors)
    off = np.abs(found.vector - expected)
    if len(found.survivors) != parties or off.max() > _FAR * (parties * SIGMA2) ** 0.5:
        raise RuntimeError("a round of the bench made another sum than its parts'")


def carry(count: int, size: int) -> int:
    """Bring `size` bytes over each of `count` bare connections on loopback, one after another.

    Returns how many have arrived.
    """
    piece, into, total = bytes(_PIECE), memoryview(bytearray(_PIECE)), 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(count):
            source = socket.create_connection(server.getsockname())
            sender = threading.Thread(target=_send, args=(source, piece, size))
            sender.start()
            with server.accept()[0] as sink:
                while arrived := sink.recv_into(into):
                    total += arrived
            sender.join()
    return total


def _send(source: socket.socket, piece: bytes, size: int) -> None:
    with source:  # whose end is how the other side knows that it has all
        for start in range(0, size, len(piece)):
            source.sendall(memoryview(piece)[: min(len(piece), size - start)])


BENCH = Bench(
    "joint", "a whole joint round over real nodes, beside its streams and bytes", DEFAULTS, groups
)
