"""What an operator offers to be counted: a menu, and what stands behind its names. Own format.

It stands in the product's definition, whose hash is in every contract over the product, and each
entry's own hash is in the plan. A buyer sees the menu alone: neither columns nor expressions.

A definition says where an entry comes from. That a column holds what its words say, it cannot show.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.statistics.entries import (
    MAX_ENTRIES,
    Dimension,
    Filter,
    Measure,
)
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

MAX_EXPRESSION = 2000
MAX_COLUMN = 180  # so that `TABLE.COLUMN` is the name of a column that a plan may read

_CHECK = Checker(ContractInvalidError, "menu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a dimension or a measure comes from: a column, of the joined table if `table` says."""

    name: str
    column: str
    table: str = ""

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.name("columns.name", self.name)
        _CHECK.text("columns.column", self.column, MAX_COLUMN)
        _check_table("columns.table", self.table)

    def to_json(self) -> dict[str, Json]:
        """Return the origin as an object."""
        found: dict[str, Json] = {"name": self.name, "column": self.column}
        return found | ({"table": self.table} if self.table else {})

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the origin that `to_json` gives `value` for."""
        return cls(**_taken(value, "columns", ("name", "column"), ("table",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a filter asks of a row: one boolean DuckDB expression over one of the tables.

    `columns` are those that it reads, as the node has found; nothing before it has looked.
    """

    name: str
    expression: str
    table: str = ""
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field; the expression itself is the node's to check."""
        _CHECK.name("conditions.name", self.name)
        if type(self.expression) is not str or not 0 < len(self.expression) <= MAX_EXPRESSION:
            _CHECK.fail("conditions.expression", f"has not 1 to {MAX_EXPRESSION} characters")
        _check_table("conditions.table", self.table)
        _CHECK.members("conditions.columns", self.columns, str, 1000)

    def to_json(self) -> dict[str, Json]:
        """Return the condition as an object."""
        found: dict[str, Json] = {"name": self.name, "expression": self.expression}
        if self.table:
            found["table"] = self.table
        return found | ({"columns": list(self.columns)} if self.columns else {})

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the condition that `to_json` gives `value` for."""
        body = _taken(value, "conditions", ("name", "expression"), ("table", "columns"))
        if "columns" in body:
            body["columns"] = tuple(_said("conditions.columns", body["columns"]))
        return cls(**body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A second table, row by row: pairs of a column of the product's table and one of the other.

    The other's columns are its subject, so that each row finds one row there, or none.
    """

    table: str
    on: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.name("join.table", self.table)
        _CHECK.members("join.on", self.on, tuple, MAX_ENTRIES, 1)
        for pair in self.on:
            if len(pair) != 2:
                _CHECK.fail("join.on", "is not pairs of a column here and a column there")
            for column in pair:
                _CHECK.text("join.on", column, MAX_COLUMN)
        for side in (self.here, self.there):
            _CHECK.distinct("join.on", side)

    @property
    def here(self) -> tuple[str, ...]:
        """Return the columns of the product's own table."""
        return tuple(pair[0] for pair in self.on)

    @property
    def there(self) -> tuple[str, ...]:
        """Return the columns of the joined table."""
        return tuple(pair[1] for pair in self.on)

    def to_json(self) -> dict[str, Json]:
        """Return the join as an object."""
        return {"table": self.table, "on": [list(pair) for pair in self.on]}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the join that `to_json` gives `value` for."""
        body = _taken(value, "join", ("table", "on"))
        pairs = _CHECK.unlist("join.on", body["on"])
        return cls(
            table=body["table"], on=tuple(tuple(_CHECK.unlist("join.on", pair)) for pair in pairs)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A menu with what stands behind it. Errors: `ContractInvalidError`, naming the field.

    `columns` are those of dimensions and measures, `conditions` those of filters, each in the
    menu's order. `person` names the columns that name a person where that is not the table's
    subject: only then may a person have several rows.
    """

    menu: Menu
    columns: tuple[Origin, ...] = ()
    conditions: tuple[Condition, ...] = ()
    person: tuple[str, ...] = ()
    join: Join | None = None

    def __post_init__(self) -> None:
        """Check that every entry has one thing behind it, and every table is named."""
        if type(self.menu) is not Menu:
            _CHECK.fail("menu", "is not one")
        if type(self.join) not in (Join, type(None)):
            _CHECK.fail("join", "is not one")
        _CHECK.members("columns", self.columns, Origin, 2 * MAX_ENTRIES)
        _CHECK.members("conditions", self.conditions, Condition, MAX_ENTRIES)
        filters = {entry.name for entry in self.menu.filters}
        for field, found, wanted in (
            ("columns", self.columns, [n for n in self.menu.names if n not in filters]),
            ("conditions", self.conditions, [n for n in self.menu.names if n in filters]),
        ):
            if [each.name for each in found] != wanted:
                _CHECK.fail(field, "are not one for each entry of the menu, in its order")
        if not self.menu.names:
            _CHECK.fail("menu", "offers nothing")
        self._check_person()
        self._check_join()

    def behind(self, name: str) -> Origin | Condition:
        """Return what stands behind the menu's entry of this name."""
        found: dict[str, Origin | Condition] = {each.name: each for each in self.columns}
        found |= {each.name: each for each in self.conditions}
        if name not in found:
            _CHECK.fail("names", "hold no such entry")
        return found[name]

    def entry_text(self, name: str) -> str:
        """Return one entry with what stands behind it, as the text that a plan's output hashes."""
        entry = next(each for each in self.entries() if each.name == name)
        return canonical.encode(entry.to_json() | self.behind(name).to_json()).decode()

    def reads(self, name: str) -> tuple[str, ...]:
        """Return the columns that an entry reads; those of the joined table as `TABLE.COLUMN`.

        Who counts people reads what tells them apart, and who joins the columns on both sides.
        """
        behind, join = self.behind(name), self.join
        own = behind.columns if isinstance(behind, Condition) else (behind.column,)
        if not behind.table or join is None:
            return tuple(dict.fromkeys((*self.person, *own)))
        there = (f"{join.table}.{column}" for column in (*join.there, *own))
        return tuple(dict.fromkeys((*self.person, *join.here, *there)))

    def entries(self) -> tuple[Dimension | Measure | Filter, ...]:
        """Return the menu's entries, in its order."""
        return (*self.menu.dimensions, *self.menu.measures, *self.menu.filters)

    def only(self, names: Sequence[str]) -> Menu:
        """Return what a contract over these entries shows of the menu, its joined tables too."""
        menu = self.menu.only(names)
        joined = tuple(t for t in menu.joined if any(self.behind(n).table == t for n in names))
        return replace(menu, joined=joined)

    def to_json(self) -> dict[str, Json]:
        """Return the definition as an object; what there is none of is not written."""
        found: dict[str, Json] = {"menu": self.menu.to_json()}
        for field in ("columns", "conditions"):
            if behind := getattr(self, field):
                found[field] = [each.to_json() for each in behind]
        if self.person:
            found["person"] = list(self.person)
        return found | ({"join": self.join.to_json()} if self.join else {})

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the definition that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a field is missing, not known, of another type or out of range.

        """
        body = _taken(value, "menu", ("menu",), ("columns", "conditions", "person", "join"))
        lists = {name: _said(name, body[name]) for name in _LISTS if name in body}
        return cls(
            menu=Menu.from_json(body["menu"]),
            columns=tuple(map(Origin.from_json, lists.get("columns", []))),
            conditions=tuple(map(Condition.from_json, lists.get("conditions", []))),
            person=tuple(lists.get("person", [])),
            join=Join.from_json(body["join"]) if "join" in body else None,
        )

    def encode(self) -> bytes:
        """Return the canonical bytes of the definition."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the definition whose canonical bytes are `data`; raises as `from_json`.

        Raises:
            CanonicalError: `data` is not canonical JSON.

        """
        return cls.from_json(canonical.decode(data))

    def _check_person(self) -> None:
        _CHECK.members("person", self.person, str, MAX_ENTRIES)
        for column in self.person:
            _CHECK.text("person", column, MAX_COLUMN)
        _CHECK.distinct("person", self.person)
        if not self.person and self.menu.rows_per_person != 1:
            _CHECK.fail("rows_per_person", "is 1 where the table's subject is the person")

    def _check_join(self) -> None:
        joined = (self.join.table,) if self.join else ()
        if self.menu.joined != joined:
            _CHECK.fail("joined", "is not the table of the join")
        read = {each.table for each in self.columns} | {each.table for each in self.conditions}
        if read - {"", *joined}:
            _CHECK.fail("table", "is none that is joined")
        if joined and joined[0] not in read:
            _CHECK.fail("join", "is of a table that nothing reads")


_LISTS = ("columns", "conditions", "person")


def _check_table(field: str, table: object) -> None:
    if table != "":
        _CHECK.name(field, table)


def _said(field: str, value: object) -> list[Any]:
    found = _CHECK.unlist(field, value)
    if not found:  # or one definition could be written in two ways
        _CHECK.fail(field, "are written down and say nothing")
    return found


def _taken(
    value: object, at: str, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    body = dict(_CHECK.take(value, names, at, optional))
    if body.get("table") == "":
        _CHECK.fail(f"{at}.table", "is written down and says nothing")
    return body
