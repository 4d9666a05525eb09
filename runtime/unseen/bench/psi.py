"""Intersections by Diffie-Hellman: each party's work, beside the products on libsodium alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unseen.bench.limits import raw
from unseen.bench.registry import CURVE_BITS, SEED, Bench, Case, Group, Parameters, Traffic
from unseen.protocols.group import bulk
from unseen.protocols.psi import cardinality, ecdh
from unseen.protocols.testing import seeded_rng

DEFAULTS = {"n": 4096, "common": 50, "seed": SEED}
_MODEL = "both follow the protocol; Diffie-Hellman, random oracle"
_SESSION = bytes(32)


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench."""
    bulk.warm_up()
    yield iter([intersection(parameters), count(parameters)])


def intersection(parameters: Parameters) -> Group:
    """Find which of n items another set of n has: both parties, one after the other."""
    mine, theirs, seed = _sets(parameters)
    asked: list[int] = []

    def work() -> None:
        rng = seeded_rng(seed)
        receiver = ecdh.Receiver(_SESSION, mine, rng)
        question = receiver.ask()
        answer = ecdh.Sender(_SESSION, theirs, rng).answer(question)
        found = receiver.finish(answer)
        asked[:] = [len(found), len(question), len(answer)]

    return _both("psi/ecdh", len(mine), work, asked, seed)


def count(parameters: Parameters) -> Group:
    """Count how many items two sets of n have in common: both parties, one after the other."""
    mine, theirs, seed = _sets(parameters)
    asked: list[int] = []

    def work() -> None:
        rng = seeded_rng(seed)
        buyer = cardinality.Buyer(_SESSION, mine, rng)
        provider = cardinality.Provider(_SESSION, theirs, rng)
        question = buyer.ask()
        answer = provider.answer(question)
        mixed = buyer.mix(answer)
        found = provider.count(mixed)
        asked[:] = [found, len(question) + len(mixed), len(answer)]

    return _both("psi/cardinality", len(mine), work, asked, seed)


def _both(
    name: str, count: int, work: Callable[[], None], asked: list[int], seed: int
) -> list[Case]:
    # Two hashes to the group and four products for an item of each.
    alone = raw(seed, hashes=2 * count, products=4 * count)
    return [
        Case(
            name=name,
            phase="online",
            units=count,
            work=work,
            traffic=lambda: Traffic(asked[1], asked[2], 1),
            limit=f"{name}/raw",
            note=lambda: f"{asked[0]} in both",
            threat_model=_MODEL,
            security_bits=CURVE_BITS,
        ),
        Case(name=f"{name}/raw", phase="online", units=count, work=alone),
    ]


def _sets(parameters: Parameters) -> tuple[list[bytes], list[bytes], int]:
    """Return two sets of n items, `common` in a hundred of them in both."""
    n, seed = parameters["n"], parameters["seed"]
    shared = n * parameters["common"] // 100
    mine = [b"item %d" % number for number in range(n)]
    theirs = [b"item %d" % number for number in range(n - shared, 2 * n - shared)]
    return mine, theirs, seed


BENCH = Bench("psi", "intersections by Diffie-Hellman beside raw libsodium calls", DEFAULTS, groups)
