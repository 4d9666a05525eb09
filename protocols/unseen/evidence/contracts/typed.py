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
    model       a list of parameters, as many as declared

The bits bound what a value can carry. That a value is harmless is for the gate's rules; time,
number of releases and refusals carry information that no shape bounds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias, cast

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
    texts,
)
from unseen.evidence.errors import CanonicalError, ReleaseInvalidError
from unseen.evidence.fields import Checker

Row: TypeAlias = tuple[CellValue, ...]

WORDS = ("yes", "no", "no_usable_result")
FORMATS = ("json",)  # of a model: integers in canonical JSON; never pickle, never code
MAX_CELLS = 1 << 16
MAX_COLUMNS = 256

_CHECK = Checker(ReleaseInvalidError, "release")


_VERDICT = Choice(of=WORDS)


class Shape(ABC):
    """A declared form: rows of cells, of which every row has the same columns."""

    __slots__ = ()

    @property
    @abstractmethod
    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of a row."""

    @property
    @abstractmethod
    def most(self) -> int:
        """Return how many rows there are, or may be at most."""

    @abstractmethod
    def to_json(self) -> dict[str, Json]:
        """Return the declaration as an object."""

    @property
    def fewest(self) -> int:
        """Return how many rows there are at least; as many as `most` unless it is a table."""
        return self.most

    @property
    def bits(self) -> int:
        """Return how many bits a value says at most; the number of rows is part of it."""
        return self.count_bits + self.most * sum(cell.bits for cell in self.cells)

    @property
    def count_bits(self) -> int:
        """Return how many bits say the number of rows."""
        return (self.most - self.fewest).bit_length()

    def rows_of(self, value: Json) -> tuple[Row, ...]:
        """Return `value` as rows; refuse another number of cells."""
        return tuple((cell,) for cell in _CHECK.unlist("value", value))

    def json_of(self, rows: Sequence[Row]) -> Json:
        """Return the value that `rows_of` gives `rows` for."""
        return [cell for (cell,) in rows]

    @property
    def keys(self) -> tuple[int, ...]:
        """Return the places of the columns that rows are ordered by."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts(Shape):
    """Answers to yes-or-no questions: `count` of them, of two bits each."""

    count: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        _CHECK.integer("shape.count", self.count, 1, MAX_CELLS)

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
class Scalar(Shape):
    """One cell."""

    cell: Cell

    def __post_init__(self) -> None:
        """Check the declaration."""
        _check_cell(self.cell)

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
class Vector(Shape):
    """`length` cells of one kind."""

    cell: Cell
    length: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        _check_cell(self.cell)
        _CHECK.integer("shape.length", self.length, 1, MAX_CELLS)

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
class Histogram(Shape):
    """One cell for each of the named bins."""

    cell: Cell
    bins: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the declaration."""
        _check_cell(self.cell)
        _check_names("shape.bins", self.bins, MAX_CHOICES)

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
class Table(Shape):
    """At most `max_rows` rows of named cells.

    The `choice` columns are the keys: rows stand in their order and no two share them, so that
    the order of rows says nothing. A table without keys says something by its order, and its
    bits count that.
    """

    columns: tuple[tuple[str, Cell], ...]
    max_rows: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        _CHECK.members("shape.columns", self.columns, tuple, MAX_COLUMNS, 1)
        _check_names("shape.columns", tuple(name for name, _ in self.columns), MAX_COLUMNS)
        for _, cell in self.columns:
            _check_cell(cell)
        _CHECK.integer("shape.max_rows", self.max_rows, 1, MAX_CELLS // len(self.columns))

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

    def rows_of(self, value: Json) -> tuple[Row, ...]:
        """Return the rows; refuse what is no list of lists."""
        return tuple(tuple(_CHECK.unlist("row", row)) for row in _CHECK.unlist("value", value))

    @property
    def keys(self) -> tuple[int, ...]:
        """Return the places of the `choice` columns."""
        return tuple(at for at, cell in enumerate(self.cells) if isinstance(cell, Choice))

    def json_of(self, rows: Sequence[Row]) -> Json:
        """Return the rows as lists."""
        return [list(row) for row in rows]

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        columns: list[Json] = [
            {"name": name, "cell": cell.to_json()} for name, cell in self.columns
        ]
        return {"type": "table", "columns": columns, "max_rows": self.max_rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Shape):
    """The parameters of a model of `family`; `format` says how they are written."""

    family: str
    format: str
    cell: Number
    parameters: int

    def __post_init__(self) -> None:
        """Check the declaration."""
        _CHECK.token("shape.family", self.family)
        _CHECK.choice("shape.format", self.format, FORMATS)
        if type(self.cell) is not Number or self.cell.use != "parameter":
            _CHECK.fail("shape.cell", "is not a number for a parameter")
        _CHECK.integer("shape.parameters", self.parameters, 1, MAX_CELLS)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return the one cell of a row."""
        return (self.cell,)

    @property
    def most(self) -> int:
        """Return how many parameters there are."""
        return self.parameters

    def to_json(self) -> dict[str, Json]:
        """Return the declaration."""
        return {
            "type": "model",
            "family": self.family,
            "format": self.format,
            "cell": self.cell.to_json(),
            "parameters": self.parameters,
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
        for row in self.rows:
            codes += [_bits(c.pack(v), c.bits) for c, v in zip(shape.cells, row, strict=True)]
        return int("".join(codes).ljust(shape.bits, "0") or "0", 2)


def decode(shape: Shape, data: bytes) -> Value:
    """Return the value of `shape` whose canonical bytes are `data`.

    Raises:
        ReleaseInvalidError: not canonical JSON, or not a value of this shape.

    """
    try:
        rows = shape.rows_of(canonical.decode(data))
    except CanonicalError:
        _CHECK.fail("value", "is not canonical JSON")
    if not shape.fewest <= len(rows) <= shape.most:
        _CHECK.fail("value", "has another number of entries than declared")
    for row in rows:
        if len(row) != len(shape.cells):
            _CHECK.fail("row", "has another number of cells than declared")
        for cell, value in zip(shape.cells, row, strict=True):
            cell.pack(value)
    _check_order(shape, rows)
    return Value(shape, rows)


def decode_verdicts(shape: Verdicts, data: bytes) -> Value:
    """Do as `decode` and `unpack` do for verdicts, in a tenth of the time.

    Each word is one code, and the value is made of the codes' words: nothing else comes through.

    Raises:
        ReleaseInvalidError: not a value of this shape, or not in its one form.

    """
    words = data[1:-1].split(b",")
    if data[:1] + data[-1:] != b"[]" or len(words) != shape.count:
        _CHECK.fail("value", "has another number of entries than declared")
    try:
        return Value(shape, tuple([_WORD_ROWS[word] for word in words]))
    except KeyError:
        _CHECK.fail("value", "is none of the declared ones")


_WORD_ROWS: dict[bytes, Row] = {canonical.encode(word): (word,) for word in WORDS}


def unpack(shape: Shape, packed: int) -> Value:
    """Return the value of `shape` that `Value.pack` gives `packed` for.

    Raises:
        ReleaseInvalidError: there is none.

    """
    if not 0 <= packed < 1 << shape.bits:
        _CHECK.fail("packed", "exceeds the bits of its shape")
    digits = f"{packed:0{max(shape.bits, 1)}b}"
    at = shape.count_bits
    count = shape.fewest + int(digits[:at] or "0", 2)
    if count > shape.most:
        _CHECK.fail("packed", "names no number of rows")
    rows = []
    for _ in range(count):
        row = []
        for cell in shape.cells:
            row.append(cell.unpack(int(digits[at : at + cell.bits] or "0", 2)))
            at += cell.bits
        rows.append(tuple(row))
    if "1" in digits[at : shape.bits]:
        _CHECK.fail("packed", "goes on after the last row")
    _check_order(shape, rows)
    return Value(shape, tuple(rows))


def shape_from_json(value: Json) -> Shape:
    """Return the shape that `Shape.to_json` gives `value` for.

    Raises:
        ReleaseInvalidError: a field is missing, not known, of another type or out of range.

    """
    names, make = _SHAPES[kind_of("shape", value, _SHAPES)]
    body = _CHECK.take(value, ("type", *names), "shape")
    return make(**{name: body[name] for name in names})


def _check_order(shape: Shape, rows: Sequence[Row]) -> None:
    """Refuse another order than that of the keys, and two rows with the same."""
    if shape.keys:
        order = [[shape.cells[at].pack(row[at]) for at in shape.keys] for row in rows]
        if any(one >= other for one, other in pairwise(order)):
            _CHECK.fail("rows", "are not in the order of their keys, each once")


def _table(columns: Any, max_rows: Any) -> Table:
    found = [
        _CHECK.take(column, ("name", "cell"), "shape.columns")
        for column in _CHECK.unlist("shape.columns", columns)
    ]
    pairs = tuple((column["name"], cell_from_json(column["cell"])) for column in found)
    return Table(columns=pairs, max_rows=max_rows)


def _model(family: Any, format: Any, cell: Any, parameters: Any) -> Model:  # noqa: A002 - the field
    number = cast("Number", cell_from_json(cell))
    return Model(family=family, format=format, cell=number, parameters=parameters)


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
    "model": (("family", "format", "cell", "parameters"), _model),
}


def _check_cell(cell: object) -> None:
    if not isinstance(cell, Cell):
        _CHECK.fail("shape.cell", "is not a cell")


def _check_names(at: str, names: tuple[str, ...], most: int) -> None:
    _CHECK.members(at, names, str, most, 1)
    for name in names:
        _CHECK.text(at, name, 64)
    _CHECK.distinct(at, names)


def _bits(code: int, width: int) -> str:
    return f"{code:0{width}b}" if width else ""
