"""Kim, Song, Wang, Xia, Jiang 2018, without the rows leaving: the provider's part of a training.

Rows come a block at a time, from wherever they lie, and go: in memory are the weights' ciphertexts,
one sum a column, and what a block needs. What a buyer sends once and is needed again in each
iteration lies on a shelf of the caller's. An iteration is charged before its noise is drawn, and
nothing but noisy sums leaves.

Learns nothing of weights, labels and the buyer's columns but how many they are. Not protected:
rows, from a buyer that made its keys, its encryptions or its weights otherwise than it says.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from unseen.protocols.errors import CountMismatchError, MalformedMessageError
from unseen.protocols.he import seal
from unseen.protocols.he.engine import Stranger
from unseen.protocols.he.relin import check_relin_keys
from unseen.protocols.he.training.arithmetic import Arithmetic, Sums, ring_of
from unseen.protocols.he.training.chain import RESIDUALS, Chain
from unseen.protocols.he.training.rows import Rows, blocks, check_count, kept, labels_of
from unseen.protocols.he.training.samples import released
from unseen.protocols.he.training.sizes import AT_ONCE, COUNT_BYTES
from unseen.protocols.party import Rng, Steps

if TYPE_CHECKING:
    from mmap import mmap


@dataclass(frozen=True, slots=True)
class Provided:
    """What a provider brings: rows, a place for a buyer's blocks, and who counts what it costs.

    `charge` is called with the rho of an iteration and raises where there is none left.
    """

    rows: Rows = field(repr=False)
    charge: Callable[[Fraction], None]
    shelf: MutableMapping[int, bytes] = field(default_factory=dict, repr=False)


class Trainer:
    """What a provider computes with: a buyer's public keys."""

    def __init__(self, chain: Chain, context: bytes) -> None:
        """Take the first message.

        Raises:
            MalformedMessageError: it is cut off, or SEAL refuses a key.

        """
        self.chain = chain
        ring = ring_of(chain)
        key, more = _keys(context, chain)
        self._stranger = Stranger(ring, key)
        self.arithmetic = Arithmetic(ring, chain, more)
        self.rows = int.from_bytes(context[:COUNT_BYTES], "little")

    def weights(self, message: "bytes | mmap") -> Iterable[Any]:
        """Return the ciphertexts of weights; many are read anew whenever they are gone through.

        Raises:
            MalformedMessageError: one of them is not what it should be; of many, when it is read.

        """
        chain = self.chain
        size = seal.ciphertext_bytes(chain.level(chain.fresh), seeded=True)
        if len(message) != size * chain.task.columns:
            raise MalformedMessageError("a message has another length than its ciphertexts have")
        found = _Weights(self.arithmetic, chain, message, size)
        return list(found) if chain.task.columns <= AT_ONCE else found

    def answer(self, sums: Sums, rng: Rng) -> bytes:
        """Return sums with noise, one sample after another: what may leave."""
        law = self.chain.law
        samples = (
            released(words, self._zero(), law, self.chain, rng)
            for words in self.arithmetic.words(sums)
        )
        return b"".join(samples)

    def _zero(self) -> Any:
        level = self.chain.level(RESIDUALS)
        return seal.read_ciphertext(self._stranger.zero(RESIDUALS), level).words


@dataclass(frozen=True, slots=True)
class _Weights:
    """Ciphertexts that lie one after another, each in memory when its turn comes."""

    arithmetic: Arithmetic
    chain: Chain
    message: "bytes | mmap" = field(repr=False)
    size: int

    def __iter__(self) -> Iterator[Any]:
        """Yield them."""
        scale = float(self.chain.scale)
        for start in range(0, len(self.message), self.size):
            one = self.message[start : start + self.size]
            yield self.arithmetic.read(one, self.chain.fresh, scale)


def provided(chain: Chain, given: Provided, context: bytes, rng: Rng) -> Steps:
    """Be the provider of a training, which got the buyer's first message already.

    Raises:
        InputInvalidError: rows are too few, too many or not as the task says.
        PeerError: a message is ill-formed, or the buyer has another number of rows.

    """
    task, count = chain.task, given.rows.count
    check_count(count, task)
    trainer = Trainer(chain, context)
    expected = count if task.vertical else 0
    if trainer.rows != expected:
        raise CountMismatchError(found=trainer.rows, expected=expected)
    message = yield b""
    if task.vertical:
        for number, _ in enumerate(blocks(count)):
            parts(message, chain, RESIDUALS, 1 + task.own_columns)
            given.shelf[number] = message
            message = yield b""
    for _ in range(task.iterations):
        sums = yield from iteration(trainer, given.rows, given.shelf, message)
        given.charge(chain.rho)
        message = yield trainer.answer(sums, rng)


def iteration(
    trainer: Trainer, rows: Rows, shelf: Mapping[int, bytes], message: "bytes | mmap"
) -> Generator[bytes, bytes, Sums]:
    """Return the sums of an iteration, begun by the message of weights.

    `shelf` has the buyer's blocks by their number, of a vertical training. Where it has columns of
    its own, it is asked for the scores of each block in turn.

    Raises:
        InputInvalidError: rows are not as the task says.
        MalformedMessageError: a message is ill-formed.

    """
    chain, arithmetic = trainer.chain, trainer.arithmetic
    task, weights, sums = chain.task, trainer.weights(message), trainer.arithmetic.sums()
    for number, (start, stop) in enumerate(blocks(rows.count)):
        scores = None
        if task.own_columns:
            sent = yield b""
            scores = arithmetic.read(sent, chain.fresh - 1, float(chain.scale))
        values, labels = rows.block(start, stop)
        inside = kept(values, task.columns, task.norm)
        if task.vertical:
            known, *own = parts(shelf[number], chain, RESIDUALS, 1 + task.own_columns)
            arithmetic.add_block(sums, inside, known, weights, scores, tuple(own))
        else:
            arithmetic.add_block(sums, inside, labels_of(labels, stop - start, task), weights)
    return sums


def parts(message: bytes, chain: Chain, primes: int, count: int) -> list[bytes]:
    """Return the fresh ciphertexts that a message is made of.

    Raises:
        MalformedMessageError: it is not as long as so many are.

    """
    size = seal.ciphertext_bytes(chain.level(primes), seeded=True)
    if len(message) != size * count:
        raise MalformedMessageError("a message has another length than its ciphertexts have")
    return [message[start : start + size] for start in range(0, len(message), size)]


def _keys(context: bytes, chain: Chain) -> tuple[bytes, bytes]:
    """Return the public key and the relinearisation keys, checked."""
    level = chain.level(len(chain.primes))
    behind = COUNT_BYTES + seal.ciphertext_bytes(level, seeded=False)
    key, more = context[COUNT_BYTES:behind], context[behind:]
    if seal.read_ciphertext(key, level).scale != 1:
        raise MalformedMessageError("a public key has no scale")
    check_relin_keys(more, level, chain.fresh)
    return key, more
