"""People whom nobody has to protect: generated, each with attributes that all know and one secret.

The attacker knows everybody's attributes, and one person whose secret, being ill, it is after. That
person is alone in one cell of ward, age and job. No attack of this folder runs on real people.
"""

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from unseen.evidence.contracts.statistics import Dimension, Filter, Menu, Partition, Question

Cell = tuple[int, int, int]

WARD: Final = Dimension(name="ward", text="ward", values=("east", "west", "north"))
AGE: Final = Dimension(name="age", text="age in years", edges=(0, 18, 40, 65, 120))
JOB: Final = Dimension(name="job", text="work", values=("desk", "field", "none"))
AXES: Final = (WARD, AGE, JOB)
SIZES: Final = tuple(len(axis.bins) for axis in AXES)
CELLS: Final[tuple[Cell, ...]] = tuple(product(range(SIZES[0]), range(SIZES[1]), range(SIZES[2])))
TARGET: Final[Cell] = (0, 3, 2)
WATCHED: Final[Cell] = (2, 0, 0)  # whose others are ill to a number that the attacker knows
FEWEST = 10  # people of a group that may be shown

# What an operator offers as filters. Each is harmless by itself; together they are trackers.
PARTS: Final[dict[str, Callable[[Cell], bool]]] = {
    "others": lambda cell: cell != TARGET,
    "east": lambda cell: cell[0] == TARGET[0],
    "east_other": lambda cell: cell[0] == TARGET[0] and cell != TARGET,
    "east_old": lambda cell: cell[:2] == TARGET[:2],
    "east_old_other": lambda cell: cell[:2] == TARGET[:2] and cell != TARGET,
    "half": lambda cell: cell[2] == 0,
    "rest": lambda cell: cell[2] != 0,
    "half_or_target": lambda cell: cell[2] == 0 or cell == TARGET,
    "rest_or_target": lambda cell: cell[2] != 0 or cell == TARGET,
    "rest_not_target": lambda cell: cell[2] != 0 and cell != TARGET,
    "field": lambda cell: cell[2] == 1,
    "field_or_target": lambda cell: cell[2] == 1 or cell == TARGET,
    "watched": lambda cell: cell in (WATCHED, TARGET),
}
FILTERS: Final = tuple(Filter(name=name, text=name) for name in ("ill", *PARTS))


def menu(exact: Partition | None) -> Menu:
    """Return the menu of the attacked table, with its exact table if there is one."""
    return Menu(dimensions=AXES, filters=FILTERS, partition=exact)


def partition(by: Collection[str], *where: str) -> Partition | None:
    """Return the exact table of who is ill, by these dimensions; None without any."""
    return Partition(by=tuple(by), where=("ill", *where), measures=()) if by else None


@dataclass(frozen=True)
class World:
    """How many people, and how many ill, are in each cell; `bit` is whether the target is ill."""

    people: dict[Cell, int]
    ill: dict[Cell, int]
    bit: bool
    coin: bool = field(repr=False)  # what the attacker guesses if it learnt nothing

    @classmethod
    def make(cls, seed: int) -> "World":
        """Return a table of about 3,600 people, three eighths of them ill."""
        chance = random.Random(seed)
        people = {cell: chance.randrange(70, 130) for cell in CELLS} | {TARGET: 1}
        ill = {cell: _some(chance, count) for cell, count in people.items()}
        bit = chance.random() < 0.5
        ill |= {TARGET: int(bit), WATCHED: FEWEST - 1}
        return cls(people, ill, bit, chance.random() < 0.5)

    @property
    def before(self) -> "World":
        """Return the table as it was before the target came into it."""
        return World(self.people | {TARGET: 0}, self.ill | {TARGET: 0}, self.bit, self.coin)

    @property
    def size(self) -> int:
        """Return how many people there are."""
        return sum(self.people.values())

    def published(self, cells: Collection[Cell]) -> int:
        """Return how many are ill in a line of cells or in all: figures that others publish.

        Raises:
            ValueError: nobody publishes figures of fewer cells than a line has.

        """
        if len(cells) < min(SIZES):
            raise ValueError("nobody publishes the sum of so few cells")
        return sum(self.ill[cell] for cell in cells)

    def counts(self, question: Question, exact: Partition | None) -> list["Counted"]:
        """Return the cells of a question in order: people of the group, and people counted."""
        of = exact if question.exact and exact else question
        by, where = of.by, of.where
        kept = [cell for cell in CELLS if all(PARTS[name](cell) for name in where if name != "ill")]
        counted = self.ill if "ill" in where else self.people
        axes = [place for place, axis in enumerate(AXES) if axis.name in by]
        found = []
        for key in product(*(range(SIZES[place]) for place in axes)):
            inside = [c for c in kept if tuple(c[place] for place in axes) == key]
            group = sum(self.people[cell] for cell in inside)
            found.append(Counted(key, group, sum(counted[cell] for cell in inside)))
        return found


@dataclass(frozen=True)
class Counted:
    """One cell of an answer."""

    key: tuple[int, ...]
    group: int
    count: int


def _some(chance: random.Random, count: int) -> int:
    """Return how many of `count` people are ill, each with chance 3/8."""
    first, second, third = (chance.getrandbits(count) for _ in range(3))
    return (first & (second | third)).bit_count()


def worlds(name: str, runs: int) -> Iterator[tuple[int, World]]:
    """Yield seeds and tables for an attack: others for every attack, the same every time."""
    for run in range(runs):
        seed = random.Random(f"{name}/{run}").getrandbits(64)
        yield seed, World.make(seed)
