"""2016/421 (CKKS): one iteration of an encrypted training, in a process of its own.

Rows come a block of 8,192 at a time, so that memory does not grow with a table; what a buyer sent
for a block is read when its turn comes. Whatever it sent is checked word by word before it is
computed with. What is written shows its receiver a noisy gradient, and nothing else of the rows to
one that follows the protocol (`docs/he.md`). Each attempt draws other noise.
"""

import mmap
import os
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from unseen.evidence.suite import DIGEST_BYTES, Suite
from unseen.node.data.encrypted import Streamed
from unseen.node.data.listed import Reading
from unseen.node.errors import disk_full
from unseen.node.runs.files import ANSWER
from unseen.protocols.errors import CountMismatchError, MalformedMessageError
from unseen.protocols.he.training.provider import Trainer, iteration
from unseen.protocols.he.training.rows import blocks, check_count
from unseen.protocols.he.training.sizes import block_bytes, scores_bytes, weights_bytes
from unseen.streams.whole import write_whole

if TYPE_CHECKING:
    from unseen.protocols.he.training.arithmetic import Sums
    from unseen.protocols.he.training.chain import Chain


@dataclass(frozen=True, slots=True)
class Sent:
    """Where what the buyer sent lies: its context, the weights, and its rows if it has some.

    The answer goes into `folder`.
    """

    context: Path
    weights: Path
    folder: Path
    rows: Path | None = None


def gradient(
    asked: Reading, sent: Sent, suite: Suite, secret: bytes, progress: Callable[[int], None]
) -> bytes:
    """Write the samples of an iteration into the run's folder, durably, and return their digest.

    `secret` opens the spool's list of those who consent. `progress` is told of rows.

    Raises:
        InputInvalidError: the rows are fewer or more than the training is over.
        CountMismatchError: the context is for another number of rows.
        MalformedMessageError: keys or a ciphertext are none of this contract's ring, or the list
            of subjects is none.
        TableChangedError: the file is not the registered one.
        TableUnreadableError: it cannot be read within the memory given.
        PredicateFailsError: the label's condition raises an error on a row.
        StorageFullError: there is no space left.

    """
    chain = asked.clause.chain()
    check_count(asked.count, chain.task)
    trainer = Trainer(chain, sent.context.read_bytes())
    expected = asked.count if chain.task.vertical else 0
    if trainer.rows != expected:
        raise CountMismatchError(found=trainer.rows, expected=expected)
    rows = Streamed(asked, secret, progress)
    shelf = _Shelf(sent.rows, asked.count, chain)
    with closing(rows), sent.weights.open("rb") as file:
        weights = _mapped(file, weights_bytes(chain))
        sums = _driven(iteration(trainer, rows, shelf, weights), file, scores_bytes(chain))
    answer = trainer.answer(sums, secrets.token_bytes)
    try:
        write_whole(sent.folder / ANSWER, answer)
    except OSError as error:
        raise disk_full(error) or error from None
    return suite.digest(answer)


def _driven(steps: "Generator[bytes, bytes, Sums]", file: BinaryIO, size: int) -> "Sums":
    """Hand an iteration the scores that it asks for, `size` bytes each, and return its sums."""
    try:
        next(steps)
        while True:
            steps.send(_read(file, size))
    except StopIteration as done:
        sums: Sums = done.value
        return sums


def _mapped(file: BinaryIO, size: int) -> mmap.mmap:
    """Return what a file begins with, of which no more is in memory than is looked at."""
    if file.seek(0, os.SEEK_END) < size:
        raise MalformedMessageError("what was sent is cut off")
    file.seek(size)
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)


def _read(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise MalformedMessageError("what was sent is cut off")
    return found


class _Shelf(Mapping[int, bytes]):
    """The blocks that a buyer sent behind its list, read when they are asked for."""

    def __init__(self, path: Path | None, count: int, chain: "Chain") -> None:
        self._path, self._size = path, block_bytes(chain)
        self._head = count * DIGEST_BYTES
        self._blocks = len(blocks(count)) if path else 0

    def __getitem__(self, number: int) -> bytes:
        if self._path is None or not 0 <= number < self._blocks:
            raise KeyError(number)
        with self._path.open("rb") as file:
            file.seek(self._head + number * self._size)
            return _read(file, self._size)

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._blocks))

    def __len__(self) -> int:
        return self._blocks
