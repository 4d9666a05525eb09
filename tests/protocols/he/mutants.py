"""Ciphertexts that are almost right: one altered where its structure is, again and again.

Places are those of SEAL 4's own layout (`he/seal.py`): head, level, form, parts, N, L, scale,
factor, the head and number of words, words, and the seed with its head.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from unseen.protocols.he import seal

_FIELDS: Final = {
    "magic": (0, 2),
    "its own size": (2, 1),
    "version": (3, 2),
    "compression": (5, 1),
    "reserved": (6, 2),
    "size": (8, 8),
    "level": (16, 32),
    "form": (48, 1),
    "parts": (49, 8),
    "degree": (57, 8),
    "primes": (65, 8),
    "scale": (73, 8),
    "factor": (81, 8),
    "head of words": (89, 16),
    "number of words": (105, 8),
}
WORDS_AT: Final = 113
_SEED_HEAD: Final = 17
SCALES: Final = (0.0, -0.0, -1.0, 2.0, 2.0**60, math.inf, -math.inf, math.nan, 5e-324)
NUMBERS: Final = (0, 1, 2, 3, 255, 2**16, 2**31 - 1, 2**32, 2**63, 2**64 - 1)


class Mutant(NamedTuple):
    """What was altered, and what came of it: never what it was."""

    what: str
    data: bytes


@dataclass(frozen=True)
class Herd:
    """Makes mutants of a fresh ciphertext `sent`; `strangers` are other objects of SEAL."""

    sent: bytes
    level: seal.Level
    strangers: tuple[bytes, ...] = ()

    def mutants(self, count: int, seed: int) -> Iterator[Mutant]:
        """Yield `count` of them, each way in turn, always the same for a seed."""
        chance = np.random.default_rng(seed)
        ways = (
            self._field,
            self._number,
            self._scale,
            self._bit,
            self._word,
            self._words,
            self._seed,
            self._cut,
            self._longer,
            self._unseeded,
            self._stranger,
        )
        made = 0
        while made < count:
            found = ways[made % len(ways)](chance)
            if found.data != self.sent:
                yield found
                made += 1

    def _put(self, what: str, place: int, data: bytes) -> Mutant:
        return Mutant(what, self.sent[:place] + data + self.sent[place + len(data) :])

    def _field(self, chance: np.random.Generator) -> Mutant:
        name = str(chance.choice([*_FIELDS]))
        place, size = _FIELDS[name]
        return self._put(name, place, chance.bytes(size))

    def _number(self, chance: np.random.Generator) -> Mutant:
        names = ("size", "parts", "degree", "primes", "factor", "number of words")
        name = str(chance.choice(names))
        number = NUMBERS[int(chance.integers(len(NUMBERS)))]
        return self._put(name, _FIELDS[name][0], struct.pack("<Q", number))

    def _scale(self, chance: np.random.Generator) -> Mutant:
        scale = SCALES[int(chance.integers(len(SCALES)))]
        return self._put("scale", _FIELDS["scale"][0], struct.pack("<d", scale))

    def _bit(self, chance: np.random.Generator) -> Mutant:
        place = int(chance.integers(len(self.sent)))
        turned = self.sent[place] ^ 1 << int(chance.integers(8))
        return self._put("a bit", place, bytes([turned]))

    def _word(self, chance: np.random.Generator) -> Mutant:
        """Alter one word, below its prime or not."""
        rows, degree = self.level.shape
        row, column = int(chance.integers(rows)), int(chance.integers(degree))
        prime = self.level.primes[row]
        ends = (0, 1, prime - 1, prime, prime + 1, 2**63, 2**64 - 1)
        word = ends[int(chance.integers(len(ends)))]
        place = WORDS_AT + 8 * (row * degree + column)
        return self._put("a word", place, struct.pack("<Q", word))

    def _words(self, chance: np.random.Generator) -> Mutant:
        """Replace all words: by zeros (a first half that hides nothing), by one number, by any."""
        rows, degree = self.level.shape
        below = np.array(self.level.primes, np.uint64)[:, np.newaxis]
        made = (
            np.zeros((rows, degree), np.uint64),
            np.broadcast_to(below - np.uint64(1), (rows, degree)),
            chance.integers(0, below, (rows, degree), dtype=np.uint64),
            chance.integers(0, 2**64 - 1, (rows, degree), dtype=np.uint64),
        )
        words = made[int(chance.integers(len(made)))]
        return self._put("all words", WORDS_AT, words.astype("<u8").tobytes())

    def _seed(self, chance: np.random.Generator) -> Mutant:
        place = len(self.sent) - seal.SEED_BYTES
        if chance.integers(3) == 0:
            return self._put("seed's head", place - _SEED_HEAD, chance.bytes(_SEED_HEAD))
        seeds = bytes(64), b"\xff" * 64, chance.bytes(64)
        return self._put("seed", place, seeds[int(chance.integers(3))])

    def _cut(self, chance: np.random.Generator) -> Mutant:
        places = 0, 1, WORDS_AT, len(self.sent) - seal.SEED_BYTES, len(self.sent) - 1
        at = (*places, int(chance.integers(len(self.sent))))[int(chance.integers(6))]
        return Mutant("cut off", self.sent[:at])

    def _longer(self, chance: np.random.Generator) -> Mutant:
        more = bytes(1), bytes(8), self.sent[-8:], chance.bytes(int(chance.integers(1, 4096)))
        added = more[int(chance.integers(len(more)))]
        return Mutant("longer", self.sent + added if chance.integers(2) else added + self.sent)

    def _unseeded(self, chance: np.random.Generator) -> Mutant:
        """Write the second half out in place of a seed: chosen, or nothing at all."""
        first = seal.read_ciphertext(self.sent, self.level).words[0]
        below = np.array(self.level.primes, np.uint64)[:, np.newaxis]
        chosen = chance.integers(0, below, self.level.shape, dtype=np.uint64)
        second = np.zeros(self.level.shape, np.uint64) if chance.integers(2) else chosen
        whole = Ciphertext(self.level, np.stack([first, second])).written()
        # Of the length that is asked for, too: a head that promises both halves.
        return Mutant("both halves", whole[: len(self.sent)] if chance.integers(2) else whole)

    def _stranger(self, chance: np.random.Generator) -> Mutant:
        others = (b"", bytes(len(self.sent)), b"\xff" * len(self.sent), *self.strangers)
        return Mutant("another object", others[int(chance.integers(len(others)))])


@dataclass(frozen=True)
class Ciphertext:
    """Both halves, written as SEAL would write what it refuses to write: with a second one of 0."""

    level: seal.Level
    words: "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]"

    def written(self) -> bytes:
        """Return the bytes."""
        filled = self.words.copy()
        filled[1, :, 0] |= np.uint64(1)  # what `seal.write` takes, and is put back below
        data = seal.write(seal.Ciphertext(self.level, 1.0, filled))
        return data[:WORDS_AT] + self.words.astype("<u8").tobytes()
