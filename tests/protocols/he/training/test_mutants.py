"""Whatever is altered in a message of a training is refused before SEAL sees it, or computed with.

Without the signature that comes before: a buyer may sign any bytes it likes.
"""

from contextlib import suppress
from typing import Final

import numpy as np
import pytest
from tests.protocols.he.mutants import Herd
from tests.protocols.he.training.tasks import Bench, rows_of, task_of

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import seal
from unseen.protocols.he.training.buyer import Keys
from unseen.protocols.he.training.chain import RESIDUALS
from unseen.protocols.he.training.provider import Trainer
from unseen.protocols.he.training.sizes import COUNT_BYTES, answer_bytes
from unseen.protocols.testing import seeded_rng

PARTS: Final = ("weights", "scores", "labels", "columns")
FORMED: Final = {"a bit", "a word", "all words", "seed"}
ROWS: Final = 200


class Messages:
    """What a buyer sends in a vertical training: each part's ciphertext, level and scale."""

    def __init__(self) -> None:
        """Encrypt a block."""
        self.bench = Bench(task_of("vertical"))
        chain, keys = self.bench.chain, self.bench.keys
        self.values, labels = rows_of(self.bench.task, ROWS)
        own = self.values[:, self.bench.task.columns :]
        fresh, scale = chain.fresh, float(chain.scale)
        sent = {
            "weights": (keys.weights(np.zeros(self.bench.task.width)), fresh, scale),
            "scores": (keys.scores(own, np.zeros(own.shape[1])), fresh - 1, scale),
            "labels": (keys.block(own, labels), RESIDUALS, float(chain.residual_scale)),
            "columns": (keys.block(own, labels), RESIDUALS, float(chain.top)),
        }
        self.fresh = {
            part: self._one(data, primes, part == "columns")
            for part, (data, primes, _) in sent.items()
        }
        self.forms = {part: (primes, scale) for part, (_, primes, scale) in sent.items()}

    def _one(self, data: bytes, primes: int, last: bool) -> bytes:
        size = seal.ciphertext_bytes(self.bench.chain.level(primes), seeded=True)
        return data[-size:] if last else data[:size]

    def herd(self, part: str) -> Herd:
        """Return what alters a part; the others are strangers."""
        others = tuple(data for name, data in self.fresh.items() if name != part)
        level = self.bench.chain.level(self.forms[part][0])
        return Herd(self.fresh[part], level, others)

    def answered(self, part: str, data: bytes) -> bytes:
        """Return what leaves of a block's sums over rows in which one ciphertext is altered."""
        arithmetic, task = self.bench.trainer.arithmetic, self.bench.task
        given = self.fresh | {part: data}
        weights = self.bench.keys.weights(np.zeros(task.width))
        read = [*self.bench.trainer.weights(weights)]
        read[0] = arithmetic.read(given["weights"], *self.forms["weights"])
        scores = arithmetic.read(given["scores"], *self.forms["scores"])
        sums = arithmetic.sums()
        own = (given["columns"],) * task.own_columns
        theirs = self.values[:, : task.columns]
        arithmetic.add_block(sums, theirs, given["labels"], read, scores, own)
        return self.bench.trainer.answer(sums, seeded_rng(3))


@pytest.fixture(scope="module")
def messages() -> Messages:
    return Messages()


@pytest.mark.parametrize("count", [220, pytest.param(2_500, marks=pytest.mark.long)])
@pytest.mark.parametrize("part", PARTS)
def test_altered_ciphertexts_are_refused_or_read_by_seal(
    messages: Messages, part: str, count: int
) -> None:
    """Ten thousand of them in all."""
    read, form, passed = messages.bench.trainer.arithmetic.read, messages.forms[part], set[str]()
    for what, data in messages.herd(part).mutants(count, 4):
        with suppress(MalformedMessageError):
            read(data, *form)
            passed.add(what)
    assert passed == FORMED


@pytest.mark.parametrize("part", PARTS)
def test_what_passes_is_computed_with_and_yields_an_answer_as_any_other(
    messages: Messages, part: str
) -> None:
    computed = set[str]()
    for what, data in messages.herd(part).mutants(60, 5):
        if what in FORMED - computed:
            with suppress(MalformedMessageError):
                answer = messages.answered(part, data)
                assert len(answer) == answer_bytes(messages.bench.chain)
                computed.add(what)
    assert len(computed) >= 3


def context_of(keys: Keys) -> tuple[bytes, tuple[int, ...]]:
    """Return a first message, and where its parts begin: key, its halves, the keys of products."""
    chain, data = keys.chain, keys.context(0)
    level = chain.level(len(chain.primes))
    key = seal.ciphertext_bytes(level, seeded=False)
    each, first = seal.ciphertext_bytes(level, seeded=True), COUNT_BYTES + key
    products = tuple(range(first, len(data), each))
    return data, (COUNT_BYTES, COUNT_BYTES + 113 + key // 2, *products)


@pytest.mark.parametrize("count", [24, pytest.param(240, marks=pytest.mark.long)])
def test_altered_keys_are_refused_or_are_other_keys(messages: Messages, count: int) -> None:
    chain = messages.bench.chain
    data, places = context_of(messages.bench.keys)
    chance, refused, taken = np.random.default_rng(6), 0, 0
    for number in range(count):
        altered = bytearray(data)
        near = places[number % len(places)] + int(chance.integers(200))
        at = near if number % 3 else int(chance.integers(COUNT_BYTES, len(data)))
        altered[min(at, len(data) - 1)] ^= 1 << int(chance.integers(8))
        if number % 7 == 0:
            del altered[int(chance.integers(len(data))) :]
        try:
            Trainer(chain, bytes(altered))
        except MalformedMessageError:
            refused += 1
        else:
            taken += 1
    assert min(refused, taken) > count // 10


def test_a_public_key_of_nothing_is_refused(messages: Messages) -> None:
    """Also modulo one prime: encryptions under it would show what they hide."""
    chain = messages.bench.chain
    data, (start, *_) = context_of(messages.bench.keys)
    level = chain.level(len(chain.primes))
    behind = start + seal.ciphertext_bytes(level, seeded=False)
    row = 8 * level.degree
    for rows in (1, len(level.primes)):
        weak = data[: behind - rows * row] + bytes(rows * row) + data[behind:]
        with pytest.raises(MalformedMessageError, match="hides nothing"):
            Trainer(chain, weak)
