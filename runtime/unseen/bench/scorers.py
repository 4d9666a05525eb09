"""One linear model, and each way to have it score samples that stay encrypted."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench import tensors
from unseen.bench.registry import Parameters
from unseen.bench.sealing import Calls
from unseen.bench.tensors import Vectors
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import coefficients, contexts
from unseen.protocols.he import parameters as rings
from unseen.protocols.he.tenseal_scheme import SCHEME

MODEL: Final = "semi-honest both: RLWE, and a flood of 40 bits a contract against the key owner"
_Numbers = NDArray[np.float64]


class Task:
    """Features in [-1, 1], a model, and what the model says of the features' whole numbers."""

    def __init__(self, given: Parameters) -> None:
        """Draw both.

        Raises:
            InputInvalidError: there is nothing to score, or no ring holds the scores.

        """
        features, samples, few = given["features"], given["samples"], given["few"]
        if min(features, samples, few) < 1:
            raise InputInvalidError("a bench scores at least one sample", clause="bench.set")
        chance = np.random.default_rng(given["seed"])
        self.features = chance.uniform(-1, 1, (features, samples))
        self.weights, self.bias = chance.normal(size=features), 0.25
        self.grid, bits = given["grid"], given["weights"]
        wholes = coefficients.rounded(self.features, self.grid)
        self.steps = [round(float(weight) * 2**bits) for weight in self.weights]
        self.offset = round(self.bias * 2 ** (self.grid + bits))
        total = sum(map(abs, self.steps))
        reach = (total << self.grid) + abs(self.offset)
        self.parameters = rings.choose(
            rings.Demand(
                columns=features,
                grid=self.grid,
                weight_bits=bits,
                sum_bits=total.bit_length(),
                reach_bits=reach.bit_length(),
                precision_bits=given["precision"],
                responses=given["answers"],
            )
        )
        kind = np.int64 if reach < 1 << 62 else object
        exact = np.array(self.steps, kind) @ wholes.astype(kind) + self.offset
        self.exact = (exact / 2.0 ** (self.grid + bits)).astype(np.float64)
        self.plain = self.weights @ self.features + self.bias

    def blocks(self, size: int) -> list[_Numbers]:
        """Return the features of each block of so many samples."""
        count = self.features.shape[1]
        return [self.features[:, start : start + size] for start in range(0, count, size)]


@dataclass(kw_only=True)
class Way:
    """A client's part, the server's, and what opens answers; each keeps what it made last.

    `exact` is what answers are held against, one for each sample.
    """

    part: str  # of a case's name
    model: str
    seal: Callable[[], list[bytes]]
    score: Callable[[list[bytes]], list[bytes]]
    open: Callable[[list[bytes]], _Numbers]
    exact: _Numbers
    sent: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    def client(self) -> None:
        """Encrypt all samples."""
        self.sent = self.seal()

    def ready(self) -> None:
        """Encrypt them if that was not done yet."""
        if not self.sent:
            self.client()

    def server(self) -> None:
        """Score what was sent."""
        self.answers = self.score(self.sent)

    def opened(self) -> _Numbers:
        """Return the scores."""
        return self.open(self.answers)

    def precise(self) -> str:
        """Say how far off the last answers are."""
        return f"off by {float(np.abs(self.opened() - self.exact).max()):.1e} at most"


def ours(task: Task) -> tuple[Way, Way, bytes]:
    """Return our way, SEAL's calls on the same ciphertexts, and the context of both."""
    given = task.parameters
    owner = SCHEME.owner(given)
    context = owner.context()
    node = SCHEME.opened(given, context)
    calls = Calls(given, contexts.read(context, given))
    many, model, rng = len(task.steps), (task.steps, task.offset), secrets.token_bytes

    def seal() -> list[bytes]:
        blocks = (coefficients.rounded(block, task.grid) for block in task.blocks(given.degree))
        return [each for block in blocks for each in owner.encrypt(block)]

    def score(sent: list[bytes]) -> list[bytes]:
        return [node.private(node.weighted(each, *model), rng) for each in _grouped(sent, many)]

    def call(sent: list[bytes]) -> list[bytes]:
        return [calls.answer(each, *model, rng) for each in _grouped(sent, many)]

    def open_(answers: list[bytes]) -> _Numbers:
        sizes = [block.shape[1] for block in task.blocks(given.degree)]
        each = zip(answers, sizes, strict=True)
        return np.concatenate([owner.decrypt(answer, size) for answer, size in each])

    way = partial(Way, model=MODEL, seal=seal, open=open_, exact=task.exact)
    return way(part="", score=score), way(part="/sealapi", score=call), context


def batched(task: Task) -> Way:
    """Return TenSEAL with a vector for each feature and as many samples as it takes."""
    vectors, many = Vectors(rotations=False), len(task.weights)
    score = partial(vectors.weighted, weights=task.weights, bias=task.bias)
    return Way(
        part="/batched",
        model=tensors.MODEL,
        seal=lambda: [each for block in task.blocks(tensors.ROWS) for each in vectors.seal(block)],
        score=lambda sent: [score(each) for each in _grouped(sent, many)],
        open=vectors.open,
        exact=task.plain,
    )


def tutorial(task: Task, few: int) -> Way:
    """Return TenSEAL with a vector for each of the first samples."""
    vectors = Vectors(rotations=True)
    return Way(
        part="/tutorial",
        model=tensors.MODEL,
        seal=lambda: vectors.seal(task.features[:, :few].T),
        score=lambda sent: vectors.dots(sent, task.weights, task.bias),
        open=vectors.open,
        exact=task.plain[:few],
    )


def _grouped(sent: Sequence[bytes], many: int) -> list[Sequence[bytes]]:
    return [sent[start : start + many] for start in range(0, len(sent), many)]
