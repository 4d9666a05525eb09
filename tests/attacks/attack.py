"""What an attack is: a program that asks, guesses, and is right or not."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from tests.attacks.oracles import Careless, Guarded, Oracle, RefusedError
from tests.attacks.world import Cell, World, worlds

from unseen.evidence.contracts.statistics import Question

Play = Callable[[int, World, bool], float]


@dataclass(frozen=True)
class Attack:
    """`play` takes a seed, a table and whether it is guarded; it returns the share that is right.

    `does` says in words what is asked; `careless` what the table without guard does. `chance` is
    what guessing alone comes to, `bound` what the guard allows at most, None where it proves none.
    """

    name: str
    does: str
    careless: str
    source: str
    play: Play
    chance: float = 0.5
    bound: float | None = None
    runs: int = 500

    def success(self, *, guarded: bool) -> float:
        """Return how often the attacker is right, over all runs: the same every time."""
        found = worlds(self.name, self.runs)
        return fmean(self.play(seed, world, guarded) for seed, world in found)


@dataclass(frozen=True)
class Known:
    """What the attacker knows: everybody's attributes, and published sums of who is ill."""

    people: Mapping[Cell, int]
    margin: Callable[[Collection[Cell]], int]
    coin: bool = field(repr=False)

    @property
    def rate(self) -> float:
        """Return the share that is ill."""
        return self.margin(list(self.people)) / sum(self.people.values())


def on_bit(
    guess: Callable[[Oracle, Known], float],
    careless: Callable[[World, int], Careless],
    by: tuple[str, ...] = (),
) -> Play:
    """Return the play of an attack on the target's bit: `guess` estimates it, between 0 and 1."""

    def play(seed: int, world: World, guarded: bool) -> float:
        oracle: Oracle = Guarded(world, seed, by) if guarded else careless(world, seed)
        known = Known(world.people, world.published, world.coin)
        try:
            estimate = guess(oracle, known)
        except RefusedError:
            estimate = 0.5
        said = known.coin if estimate == 0.5 else estimate > 0.5
        return float(said == world.bit)

    return play


def ill(oracle: Oracle, parts: int, *where: str, later: bool = True) -> int:
    """Return how many are ill in a group, at an even share of what may be spent in `parts`."""
    question = Question(what="count", where=("ill", *where), rho=oracle.share(parts))
    (count,) = oracle.ask(question, later=later)
    if count is None:
        raise RefusedError
    return count
