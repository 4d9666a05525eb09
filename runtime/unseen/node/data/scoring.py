"""2016/421 (CKKS): scores of encrypted rows by a model, a ciphertext of each column at a time.

Whatever a buyer sends is checked word by word before it is computed with (`he.checks`). A few
columns are in memory at a time. What returns shows the scores to the key owner, and nothing else of
the model to one that follows the protocol (`docs/he.md`).
"""

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from unseen.evidence.contracts.scoring import Scoring
from unseen.evidence.suite import Suite
from unseen.node.errors import disk_full
from unseen.node.runs.files import ANSWER, file_digest
from unseen.node.scoring.parts import BATCHES
from unseen.protocols.errors import ModelInvalidError
from unseen.protocols.he.checks import sent_bytes
from unseen.protocols.he.models import Model, WholeLine
from unseen.protocols.he.models.whole import whole_of
from unseen.protocols.he.tenseal_scheme import SCHEME


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
    line = line_of(clause, model)
    node = SCHEME.opened(clause.ring, sent.context.read_bytes())
    target = sent.folder / ANSWER
    arriving = target.with_suffix(".part")
    try:
        with (sent.folder / BATCHES).open("rb") as source, arriving.open("wb") as file:
            for _ in range(sent.responses):
                columns = _columns(source, clause)
                weighted = node.weighted(columns, line.weights, line.bias)
                file.write(node.private(weighted, secrets.token_bytes))
                progress(1)
            file.flush()
            os.fsync(file.fileno())
        arriving.replace(target)
    except OSError as error:
        raise disk_full(error) or error from None
    finally:  # whatever ended it: half an answer is none, and takes room from others
        arriving.unlink(missing_ok=True)
    return file_digest(target, suite)


def line_of(clause: Scoring, model: Model) -> WholeLine:
    """Return a model in the whole numbers of a contract.

    Raises:
        ModelInvalidError: it is of another shape, or its weights are beyond what the ring hides.

    """
    demand, shape = clause.ring.demand, clause.model
    layers = tuple((len(layer.bias), layer.degree) for layer in model.layers)
    if (model.family, layers) != (shape.family, shape.layers):
        raise _other("is of another shape")
    line = whole_of(model, demand.weight_bits)
    if line.grid != demand.grid:
        raise _other("has other columns")
    if line.sum_bits > demand.sum_bits or line.reach_bits > demand.reach_bits:
        raise _other("has larger weights")
    return line


def _columns(source: BinaryIO, clause: Scoring) -> Iterator[bytes]:
    size = sent_bytes(clause.ring)
    return (source.read(size) for _ in range(clause.model.columns))


def _other(why: str) -> ModelInvalidError:
    return ModelInvalidError(
        f"the model {why} than the contract is about: it was refreshed",
        clause="parameters.score",
        remedy="ask for a contract over a product of the present model",
    )
