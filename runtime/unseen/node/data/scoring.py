"""2016/421 (CKKS): scores of encrypted rows by a model, a batch of its columns at a time.

Whatever a buyer sends is checked word by word before it is computed with (`he.checks`). A few
columns are in memory at a time. What returns shows the scores to the key owner, and nothing else of
the model to one that follows the protocol (`docs/he.md`).
"""

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, overload

from unseen.evidence.contracts.scoring import Scoring
from unseen.evidence.suite import Suite
from unseen.node.errors import disk_full
from unseen.node.runs.files import ANSWER, file_digest
from unseen.node.scoring.parts import BATCHES
from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.checks import sent_bytes
from unseen.protocols.he.models import Model
from unseen.protocols.he.scorers import Whole, rounded, scorer


@dataclass(frozen=True, slots=True)
class Batches:
    """Where the context lies, and the run's files; how many ciphertexts return."""

    context: Path
    folder: Path
    responses: int


def answer(
    clause: Scoring, model: Model, sent: Batches, suite: Suite, progress: Callable[[int], None]
) -> bytes:
    """Write what returns into the run's folder, durably, and return its digest.

    Raises:
        MalformedMessageError: the context or a ciphertext is none of this contract's ring.
        ModelInvalidError: the model is another than the contract is about.
        StorageFullError: there is no space left.

    """
    whole = whole_of(clause, model)
    respond = scorer(clause.ring, sent.context.read_bytes(), whole)
    target = sent.folder / ANSWER
    arriving = target.with_suffix(".part")
    try:
        with (sent.folder / BATCHES).open("rb") as source, arriving.open("wb") as file:
            for number in range(sent.responses):
                file.write(respond(_Columns(source, clause, number), secrets.token_bytes))
                progress(1)
            file.flush()
            os.fsync(file.fileno())
        arriving.replace(target)
    except OSError as error:
        raise disk_full(error) or error from None
    finally:  # whatever ended it: half an answer is none, and takes room from others
        arriving.unlink(missing_ok=True)
    return file_digest(target, suite)


def whole_of(clause: Scoring, model: Model) -> Whole:
    """Return a model in the whole numbers of a contract.

    Raises:
        ModelInvalidError: it is of another shape, its weights are beyond what the ring hides, or
            rounding them takes more of the precision than the flood leaves.

    """
    shape, demand = clause.model, clause.ring.demand
    if (model.family, model.sizes) != (shape.family, shape.layers):
        raise _other("is of another shape")
    try:
        whole = rounded(model, clause.ring)
    except ModelInvalidError as error:
        raise _other(f"has {error}") from None
    if whole.error > Fraction(clause.precision) - Fraction(1, 1 << demand.precision_bits):
        raise _other("is scored less precisely")
    return whole


class _Columns(Sequence[bytes]):
    """The ciphertexts of a batch, which are read from a file when they are looked at."""

    def __init__(self, source: BinaryIO, clause: Scoring, number: int) -> None:
        self._source = source
        self._count = clause.model.columns
        self._size = sent_bytes(clause.ring)
        self._start = number * self._count * self._size

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(self._count)[place]]
        self._source.seek(self._start + range(self._count)[place] * self._size)
        return self._source.read(self._size)


def _other(why: str) -> ModelInvalidError:
    return ModelInvalidError(
        f"the model {why} than the contract is about: it was refreshed",
        clause="parameters.score",
        remedy="ask for a contract over a product of the present model",
    )
