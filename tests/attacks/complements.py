"""Who is not in the others: n - count, and what a table's hidden cell leaves to its line.

Hundepool et al., Statistical Disclosure Control, 2012, chapter 4: primary and secondary hiding.
"""

from tests.attacks.attack import Attack, Known, ill, on_bit
from tests.attacks.oracles import EXACT, Careless, Oracle, RefusedError, bound
from tests.attacks.world import CELLS, TARGET, WARD, Cell

BY = ("ward", "age", "job")


def noisy(oracle: Oracle, _known: Known) -> float:
    """Ask about all, and about all but the target."""
    return ill(oracle, 2) - ill(oracle, 2, "others")


def two_tables(oracle: Oracle, _known: Known) -> float:
    """Take one exact table from another one, in which the target alone is left out."""
    place = WARD.values.index("east")
    (all_, others) = (each.ask(EXACT)[place] for each in (oracle, oracle.other("others")))
    if all_ is None or others is None:
        raise RefusedError
    return all_ - others


def hidden_cell(oracle: Oracle, known: Known) -> float:
    """Take what the exact table shows from a line's sum, which others have published.

    Of the lines through the target that which has the fewest hidden cells; as many are thought ill
    in these as anywhere.
    """
    shown = dict(zip(CELLS, oracle.ask(EXACT), strict=True))
    lines = [[c for c in CELLS if _differ(c, TARGET) <= {axis}] for axis in range(len(TARGET))]
    line = min(lines, key=lambda line: sum(shown[cell] is None for cell in line))
    rest = float(known.margin(line))
    for cell in line:
        if cell != TARGET:
            count = shown[cell]
            rest -= known.people[cell] * known.rate if count is None else count
    return rest


def _differ(one: Cell, other: Cell) -> set[int]:
    """Return the axes along which two cells differ."""
    return {axis for axis, (a, b) in enumerate(zip(one, other, strict=True)) if a != b}


ATTACKS = (
    Attack(
        name="complement, with noise",
        does="all who are ill, less all but one person who are",
        careless="hides groups of fewer than 10",
        source="n - count",
        play=on_bit(noisy, Careless),
        bound=bound(),
    ),
    Attack(
        name="complement, exact table",
        does="published sums of lines, less the cells that a table shows",
        careless="hides cells of groups of fewer than 10, and only those",
        source="Hundepool et al. 2012",
        play=on_bit(hidden_cell, lambda world, seed: Careless(world, seed, BY), BY),
    ),
    Attack(
        name="two exact tables",
        does="the tables of two contracts, one of which leaves the person out",
        careless="hides groups of fewer than 10",
        source="differencing",
        play=on_bit(two_tables, lambda world, seed: Careless(world, seed, ("ward",)), ("ward",)),
    ),
)
