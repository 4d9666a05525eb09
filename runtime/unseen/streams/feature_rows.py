"""Rows as a buyer of scores or of a model has them, as a matrix of numbers: the model's columns.

A column that has values holds their texts, any other numbers, or texts of them. A matrix of numbers
is taken as it is: there a column of values holds their numbers, from 0. What is wrong is named by
column and row, rows counted from 0, and never by what it is.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he.models.columns import whole_rows, wrong
from unseen.protocols.train.spec import Feature

Reals: TypeAlias = NDArray[np.float64]

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NUMBERS: Final = (int, float, Decimal, Fraction, np.integer, np.floating)
_BLOCK: Final = 1 << 14
_KINDS: Final = "iuf"  # of a matrix: whole numbers, with a sign or none, and floats


def matrix(features: Sequence[Feature], rows: Any) -> Reals:
    """Return rows as numbers: n x columns of the model, each within its bounds.

    `rows` are a matrix of numbers, columns by name (a mapping, or what has `keys` as one has), or
    rows one after the other, each a mapping or a sequence in the order of the columns, of which a
    block is held at a time. Names that are none of the model's are left out.

    Raises:
        InputInvalidError: there are none, a column is missing, or a value is no number, not finite,
            out of bounds, or none of its column's values.

    """
    found = numbers(features, rows)
    for place, feature in enumerate(features):  # one by one: a wide matrix is not held twice
        whole_rows([feature], found[:, place : place + 1])
    return found


def numbers(features: Sequence[Feature], rows: Any) -> Reals:
    """Return rows as numbers, whatever their bounds and whether finite; otherwise as `matrix`."""
    found = _read(features, rows)
    if not len(found):
        raise _refused("there are no rows", "give one row or more")
    return found


def _read(features: Sequence[Feature], rows: Any) -> Reals:
    if isinstance(rows, np.ndarray) and rows.dtype.kind in _KINDS:
        if rows.ndim != 2 or rows.shape[1] != len(features):
            raise _refused("a matrix has the columns of the model", _order(features))
        return rows.astype(np.float64)
    if isinstance(rows, Mapping) or hasattr(rows, "keys"):
        columns = [_column(feature, _named(rows, feature)) for feature in features]
        if len({len(column) for column in columns}) != 1:
            raise _refused("columns have different lengths", "give a value for each row")
        return np.stack(columns, axis=1)
    if isinstance(rows, (str, bytes)) or not hasattr(rows, "__iter__"):
        raise _refused("rows are a matrix, columns by name, or a list of rows", _order(features))
    rest, parts, first = iter(rows), [np.empty((0, len(features)))], 0
    while some := list(islice(rest, _BLOCK)):
        cells = [_cells(features, row, first + at) for at, row in enumerate(some)]
        columns = [
            _column(feature, [row[place] for row in cells], first)
            for place, feature in enumerate(features)
        ]
        parts.append(np.stack(columns, axis=1))
        first += len(some)
    return np.concatenate(parts)


def _cells(features: Sequence[Feature], row: Any, number: int) -> Sequence[Any]:
    if isinstance(row, Mapping):
        return [_named(row, feature) for feature in features]
    if isinstance(row, np.ndarray) and row.ndim == 1:
        row = row.tolist()
    if not isinstance(row, Sequence) or isinstance(row, (str, bytes)):
        raise _refused(f"row {number} is no sequence or mapping of values", _order(features))
    if len(row) != len(features):
        raise _refused(
            f"row {number} has {len(row)} values, and the model {len(features)} columns",
            _order(features),
        )
    return row


def _named(row: Any, feature: Feature) -> Any:
    try:
        return row[feature.name]
    except KeyError:
        raise InputInvalidError(
            f"the column {feature.name} is missing",
            clause="features",
            remedy="name the columns as the contract does",
        ) from None


def _column(feature: Feature, values: Any, first: int = 0) -> Reals:
    if feature.values:
        codes = {value: code for code, value in enumerate(feature.values)}
        return np.array(
            [_code(feature, codes, value, row) for row, value in enumerate(values, first)],
            np.float64,
        )
    given = values if isinstance(values, np.ndarray) else None
    if given is not None and given.ndim == 1 and given.dtype.kind in _KINDS:
        return given.astype(np.float64)
    found = [_number(feature, value, row) for row, value in enumerate(values, first)]
    return np.array(found, np.float64)


def _code(feature: Feature, codes: Mapping[str, int], value: Any, row: int) -> int:
    code = codes.get(value) if isinstance(value, str) else None
    if code is None:
        raise wrong(feature, "is none of its values", row)
    return code


def _number(feature: Feature, value: Any, row: int) -> float:
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            raise wrong(feature, "is no number", row)
        return float(text)
    if not isinstance(value, _NUMBERS) or isinstance(value, bool):
        raise wrong(feature, "is no number", row)
    try:
        return float(value)
    except OverflowError:
        raise wrong(feature, "is out of bounds", row) from None


def _order(features: Sequence[Feature]) -> str:
    return f"give them in this order: {', '.join(feature.name for feature in features)}"


def _refused(why: str, remedy: str) -> InputInvalidError:
    return InputInvalidError(why, clause="rows", remedy=remedy)
