"""Kim, Song, Wang, Xia, Jiang 2018, with the key at whoever gets the model: the buyer's part.

The buyer sends weights encrypted, in all slots the same, and gets the noisy gradient of each
iteration. In a vertical training it also sends its labels and columns, once, and the scores that
its columns give, each iteration: all encrypted. What it decrypts stays with it; the next weights
leave encrypted like all before.

Not protected: that keys, encryptions and the bound on weights are what they should be is the
buyer's word. A provider lets in a buyer that it takes for honest but curious.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import CountMismatchError, InputInvalidError, MalformedMessageError
from unseen.protocols.he.engine import KeyOwner
from unseen.protocols.he.training.arithmetic import Encoder, ring_of, targets
from unseen.protocols.he.training.chain import RESIDUALS, SLOTS, Chain
from unseen.protocols.he.training.descent import Descent, largest_score
from unseen.protocols.he.training.rows import Rows, blocks, check_count, kept, labels_of
from unseen.protocols.he.training.samples import SAMPLE_BYTES, Opener
from unseen.protocols.he.training.sizes import COUNT_BYTES, answer_bytes
from unseen.protocols.party import Steps

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a buyer brings: how it descends, and in a vertical training its columns and labels."""

    descent: Descent
    own: Rows | None = field(default=None, repr=False)


class Keys:
    """A training's key owner."""

    def __init__(self, chain: Chain, secret: bytes | None = None) -> None:
        """Draw keys, or take the bytes of `secret`."""
        self.chain = chain
        ring = ring_of(chain)
        self._owner = KeyOwner(ring, secret)
        self._encoder = Encoder(ring, chain)
        self._opener = Opener(self._owner.secret(), chain)

    def secret(self) -> bytes:
        """Return the secret key, to be sealed wherever it is kept."""
        return self._owner.secret()

    def context(self, rows: int) -> bytes:
        """Return the context, sent first: how many rows of its own (or 0), and the public keys."""
        keys = self._owner.public_key() + self._owner.relin_keys()
        return rows.to_bytes(COUNT_BYTES, "little") + keys

    def weights(self, weights: Reals) -> bytes:
        """Return the provider's weights, encrypted: each in all slots.

        Raises:
            InputInvalidError: scores would pass the reach, or a weight is no finite number.

        """
        task = self.chain.task
        if not (np.isfinite(weights).all() and largest_score(weights, task) <= float(task.reach)):
            raise InputInvalidError("weights let scores pass the reach", clause="train_he.reach")
        scale = float(self.chain.scale)
        theirs = weights[: task.columns].tolist()
        plain = (self._encoder.same(one, self.chain.fresh, scale) for one in theirs)
        return b"".join(self._owner.encrypt(self._encoder.written(one)) for one in plain)

    def scores(self, values: Reals, weights: Reals) -> bytes:
        """Return the scores that a block's own columns give, shrunk, encrypted."""
        shrunk = products(values, weights) * float(self.chain.task.shrink)
        return self._slots(shrunk, self.chain.fresh - 1, float(self.chain.scale))

    def block(self, values: Reals, labels: Reals) -> bytes:
        """Return a block's labels and own columns, encrypted."""
        residual, top = float(self.chain.residual_scale), float(self.chain.top)
        shrunk = values * float(self.chain.task.shrink)
        columns = [self._slots(column, RESIDUALS, top) for column in shrunk.T]
        return self._slots(targets(labels, self.chain), RESIDUALS, residual) + b"".join(columns)

    def gradient(self, answer: bytes) -> Reals:
        """Return the gradient in an answer: sums over rows, with their noise.

        Raises:
            CountMismatchError: it has another number of samples.
            MalformedMessageError: a sample is ill-formed.

        """
        width = self.chain.task.width
        if len(answer) != answer_bytes(self.chain):
            raise CountMismatchError(found=len(answer) // SAMPLE_BYTES, expected=width)
        unit = self.chain.primes[1] * SLOTS / (self.chain.total_scale * self.chain.task.shrink)
        places = range(0, len(answer), SAMPLE_BYTES)
        opened = [self._opener.open(answer[start : start + SAMPLE_BYTES]) for start in places]
        return np.array([float(Fraction(one) * unit) for one in opened])

    def _slots(self, values: Reals, primes: int, scale: float) -> bytes:
        plain = self._encoder.slots(np.ascontiguousarray(values), primes, scale)
        return self._owner.encrypt(self._encoder.written(plain))


def bought(chain: Chain, wanted: Wanted) -> Steps:
    """Be the buyer of a training; returns the weights, the provider's columns first.

    Raises:
        InputInvalidError: columns or labels are not as the task says.
        PeerError: an answer is ill-formed.

    """
    keys, descent, task = Keys(chain), wanted.descent, chain.task
    own = wanted.own if task.vertical else None
    if task.vertical and own is None:
        raise InputInvalidError(
            "a vertical training takes the buyer's rows", clause="train_he.rows"
        )
    if own is not None:
        check_count(own.count, task)
    acknowledged((yield keys.context(own.count if own is not None else 0)))
    for values, labels in own_blocks(own, chain):
        acknowledged((yield keys.block(values, labels)))
    for _ in range(task.iterations):
        asked = descent.asked
        answer = yield keys.weights(asked)
        if task.own_columns:
            for values, _ in own_blocks(own, chain):
                acknowledged(answer)
                answer = yield keys.scores(values, asked[task.columns :])
        descent.step(keys.gradient(answer))
    return descent.weights


def own_blocks(own: Rows | None, chain: Chain) -> Iterator[tuple[Reals, Reals]]:
    """Yield the buyer's rows, block by block, within their bounds."""
    if own is None:
        return
    task = chain.task
    for start, stop in blocks(own.count):
        values, labels = own.block(start, stop)
        inside = kept(values, task.own_columns, task.own_norm)
        yield inside, labels_of(labels, stop - start, task)


def acknowledged(answer: bytes) -> None:
    """Return if an answer only says that a message came.

    Raises:
        MalformedMessageError: it says more.

    """
    if answer:
        raise MalformedMessageError("an answer came before its turn")


def products(values: Reals, weights: Reals) -> Reals:
    """Return rows times weights, each row by itself: the same however rows are cut into blocks."""
    found: Reals = (values * weights).sum(axis=1)
    return found
