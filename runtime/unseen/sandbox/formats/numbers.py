"""IEEE 754 numbers and texts of others as the cells of a declared shape: rounded, or refused.

Four significant digits, in the unit of the cell, halves to even; counts to multiples of five
before. Rounding is of the exact value, so that it does not depend on how a number was written, and
what lies below the last digit is gone.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Final, NoReturn

from unseen.evidence.canonical import MAX_INTEGER
from unseen.evidence.contracts.cells import Boolean, Cell, CellValue, Choice, Number
from unseen.evidence.errors import ReleaseInvalidError

DIGITS: Final = 4
COUNTS: Final = 5  # counts are multiples of it
_LARGEST: Final = 2.0**64  # no unit brings what is beyond within the integers of a cell


def refuse(clause: str, why: str) -> NoReturn:
    """Refuse an output.

    Raises:
        ReleaseInvalidError: always; `clause` says what is wrong, and nothing quotes the file.

    """
    raise ReleaseInvalidError(f"output: {why}", clause=f"output.{clause}")


def cell_of(cell: Cell, found: object) -> CellValue:
    """Return what was found for a cell as a value of it.

    Raises:
        ReleaseInvalidError: it is none, and none is near.

    """
    if found is None or (type(found) is float and math.isnan(found)):
        if not cell.optional:
            refuse("missing", "a value is missing")
        return None
    return _KINDS[type(cell)](cell, found)


def number_of(cell: Number, found: object) -> int:
    """Return a number as an integer in the unit of its cell.

    Raises:
        ReleaseInvalidError: it is none, not finite, or out of the cell's range.

    """
    if type(found) not in (int, float) or not isinstance(found, int | float):
        refuse("kind", "a number is expected")
    if not abs(found) < _LARGEST:  # neither is what is not finite
        refuse("range", "a number is out of range")
    exact = Fraction(found) * int(10**cell.decimals)
    if cell.use == "count":
        exact = Fraction(COUNTS * round(exact / COUNTS))
    whole = _to_digits(exact, min(cell.digits or DIGITS, DIGITS))
    if abs(whole) > MAX_INTEGER or not cell.low <= whole <= cell.high:
        refuse("range", "a number is out of range")
    return whole


def _to_digits(exact: Fraction, digits: int) -> int:
    step = int(10 ** max(len(str(abs(int(exact)))) - digits, 0))
    return round(exact / step) * step


def _number(cell: Cell, found: object) -> int:
    return number_of(cell, found) if isinstance(cell, Number) else 0


def _boolean(_: Cell, found: object) -> bool:
    if type(found) is not bool:
        refuse("kind", "true or false is expected")
    return found


def _choice(cell: Cell, found: object) -> str:
    if type(found) is not str or not isinstance(cell, Choice) or found not in cell.of:
        refuse("choice", "a text is none of the declared ones")
    return found


_KINDS: Final[dict[type[Cell], Callable[[Cell, object], CellValue]]] = {
    Number: _number,
    Boolean: _boolean,
    Choice: _choice,
}
