"""Rows that a worker process keeps between two steps of a training, in memory alone.

A process keeps those of one training: whoever asks under another key makes it forget them. What
they are kept by names everything that decides which rows serve (`joint/kept.py`); they end with
the process, and never touch the disk.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Rows = tuple[NDArray[np.float64], NDArray[np.float64]]

_kept: dict[str, tuple[Rows, ...]] = {}


def blocks(key: str, most: int, read: Callable[[], Iterator[Rows]]) -> Iterator[Rows]:
    """Yield the rows of `key`, from memory, or as `read` yields them: then they are kept.

    More than `most` bytes are read anew each time. Only what was read to its end is kept.
    """
    found = _kept.get(key)
    if found is not None:
        yield from found
        return
    _kept.clear()
    taken: list[Rows] = []
    size = 0
    for features, labels in read():
        size += features.nbytes + labels.nbytes
        if size <= most:
            taken.append((features, labels))
        else:
            taken.clear()
        yield features, labels
    if 0 < size <= most:
        _kept[key] = tuple(taken)


def size_of(key: str) -> int:
    """Return how many bytes are kept under `key`."""
    return sum(each.nbytes for rows in _kept.get(key, ()) for each in rows)
