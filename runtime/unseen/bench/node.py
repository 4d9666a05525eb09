"""The whole node over mutual TLS, on one core: batches, and singles with many in flight.

Node, its one worker and the client share one core with what they are compared with, so that a
ratio says what is spent on everything but the work itself. Batches are set beside the bare
VOPRF of the same elements; their requests are signed in advance, and every answer is charged,
logged and receipted. Singles go through the SDK, which verifies everything; they are set beside
a bare echo over the same kind of connection. The SDK lets single lookups that would wait share
a request, so there are two figures: as it is, and with one request for each lookup.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from unseen.bench import echo, machine
from unseen.bench import world as worlds
from unseen.bench.registry import (
    SEED,
    VOPRF_MODEL,
    Bench,
    Case,
    Group,
    Parameters,
    Traffic,
    oprf_bits,
)
from unseen.bench.world import World
from unseen.client import Client, Verdict
from unseen.client.agreements.contracts import Contracts
from unseen.client.channel import open_channel
from unseen.client.local.state import State
from unseen.client.queries import asking
from unseen.client.queries.epochs import Epochs
from unseen.client.session import Session, no_progress
from unseen.evidence.verify import verify_receipt
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.oprf import keys, server
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.server import Evaluation
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import Transcript, seeded_rng
from unseen.v1 import lookup_pb2

if TYPE_CHECKING:
    import subprocess

    import grpc

DEFAULTS = {
    "batch": 1024,
    "batches": 8,
    "batches_in_flight": 2,
    "singles": 1024,
    "singles_in_flight": 32,
    "rows": 2000,
    "core": -1,
    "seed": SEED,
}
BATCH_TARGET = ">= 0.85 of bare VOPRF"
SINGLE_TARGET = ">= 0.35 of bare mTLS echo"
_EVALUATE = "/unseen.v1.LookupService/Evaluate"
_CALL_SECONDS = 120.0
_MODEL = f"semi-honest operator; buyer: {VOPRF_MODEL}; TLS 1.3 against the network"
_ECHO_MODEL = "TLS 1.3 against the network"


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench; the node serves from a folder of its own."""
    with ExitStack() as stack:
        stack.enter_context(machine.one_core(parameters["core"]))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unseen-bench-")))
        yield _groups(stack, folder, parameters)


def _groups(stack: ExitStack, folder: Path, parameters: Parameters) -> Iterator[Group]:
    started: list[tuple[subprocess.Popen[str], Path]] = []
    agreed: list[World] = []

    def start() -> None:
        started.append(stack.enter_context(worlds.serving(folder, workers=1)))

    def agree() -> None:
        agreed.append(stack.enter_context(worlds.world(folder, *started[0], parameters["rows"])))

    yield [
        Case(name="node/start", phase="warm-up", units=1, work=start, once=True),
        Case(
            name="node/agree",
            phase="set-up",
            units=parameters["rows"],
            work=agree,
            once=True,
            threat_model=_MODEL,
        ),
    ]
    yield stack.enter_context(batches(agreed[0], parameters))
    yield stack.enter_context(singles(folder, agreed[0], parameters))


@contextmanager
def batches(world: World, parameters: Parameters) -> Iterator[Group]:
    """Batches whose requests are ready, beside `server.evaluate` of the same elements."""
    size, count, seed = parameters["batch"], parameters["batches"], parameters["seed"]
    rng = seeded_rng(seed)
    key = keys.generate(rng)
    with _Batches(world, parameters) as sender:

        def bare() -> None:
            for _ in range(count):
                server.evaluate(key, sender.elements, Mode.VOPRF, rng)

        yield [
            Case(
                name="node/batches",
                phase="online",
                units=size * count,
                prepare=sender.prepare,
                work=sender.send,
                traffic=sender.check,
                limit="node/batches/voprf",
                target=BATCH_TARGET,
                threads=1,
                threat_model=_MODEL,
                security_bits=oprf_bits(size * count),
                processes=world.processes,
            ),
            Case(
                name="node/batches/voprf",
                phase="online",
                units=size * count,
                work=bare,
                threat_model=VOPRF_MODEL,
                security_bits=oprf_bits(size * count),
            ),
        ]


class _Batches:
    """Signs requests, sends them, and afterwards checks an answer as a client would."""

    def __init__(self, world: World, parameters: Parameters) -> None:
        self._session = Session.open(world.client.home, no_progress, _CALL_SECONDS)
        session = self._session
        self._epoch = Epochs(session, Contracts(session)).present(world.contract)
        domain, columns = self._epoch.manifest.domain(), self._epoch.manifest.subject
        inputs = [encode_subject(columns, [n], domain) for n in range(parameters["batch"])]
        self._blinded = blind(inputs, Mode.VOPRF, seeded_rng(parameters["seed"]))
        self._call: Any = session.channel.grpc.unary_unary(_EVALUATE)  # bytes in, bytes out
        self._count, self._in_flight = parameters["batches"], parameters["batches_in_flight"]
        self._ready: list[bytes] = []
        self._answers: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @property
    def elements(self) -> Sequence[bytes]:
        return self._blinded.elements

    def prepare(self) -> None:
        manifest = self._epoch.manifest
        self._ready = []
        for _ in range(self._count):
            _, signed = asking.new_request(
                self._session,
                contract=manifest.contract,
                kind="lookup",
                units=len(self.elements),
                parts=self.elements,
                manifest=manifest.id(),
                epoch=manifest.epoch,
            )
            message = lookup_pb2.EvaluateRequest(request=signed, blinded=self.elements)
            self._ready.append(message.SerializeToString())

    def send(self) -> None:
        size = (("unseen-tree-size", "1"),)
        self._answers, waiting = [], []
        for request in self._ready:
            waiting.append(self._call.future(request, timeout=_CALL_SECONDS, metadata=size))
            if len(waiting) == self._in_flight:
                self._answers.append(waiting.pop(0).result())
        self._answers += [call.result() for call in waiting]

    def check(self) -> Traffic:
        """Open every answer of the last lap: proofs, receipts; return what it all weighed."""
        transcript = Transcript()
        for data in self._answers:
            answer = lookup_pb2.EvaluateResponse.FromString(data)
            evaluation = Evaluation(tuple(answer.evaluated), answer.proof)
            self._blinded.finish(evaluation, self._epoch.manifest.public_key)
            verify_receipt(answer.release.receipt, self._session.trust)
        transcript.record("client", "requests", *self._ready)
        transcript.record("server", "answers", *self._answers)
        return Traffic.of(transcript, up="client", down="server")


@contextmanager
def singles(folder: Path, world: World, parameters: Parameters) -> Iterator[Group]:
    """`Client.lookup` from many threads, beside an echo of the request's size from as many."""
    count, threads = parameters["singles"], parameters["singles_in_flight"]
    numbers = itertools.count(parameters["seed"] % parameters["rows"] + 1)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        alone = stack.enter_context(Client(world.client.home.root, gather=False))
        sharing = _Singles(world, world.client, pool, threads, count, numbers)
        single = _Singles(world, alone, pool, threads, count, numbers)
        single.ask()
        call, process = stack.enter_context(_echo(folder))
        payload = bytes(single.traffic().up // count)

        def bounce(share: range) -> None:
            for _ in share:
                if call(payload, timeout=_CALL_SECONDS) != payload:
                    raise RuntimeError("the echo gives back something else")

        def bounce_all() -> None:
            list(pool.map(bounce, [range(part, count, threads) for part in range(threads)]))

        yield [
            *(
                Case(
                    name=name,
                    phase="online",
                    units=count,
                    prepare=singles.prepare,
                    work=singles.ask,
                    traffic=singles.traffic,
                    limit="node/singles/echo",
                    target=SINGLE_TARGET,
                    note=singles.note,
                    threads=threads,
                    threat_model=_MODEL,
                    security_bits=oprf_bits(count),
                    processes=world.processes,
                )
                for name, singles in (("node/singles", sharing), ("node/singles/alone", single))
            ),
            Case(
                name="node/singles/echo",
                phase="online",
                units=count,
                work=bounce_all,
                traffic=lambda: Traffic(count * len(payload), count * len(payload), 1),
                threads=threads,
                threat_model=_ECHO_MODEL,
                processes=lambda: [process],
            ),
        ]


class _Singles:
    """Asks about fresh subjects from many threads, each subject by a call of its own."""

    def __init__(
        self,
        world: World,
        client: Client,
        pool: ThreadPoolExecutor,
        threads: int,
        count: int,
        numbers: Iterator[int],
    ) -> None:
        self._contract, self._client = world.contract, client
        self._pool, self._threads, self._count = pool, threads, count
        self._numbers = numbers
        self._asked: list[int] = []
        self._verdicts: list[Verdict] = []

    def prepare(self) -> None:
        self._asked = list(itertools.islice(self._numbers, self._count))

    def ask(self) -> None:
        if not self._asked:
            self.prepare()
        shares = [self._asked[part :: self._threads] for part in range(self._threads)]
        self._verdicts = [one for found in self._pool.map(self._share, shares) for one in found]

    def _share(self, subjects: Sequence[int]) -> list[Verdict]:
        return [self._client.lookup(self._contract, subject) for subject in subjects]

    def _requests(self) -> set[str]:
        if len(self._verdicts) != self._count or any(one.cached for one in self._verdicts):
            raise RuntimeError("a lookup of the bench was answered from the cache")
        return {verdict.request_id for verdict in self._verdicts}

    def note(self) -> str:
        """Return how many lookups shared a request in the last lap."""
        return f"{self._count / len(self._requests()):.1f} lookups a request"

    def traffic(self) -> Traffic:
        """Return what the requests of the last lap and their answers weighed."""
        requests = self._requests()
        self._client.receipt(next(iter(requests)))  # and what is in memory is written down
        transcript, state = Transcript(), State(self._client.home)
        try:
            for kept in map(state.request, requests):
                if kept is not None:
                    transcript.record("client", "request", kept.wire)
                    transcript.record("server", "answer", kept.reply)
        finally:
            state.close()
        up, down = (transcript.bytes_from(party) for party in ("client", "server"))
        return Traffic(up, down, rounds=1)


@contextmanager
def _echo(folder: Path) -> Iterator[tuple[Callable[..., bytes], int]]:
    place = folder / "echo"
    place.mkdir()
    echo.make_certificates(place)
    with worlds.child("unseen.bench.echo", str(place), log=place / "log") as (port, pid):
        channel: grpc.Channel = open_channel(f"127.0.0.1:{port}", echo.credentials(place))
        with channel:
            call: Any = channel.unary_unary(echo.METHOD)
            yield call, pid


BENCH = Bench(
    "node", "the whole node over mutual TLS on one core: batches and singles", DEFAULTS, groups
)
