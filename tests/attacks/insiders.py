"""Whoever knows everybody else: what an exact table says, for all its rounding and hiding.

Not an attack that the guard stops: it says how far one can trust an exact table. Noise holds
against such an attacker; rounding to 5 does not where the others bring a count to a border.
"""

from tests.attacks.attack import Attack
from tests.attacks.oracles import EXACT, Careless, Guarded, Oracle, RefusedError
from tests.attacks.world import TARGET, World

from unseen.evidence.contracts.cells import Number
from unseen.node.release.rules import Limits
from unseen.node.statistics.exact import rounded

BY = ("ward",)
_COUNT = Number(use="count", low=0, high=10**9, optional=True)


def insider(seed: int, world: World, guarded: bool) -> float:
    """Take the target's cell, knowing how many others in it are ill; return whether it is right."""
    oracle: Oracle = Guarded(world, seed, BY) if guarded else Careless(world, seed, BY)
    others = sum(count for cell, count in world.before.ill.items() if cell[0] == TARGET[0])
    try:
        shown = oracle.ask(EXACT)[TARGET[0]]
    except RefusedError:
        shown = None
    shows = (lambda count: rounded(_COUNT, count, Limits())) if guarded else (lambda count: count)
    fits = [shows(others + bit) == shown for bit in (0, 1)]
    said = fits[1] if fits[0] != fits[1] else world.coin
    return float(said == world.bit)


ATTACKS = (
    Attack(
        name="insider, exact table",
        does="the target's cell, by somebody who knows the secret of everybody else in it",
        careless="hides groups of fewer than 10",
        source="known limit of rounding",
        play=insider,
    ),
)
