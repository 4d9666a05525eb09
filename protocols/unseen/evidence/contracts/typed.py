"""Typed releases: what may leave, value by value, and how many bits that can say. Own format.

A shape is declared in the plan and signed with it. It lists cells (`cells.py`) in rows and
columns, each with a finite number of values, so a shape has a finite number of values too. `pack`
maps each of them to an integer of exactly `Shape.bits` bits and `unpack` maps it back: what leaves
is rebuilt from that integer, and says at most `bits` bits, however it was written before.

    shape       value, as canonical JSON
    verdicts    a list of "yes", "no" or "no_usable_result"
    scalar      a cell
    vector      a list of cells, as many as declared
    histogram   a list of cells, one for each named bin
    table       a list of rows, each a list of cells; rows in the order of their `choice` columns
    regression  a list of [estimate, error], one for each term, and last [rows, fit]
    model       a list of parameters, as many as declared; networks and trees are in `modelled`

The bits bound what a value can carry. That a value is harmless is for the gate's rules; time,
number of releases and refusals carry information that no shape bounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.cells import (
    MAX_CHOICES,
    Cell,
    CellValue,
    Choice,
    Number,
    cell_from_json,
    kind_of,
    number_from_json,
    texts,
)
from unseen.evidence.contracts.modelled import MODELS, Model
from unseen.evidence.contracts.shape import (
    CHECK,
    MAX_CELLS,
    MAX_COLUMNS,
    Listed,
    Row,
    Shape,
    Uniform,
    check_cell,
    check_names,
    check_use,
)
from unseen.evidence.errors import CanonicalError

__all__ = (
    "MAX_CELLS",
    "MAX_COLUMNS",
    "Histogram",
    "Model",
    "Regression",
    "Row",
    "Scalar",
    "Shape",
    "Table",
    "Value",
    "Vector",
    "Verdicts",
    "decode",
    "decode_verdicts",
    "shape_from_json",
    "unpack",
)

WORDS = ("yes", "no", "no_usable_result")


_VERDICT = Choice(of=WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts(Listed):
    """Answers to yes-or-no questions: `count` of them, of two bits each."""

    count: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        CHECK.integer("shape.count", self.count, 1, MAX_CELLS)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell of a row."""
        return (_VERDICT,)

    @property
    def most(self) -> int:
        """Return how many answers there are."""
        return self.count

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {"type": "verdicts", "count": self.count}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar(Uniform):
    """One cell."""

    cell: Cell

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_cell(self.cell)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell."""
        return (self.cell,)

    @property
    def most(self) -> int:
        """Return one."""
        return 1

    def rows_of(self, value: Json) -> tuple[Row, ...]:
        """Return the cell as the one row there is."""
        return ((cast("CellValue", value),),)

    def json_of(self, rows: Sequence[Row]) -> Json:
        """Return the cell."""
        return rows[0][0]

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {"type": "scalar", "cell": self.cell.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector(Listed):
    """`length` cells of one kind."""

    cell: Cell
    length: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_cell(self.cell)
        CHECK.integer("shape.length", self.length, 1, MAX_CELLS)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell of a row."""
        return (self.cell,)

    @property
    def most(self) -> int:
        """Return how many cells there are."""
        return self.length

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {"type": "vector", "cell": self.cell.to_json(), "length": self.length}


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Listed):
    """One cell for each of the named bins."""

    cell: Cell
    bins: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_cell(self.cell)
        check_names("shape.bins", self.bins, MAX_CHOICES)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell of a row."""
        return (self.cell,)

    @property
    def most(self) -> int:
        """Return how many bins there are."""
        return len(self.bins)

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {"type": "histogram", "cell": self.cell.to_json(), "bins": list(self.bins)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Uniform):
    """At most `max_rows` rows of named cells.

    The `choice` columns are the keys: rows stand in their order and no two share them, so that
    the order of rows says nothing. A table without keys says something by its order, and its
    bits count that.
    """

    columns: tuple[tuple[str, Cell], ...]
    max_rows: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        CHECK.members("shape.columns", self.columns, tuple, MAX_COLUMNS, 1)
        check_names("shape.columns", tuple(name for name, _ in self.columns), MAX_COLUMNS)
        for _, cell in self.columns:
            check_cell(cell)
        CHECK.integer("shape.max_rows", self.max_rows, 1, MAX_CELLS // len(self.columns))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of a row."""
        return tuple(cell for _, cell in self.columns)

    @property
    def most(self) -> int:
        """Return how many rows there may be."""
        return self.max_rows

    @property
    def fewest(self) -> int:
        """Return zero."""
        return 0

    @property
    def keys(self) -> tuple[int, ...]:
        """Return the places of the `choice` columns."""
        return tuple(at for at, cell in enumerate(self.cells) if isinstance(cell, Choice))

    def check(self, rows: Sequence[Row]) -> None:
        """Refuse another order than that of the keys, and two rows with the same."""
        if keys := self.keys:
            order = [[self.cells[at].pack(row[at]) for at in keys] for row in rows]
            if any(one >= other for one, other in pairwise(order)):
                CHECK.fail("rows", "are not in the order of their keys, each once")

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        columns: list[Json] = [
            {"name": name, "cell": cell.to_json()} for name, cell in self.columns
        ]
        return {"type": "table", "columns": columns, "max_rows": self.max_rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression(Shape):
    """A fitted estimate: of each term the estimate and its standard error, in declared order.

    The last row has the rows that it was fitted on, and how well it fits them.
    """

    terms: tuple[str, ...]
    estimate: Number
    error: Number
    rows: Number
    fit: Number

    def __post_init__(self) -> None:
        """Check the declaration."""
        check_names("shape.terms", self.terms, MAX_COLUMNS)
        for name in ("estimate", "error", "fit"):
            check_use(f"shape.{name}", getattr(self, name), "measure")
        check_use("shape.rows", self.rows, "count")

    def cells_at(self, row: int) -> tuple[Cell, ...]:
        """Return the cells of a term, or the two of the last row."""
        return (self.estimate, self.error) if row < len(self.terms) else (self.rows, self.fit)

    @property
    def most(self) -> int:
        """Return how many terms there are, and one."""
        return len(self.terms) + 1

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {
            "type": "regression",
            "terms": list(self.terms),
            "estimate": self.estimate.to_json(),
            "error": self.error.to_json(),
            "rows": self.rows.to_json(),
            "fit": self.fit.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a declared shape. Only `decode` and `unpack` make one."""

    shape: Shape
    rows: tuple[Row, ...] = field(repr=False)

    def encode(self) -> bytes:
        """Return the canonical bytes, the only form in which the value leaves."""
        return canonical.encode(self.shape.json_of(self.rows))

    def pack(self) -> int:
        """Return the value as an integer from 0 to 2^bits - 1: its rows' codes, one by one."""
        shape = self.shape
        codes = [_bits(len(self.rows) - shape.fewest, shape.count_bits)]
        for at, row in enumerate(self.rows):
            cells = zip(shape.cells_at(at), row, strict=True)
            codes += [_bits(cell.pack(value), cell.bits) for cell, value in cells]
        return int("".join(codes).ljust(shape.bits, "0") or "0", 2)


def decode(shape: Shape, data: bytes) -> Value:
    """Return the value of `shape` whose canonical bytes are `data`.

    Raises:
        ReleaseInvalidError: not canonical JSON, or not a value of this shape.

    """
    try:
        rows = shape.rows_of(canonical.decode(data))
    except CanonicalError:
        CHECK.fail("value", "is not canonical JSON")
    if not shape.fewest <= len(rows) <= shape.most:
        CHECK.fail("value", "has another number of entries than declared")
    for at, row in enumerate(rows):
        cells = shape.cells_at(at)
        if len(row) != len(cells):
            CHECK.fail("row", "has another number of cells than declared")
        for cell, value in zip(cells, row, strict=True):
            cell.pack(value)
    shape.check(rows)
    return Value(shape, rows)


def decode_verdicts(shape: Verdicts, data: bytes) -> Value:
    """Do as `decode` and `unpack` do for verdicts, in a tenth of the time.

    Each word is one code, and the value is made of the codes' words: nothing else comes through.

    Raises:
        ReleaseInvalidError: not a value of this shape, or not in its one form.

    """
    words = data[1:-1].split(b",")
    if data[:1] + data[-1:] != b"[]" or len(words) != shape.count:
        CHECK.fail("value", "has another number of entries than declared")
    try:
        return Value(shape, tuple([_WORD_ROWS[word] for word in words]))
    except KeyError:
        CHECK.fail("value", "is none of the declared ones")


_WORD_ROWS: dict[bytes, Row] = {canonical.encode(word): (word,) for word in WORDS}


def unpack(shape: Shape, packed: int) -> Value:
    """Return the value of `shape` that `Value.pack` gives `packed` for.

    Raises:
        ReleaseInvalidError: there is none.

    """
    if not 0 <= packed < 1 << shape.bits:
        CHECK.fail("packed", "exceeds the bits of its shape")
    digits = f"{packed:0{max(shape.bits, 1)}b}"
    at = shape.count_bits
    count = shape.fewest + int(digits[:at] or "0", 2)
    if count > shape.most:
        CHECK.fail("packed", "names no number of rows")
    rows = []
    for number in range(count):
        row: list[CellValue] = []
        for cell in shape.cells_at(number):
            row.append(cell.unpack(int(digits[at : at + cell.bits] or "0", 2)))
            at += cell.bits
        rows.append(tuple(row))
    if "1" in digits[at : shape.bits]:
        CHECK.fail("packed", "goes on after the last row")
    shape.check(rows)
    return Value(shape, tuple(rows))


def shape_from_json(value: Json) -> Shape:
    """Return the shape that `Shape.to_json` gives `value` for.

    Raises:
        ReleaseInvalidError: a field is missing, not known, of another type or out of range.

    """
    names, make = _SHAPES[kind_of("shape", value, _SHAPES)]
    body = CHECK.take(value, ("type", *names), "shape")
    return make(**{name: body[name] for name in names})


def _table(columns: Any, max_rows: Any) -> Table:
    found = [
        CHECK.take(column, ("name", "cell"), "shape.columns")
        for column in CHECK.unlist("shape.columns", columns)
    ]
    pairs = tuple((column["name"], cell_from_json(column["cell"])) for column in found)
    return Table(columns=pairs, max_rows=max_rows)


def _regression(terms: Any, estimate: Any, error: Any, rows: Any, fit: Any) -> Regression:
    return Regression(
        terms=texts(terms),
        estimate=number_from_json(estimate),
        error=number_from_json(error),
        rows=number_from_json(rows),
        fit=number_from_json(fit),
    )


_SHAPES: dict[str, tuple[tuple[str, ...], Callable[..., Shape]]] = {
    "verdicts": (("count",), Verdicts),
    "scalar": (("cell",), lambda cell: Scalar(cell=cell_from_json(cell))),
    "vector": (
        ("cell", "length"),
        lambda cell, length: Vector(cell=cell_from_json(cell), length=length),
    ),
    "histogram": (
        ("cell", "bins"),
        lambda cell, bins: Histogram(cell=cell_from_json(cell), bins=texts(bins)),
    ),
    "table": (("columns", "max_rows"), _table),
    "regression": (("terms", "estimate", "error", "rows", "fit"), _regression),
    **MODELS,
}


def _bits(code: int, width: int) -> str:
    return f"{code:0{width}b}" if width else ""
