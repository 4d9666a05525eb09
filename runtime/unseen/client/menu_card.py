"""What a statistics contract lets be asked, what noise that means, and what is left, as cards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from unseen.client.cards import Card, Row, Said, TableCard
from unseen.client.statistic import counted_in, deviation_text, epsilon_text
from unseen.evidence.canonical import MAX_INTEGER
from unseen.evidence.contracts import privacy
from unseen.evidence.contracts.statistics.accuracy import usual_deviation
from unseen.evidence.contracts.statistics.entries import decimal_text
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.contracts.statistics.question import Question
from unseen.protocols.dp.zcdp import epsilon_of

SAMPLE = 1_000  # people, or rows, in a group, where noise depends on how many there are


_COUNTING = ("count", "histogram", "quantile")


@dataclass(frozen=True, slots=True, repr=False)
class MenuCard(TableCard):
    """What a contract lets be asked: a line for each question, with its noise at one rho."""

    contract: str
    menu: Menu
    rho: str
    budget: str
    group: int

    @property
    def epsilon(self) -> Fraction:
        """The epsilon of one question at this card's rho, if it stood alone."""
        return epsilon_of(Fraction(self.rho), Fraction(self.menu.delta))

    def questions(self) -> Iterator[tuple[Question, str, float]]:
        """Yield each question without groups and filters, its unit, and its deviation at `rho`.

        Means and variances are meant over `SAMPLE` people, quantiles in the middle. Counts are of
        rows, where a person may have several.
        """
        counted = str(counted_in(self.menu))
        yield self._priced("count", "", counted)
        for measure in self.menu.measures:
            yield self._priced("sum", measure.name, measure.unit)
            yield self._priced("mean", measure.name, measure.unit)
            if measure.reach**2 <= MAX_INTEGER:
                yield self._priced("variance", measure.name, f"{measure.unit}²")
            if measure.edges:
                yield self._priced("histogram", measure.name, counted)
                yield self._priced("quantile", measure.name, counted)

    def _priced(self, what: str, of: str, unit: str) -> tuple[Question, str, float]:
        at = ("0.5",) if what == "quantile" else ()
        question = Question(what=what, of=of, at=at, rho=self.rho)
        return question, unit, usual_deviation(self.menu, question, SAMPLE)

    @property
    def _keys(self) -> int:
        return 2

    def _title(self) -> str:
        return f"Menu of contract {self.contract}"

    def _head(self, say: Callable[[str], str]) -> tuple[str, ...]:
        return say("what"), say("of"), "±", say("unit")

    def _body(self, say: Callable[[str], str]) -> Iterator[tuple[str, ...]]:
        for question, unit, deviation in self.questions():
            named = counted_in(self.menu).in_words(say) if question.what in _COUNTING else unit
            yield question.what, question.of, deviation_text(deviation), named

    def _rows(self) -> Iterator[Row]:
        menu = self.menu
        for dimension in menu.dimensions:
            yield f"by {dimension.name}", f"{dimension.text}: {', '.join(dimension.bins)}"
        for measure in menu.measures:
            low, high = (
                decimal_text(edge, measure.decimals) for edge in (measure.low, measure.high)
            )
            yield f"of {measure.name}", f"{measure.text}: {low} to {high} {measure.unit}".rstrip()
        for each in menu.filters:
            yield f"where {each.name}", each.text
        exact = menu.partition
        if exact is not None:
            by, sums = ", ".join(exact.by) or "-", ", ".join(exact.measures)
            yield "exact table", f"count{', sums of ' + sums if sums else ''} by {by}"
        yield (
            "noise",
            Said(
                "{} at an epsilon of {} (rho {}) a question, over {} {}",
                "±",
                epsilon_text(self.epsilon),
                self.rho,
                f"{SAMPLE:,}",
                counted_in(menu),
            ),
        )
        yield "rows a person", menu.rows_per_person
        if self.group:
            yield "group", self.group
        if self.budget:
            yield (
                "budget",
                Said("epsilon {} at delta {}, for all questions together", self.budget, menu.delta),
            )


@dataclass(frozen=True, slots=True, repr=False)
class BudgetCard(Card):
    """What a contract may spend on privacy in all, and has spent, in units of 10^-12 of rho.

    `most` is 0 where the contract has no budget: then nothing with noise is answered.
    """

    contract: str
    epsilon: str
    delta: str
    most: int
    spent: int

    @property
    def left(self) -> int:
        """The units that are left."""
        return max(self.most - self.spent, 0)

    def _title(self) -> str:
        return f"Privacy budget of contract {self.contract}"

    def _rows(self) -> Iterator[Row]:
        if not self.most:
            yield "budget", Said("none: nothing with noise is answered under this contract")
            return
        most = _rho(self.most)
        yield "budget", Said("epsilon {} at delta {}: rho {}", self.epsilon, self.delta, most)
        epsilon = privacy.epsilon_text(self.spent, self.delta)
        yield "spent", Said("rho {}, an epsilon of {}", _rho(self.spent), epsilon)
        left = privacy.epsilon_text(self.left, self.delta)
        yield (
            "left",
            Said(
                "rho {}, as one answer an epsilon of {}, unless others spend the table's own budget"
                " before",
                _rho(self.left),
                left,
            ),
        )


def _rho(units: int) -> str:
    """Return units as a rho, rounded down to what a question can say."""
    return privacy.rho_text(units // 1000 * 1000)
