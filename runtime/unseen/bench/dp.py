"""Differential privacy: noise for a long vector, single draws, and what accounting costs.

`dp/gaussian` is what a party of a secure sum adds to its own share; beside it the bytes that it
takes from the system, and nothing done with them. Tables are made before, in `dp/table`.
"""

import importlib.util
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

from unseen.bench.registry import SEED, Bench, Case, Group, Parameters, Phase
from unseen.protocols.dp import Gaussian, Laplace, Law, draw, epsilon_of
from unseen.protocols.dp.batch import guide
from unseen.protocols.dp.inversion import cuts
from unseen.protocols.testing import seeded_rng

DEFAULTS = {"dim": 1_000_000, "sigma": 12, "draws": 1000, "budgets": 100, "seed": SEED}
MODEL = "who sees released answers, however many and whatever it knows; not who times a draw"
_PORTABLE = "portable, standard library alone"


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench."""
    yield iter([vector(parameters), table(parameters), single(parameters), account(parameters)])


def vector(parameters: Parameters) -> Group:
    """Draw discrete Gaussian and Laplace noise for every coordinate of a vector."""
    count, sigma = parameters["dim"], parameters["sigma"]

    def bulk(law: Law) -> Callable[[], None]:
        def work() -> None:
            draw(law, count, secrets.token_bytes)

        return work

    gaussian = Gaussian(sigma * sigma)
    size = count * guide(gaussian).word_bytes

    def take() -> None:
        secrets.token_bytes(size)

    limit = "dp/bytes"
    return [
        _case("dp/gaussian", count, bulk(gaussian), limit=limit, note=_PORTABLE),
        *kernels(gaussian, count, limit),
        _case("dp/laplace", count, bulk(Laplace(sigma)), limit=limit, note=_PORTABLE),
        Case(name=limit, phase="offline", units=count, work=take),
    ]


def kernels(law: Law, count: int, limit: str) -> Group:
    """Draw the same by each implementation for vectors, from AES-CTR; none without numpy."""
    if importlib.util.find_spec("numpy") is None:
        return []
    from unseen.protocols.kernels import noise  # noqa: PLC0415 - the other cases do without numpy

    def work(one: "noise.Implementation") -> Callable[[], None]:
        def run() -> None:
            noise.drawn_by(one, law, count, noise.KeyStream(secrets.token_bytes(16)))

        return run

    return [
        _case(f"dp/gaussian/{one.name}", count, work(one), limit=limit, note="for vectors")
        for one in noise.implementations()
    ]


def table(parameters: Parameters) -> Group:
    """Make the table of a law that was not seen before."""
    law = Gaussian(parameters["sigma"] ** 2)

    def forget() -> None:
        cuts.cache_clear()
        guide.cache_clear()

    def work() -> None:
        guide(law)

    return [
        Case(
            name="dp/table",
            phase="set-up",
            units=1,
            work=work,
            prepare=forget,
            threat_model=MODEL,
            note=lambda: f"{len(cuts(law).lows)} entries",
        )
    ]


def single(parameters: Parameters) -> Group:
    """Draw one by one, by the algorithms of the paper."""
    count, rng = parameters["draws"], seeded_rng(parameters["seed"])
    law = Gaussian(parameters["sigma"] ** 2)

    def work() -> None:
        for _ in range(count):
            law.sample(rng)

    return [_case("dp/single", count, work, phase="online")]


def account(parameters: Parameters) -> Group:
    """Turn rho into epsilon, for budgets that differ."""
    count, laps = parameters["budgets"], iter(range(1, 1 << 60))
    delta = Fraction(1, 10**6)

    def work() -> None:
        lap = next(laps)  # or a lap would be answered from memory
        for number in range(1, count + 1):
            epsilon_of(Fraction(number, 1000 + lap), delta)

    return [_case("dp/account", count, work, phase="online")]


def _case(
    name: str,
    count: int,
    work: Callable[[], None],
    *,
    phase: Phase = "offline",
    limit: str = "",
    note: str = "",
) -> Case:
    return Case(
        name=name,
        phase=phase,
        units=count,
        work=work,
        limit=limit,
        note=lambda: note,
        threat_model=MODEL,
    )


BENCH = Bench("dp", "exact noise for a long vector, single draws, accounting", DEFAULTS, groups)
