"""2016/421 in slots, through SEAL: the residuals and sums of a block, of what one cannot read.

A column's value for row j is in slot j, and in as many columns as ciphertexts are. A sum over slots
needs no rotation: it is coefficient 0 (see samples.py), so what is added up here is a product for
each column and nothing else. Nothing that leaves these functions may be sent: the second half of a
product shows its columns to the key owner, and so does what it decrypts to.

SEAL refuses to multiply by a column of zeros alone, or of numbers so small that they are encoded as
zeros: else a row's value would say whether there is an answer. One of ones is multiplied by in its
place and the product dropped: the time that a block takes says little of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import memory, seal
from unseen.protocols.he.engine import Ring
from unseen.protocols.he.training.chain import DEGREE, RESIDUALS, SLOTS, Chain
from unseen.protocols.he.training.task import LINEAR

Reals = NDArray[np.float64]
_HALF: Final = 0.5
_PAIR: Final = 2  # polynomials of a ciphertext that is not a product


@dataclass(slots=True)
class Sums:
    """The products of a gradient so far, a place a weight; None where all rows were zeros."""

    found: list[Any] = field(repr=False)


class Arithmetic:
    """Whoever computes a gradient: a ring, the key owner's relinearisation keys, and a task."""

    def __init__(self, ring: Ring, chain: Chain, relin_keys: bytes) -> None:
        """Take the keys.

        Raises:
            MalformedMessageError: SEAL refuses them.

        """
        self.chain = chain
        self._ring = ring
        self._keys = ring.seal.RelinKeys()
        memory.load(self._keys, ring.context, relin_keys)
        self._evaluator = ring.seal.Evaluator(ring.context)
        self._encoder = Encoder(ring, chain)

    def read(self, data: bytes, primes: int, scale: float) -> Any:
        """Return a fresh ciphertext, checked before SEAL sees it.

        Raises:
            MalformedMessageError: it is of another level or scale, not seeded, or ill-formed.

        """
        level = self.chain.level(primes)
        if len(data) != seal.ciphertext_bytes(level, seeded=True):
            raise MalformedMessageError("a ciphertext has another length than its level gives it")
        if seal.read_ciphertext(data, level).scale != scale:
            raise MalformedMessageError("a ciphertext of another scale")
        found = self._ring.seal.Ciphertext()
        memory.load(found, self._ring.context, data)
        return found

    def sums(self) -> Sums:
        """Return sums of nothing yet."""
        return Sums([None] * self.chain.task.width)

    def add_block(
        self,
        sums: Sums,
        rows: Reals,
        labels: "Reals | bytes",
        weights: Iterable[Any],
        scores: Any = None,
        own: tuple[bytes, ...] = (),
    ) -> None:
        """Add a block's part of the gradient.

        Args:
            sums: what it is added to.
            rows: n x columns, n up to N / 2, their norms kept.
            labels: n numbers, or a ciphertext of 1/2 - y (logistic) or -y.
            weights: a ciphertext for each column.
            scores: a ciphertext of the scores that the buyer's own columns give, if it has any.
            own: a ciphertext for each of those columns.

        Raises:
            MalformedMessageError: a ciphertext is not what it should be.

        """
        score, columns = self._scores(rows, weights, scores)
        residual = self._residual(score, self._labels(labels))
        for place, (column, counts) in enumerate(columns):
            product = self._times(residual, column)
            if counts:
                self._add(sums, place, product)
        for place, data in enumerate(own, len(columns)):
            product = self.read(data, RESIDUALS, float(self.chain.top))
            self._evaluator.multiply_inplace(product, residual)
            self._add(sums, place, product)

    def words(self, sums: Sums) -> list[NDArray[np.uint64]]:
        """Return each sum as 2 x 2 x N words."""
        return [self._words(found) for found in sums.found]

    def _column(self, values: Reals) -> tuple[Any, bool]:
        """Return a column encoded, shrunk, and whether it is not zeros alone: as it is encoded."""
        found = self._plain(values * float(self.chain.task.shrink))
        if found.is_zero():
            return self._plain(np.ones_like(values)), False
        return found, True

    def _plain(self, values: Reals) -> Any:
        return self._encoder.slots(values, self.chain.fresh, float(self.chain.top))

    def _labels(self, labels: "Reals | bytes") -> Any:
        scale = float(self.chain.residual_scale)
        if isinstance(labels, bytes):
            return self.read(labels, RESIDUALS, scale)
        return self._encoder.slots(targets(labels, self.chain), RESIDUALS, scale)

    def _scores(
        self, rows: Reals, weights: Iterable[Any], scores: Any
    ) -> tuple[Any, list[tuple[Any, bool]]]:
        """Return the scores of rows, and their columns at the level of residuals, which is less."""
        total = product = None
        columns: list[tuple[Any, bool]] = []
        for values, weight in zip(np.ascontiguousarray(rows.T), weights, strict=True):
            column, counts = self._column(values)
            product = self._times(weight, column)
            self._evaluator.mod_switch_to_inplace(column, self._ring.words_of(RESIDUALS))
            column.shrink_to_fit()  # or it would keep the memory that it has had
            columns.append((column, counts))
            if counts and total is None:
                total = product
            elif counts:
                self._evaluator.add_inplace(total, product)
        if total is None and scores is not None:
            return scores, columns
        if total is None:
            total = product  # no row has any value: whatever comes of this is dropped
        self._evaluator.rescale_to_next_inplace(total)
        if scores is not None:
            self._evaluator.add_inplace(total, scores)
        return total, columns

    def _residual(self, score: Any, labels: Any) -> Any:
        """Return u (LINEAR - u^2) plus labels, at the level of residuals; or u itself plus them."""
        evaluator, found = self._evaluator, score
        if self.chain.task.logistic:
            found = self._ring.seal.Ciphertext()
            evaluator.square(score, found)
            self._settle(found)
            evaluator.negate_inplace(found)
            evaluator.add_plain_inplace(found, self._encoder.constant(float(LINEAR), found))
            evaluator.mod_switch_to_inplace(score, found.parms_id())
            evaluator.multiply_inplace(found, score)
            self._settle(found)
            # Doubles multiplied in another order than the chain's differ in their last place.
            found.scale = float(self.chain.residual_scale)
        if isinstance(labels, self._ring.seal.Ciphertext):
            evaluator.add_inplace(found, labels)
        else:
            evaluator.add_plain_inplace(found, labels)
        return found

    def _settle(self, found: Any) -> None:
        self._evaluator.relinearize_inplace(found, self._keys)
        self._evaluator.rescale_to_next_inplace(found)

    def _times(self, ciphertext: Any, column: Any) -> Any:
        found = self._ring.seal.Ciphertext()
        self._evaluator.multiply_plain(ciphertext, column, found)
        return found

    def _add(self, sums: Sums, place: int, product: Any) -> None:
        if sums.found[place] is None:
            sums.found[place] = product
        else:
            self._evaluator.add_inplace(sums.found[place], product)

    def _words(self, found: Any) -> NDArray[np.uint64]:
        level = self.chain.level(RESIDUALS)
        if found is None:
            return np.zeros((2, *level.shape), np.uint64)
        if found.size() > _PAIR:
            self._evaluator.relinearize_inplace(found, self._keys)
        limit = seal.ciphertext_bytes(level, seeded=False)
        return seal.read_ciphertext(memory.saved(found, limit), level).words


class Encoder:
    """Values into slots, as SEAL encodes them: in doubles, rounded to whole coefficients."""

    def __init__(self, ring: Ring, chain: Chain) -> None:
        """Take a ring and a task's chain."""
        self._ring = ring
        self._chain = chain
        self._encoder = ring.seal.CKKSEncoder(ring.context)

    def slots(self, values: Reals, primes: int, scale: float) -> Any:
        """Return the plaintext of up to N / 2 values, zeros behind them, at a level and scale."""
        padded = np.zeros(SLOTS)
        padded[: len(values)] = values
        return self._encoded(padded.tolist(), self._ring.words_of(primes), scale)

    def same(self, value: float, primes: int, scale: float) -> Any:
        """Return the plaintext of one value in all slots."""
        return self._encoded(value, self._ring.words_of(primes), scale)

    def constant(self, value: float, like: Any) -> Any:
        """Return the plaintext of one value in all slots, with the level and scale of `like`."""
        return self._encoded(value, like.parms_id(), like.scale)

    def written(self, plain: Any) -> bytes:
        """Return a plaintext as bytes, to be encrypted."""
        return memory.saved(plain, self._ring.limit(1))

    def _encoded(self, value: "float | list[float]", level: list[int], scale: float) -> Any:
        found = self._ring.seal.Plaintext()
        self._encoder.encode(value, level, scale, found)
        return found


def targets(labels: Reals, chain: Chain) -> Reals:
    """Return what labels add to residuals: 1/2 - y of a logistic training, -y of a linear one."""
    found: Reals = (_HALF if chain.task.logistic else 0.0) - labels
    return found


def ring_of(chain: Chain) -> Ring:
    """Return SEAL's tables of a chain; a second or so of work."""
    return Ring(DEGREE, chain.primes)
