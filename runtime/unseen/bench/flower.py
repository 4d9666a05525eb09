"""Flower's SecAgg+ beside ours, in the same run: `benchmarks/peers/flwr_peer.py` does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unseen.bench import machine, peers
from unseen.bench.peers import Peer
from unseen.bench.registry import Case, Group, Parameters, Traffic

MODEL = "honest-but-curious server; masks from a 32-bit seed"
SECURITY_BITS = 32
MAX_DIM = 10_000_000  # 8 bytes a coordinate, for several vectors at once
ROUNDS = 4
_WHAT = "Flower's SecAgg+"


@contextmanager
def opened(parameters: Parameters) -> Iterator[Peer | None]:
    """Hand out the peer, if it is wanted, installed, and fit for these parameters."""
    fits = parameters["dim"] <= MAX_DIM and parameters["ring"] == 32
    if not (parameters["peers"] and fits):
        yield None
        return
    with peers.running("flwr", _WHAT, parameters) as peer:
        yield peer


def masking(peer: Peer | None, dim: int) -> Group:
    """Return the client's largest step, which quantises."""
    if peer is None:
        return []
    sent: list[int] = []

    def work() -> None:
        sent.append(peer.ask("mask")["bytes"])

    return [
        Case(
            name="secagg/mask/flower",
            work=work,
            limit="secagg/mask/aes",
            traffic=lambda: Traffic(up=sent[-1], rounds=ROUNDS),
            note=lambda: f"quantised; {sent[-1] / dim:.0f} bytes a parameter",
            **_shared(peer, dim),
        )
    ]


def unmasking(peer: Peer | None, name: str, gone: int, dim: int) -> Group:
    """Return the server's last stage, `gone` clients having dropped out."""
    if peer is None:
        return []

    def prepare() -> None:
        peer.ask(f"ready {gone}")

    def work() -> None:
        peer.ask("unmask")

    return [
        Case(
            name=f"{name}/flower",
            prepare=prepare,
            work=work,
            limit=f"{name}/aes",
            **_shared(peer, dim),
        )
    ]


def _shared(peer: Peer, dim: int) -> dict[str, Any]:
    return {
        "phase": "online",
        "units": dim,
        "threat_model": MODEL,
        "security_bits": SECURITY_BITS,
        "processes": peer.pids,
        "peak_rss_mb": lambda: machine.peak_of(peer.pids()),
    }
