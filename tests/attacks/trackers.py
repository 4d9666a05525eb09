"""Trackers: a group of one is made of groups that a rule about their size lets pass.

Denning, Denning and Schwartz, "The tracker", ACM TODS 4(1), 1979; Denning and Denning, "Data
security", ACM Computing Surveys 11(3), 1979. A table that hides groups of fewer than k and of more
than n - k falls to each of them, whatever k is, as long as 4k is at most n.
"""

from tests.attacks.attack import Attack, Known, ill, on_bit
from tests.attacks.oracles import Careless, Oracle, bound
from tests.attacks.world import World


def individual(oracle: Oracle, _known: Known) -> float:
    """C = A and B names one person: q(C) = q(A) - q(A and not B)."""
    return ill(oracle, 2, "east") - ill(oracle, 2, "east_other")


def general(oracle: Oracle, _known: Known) -> float:
    """For a group T of about half: q(C) = q(C or T) + q(C or not T) - q(T) - q(not T)."""
    with_target = ill(oracle, 4, "half_or_target") + ill(oracle, 4, "rest_or_target")
    return with_target - ill(oracle, 4, "half") - ill(oracle, 4, "rest")


def double(oracle: Oracle, _known: Known) -> float:
    """For T within U: q(C) = q(U) + q(C or T) - q(T) - q(U and not (C and T)).

    Here T is who works in the field or is the target, U whoever is not at a desk.
    """
    found = ill(oracle, 4, "rest") + ill(oracle, 4, "field_or_target")
    return found - ill(oracle, 4, "field_or_target") - ill(oracle, 4, "rest_not_target")


def _careless(world: World, seed: int) -> Careless:
    return Careless(world, seed, complement=True)


_RULE = "hides groups of fewer than 10, and of all but fewer than 10"
ATTACKS = tuple(
    Attack(
        name=f"{guess.__name__} tracker",
        does=does,
        careless=_RULE,
        source=source,
        play=on_bit(guess, _careless),
        bound=bound(),
    )
    for guess, does, source in (
        (individual, "q(A) - q(A and not B)", "Denning, Denning and Schwartz 1979"),
        (general, "q(C or T) + q(C or not T) - q(T) - q(not T)", "Denning and Denning 1979"),
        (double, "q(U) + q(C or T) - q(T) - q(U and not (C and T))", "Denning and Denning 1979"),
    )
)
