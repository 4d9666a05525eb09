"""The same question again and again, so that the noise averages away.

Gadotti et al., "When the signal is in the noise", USENIX Security 2019; Asghar and Kaafar,
"Averaging attacks on bounded noise-based disclosure control algorithms", PoPETs 2020.
"""

from statistics import fmean

from tests.attacks.attack import Attack, Known, on_bit
from tests.attacks.oracles import Careless, Oracle, RefusedError, bound

from unseen.evidence.contracts.statistics import Question

ROUNDS = 60
SIGMA2 = 25


def average(oracle: Oracle, _known: Known) -> float:
    """Ask about all and about all but the target, in the same words, then in ever other ones.

    Words that mean the same are told apart by their cost alone.
    """
    total, others = (_mean(oracle, where) for where in (("ill",), ("ill", "others")))
    return total - others


def _mean(oracle: Oracle, where: tuple[str, ...]) -> float:
    share = oracle.share(4)
    costs = [share] * ROUNDS
    costs += [f"{oracle.share(4 * (ROUNDS + more))}" for more in range(ROUNDS)]
    found: list[int] = []
    for cost in costs:
        try:
            (count,) = oracle.ask(Question(what="count", where=where, rho=cost))
        except RefusedError:
            break
        if count is not None:
            found.append(count)
    if not found:
        raise RefusedError
    return fmean(found)


ATTACKS = (
    Attack(
        name="averaging",
        does=f"two questions, {ROUNDS} times in the same words and {ROUNDS} times in others",
        careless="noise of standard deviation 5, drawn anew for each answer",
        source="Gadotti et al. 2019; Asghar and Kaafar 2020",
        play=on_bit(average, lambda world, seed: Careless(world, seed, sigma2=SIGMA2)),
        bound=bound(),
        runs=150,
    ),
)
