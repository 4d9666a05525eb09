"""One real id among fakes: whoever may ask about anybody lists the table, or tries every date.

Where answers come one by one, fakes hide nothing; they cost what real ones do. So the attacks are
those that a table open to all questions falls to: ids tried out, and the birth date beside a number
guessed (`privacy/guard.py`). Sets of an intersection are capped by the same function.
"""

import random

from tests.attacks.attack import Attack
from tests.attacks.world import World

from unseen.node.privacy.guard import GUESSES_OF_A_DATE, most_asked
from unseen.protocols.lookup.subject import SubjectColumn

SHARE = 10  # of the default rules, for data about people of level 1 and 2
ROWS = 20_000
NUMBER, BORN = SubjectColumn("number", "string"), SubjectColumn("born", "date")


def listing(seed: int, _world: World, guarded: bool) -> float:
    """Ask about ids, half of which are real, until all are known; return the share learnt."""
    ids = list(range(2 * ROWS))
    real = set(random.Random(seed).sample(ids, ROWS))
    random.Random(seed + 1).shuffle(ids)
    most = most_asked(SHARE if guarded else 0, ROWS, (NUMBER,))
    return len(real.intersection(ids[:most])) / ROWS


def dates(seed: int, _world: World, guarded: bool) -> float:
    """Ask about one number with every date of a hundred years; return whether one is right."""
    chance = random.Random(seed)
    born = chance.randrange(GUESSES_OF_A_DATE)
    guesses = chance.sample(range(GUESSES_OF_A_DATE), GUESSES_OF_A_DATE)
    most = most_asked(SHARE if guarded else 0, 1_000_000, (NUMBER, BORN))
    return float(born in guesses[:most])


ATTACKS = (
    Attack(
        name="one real id among fakes",
        does="ids tried out, every second one of them real; the share of the table learnt",
        careless="answers every question",
        source="set poisoning",
        play=listing,
        chance=0.0,
        bound=1 / SHARE,
        runs=20,
    ),
    Attack(
        name="one real date among fakes",
        does="the birth date beside a known number, guessed",
        careless="answers every question",
        source="guessing a part of the subject",
        play=dates,
        chance=0.0,
        bound=1 / SHARE,
        runs=500,
    ),
)
