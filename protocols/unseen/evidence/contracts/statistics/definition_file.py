"""Menus as an operator writes them, in TOML: numbers in the column's own unit, one table an entry.

    delta, person, rows_per_person    on top, before the first table
    [[dimension]]  name, text, column, and values or edges
    [[measure]]    name, text, column, unit, decimals, low, high, edges
    [[filter]]     name, text, expression
    [partition]    by, where, measures
    [join]         table, on; then entries may name it as their `table`

Read strictly: an unknown key is an error. Decimals are read as they are written, never as binary
fractions, so that a clamp is what it says.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from unseen.evidence.canonical import MAX_INTEGER
from unseen.evidence.contracts.cells import MAX_DECIMALS
from unseen.evidence.contracts.rules import load_toml
from unseen.evidence.contracts.statistics.definition import Condition, Definition, Join, Origin
from unseen.evidence.contracts.statistics.entries import Dimension, Filter, Measure, Partition
from unseen.evidence.contracts.statistics.menu import Menu
from unseen.evidence.decimals import as_written, plain
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker

DELTA = "0.000001"
MAX_DIGITS = 64  # before and behind the point: an exponent costs nothing to write
_CHECK = Checker(ContractInvalidError, "menu file")
_LISTS = {
    "dimension": (("name", "text", "column"), ("values", "edges", "table")),
    "measure": (("name", "text", "column", "low", "high"), ("unit", "decimals", "edges", "table")),
    "filter": (("name", "text", "expression"), ("table",)),
}
_OPTIONAL = (*_LISTS, "delta", "person", "rows_per_person", "partition", "join")


def parse_definition(data: bytes) -> Definition:
    """Return the definition that the TOML `data` says.

    Raises:
        ContractInvalidError: not TOML, or not a menu; the clause names the entry and the field.

    """
    body = _CHECK.take(load_toml(_CHECK, data, as_written), (), "menu", _OPTIONAL)
    entries = {sort: _entries(sort, body.get(sort, [])) for sort in _LISTS}
    join = _join(body["join"]) if "join" in body else None
    menu = Menu(
        dimensions=tuple(map(_dimension, entries["dimension"])),
        measures=tuple(map(_measure, entries["measure"])),
        filters=tuple(Filter(name=e["name"], text=e["text"]) for e in entries["filter"]),
        rows_per_person=body.get("rows_per_person", 1),
        delta=plain(body.get("delta", DELTA)),
        partition=_partition(body["partition"]) if "partition" in body else None,
        joined=(join.table,) if join else (),
    )
    return Definition(
        menu=menu,
        columns=tuple(map(_origin, (*entries["dimension"], *entries["measure"]))),
        conditions=tuple(
            Condition(name=e["name"], expression=e["expression"], table=e.get("table", ""))
            for e in entries["filter"]
        ),
        person=tuple(_CHECK.unlist("person", body.get("person", []))),
        join=join,
    )


def _entries(sort: str, value: object) -> list[dict[str, Any]]:
    names, optional = _LISTS[sort]
    return [_CHECK.take(entry, names, sort, optional) for entry in _CHECK.unlist(sort, value)]


def _origin(entry: dict[str, Any]) -> Origin:
    return Origin(name=entry["name"], column=entry["column"], table=entry.get("table", ""))


def _dimension(entry: dict[str, Any]) -> Dimension:
    fields = {name: _CHECK.unlist(f"dimension.{name}", entry.get(name, [])) for name in _EITHER}
    edges = tuple(_whole(entry, "dimension", "edges", 0, edge) for edge in fields["edges"])
    values = tuple(_word(entry, value) for value in fields["values"])
    return Dimension(name=entry["name"], text=entry["text"], values=values, edges=edges)


def _measure(entry: dict[str, Any]) -> Measure:
    decimals = entry.get("decimals", 0)
    _CHECK.integer(f"measure.{entry['name']}.decimals", decimals, 0, MAX_DECIMALS)
    edges = _CHECK.unlist("measure.edges", entry.get("edges", []))
    return Measure(
        name=entry["name"],
        text=entry["text"],
        unit=entry.get("unit", ""),
        decimals=decimals,
        low=_whole(entry, "measure", "low", decimals, entry["low"]),
        high=_whole(entry, "measure", "high", decimals, entry["high"]),
        edges=tuple(_whole(entry, "measure", "edges", decimals, edge) for edge in edges),
    )


def _whole(entry: dict[str, Any], sort: str, field: str, decimals: int, value: object) -> int:
    """Return a number of the file in units of ten to the minus `decimals`."""
    at = f"{sort}.{entry['name']}.{field}"
    if type(value) not in (int, Decimal):
        _CHECK.fail(at, "is not a number")
    number = Decimal(value)  # type: ignore[arg-type]  # one of the two
    if not number.is_finite() or abs(number.adjusted()) > MAX_DIGITS:
        _CHECK.fail(at, "is not a number that can be held")
    scaled = Fraction(number) * 10**decimals
    if scaled.denominator != 1:
        _CHECK.fail(at, f"has more than {decimals} decimals")
    _CHECK.integer(at, int(scaled), -MAX_INTEGER)
    return int(scaled)


def _word(entry: dict[str, Any], value: object) -> str:
    """Return a declared value as a text; `true` and `false` stand for themselves."""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is not str:
        _CHECK.fail(f"dimension.{entry['name']}.values", "are not texts, or true and false")
    return value


def _partition(value: Any) -> Partition:
    body = _CHECK.take(value, ("by",), "partition", ("where", "measures"))
    names = ("by", "where", "measures")
    return Partition(
        **{name: tuple(_CHECK.unlist(f"partition.{name}", body.get(name, []))) for name in names}
    )


def _join(value: Any) -> Join:
    return Join.from_json(_CHECK.take(value, ("table", "on"), "join"))


_EITHER = ("values", "edges")
