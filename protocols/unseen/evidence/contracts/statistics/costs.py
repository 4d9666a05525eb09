"""What is counted in the rows for a question, and the noise on it. CKS20; zCDP adds up.

A question is answered from raw tables: whole numbers for each cell, of which one person can change
only so much. Each raw table gets discrete Gaussian noise of its own, whose parameters together cost
exactly the question's rho (equal shares). All that is shown is computed from the noisy tables.

One person changes at most `rows_per_person` rows, in one cell or in several; all of them in one
cell is the worst for the L2 norm, since (a + b)^2 >= a^2 + b^2 for numbers of one sign.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.contracts.statistics.question import Question, check_question
from unseen.protocols.dp.contributions import Sensitivity
from unseen.protocols.dp.zcdp import sigma2_for

Sort = Literal["count", "total", "shifted", "squares", "bins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """One raw table: what is added up of which measure, how far one person moves it, its noise.

        sort      a row of a cell adds
        count     1, if the measure `of` is there (any row, where `of` is empty)
        total     the clamped value
        shifted   the clamped value less the measure's middle
        squares   the square of that
        bins      1 in the bin of the value, if it is in one: a number for each bin of the measure

    `sigma2` is the noise's parameter on each number; 0 stands for none.
    """

    sort: Sort
    of: str
    sensitivity: Sensitivity
    sigma2: Fraction


def raws_of(menu: Menu, question: Question) -> tuple[Raw, ...]:
    """Return the raw tables of a question, in the order in which they are counted.

    Raises:
        QuestionInvalidError: the question cannot be asked of this menu.

    """
    check_question(menu, question)
    sorts = _sorts(menu, question)
    share = question.cost / len(sorts)
    found = []
    for sort, of in sorts:
        moved = _sensitivity(menu, sort, of)
        sigma2 = sigma2_for(moved.l2_squared, share) if share else Fraction(0)
        found.append(Raw(sort=sort, of=of, sensitivity=moved, sigma2=sigma2))
    return tuple(found)


def _sorts(menu: Menu, question: Question) -> list[tuple[Sort, str]]:
    of = question.of
    match question.what:
        case "count":
            return [("count", "")]
        case "sum":
            return [("total", of)]
        case "mean":
            return [("count", of), ("shifted", of)]
        case "variance":
            return [("count", of), ("shifted", of), ("squares", of)]
        case "histogram" | "quantile":
            return [("bins", of)]
        case _:
            measures = menu.partition.measures if menu.partition else ()
            totals: list[tuple[Sort, str]] = [("total", name) for name in measures]
            return [("count", ""), *totals]


def _sensitivity(menu: Menu, sort: Sort, of: str) -> Sensitivity:
    measure, rows = menu.measure(of), menu.rows_per_person
    if measure is None or sort in ("count", "bins"):
        each = 1
    elif sort == "total":
        each = max(abs(measure.low), abs(measure.high))
    else:
        each = measure.reach if sort == "shifted" else measure.reach**2
    return Sensitivity.of_cells(1, rows * each)
