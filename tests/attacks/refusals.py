"""Being refused, as an answer: whether a group is too small says who is in it.

Kenthapadi, Mishra and Nissim, "Simulatable auditing", PODS 2005: a refusal may depend on what was
asked and answered, never on what is true.
"""

from tests.attacks.attack import Attack, Known, on_bit
from tests.attacks.oracles import Careless, Oracle, RefusedError, bound
from tests.attacks.world import FEWEST

from unseen.evidence.contracts.statistics import Question


def refused(oracle: Oracle, _known: Known) -> float:
    """Ask about a group whose other members are ill to one less than the smallest number shown.

    Where it is shown, the number itself is taken as well.
    """
    question = Question(what="count", where=("ill", "watched"), rho=oracle.share(1))
    try:
        (count,) = oracle.ask(question)
    except RefusedError:
        return 0
    if count is None:
        return 0
    return count - (FEWEST - 1)


ATTACKS = (
    Attack(
        name="refusal as an oracle",
        does="a group in which 9 others are known to be ill: is there an answer?",
        careless="hides counts below 10",
        source="Kenthapadi, Mishra and Nissim 2005",
        play=on_bit(refused, lambda world, seed: Careless(world, seed, counts=True)),
        bound=bound(),
    ),
)
