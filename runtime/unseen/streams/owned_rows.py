"""A buyer's rows of a vertical training: in memory as they were given, and sealed in files.

A block is as many rows as a ciphertext has slots: digests of subjects, then labels, then the
buyer's own columns, row by row, as doubles. Whoever keeps them brings along what seals and unseals.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.he.training.chain import SLOTS
from unseen.protocols.he.training.rows import blocks
from unseen.protocols.train.rows import seen_of, spread
from unseen.protocols.train.spec import Feature
from unseen.streams.feature_rows import numbers
from unseen.streams.whole import write_whole

Reals: TypeAlias = NDArray[np.float64]
Sealing: TypeAlias = Callable[[str, bytes], bytes]
"""Seals, or unseals, what belongs into a place."""

NAME_BYTES: Final = 32  # of a subject's digest
_FLOAT: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Rows as they were given: of each the digest of its subject, its label, its own columns.

    `texts` are the subjects as people write them. Labels and columns are as a training sees them.
    """

    names: NDArray[np.uint8] = field(repr=False)  # n x 32
    labels: Reals = field(repr=False)
    own: Reals = field(repr=False)  # n x columns
    texts: tuple[tuple[str, ...], ...] = field(repr=False)

    @classmethod
    def of(
        cls, names: Sequence[bytes], labels: Reals, own: Reals, texts: Sequence[tuple[str, ...]]
    ) -> "Given":
        """Return rows by the digests of their subjects."""
        joined = np.frombuffer(b"".join(names), np.uint8).reshape(-1, NAME_BYTES)
        return cls(joined, labels, own, tuple(texts))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.names)

    def digest_with(self, aligned_by: str) -> bytes:
        """Return what tells these rows, so aligned, from others: to be kept sealed."""
        found = hashlib.sha256(f"{len(self)} {aligned_by}\n".encode())
        for part in (self.names, self.labels, self.own):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.digest()

    def only(self, kept: NDArray[np.bool_]) -> "Given":
        """Return some of them, in their order."""
        texts = tuple(text for text, stays in zip(self.texts, kept.tolist(), strict=True) if stays)
        return replace(
            self,
            names=self.names[kept],
            labels=self.labels[kept],
            own=self.own[kept],
            texts=texts,
        )


class SealedRows:
    """Rows in a folder of the home, sealed a block at a time: `Rows` of `he.training`."""

    def __init__(
        self, folder: Path, sealing: tuple[Sealing, Sealing], count: int, own: int
    ) -> None:
        """Take the folder, what seals and unseals, and how many rows and columns there are."""
        self._folder = folder
        self._seal, self._unseal = sealing
        self._own = own
        self._rows = count

    @property
    def count(self) -> int:
        """Return how many."""
        return self._rows

    def keep(self, given: Given) -> None:
        """Keep all of them, in place of what was kept before."""
        self.forget()
        self._folder.mkdir(mode=0o700, parents=True)
        for start, stop in blocks(len(given)):
            parts = given.names[start:stop], given.labels[start:stop], given.own[start:stop]
            data = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
            path = self._path(start)
            write_whole(path, self._seal(path.name, data), private=True)

    def forget(self) -> None:
        """Delete them."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def block(self, start: int, stop: int) -> tuple[Reals, Reals]:
        """Return the own columns of a block's rows, and their labels.

        Raises:
            MalformedMessageError: what is kept are other rows; or whatever unsealing raises.

        """
        data, count = self._opened(start, stop), stop - start
        behind = count * (NAME_BYTES + _FLOAT)
        labels = np.frombuffer(data, np.float64, count, count * NAME_BYTES)
        own = np.frombuffer(data, np.float64, count * self._own, behind)
        return own.reshape(count, self._own), labels

    def names(self) -> Iterator[bytes]:
        """Yield the digests of subjects, a block's at a time."""
        for start, stop in blocks(self._rows):
            yield self._opened(start, stop)[: (stop - start) * NAME_BYTES]

    def _opened(self, start: int, stop: int) -> bytes:
        path = self._path(start)
        data = self._unseal(path.name, path.read_bytes())
        if len(data) != (stop - start) * (NAME_BYTES + _FLOAT * (1 + self._own)):
            raise MalformedMessageError("what is kept are other rows")
        return data

    def _path(self, start: int) -> Path:
        return self._folder / f"{start // SLOTS:05d}"


def labels_of(label: Feature, values: Any, *, binary: bool) -> Reals:
    """Return labels as a training sees them: 0 and 1 if `binary`, else from -1 to 1.

    Raises:
        InputInvalidError: one is no finite number, or is neither 0 nor 1; says in which row.

    """
    found = _checked([label], {label.name: values})[:, 0]
    if not binary:
        return spread(label, found)
    wrong = np.flatnonzero(~np.isin(found, (0.0, 1.0)))
    if wrong.size:
        raise InputInvalidError(
            f"{label.name} is neither 0 nor 1 in row {int(wrong[0])}",
            clause="label",
            remedy="correct that row, or leave it out; rows are counted from 0",
        )
    return found


def own_of(features: Sequence[Feature], columns: Mapping[str, Any], count: int) -> Reals:
    """Return a buyer's own columns as a training sees them: `count` x the sum of widths.

    Raises:
        InputInvalidError: a value is no finite number, or none of its column's; says in which row.

    """
    return seen_of(features, _checked(features, columns)) if features else np.zeros((count, 0))


def _checked(features: Sequence[Feature], columns: Mapping[str, Any]) -> Reals:
    found = numbers(features, columns)
    for place, feature in enumerate(features):
        wrong = np.flatnonzero(~np.isfinite(found[:, place]))
        if wrong.size:
            raise InputInvalidError(
                f"{feature.name} is not finite in row {int(wrong[0])}", clause="features.bounds"
            )
    return found
