"""Dwork, McSherry, Nissim and Smith 2006, section 3: sensitivity, by bounds on a person's rows.

Neighbours are tables that differ by all rows of one person. Rows of a person beyond the bound are
dropped and values outside the clamp are moved to its edge, in whole numbers, before anything is
added up: a floating-point sum depends on the order of rows by more than its sensitivity says
(Casacuberta and others, CCS 2022). Who is one person is what the key says: somebody with two keys
counts twice and is protected half as well. Clamps and bounds are public and never made from the
data; how many rows a bound drops is itself an answer, and not given.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from unseen.protocols.dp.exact import Exact, not_negative, whole
from unseen.protocols.errors import InputInvalidError


@dataclass(frozen=True, slots=True, init=False)
class Sensitivity:
    """How far one person can move an answer: the L1 norm, and the square of the L2 norm."""

    l1: Fraction
    l2_squared: Fraction

    def __init__(self, l1: Exact, l2_squared: Exact) -> None:
        """Take both, of one and the same answer.

        Raises:
            InputInvalidError: a float, or norms that no whole-number vector has: L1 is at least
                L2 and at most its square.

        """
        first, second = not_negative(l1, "the L1 norm"), not_negative(l2_squared, "L2 squared")
        if not second <= first * first or first > second:
            raise InputInvalidError(
                "no vector of whole numbers has these L1 and L2 norms", clause="dp.range"
            )
        object.__setattr__(self, "l1", first)
        object.__setattr__(self, "l2_squared", second)

    @classmethod
    def of_cells(cls, cells: int, most: int = 1) -> "Sensitivity":
        """Return that of counts where a person is in at most `cells` cells, `most` times in each.

        One count over at most r rows a person is (1, r). A histogram over at most r rows is
        (1, r) as well: all of them in one cell is the worst.

        Raises:
            InputInvalidError: a number is below 1 or not whole.

        """
        cells, most = whole(cells, "cells", low=1), whole(most, "rows a cell", low=1)
        return cls(cells * most, cells * most * most)

    @classmethod
    def of_sum(cls, clamp: "Clamp", rows: int = 1) -> "Sensitivity":
        """Return that of a sum of clamped values over at most `rows` rows a person.

        Raises:
            InputInvalidError: `rows` is below 1 or not whole.

        """
        most = whole(rows, "rows a person", low=1) * max(abs(clamp.low), abs(clamp.high))
        return cls(most, most * most)


@dataclass(frozen=True, slots=True)
class Clamp:
    """The range that values are moved into: whole numbers, low <= high, within 63 bits."""

    low: int
    high: int

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            InputInvalidError: a float, more than 63 bits, or the wrong order.

        """
        edge = (1 << 63) - 1
        whole(self.low, "the clamp's lower edge", low=-edge, high=edge)
        whole(self.high, "the clamp's upper edge", low=self.low, high=edge)

    def __call__(self, value: int) -> int:
        """Return `value` moved into the range.

        Raises:
            InputInvalidError: it is not a whole number: scale and round before, by a rule that
                looks at one row only.

        """
        return min(max(whole(value, "a value"), self.low), self.high)


def kept(rows: Iterable[tuple[Hashable, int]], most: int, clamp: Clamp) -> Iterator[int]:
    """Yield the clamped values of the first `most` rows of each person.

    `rows` are (person, value). A person's rows have to come in an order that other people's rows
    have no say in. Holds one number for each person.

    Raises:
        InputInvalidError: `most` is below 1, or a value is not a whole number.

    """
    bound = whole(most, "rows a person", low=1)
    seen: dict[Hashable, int] = {}
    for person, value in rows:
        clamped = clamp(value)  # also of a row that is dropped: an error tells nothing of order
        count = seen.get(person, 0)
        if count < bound:
            seen[person] = count + 1
            yield clamped
