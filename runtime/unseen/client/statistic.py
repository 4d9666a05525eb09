"""What a buyer gets for a question about many: numbers by group, and how far noise moves each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import floor, log10
from pathlib import Path

from unseen.client.cards import Row, Said, TableCard
from unseen.evidence.contracts.cells import CellValue, Number
from unseen.evidence.contracts.statistics.accuracy import deviations_of
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.contracts.statistics.question import Question
from unseen.evidence.contracts.statistics.shapes import shape_of
from unseen.evidence.contracts.typed import Value
from unseen.protocols.dp.zcdp import epsilon_of

Shown = str | int | Decimal | None

SUPPRESSED = "suppressed"
EXACT = Said("none: rounded, small and dominated cells suppressed")
NOISE = "_noise"  # what the deviation of a column is called in `Statistic.to_dicts`
_DIGITS = 3  # significant ones of a deviation


@dataclass(frozen=True, repr=False)
class Statistic(TableCard):
    """The answer to one question.

    `rows` are tuples in the order of `columns`: the group's labels, then the numbers, `None` where
    one is suppressed. `noise` has for each number its standard deviation in the same unit (for a
    quantile: of its rank, in rows), 0 for an exact answer, which is rounded and has no noise.
    `privacy` is the rho that this answer cost in the table's ledger, 0 if the node had answered
    the same question over the same rows before. `cached` says that it was in this home already:
    nothing was sent and nothing charged. `answered_at` is the time of the node's log.
    """

    contract: str
    question: Question
    menu: Menu = field(repr=False)
    value: Value = field(repr=False)
    privacy: str
    answered_at: str
    cached: bool
    request_id: str
    receipt_path: Path = field(compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns: dimensions, then numbers."""
        return tuple(name for name, _ in self._cells)

    @cached_property
    def rows(self) -> tuple[tuple[Shown, ...], ...]:
        """The rows, numbers in the measure's unit."""
        cells = [cell for _, cell in self._cells]
        return tuple(
            tuple(_shown(cell, found) for cell, found in zip(cells, row, strict=True))
            for row in self.value.rows
        )

    @cached_property
    def noise(self) -> tuple[tuple[float | None, ...], ...]:
        """The standard deviations of the numbers, row by row."""
        return deviations_of(self.menu, self.question, self.value.rows)

    @property
    def epsilon(self) -> Fraction:
        """What the answer may cost as an epsilon at the menu's delta, if it stood alone."""
        if self.question.exact:
            return Fraction(0)
        return epsilon_of(self.question.cost, Fraction(self.menu.delta))

    def to_dicts(self) -> list[dict[str, str | int | float | Decimal | None]]:
        """Return the rows as mappings; the deviation of a number `x` is called `x_noise`."""
        found = []
        for row, noise in zip(self.rows, self.noise, strict=True):
            named: dict[str, str | int | float | Decimal | None] = dict(
                zip(self.columns, row, strict=True)
            )
            named |= {
                f"{name}{NOISE}": each
                for name, each in zip(self.columns[self._keys :], noise, strict=True)
            }
            found.append(named)
        return found

    @property
    def number(self) -> int | Decimal | None:
        """The one number that was asked for, where there are no groups.

        Raises:
            ValueError: there are several.

        """
        if len(self.rows) != 1:
            raise ValueError("the answer has several rows: read .rows or .to_dicts()")
        found = self.rows[0][-1]
        return found if isinstance(found, int | Decimal) else None

    @property
    def _cells(self) -> tuple[tuple[str, object], ...]:
        return shape_of(self.menu, self.question).columns

    def _title(self) -> str:
        return title_of(self.question)

    @property
    def _keys(self) -> int:
        return sum(not isinstance(cell, Number) for _, cell in self._cells)

    def _head(self, say: Callable[[str], str]) -> tuple[str, ...]:
        head = [*self.columns[: self._keys]]
        for name in self.columns[self._keys :]:
            head += [say(name)] if self.question.exact else [say(name), "±"]
        return tuple(head)

    def _body(self, say: Callable[[str], str]) -> Iterator[tuple[str, ...]]:
        for row, noise in zip(self.rows, self.noise, strict=True):
            line = [str(label) for label in row[: self._keys]]
            for value, each in zip(row[self._keys :], noise, strict=True):
                line.append(say(SUPPRESSED) if value is None else f"{value:,}")
                if not self.question.exact:
                    line.append("" if each is None else deviation_text(each))
            yield tuple(line)

    def _rows(self) -> Iterator[Row]:
        measure = self.menu.measure(self.question.of) if self.question.of else None
        if measure is not None and measure.unit:
            yield "unit", measure.unit
        if self.question.exact:
            yield "noise", EXACT
        else:
            yield "noise", _noise(self.question, self.menu)
            yield "privacy", privacy_text(self.privacy, self.menu)
        yield "answered at", self.answered_at
        yield (
            "paid for",
            Said("before: this home had the answer" if self.cached else "now, one unit"),
        )
        yield "receipt", self.receipt_path


def title_of(question: Question) -> str:
    """Return a question in one line."""
    what = question.what if not question.exact else "the exact table"
    places = f" at {', '.join(question.at)}" if question.at else ""
    of = f" of {question.of}" if question.of else ""
    by = f" by {', '.join(question.by)}" if question.by else ""
    where = f" where {' and '.join(question.where)}" if question.where else ""
    return f"{what}{places}{of}{by}{where}"


def counted_in(menu: Menu) -> Said:
    """Return what counts are of: rows, which are people where each of them has one at most."""
    if menu.rows_per_person == 1:
        return Said("people")
    return Said("rows", key="rows, as a unit")


def privacy_text(rho: str, menu: Menu) -> Said:
    """Return what an answer cost, for people."""
    if rho == "0":
        return Said("nothing more: the node has given this very answer before")
    epsilon = epsilon_text(epsilon_of(Fraction(rho), Fraction(menu.delta)))
    return Said("rho {}, alone an epsilon of {} at delta {}", rho, epsilon, menu.delta)


def epsilon_text(epsilon: Fraction) -> str:
    """Return an epsilon with three decimals, rounded up."""
    thousandths = -(-epsilon.numerator * 1000 // epsilon.denominator)
    return f"{Decimal(thousandths) / 1000:f}"


def deviation_text(deviation: float) -> str:
    """Return a deviation with three significant digits, and no exponent."""
    if not deviation:
        return "0"
    places = max(_DIGITS - 1 - floor(log10(deviation)), 0)
    return f"{deviation:,.{places}f}"


def _noise(question: Question, menu: Menu) -> Said:
    if question.what != "quantile":
        return Said("{} is one standard deviation", "±")
    of = counted_in(menu)
    return Said("{} is one standard deviation, in {}, of the place in the order", "±", of)


def _shown(cell: object, value: CellValue) -> Shown:
    if isinstance(cell, Number) and cell.decimals and type(value) is int:
        return Decimal(value).scaleb(-cell.decimals)
    return value if isinstance(value, str | int) else None
