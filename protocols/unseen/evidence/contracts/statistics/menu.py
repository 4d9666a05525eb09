"""The menu of a contract over statistics: what its questions may name. Own format.

It stands in the contract's `parameters`, signed with it. Values, edges and clamps are public and
never taken from data: otherwise the list of groups would be an answer of its own. Which columns
and expressions stand behind the names is the operator's; the plan commits to them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.statistics.entries import (
    MAX_ENTRIES,
    Dimension,
    Filter,
    Measure,
    Partition,
    taken,
)
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

MAX_CELLS = 1_000  # of an answer, before its columns of numbers
MAX_ROWS_PER_PERSON = 10_000
MOST = 10**9  # rows that an answer can count
PARAMETER = "menu"

_CHECK = Checker(ContractInvalidError, "menu")
_READ: dict[str, Callable[[Any], Any]] = {
    "dimensions": Dimension.from_json,
    "measures": Measure.from_json,
    "filters": Filter.from_json,
    "joined": lambda table: table,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """What a contract lets be asked. Errors: `ContractInvalidError`, naming the field.

    One person is behind at most `rows_per_person` rows of an answer; further rows are dropped.
    `delta` is the chance, as a decimal text, at which every epsilon of the contract is meant.
    Without `partition` every answer has noise. `joined` are tables whose columns are read beside.
    """

    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()
    filters: tuple[Filter, ...] = ()
    rows_per_person: int = 1
    delta: str = "0.000001"
    partition: Partition | None = None
    joined: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field and that names are names of one thing each."""
        for field, kind in (("dimensions", Dimension), ("measures", Measure), ("filters", Filter)):
            _CHECK.members(field, getattr(self, field), kind, MAX_ENTRIES)
        _CHECK.distinct("names", self.names)
        _CHECK.integer("rows_per_person", self.rows_per_person, 1, MAX_ROWS_PER_PERSON)
        _CHECK.decimal("delta", self.delta)
        if not 0 < float(self.delta) < 1:
            _CHECK.fail("delta", "is not between 0 and 1")
        _CHECK.members("joined", self.joined, str, MAX_ENTRIES)
        for table in self.joined:
            _CHECK.name("joined", table)
        _CHECK.distinct("joined", self.joined)
        if self.partition is not None:
            self._check_partition(self.partition)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all entries: dimensions, measures, filters."""
        return tuple(entry.name for entry in self._entries())

    @property
    def texts(self) -> dict[str, str]:
        """Return the words of all entries by their names, in order."""
        return {entry.name: entry.text for entry in self._entries()}

    def dimension(self, name: str) -> Dimension | None:
        """Return the dimension of this name, if there is one."""
        return next((entry for entry in self.dimensions if entry.name == name), None)

    def measure(self, name: str) -> Measure | None:
        """Return the measure of this name, if there is one."""
        return next((entry for entry in self.measures if entry.name == name), None)

    def in_order(self, names: Collection[str]) -> tuple[str, ...]:
        """Return those of `names` that the menu has, in its order, each once."""
        return tuple(name for name in self.names if name in names)

    def only(self, names: Collection[str]) -> "Menu":
        """Return the menu with these entries alone; an exact table that needs others is left out.

        Joined tables stay: whoever compiles a contract knows which of them are still read.
        """
        exact = self.partition
        if exact and not {*exact.by, *exact.where, *exact.measures} <= {*names}:
            exact = None
        return replace(
            self,
            dimensions=tuple(entry for entry in self.dimensions if entry.name in names),
            measures=tuple(entry for entry in self.measures if entry.name in names),
            filters=tuple(entry for entry in self.filters if entry.name in names),
            partition=exact,
        )

    def cells(self, by: Collection[str]) -> int:
        """Return how many cells a table by these dimensions has; 1 without any."""
        cells = 1
        for dimension in self.dimensions:
            cells *= len(dimension.bins) if dimension.name in by else 1
        return cells

    def to_json(self) -> dict[str, Json]:
        """Return the menu as an object; what it does not offer is not written."""
        found: dict[str, Json] = {"rows_per_person": self.rows_per_person, "delta": self.delta}
        for field in ("dimensions", "measures", "filters"):
            if entries := getattr(self, field):
                found[field] = [entry.to_json() for entry in entries]
        if self.partition is not None:
            found["partition"] = self.partition.to_json()
        return found | ({"joined": list(self.joined)} if self.joined else {})

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the menu that `to_json` gives `value` for."""
        body = taken(value, "menu", ("rows_per_person", "delta"), (*_READ, "partition"))
        for name, read in _READ.items():
            entries = _CHECK.unlist(name, body.get(name, []))
            if name in body and not entries:  # or one menu could be written in two ways
                _CHECK.fail(name, "is written down and says nothing")
            body[name] = tuple(map(read, entries))
        if "partition" in body:
            body["partition"] = Partition.from_json(body["partition"])
        return cls(**body)

    def _entries(self) -> Iterator[Dimension | Measure | Filter]:
        yield from self.dimensions
        yield from self.measures
        yield from self.filters

    def _check_partition(self, exact: Partition) -> None:
        if type(exact) is not Partition:
            _CHECK.fail("partition", "is not one")
        offered: dict[str, tuple[str, ...]] = {
            "by": tuple(entry.name for entry in self.dimensions),
            "where": tuple(entry.name for entry in self.filters),
            "measures": tuple(entry.name for entry in self.measures),
        }
        for field, names in offered.items():
            wanted = getattr(exact, field)
            if tuple(name for name in names if name in wanted) != wanted:
                _CHECK.fail(f"partition.{field}", "does not name entries of the menu in its order")
        if self.cells(exact.by) > MAX_CELLS:
            _CHECK.fail("partition.by", f"makes more than {MAX_CELLS} cells")
        for name in exact.measures:
            measure = self.measure(name)
            if measure is not None and measure.high - measure.low < 2:
                # Its sum would be a count that nobody rounds.
                _CHECK.fail("partition.measures", "names one of two values: make it a dimension")


def menu_of(parameters: Mapping[str, Any]) -> Menu:
    """Return the menu that stands in a contract's parameters.

    Raises:
        ContractInvalidError: there is none, or it is malformed.

    """
    if PARAMETER not in parameters:
        _CHECK.fail("parameters.menu", "is missing")
    return Menu.from_json(parameters[PARAMETER])
