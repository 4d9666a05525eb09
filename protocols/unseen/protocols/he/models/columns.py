"""IEEE 754-2019, section 5.9: rows as encrypted scoring sees them, exactly, from -1 to 1.

A number is rounded to a column's decimals and divided by the power of two that reaches its bounds,
an indicator is 0 or 1: all are whole numbers of 2^-grid. What a model is evaluated at is this by
definition, so that rounding a row is no error of the encryption. Whoever encrypts checks bounds
here; nobody who gets ciphertexts can, and a key owner may leave it out.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.train.spec import Feature

Reals: TypeAlias = NDArray[np.float64]
Wholes: TypeAlias = NDArray[np.int64]

NONE: Final = -1  # the code of no value of a column


def width_of(features: Sequence[Feature]) -> int:
    """Return how many numbers a model sees of a row."""
    return sum(feature.width for feature in features)


def bits_of(feature: Feature) -> int:
    """Return the least b for which no whole number of the column is beyond 2^b."""
    if feature.values:
        return 0
    return (max(abs(feature.low), abs(feature.high)) - 1).bit_length()


def grid_of(features: Sequence[Feature]) -> int:
    """Return the least g for which what is encrypted are multiples of 2^-g."""
    return max(bits_of(feature) for feature in features)


def bounds_of(features: Sequence[Feature]) -> list[tuple[int, int]]:
    """Return the bounds of each column that a model sees, in units of 10^-decimals."""
    found: list[tuple[int, int]] = []
    for feature in features:
        edges = (0, 1) if feature.values else (feature.low, feature.high)
        found += [edges] * feature.width
    return found


def steps_of(features: Sequence[Feature]) -> list[Fraction]:
    """Return what a whole number of each column is worth in its unit: 10^-decimals."""
    return [Fraction(1, 10**one.decimals) for one in features for _ in range(one.width)]


def shifts_of(features: Sequence[Feature]) -> list[int]:
    """Return for each column b of 2^b, which its whole numbers are divided by."""
    return [bits_of(one) for one in features for _ in range(one.width)]


def whole_rows(features: Sequence[Feature], values: NDArray[np.floating]) -> Wholes:
    """Return rows in whole numbers of 10^-decimals: n x columns of the data to n x width.

    A column of values holds their numbers, from 0, or -1 for none of them.

    Raises:
        InputInvalidError: not such a matrix, or a number that is not finite, out of its column's
            bounds, or of no value; names column and row, never the number.

    """
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != len(features):
        raise InputInvalidError("a matrix with the columns of the model is scored")
    parts = [_whole(feature, given[:, i]) for i, feature in enumerate(features)]
    found: Wholes = np.concatenate(parts, axis=1)
    return found


def grid_columns(features: Sequence[Feature], values: NDArray[np.floating]) -> Wholes:
    """Return what is encrypted of rows: width x n whole numbers of 2^-grid, 2^grid at most.

    Errors as `whole_rows`.
    """
    shifts = grid_of(features) - np.array(shifts_of(features), np.int64)
    found: Wholes = np.ascontiguousarray((whole_rows(features, values) << shifts).T)
    return found


def unit_columns(features: Sequence[Feature], values: NDArray[np.floating]) -> Reals:
    """Return the same as numbers from -1 to 1, for slots: width x n; errors as `whole_rows`."""
    shifts = np.array(shifts_of(features), np.int64)
    found: Reals = np.ldexp(whole_rows(features, values).astype(np.float64), -shifts).T
    return found


def seen_rows(features: Sequence[Feature], values: NDArray[np.floating]) -> Reals:
    """Return rows rounded, in their columns' units and indicators; errors as `whole_rows`."""
    scale = [10.0**one.decimals for one in features for _ in range(one.width)]
    found: Reals = whole_rows(features, values) / np.array(scale)
    return found


def _whole(feature: Feature, values: Reals) -> Wholes:
    _refuse(feature, "is no number", ~np.isfinite(values))
    if feature.values:
        codes = np.arange(len(feature.values))
        known = (values == np.rint(values)) & (values >= NONE) & (values < len(codes))
        _refuse(feature, "is none of its values", ~known)
        found: Wholes = (values[:, None] == codes).astype(np.int64)
        return found
    with np.errstate(over="ignore"):  # an infinity is out of every bound
        rounded = np.rint(values * 10.0**feature.decimals)
    _refuse(feature, "is out of bounds", (rounded < feature.low) | (rounded > feature.high))
    return rounded.astype(np.int64)[:, None]


def _refuse(feature: Feature, what: str, bad: "NDArray[np.bool_]") -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise wrong(feature, what, row)


def wrong(feature: Feature, what: str, row: int) -> InputInvalidError:
    """Return the error of a row that has something else in a column than may stand there."""
    return InputInvalidError(
        f"{feature.name} {what} in row {row}",
        clause="features.bounds",
        remedy="correct that row, or leave it out; rows are counted from 0",
    )
