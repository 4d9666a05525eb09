"""The second half of a seeded ciphertext: word for word what SEAL makes of the seed."""

import numpy as np
import pytest
from tests.protocols.he.rings import Engine, loaded, saved

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import seal, uniform
from unseen.protocols.he.seal import Ciphertext, Level
from unseen.protocols.kernels import blake2xb, residues

# Goes into 2^64 hardly less than 17 times: of one word in 17 a residue would not be uniform.
CROOKED = 2**64 // 17 + 2**50
RINGS = {
    "usual": Engine(1024, [50, 40, 40]),
    "long": Engine(4096, [60, 60, 60, 40]),
}


@pytest.mark.parametrize("name", RINGS)
def test_seeds_are_expanded_as_seal_does(name: str) -> None:
    engine = RINGS[name]
    level = Level(engine.degree, engine.primes[:-1])
    chance = np.random.default_rng(3)
    seeds = [bytes(64), bytes(range(64)), b"\xff" * 64, *(chance.bytes(64) for _ in range(5))]
    for seed in seeds:
        first = np.ones((1, *level.shape), np.uint64)
        data = seal.write(Ciphertext(level, 1.0, first, seed))
        theirs = seal.read_ciphertext(saved(loaded("Ciphertext", engine.context, data)), level)
        assert (uniform.expanded(seed, level) == theirs.words[1]).all()


def crooked_prime(degree: int) -> int:
    """Return a prime far from a power of two, which SEAL takes when told so."""
    found = CROOKED - (CROOKED - 1) % (2 * degree)
    while any(pow(base, found - 1, found) != 1 for base in (2, 3, 5, 7, 11, 13)):
        found += 2 * degree
    return found


def test_words_that_are_not_uniform_are_replaced_as_seal_does() -> None:
    prime = crooked_prime(1024)
    engine = Engine.of(1024, [prime, RINGS["usual"].primes[0], RINGS["usual"].primes[1]])
    level = Level(1024, engine.primes[:2])
    replaced = 0
    for number in range(6):
        seed = bytes([number]) * 64
        data = seal.write(Ciphertext(level, 1.0, np.ones((1, *level.shape), np.uint64), seed))
        theirs = seal.read_ciphertext(saved(loaded("Ciphertext", engine.context, data)), level)
        assert (uniform.expanded(seed, level) == theirs.words[1]).all()
        limit = (2**64 - 1) - (2**64 - 1) % prime - 1
        first = residues.reduced(uniform.raw(seed, level), level.primes)
        assert (first == theirs.words[1]).all()
        replaced += int((blake2xb.words(seed, 1024) >= np.uint64(limit)).sum())
    assert replaced > 100


def test_both_halves_come_of_a_seeded_ciphertext_and_of_a_whole_one() -> None:
    engine = RINGS["usual"]
    level = Level(1024, engine.primes[:2])
    seeded = seal.read_ciphertext(engine.encrypted([0.5], 2.0**40), level)
    first, second = uniform.halves(seeded)
    whole = Ciphertext(level, 1.0, np.stack([first, residues.reduced(second, level.primes)]))
    assert (uniform.halves(whole)[1] == uniform.expanded(seeded.seed, level)).all()
    assert (uniform.halves(whole)[0] == seeded.words[0]).all()


def test_a_seed_has_64_bytes() -> None:
    with pytest.raises(InputInvalidError):
        uniform.raw(bytes(63), Level(1024, RINGS["usual"].primes))
