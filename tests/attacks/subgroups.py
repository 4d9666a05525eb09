"""A chain of subgroups, each large, of which the last two differ in one person.

Denning and Schloerer, "Inference controls for statistical databases", Computer 16(7), 1983.
"""

from tests.attacks.attack import Attack, Known, ill, on_bit
from tests.attacks.oracles import Careless, Oracle, RefusedError, bound

CHAIN = (("others",), ("east",), ("east_old",), ("east_old", "east_old_other"))


def chain(oracle: Oracle, _known: Known) -> float:
    """Walk down while the table answers, and compare the last two groups."""
    before, after = 0, 0
    for group in CHAIN[1:]:
        try:
            before, after = after, ill(oracle, len(CHAIN) - 1, *sorted(group, key=_place))
        except RefusedError:
            break
    return before - after


def _place(name: str) -> int:
    return ("east", "east_old", "east_old_other").index(name)


ATTACKS = (
    Attack(
        name="subgroup chain",
        does="ever smaller groups, the last two of which differ in one person",
        careless="hides groups of fewer than 10",
        source="Denning and Schlörer 1983",
        play=on_bit(chain, Careless),
        bound=bound(),
    ),
)
