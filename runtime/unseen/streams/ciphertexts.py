"""Batches of ciphertexts in files, and the scores in those that return: a batch is held at a time.

A batch is as many rows as a ring takes: the ciphertexts of its columns one after the other, all of
one size. What returns is one ciphertext a batch, in the same order. No scheme is named here:
whoever has a key brings it along.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he.scorers import RowOwner
from unseen.protocols.train.spec import Feature


def batches_of(rows: int, each: int) -> int:
    """Return how many batches so many rows are."""
    return -(-rows // each)


def encrypt(
    owner: RowOwner,
    features: Sequence[Feature],
    values: NDArray[np.float64],
    target: Path,
    told: Callable[[int], None],
) -> None:
    """Write the ciphertexts of all rows, n x columns of the model; `told` hears of rows done.

    Raises:
        InputInvalidError: a value is out of its column's bounds.
        OSError: the disk is full.

    """
    each = owner.ring.rows
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        for start in range(0, len(values), each):
            some = values[start : start + each]
            for one in owner.encrypt(features, some):
                file.write(one)
            told(len(some))
    part.replace(target)


def decrypt(
    owner: RowOwner, answer: Path, rows: int, told: Callable[[int], None]
) -> NDArray[np.float64]:
    """Return the scores of all rows in an answer; for nobody's eyes who computed it.

    Raises:
        MalformedMessageError: a ciphertext is no response under the owner's parameters, or there
            are not as many as rows need.

    """
    each = owner.ring.rows
    count = batches_of(rows, each)
    size, rest = divmod(answer.stat().st_size, count)
    if rest or not size:
        raise MalformedMessageError("an answer has another size than so many rows need")
    found = np.empty(rows)
    with answer.open("rb") as file:
        for start in range(0, rows, each):
            here = min(each, rows - start)
            found[start : start + here] = owner.decrypt(file.read(size), here)
            told(here)
    return found
