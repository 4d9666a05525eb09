"""Everybody's secret from many noisy counts of groups whose members the attacker knows.

Dinur and Nissim, "Revealing information while preserving privacy", PODS 2003: noise well below the
square root of the number of people gives nearly all away once there are some times as many counts
as people. Solved by least squares.
"""

import random
from fractions import Fraction
from itertools import combinations

import numpy as np
from tests.attacks.attack import Attack
from tests.attacks.oracles import EPSILON, bound
from tests.attacks.world import World
from tests.node.spending import DELTA

from unseen.evidence.contracts.privacy import UNITS, limit_of
from unseen.protocols.dp import Gaussian
from unseen.protocols.dp.zcdp import sigma2_for
from unseen.protocols.testing import seeded_rng

PEOPLE, TRAITS = 60, 14
SIGMA2 = Fraction(1)


def reconstruct(seed: int, _world: World, guarded: bool) -> float:
    """Ask for the ill by every pair of traits, four groups each; return the share guessed right.

    Behind the guard each question costs an even share of the budget, and its noise follows from
    that; a person is in one of a question's four groups.
    """
    chance = random.Random(seed)
    traits = [[chance.random() < 0.5 for _ in range(TRAITS)] for _ in range(PEOPLE)]
    secret = [int(chance.random() < 0.5) for _ in range(PEOPLE)]
    pairs = list(combinations(range(TRAITS), 2))
    rho = Fraction(limit_of(EPSILON, DELTA), UNITS * len(pairs))
    law, rng = Gaussian(sigma2_for(1, rho) if guarded else SIGMA2), seeded_rng(seed)
    groups = [
        [int((row[one], row[other]) == cell) for row in traits]
        for one, other in pairs
        for cell in ((False, False), (False, True), (True, False), (True, True))
    ]
    counts = [
        sum(bit for bit, inside in zip(secret, group, strict=True) if inside) + law.sample(rng)
        for group in groups
    ]
    solved, *_ = np.linalg.lstsq(np.array(groups, float), np.array(counts, float), rcond=None)
    return sum(int(one > 0.5) == bit for one, bit in zip(solved, secret, strict=True)) / PEOPLE


ATTACKS = (
    Attack(
        name="reconstruction",
        does="the ill by every pair of 14 traits: 364 counts of 60 people; the share guessed right",
        careless="noise of standard deviation 1 on every count, free",
        source="Dinur and Nissim 2003",
        play=reconstruct,
        bound=bound(),
        runs=40,
    ),
)
