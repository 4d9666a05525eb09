"""The SQL that counts rows into cells: whole numbers alone, in 128 bits, and nothing in an order.

A value that is missing, or not finite, is missing; a row outside the declared groups is in no
cell, and so is one that is about nobody. Values are scaled, moved into their clamp and rounded
(halves away from zero) one by one, each by itself; floats are compared and rounded, never added.
With a clamp within 2^40 a sum of squares over 2^46 rows fits into 127 bits: nothing can overflow.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise

from unseen.node.data.connection import VIEW, hashed, identifier, joined_view, quoted
from unseen.node.data.counting import Amount, Axis, Counting, Place
from unseen.node.data.permitted import permitted_only
from unseen.node.data.predicates import boolean
from unseen.node.errors import ColumnUnknownError

Types = Sequence[Mapping[str, str]]
"""DuckDB's type of each column, of the table and of each joined one."""

PERSON = "{person}"
_WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)
_INTEGERS = _WHOLE | {"UBIGINT", "HUGEINT", "UHUGEINT"}
_REAL = frozenset({"FLOAT", "DOUBLE"})
_SQUARE_FITS = 1 << 31  # squares of what is below it fit into 64 bits


def noisy_sql(counting: Counting, types: Types) -> str:
    """Return a query for rows of: the cell's codes, [the bin's], and a number for each tally."""
    keys = [f"d{place}" for place in range(len(counting.axes))]
    if binned := any(tally.sort == "bins" for tally in counting.tallies):
        keys.append("b0")
        numbers = ["count(*)"]
    else:
        of = bool(counting.amounts)
        numbers = [_number(tally.sort, counting, of=of) for tally in counting.tallies]
    rows = _rows(counting, types, binned=binned)
    if not counting.unique:
        rows = _bounded(counting, rows, binned=binned)
    return f"SELECT {', '.join([*keys, *numbers])} FROM ({rows}) AS counted{_grouped(keys)}"  # noqa: S608


def exact_sql(counting: Counting, types: Types) -> str:
    """Return a query for rows of: the cell's codes; who is behind its rows; and behind each amount.

    Rows: their number, persons, the most two rows of a person. An amount: persons, the sum, the
    sum of what each adds without its sign, the most two.
    """
    keys = [f"d{place}" for place in range(len(counting.axes))]
    rows = _rows(counting, types, binned=False)
    if counting.unique:
        per_person = f"SELECT *, 1 AS n FROM ({rows}) AS single"  # noqa: S608
        sums = [(f"v{place}", f"v{place} IS NOT NULL") for place in range(len(counting.amounts))]
    else:
        groups = [*keys, *_persons(counting)]
        adds = [
            f"sum(v{place}) AS s{place}, count(v{place}) AS c{place}"
            for place in range(len(counting.amounts))
        ]
        per_person = (
            f"SELECT {', '.join([*groups, 'count(*) AS n', *adds])} FROM ({rows}) AS single"  # noqa: S608
            f" WHERE {_present(_persons(counting))}{_grouped(groups)}"
        )
        sums = [(f"s{place}", f"c{place} > 0") for place in range(len(counting.amounts))]
    numbers = ["coalesce(sum(n), 0)", "count(*)", "max(n, 2)"]
    for of, there in sums:
        numbers += [
            f"count(*) FILTER (WHERE {there})",
            f"coalesce(sum({of}), 0)",
            f"coalesce(sum(abs({of})), 0)",
            f"max(abs({of}), 2)",
        ]
    return f"SELECT {', '.join([*keys, *numbers])} FROM ({per_person}) AS each{_grouped(keys)}"  # noqa: S608


def rows_sql(
    counting: Counting, types: Types, label: str, side: str, named: Sequence[str] = ()
) -> str:
    """Return a query for a row each: its codes, whole values and label `l0`, all of them there.

    `label` is a condition on the row, empty where the label is an amount; `side` one on the text
    that says who the row is about (`PERSON`). At most `most` rows of a person are kept. The columns
    `named` come behind as they are, s0 and on.
    """
    beside = ""
    if label:
        place = _new_name(types[0])
        beside = f", {boolean(label)} AS {identifier(place)}"
    source = f"{_clean(VIEW, types[0])} WHERE {_allowed(counting)}"
    codes = [f"{_code(axis, types)} AS d{at}" for at, axis in enumerate(counting.axes)]
    values = [f"{_value(amount, types)} AS v{at}" for at, amount in enumerate(counting.amounts)]
    answers = [f"CAST(t0.{identifier(place)} AS INTEGER) AS l0"] if label else []
    beside_them = [f"{_column(Place(name))} AS s{at}" for at, name in enumerate(named)]
    taken = [*codes, *values, *answers, *beside_them]
    names = [each.rpartition(" AS ")[2] for each in taken]
    people = [
        f"{_column(Place(name))} AS {alias}"
        for name, alias in zip(counting.person, _persons(counting), strict=True)
    ]
    rows = (
        f"SELECT {', '.join([*taken, *people])}"  # noqa: S608
        f" FROM (SELECT *{beside} FROM {source}) AS t0"
    )
    kept = f"SELECT {', '.join(names)} FROM ({rows}) AS single"  # noqa: S608
    kept += f" WHERE {_present([*names, *_persons(counting)])} AND {_sided(counting, types, side)}"
    if counting.unique:
        return kept
    persons, order = ", ".join(_persons(counting)), ", ".join(names)
    return (
        f"{kept} QUALIFY row_number() OVER (PARTITION BY {persons} ORDER BY hash({order}))"
        f" <= {counting.most}"
    )


def _sided(counting: Counting, types: Types, side: str) -> str:
    """Return `side` of the text that names a row's person, no two persons by the same."""
    texts = []
    for name, alias in zip(counting.person, _persons(counting), strict=True):
        is_text = _type(Place(name), types) == "VARCHAR"
        text = f"nfc_normalize({alias})" if is_text else f"CAST({alias} AS VARCHAR)"
        texts.append(f"CAST(length({text}) AS VARCHAR) || ':' || {text}")
    return side.replace(PERSON, " || ".join(texts))


def _new_name(types: Mapping[str, str]) -> str:
    name = "label"
    while name.lower() in {known.lower() for known in types}:
        name += "_"
    return name


def population_sql(counting: Counting, types: Types) -> str:
    """Return a query for the number of persons in the table, whatever the filters."""
    source = f"{_clean(VIEW, types[0])} WHERE {_allowed(counting)}"
    if counting.unique:
        return f"SELECT count(*) FROM {source}"  # noqa: S608
    columns = [identifier(name) for name in counting.person]
    distinct = f"SELECT DISTINCT {', '.join(columns)} FROM {source} AND {_present(columns)}"  # noqa: S608
    return f"SELECT count(*) FROM ({distinct}) AS persons"  # noqa: S608


def _number(sort: str, counting: Counting, *, of: bool) -> str:
    match sort:
        case "count":
            return "count(v0)" if of else "count(*)"
        case "total":
            return "coalesce(sum(v0), 0)"
        case "shifted":
            return f"coalesce(sum(v0 - {counting.amounts[0].middle}), 0)"
    amount = counting.amounts[0]
    shifted = f"(v0 - {amount.middle})"
    if amount.reach >= _SQUARE_FITS:
        return f"coalesce(sum(CAST({shifted} AS HUGEINT) * {shifted}), 0)"
    return f"coalesce(sum({shifted} * {shifted}), 0)"


def _bounded(counting: Counting, rows: str, *, binned: bool) -> str:
    """Keep at most so many rows of a person, by an order that only the row itself decides.

    Rows that would be counted nowhere are left out before, so that they take nobody's place.
    """
    counted = [f"d{place}" for place in range(len(counting.axes))]
    counted += ["b0"] if binned else [f"v{place}" for place in range(len(counting.amounts))]
    persons = ", ".join(_persons(counting))
    # Rows of one hash are alike, so it does not matter which is taken; one key sorts fastest.
    order = f" ORDER BY hash({', '.join(counted)})" if counted else ""
    present = _present([*counted, *_persons(counting)])
    return (
        f"SELECT * FROM ({rows}) AS single WHERE {present}"  # noqa: S608
        f" QUALIFY row_number() OVER (PARTITION BY {persons}{order}) <= {counting.most}"
    )


def _rows(counting: Counting, types: Types, *, binned: bool) -> str:
    """Return a query for a row each: codes d0.., whole values v0.., [bin b0,] persons p0.. ."""
    amounts = list(enumerate(counting.amounts))
    values = [f"{_value(amount, types)} AS v{place}" for place, amount in amounts]
    taken = [f"{_code(axis, types)} AS d{place}" for place, axis in enumerate(counting.axes)]
    if not counting.unique:
        taken += [
            f"{_column(Place(name))} AS {alias}"
            for name, alias in zip(counting.person, _persons(counting), strict=True)
        ]
    rows = f"SELECT {', '.join([*taken, *values]) or '1 AS one'} FROM {_source(counting, types)}"  # noqa: S608
    if not binned:
        return rows
    place = _bin("v0", counting.amounts[0].edges, whole=True)
    return f"SELECT *, {place} AS b0 FROM ({rows}) AS valued"  # noqa: S608


def _source(counting: Counting, types: Types) -> str:
    """Return the rows of the table that pass, each beside the one row it meets, or none."""
    source = f"{_passing(counting, 0, _clean(VIEW, types[0]), _allowed(counting))} AS t0"
    needed = []
    for number, joined in enumerate(counting.joined, 1):
        equal = " AND ".join(_equal(ours, its, number, types) for ours, its in joined.on)
        rows = _passing(counting, number, _clean(joined_view(number), types[number]), "true")
        source += f" LEFT JOIN {rows} AS t{number} ON {equal}"
        if any(condition.table == number for condition in counting.filters):
            needed.append(_column(Place(joined.on[0][1], number)))  # a subject is never null
    return source + (f" WHERE {_present(needed)}" if needed else "")


def _passing(counting: Counting, table: int, rows: str, allowed: str) -> str:
    conditions = [boolean(each.expression) for each in counting.filters if each.table == table]
    return f"(SELECT * FROM {rows} WHERE {' AND '.join([allowed, *conditions])})"  # noqa: S608


def _clean(view: str, types: Mapping[str, str]) -> str:
    """Return the view with null for NaN, which is above every number for a condition.

    Where a file's bounds leave NaN out, as Parquet's do, a condition would also pass over such rows
    by what the other rows are: one person would decide about somebody else's.
    """
    columns = [identifier(name) for name, kind in types.items() if kind in _REAL]
    if not columns:
        return view
    nulls = ", ".join(f"CASE WHEN NOT isnan({name}) THEN {name} END AS {name}" for name in columns)
    return f"(SELECT * REPLACE ({nulls}) FROM {view})"  # noqa: S608


def _equal(ours: str, its: str, number: int, types: Types) -> str:
    one, other = _type(Place(ours), types), _type(Place(its, number), types)
    if one != other and not {one, other} <= _INTEGERS:  # compared as texts, any value might raise
        raise _unusable(its, "has another type than the column that it is joined by")
    return f"{_column(Place(ours))} = {_column(Place(its, number))}"


def _allowed(counting: Counting) -> str:
    allowed = permitted_only(counting.permitted) if counting.permitted else "true"
    # By the person, as rows are grouped by persons: all rows of one are counted by one process.
    return f"{allowed} AND {hashed(counting.person, counting.part, counting.parts)}"


def _code(axis: Axis, types: Types) -> str:
    """Return the expression of a row's group, from 0 on; null outside of all."""
    column = _column(axis.place)
    if axis.edges:
        return _bin(column, axis.edges, whole=_numeric(axis.place, types) in _WHOLE)
    kind = _type(axis.place, types)
    text = f"nfc_normalize({column})" if kind == "VARCHAR" else f"CAST({column} AS VARCHAR)"
    texts = [unicodedata.normalize("NFC", value) for value in axis.values]
    if len({*texts}) < len(texts):
        raise _unusable(axis.place.column, "is grouped by one text that is written in two ways")
    # An ENUM finds a text by its hash, and each text of a dictionary once: far ahead of a CASE.
    names = ", ".join(map(quoted, texts))
    return f"CAST(enum_code(TRY_CAST({text} AS ENUM({names}))) AS INTEGER)"


def _bin(column: str, edges: Sequence[int], *, whole: bool) -> str:
    """Return the bin of a number, null outside; NaN is above every number."""
    inside = f"{column} >= {edges[0]} AND {column} < {edges[-1]}"
    widths = {high - low for low, high in pairwise(edges)}
    if whole and len(widths) == 1:
        place = f"CAST(({column} - {edges[0]}) // {widths.pop()} AS INTEGER)"
    else:
        place = _halved(column, edges, 0, len(edges) - 1)
    return f"CASE WHEN {inside} THEN {place} END"


def _halved(column: str, edges: Sequence[int], low: int, high: int) -> str:
    if high - low == 1:
        return str(low)
    middle = (low + high) // 2
    below, above = _halved(column, edges, low, middle), _halved(column, edges, middle, high)
    return f"CASE WHEN {column} < {edges[middle]} THEN {below} ELSE {above} END"


def _value(amount: Amount, types: Types) -> str:
    """Return the whole number of a row's value, a BIGINT; null where there is none."""
    column, scale = _column(amount.place), 10**amount.decimals
    if _numeric(amount.place, types) in _WHOLE:
        whole = f"CAST({column} AS BIGINT)"
        if scale > 1:  # moved near the clamp before it is scaled, or it would not fit
            near = _moved(whole, amount.low // scale, -(-amount.high // scale))
            whole = f"({near} * {scale})"
        return _moved(whole, amount.low, amount.high)
    real = f"CAST({column} AS DOUBLE)"
    scaled = f"({real} * CAST({scale} AS DOUBLE))" if scale > 1 else real
    moved = f"CAST(round({_moved(scaled, amount.low, amount.high)}) AS BIGINT)"
    return f"CASE WHEN isfinite({real}) THEN {moved} END"


def _moved(value: str, low: int, high: int) -> str:
    # Not least() and greatest(): they pass over nulls, and a missing value would become a bound.
    return (
        f"CASE WHEN {value} < {low} THEN {low} WHEN {value} > {high} THEN {high} ELSE {value} END"
    )


def _column(place: Place) -> str:
    return f"t{place.table}.{identifier(place.column)}"


def _type(place: Place, types: Types) -> str:
    found = types[place.table].get(place.column)
    if found is None:
        raise _unusable(place.column, "does not exist")
    return found


def _numeric(place: Place, types: Types) -> str:
    found = _type(place, types)
    if found not in _INTEGERS | _REAL and not found.startswith("DECIMAL("):
        raise _unusable(place.column, f"has type {found}, which is no number")
    return found


def _persons(counting: Counting) -> list[str]:
    return [f"p{place}" for place in range(len(counting.person))]


def _present(names: Sequence[str]) -> str:
    return " AND ".join(f"{name} IS NOT NULL" for name in names)


def _grouped(keys: Sequence[str]) -> str:
    return f" GROUP BY {', '.join(keys)}" if keys else ""


def _unusable(column: str, why: str) -> ColumnUnknownError:
    return ColumnUnknownError(
        f"column {column!r} {why}",
        clause="product.menu",
        remedy="offer columns of the registered table, numbers where something is added up",
    )
