"""A question over several nodes: what each adds up, and its share of the noise. KLS21, prop. 14.

The raw tables of a question (`costs`) are laid end to end, as one vector of whole numbers. Each
node adds discrete Gaussian noise to its own vector, of a variance that makes that of the honest
nodes alone as much as one node would add for the same cost. So the sum of their noisy tables costs
what the question says, whoever of the others keeps silent, or subtracts its own.

Whoever is in the tables of several nodes is counted there as several people: what it costs them
is that of k tables together, which is k times k as much where the answer adds them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from unseen.evidence import canonical
from unseen.evidence.contracts.statistics.costs import Raw, raws_of
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.contracts.statistics.question import Question
from unseen.evidence.errors import QuestionInvalidError
from unseen.evidence.fields import head
from unseen.evidence.suite import Suite
from unseen.protocols.dp.distributed import Distributed
from unseen.protocols.errors import InputInvalidError

# A sum of discrete Gaussians is not one: the least of these that pays for the difference is added.
_MORE: Final = tuple(1 + Fraction(1, 1 << places) for places in (20, 16, 12, 8, 4))


@dataclass(frozen=True, slots=True)
class Part:
    """A raw table in the vector: how many numbers it has, and the noise of one node on each."""

    raw: Raw
    size: int
    spread: Distributed


def task_of(menu: Menu, suite: Suite) -> bytes:
    """Return the task of a joint clause over this menu, 32 bytes: all its nodes offer the same."""
    return suite.digest(canonical.encode(head("joint-menu", suite.id) | menu.to_json()))


def parts_of(menu: Menu, question: Question, honest: int) -> tuple[Part, ...]:
    """Return the parts of the vector for a question, where so many honest nodes are vouched for.

    Raises:
        QuestionInvalidError: it cannot be asked of this menu; it has no noise; or it costs so
            much that one node's share of the noise would be too little to say what it costs.

    """
    raws = raws_of(menu, question)
    if question.exact:
        raise QuestionInvalidError(
            "question: what is partition, and a sum that the buyer receives has noise",
            clause="what",
        )
    measure, cells = menu.measure(question.of), menu.cells(question.by)
    bins = len(measure.bins) if measure is not None else 1
    sizes = [cells * bins if raw.sort == "bins" else cells for raw in raws]
    share = question.cost / len(raws)
    return tuple(
        Part(raw, size, _spread(raw, size, honest, share))
        for raw, size in zip(raws, sizes, strict=True)
    )


def dimension_of(parts: Sequence[Part]) -> int:
    """Return how many coordinates the vector has."""
    return sum(part.size for part in parts)


def split(parts: Sequence[Part], vector: Sequence[int]) -> list[list[int]]:
    """Return the raw tables that a vector holds end to end."""
    tables, start = [], 0
    for part in parts:
        tables.append([int(number) for number in vector[start : start + part.size]])
        start += part.size
    return tables


def _spread(raw: Raw, size: int, honest: int, share: Fraction) -> Distributed:
    for more in _MORE:
        try:
            spread = Distributed(raw.sigma2 / honest * more, honest, size)
        except InputInvalidError:  # less than the proposition is about
            continue
        if spread.rho(raw.sensitivity) <= share:
            return spread
    raise QuestionInvalidError(
        "question: rho is so large that one node's noise would be too little",
        clause="rho",
        remedy="ask for a smaller rho: more noise",
    )
