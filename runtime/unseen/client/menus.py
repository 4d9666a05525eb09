"""Menus of statistics for people: what a product offers to be counted, and a file to start one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from unseen.client.cards import Row
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.statistics import Menu, menu_of
from unseen.evidence.contracts.statistics.entries import RESERVED, decimal_text
from unseen.evidence.contracts.statistics.menu import PARAMETER

_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_HEAD = """\
# A menu: what may be counted in the rows of table {table}. Buyers see all of it but columns and
# expressions. Values, edges and clamps are public: take them from what everybody may know, never
# from the rows. Nothing is offered until its lines lose their "# ".
# 菜单：可对表 {table} 统计什么。除列名和表达式外，购买方均可见。取值、分界和上下限都是公开的，
# 须来自公开知识，不得取自数据。去掉行首的 "# " 才会提供该项。
#
#     unseen product add NAME --table {table} --kind statistics --menu FILE

# The chance at which every epsilon is meant: far below one in the number of people.
# δ，应远小于人数的倒数。
delta = "0.000001"

# Whoever the table's subject does not name, these columns do; so many of a person's rows count.
# 若个人并非以主体列区分，则以这些列区分；每人计入的行数。
# person = ["COLUMN"]
# rows_per_person = 1
"""
_DIMENSION = """
# Groups that answers may be split by. 分组维度
# [[dimension]]
# name = {name}
# text = {column}
# column = {column}
# {groups}
"""
_MEASURE = """
# What may be added up; each value is moved into [low, high] first. 可求和的数值，先截断到上下限
# [[measure]]
# name = {name}
# text = {column}
# column = {column}
# unit = ""
# decimals = 0
# low = 0
# high = 100
# edges = [0, 25, 50, 75, 100]
"""
_TAIL = """
# A condition on one row, in the words of DuckDB. 单行条件，DuckDB 表达式
# [[filter]]
# name = "adults"
# text = "At least 18 years old"
# expression = "age >= 18"

# The one table without noise: by these groups, rows that pass, and sums. 唯一的精确表
# [partition]
# by = ["GROUP"]
# where = []
# measures = []

# A second table, row by row; then entries may say: table = "OTHER". 关联另一张表
# [join]
# table = "OTHER"
# on = [["COLUMN", "ITS SUBJECT"]]
"""


class _Column(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...


def read_menu(data: bytes) -> Menu | None:
    """Return the menu that a node's bytes say; none where there are none.

    Raises:
        EvidenceError: they say no menu.

    """
    return Menu.from_json(canonical.decode(data)) if data else None


def menu_rows(menu: Menu | None) -> Iterator[Row]:
    """Yield a menu for a card: entries by their names, then what holds for all of them."""
    if menu is None:
        return
    for dimension in menu.dimensions:
        yield dimension.name, f"{dimension.text}: by {', '.join(dimension.bins)}"
    for measure in menu.measures:
        low, high = (decimal_text(v, measure.decimals) for v in (measure.low, measure.high))
        bins = f"; bins {', '.join(measure.bins)}" if measure.edges else ""
        yield measure.name, f"{measure.text}: {low} to {high} {measure.unit}".rstrip() + bins
    for each in menu.filters:
        yield each.name, f"{each.text}: only such rows"
    yield from _terms_rows(menu)


def agreed_rows(parameters: Mapping[str, Json]) -> Iterator[Row]:
    """Yield what holds for all answers under a contract, if its parameters hold a menu."""
    if PARAMETER in parameters:
        yield from _terms_rows(menu_of(parameters))


def _terms_rows(menu: Menu) -> Iterator[Row]:
    if exact := menu.partition:
        where = f" where {', '.join(exact.where)}" if exact.where else ""
        sums = f", with sums of {', '.join(exact.measures)}" if exact.measures else ""
        yield "exact table", f"by {', '.join(exact.by) or 'nothing'}{where}{sums}"
    yield "rows a person", f"{menu.rows_per_person:,} at most"
    yield "delta", menu.delta
    if menu.joined:
        yield "joined", menu.joined


def starter(table: str, columns: Sequence[_Column]) -> str:
    """Return a menu file to start from: every column once, with nothing offered yet."""
    names: set[str] = set()
    entries = [_entry(column, _name(column.name, names)) for column in columns]
    return "".join([_HEAD.format(table=table), *entries, _TAIL])


def _entry(column: _Column, name: str) -> str:
    words = {"name": _quoted(name), "column": _quoted(column.name)}
    if _NUMBERS.fullmatch(column.type):
        by = _DIMENSION.format(groups="edges = [0, 25, 50, 75, 100]", **words)
        of = {**words, "name": _quoted(f"{name[:35]}_sum")}
        return by + _MEASURE.format(**of)
    if column.type == "BOOLEAN":
        return _DIMENSION.format(groups="values = [true, false]", **words)
    if column.type == "VARCHAR" or column.type.startswith("ENUM("):
        return _DIMENSION.format(groups='values = ["ONE", "ANOTHER"]', **words)
    return (
        f"\n# Column {words['column']} is {_line(column.type)}: for filters alone. 仅可用于条件\n"
    )


def _name(column: str, taken: set[str]) -> str:
    """Return a name for an entry, like the column's where letters allow, that is not taken yet."""
    plain = _NOT_IN_NAMES.sub("_", column.lower()).strip("_")[:30]
    fits = plain[:1].isalpha() and plain not in RESERVED
    first = plain if fits else f"column_{plain}".rstrip("_")
    number, name = 1, first
    while name in taken:
        number += 1
        name = f"{first}_{number}"
    taken.add(name)
    return name


def _quoted(text: str) -> str:
    """Return a text as TOML writes it on one line."""
    escaped = (f"\\u{ord(c):04x}" if not c.isprintable() or c in '"\\' else c for c in text)
    return f'"{"".join(escaped)}"'


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
