"""Which cells are hidden, as an answer: what must the hidden one have held for just these?

Wong, Fu, Wang and Pei, "Minimality attack in privacy preserving data publishing", VLDB 2007. The
first version of the node's exact table fell to it: more cells had to be hidden to protect a zero
than to protect a one.
"""

from tests.attacks.attack import Attack, Known, on_bit
from tests.attacks.oracles import EXACT, Careless, Numbers, Oracle
from tests.attacks.world import CELLS, FEWEST, SIZES, TARGET, WATCHED, World

from unseen.evidence.contracts.statistics import Question
from unseen.node.statistics.hiding import hide

BY = ("ward", "age", "job")


class TrueHiding(Careless):
    """Hides what the node does, but lets the numbers in small cells decide what goes with them."""

    def ask(self, question: Question, *, later: bool = True) -> Numbers:
        """Return the exact table alone."""
        world = self._world if later else self._world.before
        counts = [cell.count for cell in world.counts(question, self._exact)]
        hidden = hide(SIZES, counts, [FEWEST if count < FEWEST else 0 for count in counts])
        return [
            None if gone else 5 * round(count / 5)
            for count, gone in zip(counts, hidden, strict=True)
        ]


def pattern(oracle: Oracle, known: Known) -> float:
    """Hide the table as it is shown, with a 0 and with a 1 for the target; which comes closer?

    In hidden cells as many are thought ill as anywhere, but for one in which they are known.
    """
    shown = dict(zip(CELLS, oracle.ask(EXACT), strict=True))
    seen = [count is None for count in shown.values()]
    apart = []
    for bit in (0, 1):
        thought = {
            cell: int(known.people[cell] * known.rate) if count is None else count
            for cell, count in shown.items()
        }
        thought |= {WATCHED: FEWEST - 1, TARGET: bit}
        values = [*thought.values()]
        hidden = hide(SIZES, values, [FEWEST if value < FEWEST else 0 for value in values])
        apart.append(abs(sum(seen) - sum(hidden)))
    return 0.5 if apart[0] == apart[1] else float(apart[1] < apart[0])


def _careless(world: World, seed: int) -> TrueHiding:
    return TrueHiding(world, seed, BY)


ATTACKS = (
    Attack(
        name="minimality, exact table",
        does="which cells an exact table hides, held against what would be hidden for a 0 and a 1",
        careless="hides as the node does, by the numbers in small cells",
        source="Wong et al. 2007",
        play=on_bit(pattern, _careless, BY),
    ),
)
