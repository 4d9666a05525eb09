"""Böhning and Lindsay 1988, section 3: a party's rows as a model sees them, checked and clamped.

Each row is looked at alone: nothing is centred or scaled by what other rows hold. Errors name the
party and the place, never the value; they stay with the party, since a place is data as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import (
    DimensionMismatchError,
    InputInvalidError,
    RingOverflowError,
    VectorInvalidError,
)
from unseen.protocols.train.spec import Feature, Spec

Reals: TypeAlias = NDArray[np.float64]

BLOCK: Final = 1 << 14  # rows at a time, so that memory does not grow with a table


@dataclass(frozen=True, slots=True)
class Rows:
    """`columns` are n x width, from -1 to 1; `labels` n numbers.

    A label is 0 or 1, a whole count, or a number from -1 to 1, by family.
    """

    columns: Reals
    labels: Reals


def rows_of(
    spec: Spec, party: str, features: NDArray[np.floating], labels: NDArray[np.floating]
) -> Rows:
    """Return the rows of a party. `features` are n x the features of the task, in its units.

    Takes 8 bytes a number of what a model sees; `blocks_of` takes them part by part.

    Raises:
        DimensionMismatchError: other columns than the task has, or another number of labels.
        VectorInvalidError: a value is not a number, or infinite; counted row by row.
        RingOverflowError: more rows than a party may have.

    """
    _check_shapes(spec, party, features, labels)
    return _block(spec, party, features, labels, 0)


def blocks_of(
    spec: Spec, party: str, features: NDArray[np.floating], labels: NDArray[np.floating]
) -> Iterator[Rows]:
    """Yield the rows of a party in blocks of 16,384, one of none at least; errors as `rows_of`."""
    _check_shapes(spec, party, features, labels)
    for start in range(0, max(len(features), 1), BLOCK):
        end = start + BLOCK
        yield _block(spec, party, features[start:end], labels[start:end], start)


def columns_of(spec: Spec, values: Reals) -> Reals:
    """Return what a model sees of rows of finite numbers: n x width."""
    return seen_of(spec.features, values)


def seen_of(features: Sequence[Feature], values: Reals) -> Reals:
    """Return what a model of these features sees of rows, n x features: one number or more each."""
    parts = [_columns(feature, values[:, i]) for i, feature in enumerate(features)]
    found: Reals = np.concatenate(parts, axis=1)
    return found


def spread(feature: Feature, values: Reals) -> Reals:
    """Return a number's values, rounded and clamped, from -1 to 1 between its bounds."""
    middle = feature.low + feature.high
    found: Reals = (2.0 * clamped(feature, values) - middle) / (feature.high - feature.low)
    return found


def whole_rows(spec: Spec, rows: Rows) -> Reals:
    """Return rows with their intercept as whole numbers: n x (width + 1), as exact floats.

    A row x becomes round(x A / norm), with A = 2^bits, after it was shortened to A - sqrt(p) / 2
    for p = width + 1: rounding moves each coordinate by 1/2 at most, so a vector by sqrt(p) / 2,
    and no row is longer than A afterwards.
    """
    scale = row_unit(spec)
    found = np.empty((len(rows.columns), spec.width + 1))
    found[:, 0] = scale
    np.multiply(rows.columns, scale, out=found[:, 1:])
    longest = (1 << spec.privacy.bits) - sqrt(spec.width + 1) / 2 - 1e-3
    lengths = np.sqrt(np.einsum("ij,ij->i", found, found))
    found *= np.minimum(1.0, longest / np.maximum(lengths, 1.0))[:, None]
    np.rint(found, out=found)
    return found


def score(rows: Reals, weights: Reals) -> Reals:
    """Return n x p times p. Not through BLAS, which starts threads for it."""
    found: Reals = np.einsum("ij,j->i", rows, weights)
    return found


def total(rows: Reals, values: Reals) -> Reals:
    """Return the sum of rows, n x p, each times its value; without BLAS as `score`."""
    found: Reals = np.einsum("ij,i->j", rows, values)
    return found


def products(rows: Reals, others: Reals) -> Reals:
    """Return the sum of all products of coordinates, p x p, of n x p twice; as `score`."""
    found: Reals = np.einsum("ij,ik->jk", rows, others)
    return found


def row_unit(spec: Spec) -> float:
    """Return how many whole numbers 1 is in a row: A / norm."""
    return (1 << spec.privacy.bits) / float(spec.descent.norm)


def clamped(feature: Feature, values: Reals) -> Reals:
    """Return numbers in units of 10^-decimals, rounded half to even and clamped."""
    found: Reals = np.clip(np.rint(values * 10.0**feature.decimals), feature.low, feature.high)
    return found


def _columns(feature: Feature, values: Reals) -> Reals:
    if feature.values:
        numbers = np.arange(len(feature.values))
        found: Reals = (values[:, None] == numbers).astype(np.float64)
        return found
    return spread(feature, values)[:, None]


def _labels(spec: Spec, labels: Reals) -> Reals:
    if spec.binary or spec.family == "poisson":
        return clamped(spec.label, labels)
    return spread(spec.label, labels)


def _check_shapes(
    spec: Spec, party: str, features: NDArray[np.floating], labels: NDArray[np.floating]
) -> None:
    for values, dimensions in ((features, 2), (labels, 1)):
        if values.ndim != dimensions or values.dtype.kind not in "fiu":
            raise InputInvalidError("features are a matrix and labels a vector, of numbers")
    if features.shape[1] != len(spec.features):
        raise DimensionMismatchError(party, found=features.shape[1], expected=len(spec.features))
    if labels.size != len(features):
        raise DimensionMismatchError(party, found=labels.size, expected=len(features))
    if len(features) > spec.privacy.most_rows:
        raise RingOverflowError(party, spec.privacy.most_rows)


def _block(
    spec: Spec,
    party: str,
    features: NDArray[np.floating],
    labels: NDArray[np.floating],
    start: int,
) -> Rows:
    values, wanted = (np.asarray(one, dtype=np.float64) for one in (features, labels))
    _check_finite(party, values, start * values.shape[1])
    _check_finite(party, wanted, start)
    return Rows(columns_of(spec, values), _labels(spec, wanted))


def _check_finite(party: str, values: Reals, start: int) -> None:
    for wrong, what in ((np.isnan(values), "not a number"), (np.isinf(values), "an infinity")):
        if wrong.any():
            raise VectorInvalidError(party, what, start + int(np.flatnonzero(wrong.ravel())[0]))
