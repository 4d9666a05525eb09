"""Cells of a typed release: one value out of finitely many, each with its place. Own format.

There are no floats: a number is an integer in units of ten to the minus `decimals`, between two
bounds. So there is no NaN, no second zero and no spare mantissa, and a text is one of those that
the plan names. What a cell can say is therefore exactly `bits` bits; whether that is harmless is
for the gate's rules to judge.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast, get_args

from unseen.evidence.canonical import MAX_INTEGER, Json
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.fields import Checker

Use = Literal["count", "measure", "parameter"]
CellValue: TypeAlias = bool | int | str | None

MAX_CHOICES = 1024
MAX_DECIMALS = 15

_CHECK = Checker(ReleaseInvalidError, "release")
_USES = get_args(Use)


class Cell(ABC):
    """One value out of finitely many; with `optional`, null (suppressed, missing) is one more."""

    __slots__ = ()
    optional: bool

    @property
    @abstractmethod
    def own_values(self) -> int:
        """Return how many values there are besides null."""

    @abstractmethod
    def code(self, value: object) -> int:
        """Return the place of `value`, not null, among them; refuse what is none of them."""

    @abstractmethod
    def value_at(self, code: int) -> CellValue:
        """Return the value at a place."""

    @abstractmethod
    def to_json(self) -> dict[str, Json]:
        """Return the cell's declaration as an object."""

    @property
    def values(self) -> int:
        """Return how many values there are."""
        return self.own_values + self.optional

    @property
    def bits(self) -> int:
        """Return how many bits name one of them."""
        return (self.values - 1).bit_length()

    def pack(self, value: object) -> int:
        """Return the place of `value`; null, where it may be, is the last."""
        if value is None and self.optional:
            return self.own_values
        return self.code(value)

    def unpack(self, code: int) -> CellValue:
        """Return the value at a place.

        Raises:
            ReleaseInvalidError: there is no such place.

        """
        if code == self.own_values and self.optional:
            return None
        if code >= self.own_values:
            _CHECK.fail("packed", "names no value")
        return self.value_at(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Cell):
    """True or false."""

    optional: bool = False

    def __post_init__(self) -> None:
        """Check the declaration."""
        _CHECK.boolean("cell.optional", self.optional)

    @property
    def own_values(self) -> int:
        """Return two."""
        return 2

    def code(self, value: object) -> int:
        """Return 0 for false, 1 for true."""
        _CHECK.boolean("value", value)
        return int(cast("bool", value))

    def value_at(self, code: int) -> bool:
        """Return what `code` stands for."""
        return bool(code)

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {"type": "boolean", "optional": self.optional}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Cell):
    """An integer from `low` to `high` in units of ten to the minus `decimals`.

    `use` says which rules look at it: a `count` of contributors, a `measure` computed from them,
    or the `parameter` of a model. With `digits`, only integers of at most so many significant
    digits are values; that is written only where it says something.
    """

    use: Use
    low: int
    high: int
    decimals: int = 0
    optional: bool = False
    digits: int = 0

    def __post_init__(self) -> None:
        """Check the declaration."""
        _CHECK.choice("cell.use", self.use, _USES)
        _CHECK.integer("cell.low", self.low, -MAX_INTEGER)
        _CHECK.integer("cell.high", self.high, self.low)
        _CHECK.integer("cell.decimals", self.decimals, 0, MAX_DECIMALS)
        _CHECK.boolean("cell.optional", self.optional)
        if self.use == "count" and (self.low < 0 or self.decimals):
            _CHECK.fail("cell.use", "count takes whole numbers from 0 on")
        _CHECK.integer("cell.digits", self.digits, 0, MAX_DECIMALS)
        for bound in (self.low, self.high):
            if self.digits and self.value_of(self.place_of(bound)) != bound:
                _CHECK.fail("cell.digits", "are fewer than those of a bound")

    @property
    def own_values(self) -> int:
        """Return how many integers from `low` to `high` are values."""
        return self.place_of(self.high) - self.place_of(self.low) + 1

    def code(self, value: object) -> int:
        """Return how many values lie below `value`."""
        _CHECK.integer("value", value, self.low, self.high)
        place = self.place_of(cast("int", value))
        if self.value_of(place) != value:
            _CHECK.fail("value", "has more significant digits than declared")
        return place - self.place_of(self.low)

    def value_at(self, code: int) -> int:
        """Return the value above `code` others."""
        return self.value_of(self.place_of(self.low) + code)

    def place_of(self, number: int) -> int:
        """Return the place of `number`, or of the next value towards 0, among all; 0 is at 0."""
        if not self.digits:
            return number
        step = max(len(str(abs(number))) - self.digits, 0)
        place = step * 9 * self._least + abs(number) // int(10**step)
        return place if number >= 0 else -place

    def value_of(self, place: int) -> int:
        """Return the value at a place."""
        if not self.digits:
            return place
        step = max((abs(place) - self._least) // (9 * self._least), 0)
        number = (abs(place) - step * 9 * self._least) * int(10**step)
        return number if place >= 0 else -number

    @property
    def _least(self) -> int:
        """Return the smallest number of so many digits; every further decade has 9 times it."""
        return int(10 ** (self.digits - 1))

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        limited: dict[str, Json] = {"digits": self.digits} if self.digits else {}
        return limited | {
            "type": "number",
            "use": self.use,
            "low": self.low,
            "high": self.high,
            "decimals": self.decimals,
            "optional": self.optional,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Cell):
    """One of the texts `of`, which the plan names: no free text ever leaves."""

    of: tuple[str, ...]
    optional: bool = False
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the declaration."""
        _CHECK.members("cell.of", self.of, str, MAX_CHOICES, 1)
        for text in self.of:
            _CHECK.text("cell.of", text, 64)
        _CHECK.distinct("cell.of", self.of)
        _CHECK.boolean("cell.optional", self.optional)
        object.__setattr__(self, "_places", {text: place for place, text in enumerate(self.of)})

    @property
    def own_values(self) -> int:
        """Return how many texts there are."""
        return len(self.of)

    def code(self, value: object) -> int:
        """Return the place of `value` among the texts."""
        place = self._places.get(value) if type(value) is str else None
        if place is None:
            _CHECK.fail("value", "is none of the declared ones")
        return place

    def value_at(self, code: int) -> str:
        """Return the text at a place."""
        return self.of[code]

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {"type": "choice", "of": list(self.of), "optional": self.optional}


_CELLS: dict[str, tuple[tuple[str, ...], Callable[..., Cell]]] = {
    "boolean": (("optional",), Boolean),
    "number": (("use", "low", "high", "decimals", "optional"), Number),
    "choice": (("of", "optional"), lambda of, optional: Choice(of=texts(of), optional=optional)),
}
_LATER: dict[str, tuple[str, ...]] = {"number": ("digits",)}  # written where they say something


def cell_from_json(value: Any) -> Cell:
    """Return the cell that `Cell.to_json` gives `value` for.

    Raises:
        ReleaseInvalidError: a field is missing, not known, of another type or out of range.

    """
    kind = kind_of("cell", value, _CELLS)
    names, make = _CELLS[kind]
    later = _LATER.get(kind, ())
    body = _CHECK.take(value, ("type", *names), "cell", later)
    for name in later:
        if name in body and not body[name]:  # or one cell could be written in two ways
            _CHECK.fail(f"cell.{name}", "is written down and says nothing")
    return make(**{name: body[name] for name in (*names, *later) if name in body})


def number_from_json(value: Any) -> Number:
    """Return the number that `Number.to_json` gives `value` for.

    Raises:
        ReleaseInvalidError: as `cell_from_json`, or it is another cell.

    """
    found = cell_from_json(value)
    if not isinstance(found, Number):
        _CHECK.fail("cell.type", "is not a number")
    return found


def kind_of(at: str, value: object, kinds: Collection[str]) -> str:
    """Return the `type` of a declaration, if it is one of `kinds`."""
    if type(value) is not dict:
        _CHECK.fail(at, "is not an object")
    if "type" not in value:
        _CHECK.fail(f"{at}.type", "is missing")
    _CHECK.choice(f"{at}.type", value["type"], kinds)
    return str(value["type"])


def texts(value: object) -> tuple[str, ...]:
    """Return a list as a tuple; what is in it, its taker checks."""
    return tuple(_CHECK.unlist("shape", value))
