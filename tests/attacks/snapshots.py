"""The same table before and after one person came into it.

Dwork et al., "Differential privacy under continual observation", STOC 2010, for what it takes.
"""

from tests.attacks.attack import Attack, Known, ill, on_bit
from tests.attacks.oracles import EXACT, Careless, Oracle, RefusedError, bound
from tests.attacks.world import TARGET

BY = ("ward",)


def noisy(oracle: Oracle, _known: Known) -> float:
    """Ask with noise before and after."""
    return ill(oracle, 2) - ill(oracle, 2, later=False)


def exact(oracle: Oracle, _known: Known) -> float:
    """Ask for the exact table of both; where the second is refused, for its cell with noise."""
    place = TARGET[0]
    before = oracle.ask(EXACT, later=False)[place]
    try:
        after = oracle.ask(EXACT)[place]
    except RefusedError:
        after = ill(oracle, 1, "east")
    if before is None or after is None:
        raise RefusedError
    return after - before


ATTACKS = (
    Attack(
        name="two snapshots, with noise",
        does="the same question before and after the person came into the table",
        careless="hides groups of fewer than 10",
        source="differencing over time",
        play=on_bit(noisy, Careless),
        bound=bound(),
    ),
    Attack(
        name="two snapshots, exact table",
        does="the exact table of both",
        careless="hides groups of fewer than 10",
        source="differencing over time",
        play=on_bit(exact, lambda world, seed: Careless(world, seed, BY), BY),
    ),
)
