"""RFC 9497 alone, in this process: the operator's bulk set-up, and batches with proof online."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from unseen.bench.limits import raw
from unseen.bench.registry import (
    SEED,
    VOPRF_MODEL,
    Bench,
    Case,
    Group,
    Parameters,
    Phase,
    Traffic,
    oprf_bits,
)
from unseen.protocols.group import bulk as bulk_products
from unseen.protocols.kernels import sha512
from unseen.protocols.oprf import client, keys, server
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import drive_oprf, seeded_rng

DEFAULTS = {"records": 8192, "batch": 1024, "seed": SEED}


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench."""
    yield iter([bulk(parameters), evaluate(parameters), blind(parameters), finish(parameters)])


def bulk(parameters: Parameters) -> Group:
    """Evaluate inputs that the operator holds itself, as a table build does for each record."""
    count, seed = parameters["records"], parameters["seed"]
    rng = seeded_rng(seed)
    key, records = keys.generate(rng), [rng(48) for _ in range(count)]
    bulk_products.warm_up()
    sha512.prepare(count)

    def work() -> None:
        server.evaluate_inputs(key, records, Mode.VOPRF)

    return [
        _case("oprf/bulk", count, work, phase="set-up", limit="oprf/bulk/raw"),
        _raw("oprf/bulk/raw", count, raw(seed, hashes=count, products=count), phase="set-up"),
    ]


def evaluate(parameters: Parameters) -> Group:
    """Evaluate one batch of blinded elements and prove it: the server's part of a query."""
    count, seed = parameters["batch"], parameters["seed"]
    rng = seeded_rng(seed)
    key, inputs = keys.generate(rng), [rng(48) for _ in range(count)]
    blinded = client.blind(inputs, Mode.VOPRF, rng)
    _, transcript = drive_oprf(inputs, key, rng)
    traffic = Traffic.of(transcript, up="client", down="server")

    def work() -> None:
        server.evaluate(key, blinded.elements, Mode.VOPRF, rng)

    # n products for the elements, n products and n sums for the proof's composite.
    limit = raw(seed, products=2 * count, sums=count)
    return [
        _case("oprf/evaluate", count, work, limit="oprf/evaluate/raw", traffic=traffic),
        _raw("oprf/evaluate/raw", count, limit),
    ]


def blind(parameters: Parameters) -> Group:
    """Blind one batch: the client's part before the query."""
    count, seed = parameters["batch"], parameters["seed"]
    rng = seeded_rng(seed)
    inputs = [rng(48) for _ in range(count)]

    def work() -> None:
        client.blind(inputs, Mode.VOPRF, rng)

    return [
        _case("oprf/blind", count, work, limit="oprf/blind/raw"),
        _raw("oprf/blind/raw", count, raw(seed, hashes=count, products=count)),
    ]


def finish(parameters: Parameters) -> Group:
    """Check the proof over one batch and unblind it: the client's part after the query."""
    count, seed = parameters["batch"], parameters["seed"]
    rng = seeded_rng(seed)
    key, inputs = keys.generate(rng), [rng(48) for _ in range(count)]
    blinded = client.blind(inputs, Mode.VOPRF, rng)
    evaluation = server.evaluate(key, blinded.elements, Mode.VOPRF, rng)

    def work() -> None:
        blinded.finish(evaluation, key.public_key)

    # Two composites of n products and n sums, then n products to unblind.
    limit = raw(seed, products=3 * count, sums=2 * count)
    return [
        _case("oprf/finish", count, work, limit="oprf/finish/raw"),
        _raw("oprf/finish/raw", count, limit),
    ]


def _case(
    name: str,
    count: int,
    work: Callable[[], None],
    *,
    phase: Phase = "online",
    limit: str,
    traffic: Traffic | None = None,
) -> Case:
    return Case(
        name=name,
        phase=phase,
        units=count,
        whole=count if phase == "set-up" else 1,
        work=work,
        traffic=lambda: traffic or Traffic(),
        limit=limit,
        threat_model=VOPRF_MODEL,
        security_bits=oprf_bits(count),
    )


def _raw(name: str, count: int, work: Callable[[], None], *, phase: Phase = "online") -> Case:
    whole = count if phase == "set-up" else 1
    return Case(name=name, phase=phase, units=count, whole=whole, work=work)


BENCH = Bench(
    "oprf",
    "RFC 9497 OPRF and VOPRF beside raw libsodium calls, in one process",
    DEFAULTS,
    groups,
    size="records",
)
