"""How far noise moves what is shown: standard deviations, by the delta method (first order). Own.

They follow from the contract's menu, the question and the released numbers alone, so they say
nothing more about anybody. A deviation is no bound: an answer is further off in one case of three.
For means and variances it holds where the noisy count is several times its own deviation. Rounding,
clamps and rows that were dropped are not in it.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import sqrt

from unseen.evidence.contracts.cells import CellValue, Number
from unseen.evidence.contracts.statistics.costs import raws_of
from unseen.evidence.contracts.statistics.entries import Measure
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.contracts.statistics.question import Question
from unseen.evidence.contracts.statistics.shapes import mean_decimals, shape_of
from unseen.evidence.contracts.typed import Row

Deviations = tuple[float | None, ...]


def deviations_of(menu: Menu, question: Question, rows: Sequence[Row]) -> tuple[Deviations, ...]:
    """Return for each row the deviation of each number in it, in the order of the columns.

    In the unit of the measure, in people for counts. That of a quantile is of its rank: the number
    of people by whom the place is off. 0 where there is no noise, None where a cell is suppressed.

    Raises:
        QuestionInvalidError: the question cannot be asked of this menu.

    """
    columns = shape_of(menu, question).columns
    names = [name for name, cell in columns if isinstance(cell, Number)]
    first = len(columns) - len(names)
    deviations = _Deviations(menu, question)
    found = []
    for row in rows:
        shown = dict(zip(names, row[first:], strict=True))
        keys = row[:first]
        found.append(tuple(deviations.of(name, keys, shown) for name in names))
    return tuple(found)


def usual_deviation(menu: Menu, question: Question, people: int) -> float:
    """Return what to expect of the last number of an answer, for a group of `people`.

    Values are taken to lie around the middle of the clamp; before anybody is asked.

    Raises:
        QuestionInvalidError: the question cannot be asked of this menu.

    """
    shape = shape_of(menu, question)
    measure = menu.measure(question.of)
    row: list[CellValue] = []
    for name, cell in shape.columns:
        match name:
            case "count":
                row.append(people)
            case "mean" if measure is not None:
                scale = 10 ** (mean_decimals(measure) - measure.decimals)
                row.append(measure.middle * scale)
            case "variance" if measure is not None:
                row.append(measure.reach**2 // 3)  # as if every value were as likely
            case "quantile" if measure is not None:
                row.append(measure.edges[len(measure.edges) // 2])
            case _:
                row.append(cell.unpack(0))
    return deviations_of(menu, question, [tuple(row)])[0][-1] or 0.0


class _Deviations:
    """The noise of one question, in the units of its raw tables."""

    def __init__(self, menu: Menu, question: Question) -> None:
        self._question = question
        self._measure = menu.measure(question.of) if question.of else None
        self._sigma2 = {raw.sort: float(raw.sigma2) for raw in raws_of(menu, question)}

    def of(self, name: str, keys: Sequence[CellValue], shown: dict[str, CellValue]) -> float | None:
        value, measure = shown[name], self._measure
        if type(value) is not int:
            return None
        if self._question.exact:
            return 0.0
        if name == "count" or measure is None:
            return sqrt(next(iter(self._sigma2.values())))
        return self._of_measure(measure, name, keys, shown)

    def _of_measure(
        self,
        measure: Measure,
        name: str,
        keys: Sequence[CellValue],
        shown: dict[str, CellValue],
    ) -> float | None:
        value, unit = int(shown[name] or 0), float(10**measure.decimals)
        match name:
            case "sum":
                return sqrt(self._sigma2["total"]) / unit
            case "mean":
                return self._ratio(shown, self._mean_noise(measure, value), unit)
            case "variance":
                noise = self._variance_noise(measure, shown, value)
                return self._ratio(shown, noise, unit * unit)
            case _:
                return self._rank_noise(measure, keys, value)

    def _ratio(self, shown: dict[str, CellValue], noise: float, unit: float) -> float | None:
        count = shown["count"]
        return noise / count / unit if type(count) is int and count > 0 else None

    def _mean_noise(self, measure: Measure, mean: int) -> float:
        """Return that of S - m N, where m = S / N is the mean less the middle."""
        moved = self._moved(measure, mean)
        return sqrt(self._sigma2["shifted"] + moved * moved * self._sigma2["count"])

    def _variance_noise(
        self, measure: Measure, shown: dict[str, CellValue], variance: int
    ) -> float:
        """Return that of Q - 2 m S - (v - m^2) N, for v = Q / N - m^2."""
        mean = shown["mean"]
        moved = self._moved(measure, mean) if type(mean) is int else float(measure.reach)
        return sqrt(
            self._sigma2["squares"]
            + 4 * moved * moved * self._sigma2["shifted"]
            + (variance - moved * moved) ** 2 * self._sigma2["count"]
        )

    def _moved(self, measure: Measure, mean: int) -> float:
        scale = 10 ** (mean_decimals(measure) - measure.decimals)
        return float(Fraction(mean, scale) - measure.middle)

    def _rank_noise(self, measure: Measure, keys: Sequence[CellValue], edge: int) -> float:
        """Return that of B - q T: B the people below the edge, T all of them, by their bins."""
        place = float(Fraction(str(keys[-1])))
        spread = 0.0
        for low, high in pairwise(measure.edges):
            below = min(max((edge - low) / (high - low), 0.0), 1.0)  # of the bin, on a line
            spread += (below - place) ** 2
        return sqrt(self._sigma2["bins"] * spread)
