"""The form of an answer, cell by cell: it follows from menu and question, never from data. Own.

Rows stand in the order of their groups. A cell is null where it is suppressed. Numbers are whole,
in units of ten to the minus their `decimals`; what lies outside the bounds is moved to them.
"""

from unseen.evidence.canonical import MAX_INTEGER
from unseen.evidence.contracts.cells import MAX_DECIMALS, Cell, Choice, Number
from unseen.evidence.contracts.statistics.entries import Measure
from unseen.evidence.contracts.statistics.menu import MOST, Menu
from unseen.evidence.contracts.statistics.question import Question, check_question
from unseen.evidence.contracts.typed import Table
from unseen.evidence.errors import QuestionInvalidError

BIN, AT = "bin", "at"  # the columns of keys that no dimension names
_MEAN_DECIMALS = 3  # beyond those of the measure

COUNT = Number(use="count", low=0, high=MOST, optional=True)


def shape_of(menu: Menu, question: Question) -> Table:
    """Return the shape of the answer to `question` under `menu`.

    Raises:
        QuestionInvalidError: the question cannot be asked of this menu.

    """
    check_question(menu, question)
    exact = menu.partition if question.exact else None
    by = exact.by if exact else question.by
    wanted = exact.measures if exact else (question.of,)
    measures = [measure for measure in menu.measures if measure.name in wanted]
    if exact:
        sums = [(f"sum:{measure.name}", sum_cell(measure)) for measure in measures]
        return _table(menu, by, [("count", COUNT), *sums])
    if not measures:
        return _table(menu, by, [("count", COUNT)])
    return _of_measure(menu, question, measures[0])


def _of_measure(menu: Menu, question: Question, measure: Measure) -> Table:
    numbers: list[tuple[str, Number]]
    key: tuple[str, Cell] | None = None
    match question.what:
        case "sum":
            numbers = [("sum", sum_cell(measure))]
        case "mean":
            numbers = [("count", COUNT), ("mean", mean_cell(measure))]
        case "variance":
            numbers = [("count", COUNT), ("mean", mean_cell(measure))]
            numbers.append(("variance", variance_cell(measure)))
        case "histogram":
            key = (BIN, Choice(of=measure.bins))
            numbers = [("count", COUNT)]
        case _:
            key = (AT, Choice(of=question.at))
            numbers = [("quantile", quantile_cell(measure))]
    return _table(menu, question.by, numbers, key)


def sum_cell(measure: Measure) -> Number:
    """Return the cell of a sum of `measure`, in its unit."""
    edge = max(abs(measure.low), abs(measure.high))
    high = min(edge * MOST, MAX_INTEGER)
    low = -high if measure.low < 0 else 0
    return Number(use="measure", low=low, high=high, decimals=measure.decimals, optional=True)


def mean_decimals(measure: Measure) -> int:
    """Return the decimals of a mean: those of the measure and up to three more."""
    edge = max(abs(measure.low), abs(measure.high))
    more = _MEAN_DECIMALS
    while more and edge * 10**more > MAX_INTEGER:
        more -= 1
    return min(measure.decimals + more, MAX_DECIMALS)


def mean_cell(measure: Measure) -> Number:
    """Return the cell of a mean of `measure`."""
    decimals = mean_decimals(measure)
    scale = 10 ** (decimals - measure.decimals)
    low, high = measure.low * scale, measure.high * scale
    return Number(use="measure", low=low, high=high, decimals=decimals, optional=True)


def variance_cell(measure: Measure) -> Number:
    """Return the cell of a variance of `measure`, in the square of its unit.

    Raises:
        QuestionInvalidError: the clamp is so wide that no number here can say it.

    """
    high = measure.reach**2
    if high > MAX_INTEGER:
        raise QuestionInvalidError(
            "question: of is a measure whose clamp is too wide for a variance", clause="of"
        )
    decimals = 2 * measure.decimals
    return Number(use="measure", low=0, high=high, decimals=decimals, optional=True)


def quantile_cell(measure: Measure) -> Number:
    """Return the cell of a quantile of `measure`: between its outermost edges."""
    low, high = measure.edges[0], measure.edges[-1]
    return Number(use="measure", low=low, high=high, decimals=measure.decimals, optional=True)


def _table(
    menu: Menu,
    by: tuple[str, ...],
    numbers: list[tuple[str, Number]],
    key: tuple[str, Cell] | None = None,
) -> Table:
    keys: list[tuple[str, Cell]] = [
        (dimension.name, Choice(of=dimension.bins))
        for dimension in menu.dimensions
        if dimension.name in by
    ]
    rows = menu.cells(by)
    if key is not None:
        keys.append(key)
        rows *= key[1].values
    return Table(columns=(*keys, *numbers), max_rows=rows)
