"""Entries of a menu: what can be grouped by, added up, filtered, and had exactly. Own format.

Values, edges and clamps are public and never taken from data.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from unseen.evidence.canonical import MAX_INTEGER, Json
from unseen.evidence.contracts.cells import MAX_CHOICES, MAX_DECIMALS
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

MAX_ENTRIES = 64  # of each sort
NAME_BYTES = 56  # so that `sum:NAME` is a name as well
RESERVED = ("count", "sum", "mean", "variance", "quantile", "bin", "at")  # columns of answers

_CHECK = Checker(ContractInvalidError, "menu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """What can be grouped by: declared values of a text, or bins of a number between edges.

    Rows with another value, or outside the edges, are in no group.
    """

    name: str
    text: str
    values: tuple[str, ...] = ()
    edges: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _head(self, "dimensions")
        _CHECK.members("dimensions.values", self.values, str, MAX_CHOICES)
        for value in self.values:
            _CHECK.text("dimensions.values", value, 64)
        _CHECK.distinct("dimensions.values", self.values)
        _edges("dimensions.edges", self.edges)
        if bool(self.values) == bool(self.edges):
            _CHECK.fail("dimensions", "has either values or edges")

    @property
    def bins(self) -> tuple[str, ...]:
        """Return the groups' labels, in order: the values, or `[18,30)` from edge to edge."""
        return self.values or labels_of(self.edges)

    def to_json(self) -> dict[str, Json]:
        """Return the dimension as an object."""
        found: dict[str, Json] = {"name": self.name, "text": self.text}
        if self.values:
            return found | {"values": list(self.values)}
        return found | {"edges": list(self.edges)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the dimension that `to_json` gives `value` for."""
        body = taken(value, "dimensions", ("name", "text"), ("values", "edges"))
        for name in ("values", "edges"):
            if name in body:
                body[name] = tuple(_CHECK.unlist(f"dimensions.{name}", body[name]))
        return cls(**body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What can be added up: whole numbers in units of ten to the minus `decimals`.

    Values are rounded to `decimals` and moved into [low, high], both in that unit. `edges` cut
    the same unit into bins, for histograms and quantiles. `unit` is a word for people.
    """

    name: str
    text: str
    unit: str
    decimals: int
    low: int
    high: int
    edges: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _head(self, "measures")
        _CHECK.text("measures.unit", self.unit, 32, empty=True)
        _CHECK.integer("measures.decimals", self.decimals, 0, MAX_DECIMALS // 2)
        # So that a square, and a sum over MOST rows, stay within 128 bits with room to spare.
        edge = 1 << 40
        _CHECK.integer("measures.low", self.low, -edge, edge)
        _CHECK.integer("measures.high", self.high, self.low + 1, edge)
        if self.edges:
            _edges("measures.edges", self.edges)

    @property
    def middle(self) -> int:
        """Return the whole number in the middle of the clamp, from which sums are counted."""
        return (self.low + self.high) // 2

    @property
    def reach(self) -> int:
        """Return how far a value is from the middle at most."""
        return max(self.high - self.middle, self.middle - self.low)

    @property
    def bins(self) -> tuple[str, ...]:
        """Return the labels of the bins between the edges, in order."""
        return labels_of(self.edges, self.decimals)

    def to_json(self) -> dict[str, Json]:
        """Return the measure as an object."""
        found: dict[str, Json] = {
            "name": self.name,
            "text": self.text,
            "unit": self.unit,
            "decimals": self.decimals,
            "low": self.low,
            "high": self.high,
        }
        return found | ({"edges": list(self.edges)} if self.edges else {})

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the measure that `to_json` gives `value` for."""
        names = ("name", "text", "unit", "decimals", "low", "high")
        body = taken(value, "measures", names, ("edges",))
        if "edges" in body:
            body["edges"] = tuple(_CHECK.unlist("measures.edges", body["edges"]))
            if not body["edges"]:  # or one menu could be written in two ways
                _CHECK.fail("measures.edges", "are written down and say nothing")
        return cls(**body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A yes-or-no condition on one row, in words."""

    name: str
    text: str

    def __post_init__(self) -> None:
        """Check both fields."""
        _head(self, "filters")

    def to_json(self) -> dict[str, Json]:
        """Return the filter as an object."""
        return {"name": self.name, "text": self.text}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the filter that `to_json` gives `value` for."""
        return cls(**taken(value, "filters", ("name", "text")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """The one exact table: counts and sums of `measures` by `by`, over rows that pass `where`.

    All three name entries of the menu, in its order.
    """

    by: tuple[str, ...]
    where: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that all are names, each once."""
        for field in ("by", "where", "measures"):
            names = getattr(self, field)
            _CHECK.members(f"partition.{field}", names, str, MAX_ENTRIES)
            _CHECK.distinct(f"partition.{field}", names)

    def to_json(self) -> dict[str, Json]:
        """Return the partition as an object."""
        return {
            "by": list(self.by),
            "where": list(self.where),
            "measures": list(self.measures),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the partition that `to_json` gives `value` for."""
        fields = ("by", "where", "measures")
        body = taken(value, "partition", fields)
        return cls(**{n: tuple(_CHECK.unlist(f"partition.{n}", body[n])) for n in fields})


def labels_of(edges: tuple[int, ...], decimals: int = 0) -> tuple[str, ...]:
    """Return the labels of the bins between ascending edges, such as `[18,30)`."""
    shown = [decimal_text(edge, decimals) for edge in edges]
    return tuple(f"[{low},{high})" for low, high in pairwise(shown))


def decimal_text(value: int, decimals: int) -> str:
    """Return a whole number of 10^-decimals as a decimal text, all its decimals written."""
    if not decimals:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def _head(entry: Dimension | Measure | Filter, field: str) -> None:
    _CHECK.name(f"{field}.name", entry.name)
    if entry.name in RESERVED or ":" in entry.name or len(entry.name.encode()) > NAME_BYTES:
        _CHECK.fail(f"{field}.name", f"is a word of answers, holds a colon or {NAME_BYTES}+ bytes")
    _CHECK.text(f"{field}.text", entry.text)


def _edges(field: str, edges: object) -> None:
    _CHECK.members(field, edges, int, MAX_CHOICES + 1)
    known: tuple[int, ...] = edges  # type: ignore[assignment]
    for edge in known:
        _CHECK.integer(field, edge, -MAX_INTEGER)
    if known and (len(known) < 2 or any(a >= b for a, b in pairwise(known))):
        _CHECK.fail(field, "are not two or more that ascend")


def taken(
    value: object, at: str, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a copy of `value`, an object with the fields `names` and some of `optional`."""
    return dict(_CHECK.take(value, names, at, optional))
