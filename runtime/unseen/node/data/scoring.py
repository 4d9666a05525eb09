"""2016/421 (CKKS): scores of encrypted rows by a model, a batch of its columns at a time.

Whatever a buyer sends is checked word by word before it is computed with (`he.checks`). A few
columns are in memory at a time. What returns shows the scores to the key owner, and nothing else of
the model to one that follows the protocol (`docs/he.md`).
"""

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

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
            for _ in range(sent.responses):
                file.write(respond(_columns(source, clause), secrets.token_bytes))
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


def _columns(source: BinaryIO, clause: Scoring) -> Iterator[bytes]:
    size = sent_bytes(clause.ring)
    return (source.read(size) for _ in range(clause.model.columns))


def _other(why: str) -> ModelInvalidError:
    return ModelInvalidError(
        f"the model {why} than the contract is about: it was refreshed",
        clause="parameters.score",
        remedy="ask for a contract over a product of the present model",
    )
