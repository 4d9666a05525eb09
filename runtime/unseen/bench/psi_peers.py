"""Other libraries beside the bench `psi`, each in an environment of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from unseen.bench import machine, peers
from unseen.bench.peers import Peer
from unseen.bench.registry import Case, Parameters, Traffic

_OPENMINED: Final = "honest-but-curious parties; Diffie-Hellman over P-256"
_FOURQ: Final = "honest-but-curious parties; Diffie-Hellman over FourQ"
_EXTENSION: Final = "honest-but-curious parties; oblivious transfer extension"


class Run(NamedTuple):
    """One thing that a peer does: the case it stands beside, its name, the order, the claim."""

    beside: str
    name: str
    order: str
    threat_model: str
    security_bits: int


RUNS: Final[Mapping[str, tuple[Run, ...]]] = {
    "openmined-psi": (
        Run("psi/ecdh", "openmined-psi", "ecdh", _OPENMINED, 128),
        Run("psi/cardinality", "openmined-psi", "cardinality", _OPENMINED, 128),
    ),
    "spu": (
        Run("psi/ecdh", "spu-fourq", "run fourq", _FOURQ, 123),
        Run("psi/ecdh", "spu-kkrt", "run kkrt", _EXTENSION, 128),
        Run("psi/ecdh", "spu-rr22", "run rr22", f"{_EXTENSION}, of vectors", 128),
    ),
}


class Beside:
    """The peers that are there, and their cases."""

    def __init__(self, running: Mapping[str, Peer], n: int, shared: int, *, once: bool) -> None:
        """Take the running peers, by name; the sets have n items, `shared` of them in both."""
        self._running, self._n, self._once = running, n, once
        self._shared = shared

    def cases(self, name: str) -> list[Case]:
        """Return what the peers do beside the case `name`."""
        return [
            self._case(self._running[peer], run)
            for peer, runs in RUNS.items()
            for run in runs
            if run.beside == name and peer in self._running
        ]

    def _case(self, peer: Peer, run: Run) -> Case:
        said: dict[str, Any] = {}

        def work() -> None:
            said.update(peer.ask(run.order))

        def note() -> str:
            if said["found"] != self._shared:
                raise RuntimeError(f"{run.name} finds {said['found']}, not {self._shared}")
            return f"{self._shared} in both"

        return Case(
            name=f"{run.beside}/{run.name}",
            phase="online",
            units=self._n,
            work=work,
            traffic=partial(_traffic, peer, run, said),
            limit=f"{run.beside}/raw",
            note=note,
            once=self._once,
            threat_model=run.threat_model,
            security_bits=run.security_bits,
            processes=peer.pids,
            peak_rss_mb=lambda: machine.peak_of(peer.pids()),
        )


def _traffic(peer: Peer, run: Run, said: Mapping[str, Any]) -> Traffic:
    """Return what was said with the run, or of a run that counts and is not timed."""
    word, _, which = run.order.partition(" ")
    found = peer.ask(f"count {which}") if word == "run" else said
    return Traffic(found["up"], found["down"], found.get("rounds", 0))


@contextmanager
def opened(parameters: Parameters, names: Sequence[str], *, once: bool) -> Iterator[Beside]:
    """Start the peers that do one of these protocols, are wanted, and installed."""
    shared = parameters["n"] * parameters["common"] // 100
    cases = [f"psi/{name}" for name in names]
    with ExitStack() as stack:
        running: dict[str, Peer] = {}
        for name, runs in RUNS.items():
            if parameters["peers"] and any(run.beside in cases for run in runs):
                peer = stack.enter_context(peers.running(name, name, parameters))
                running |= {name: peer} if peer else {}
        yield Beside(running, parameters["n"], shared, once=once)
