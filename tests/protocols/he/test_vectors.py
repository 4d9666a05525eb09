"""What SEAL 4.3 wrote once: read, expanded, summed, divided and decrypted without SEAL."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.protocols.he import coefficients, division, seal, uniform
from unseen.protocols.he.seal import Level
from unseen.protocols.kernels import blake2xb, ntt, residues

FILE = Path(__file__).parents[2] / "vectors/he/seal_v4.json"
VECTOR = json.loads(FILE.read_text(encoding="utf-8"))
PRIMES = tuple(VECTOR["primes"])
LEVELS = [Level(VECTOR["degree"], PRIMES[:count]) for count in (3, 2, 1)]
KEYS, DATA, LAST = LEVELS


def read(name: str, level: Level, place: int = 0) -> Any:
    found = VECTOR[name]
    text = found if isinstance(found, str) else found[place]
    return seal.read_ciphertext(bytes.fromhex(text), level)


def test_levels_are_named_and_keys_read() -> None:
    assert [level.name.hex() for level in LEVELS] == VECTOR["names"]
    key = bytes.fromhex(VECTOR["public_key"])
    assert seal.write(seal.read_ciphertext(key, KEYS)) == key
    secret = bytes.fromhex(VECTOR["secret_key"])
    assert seal.write(seal.read_plaintext(secret, KEYS)) == secret


@pytest.mark.parametrize("place", [0, 1])
def test_a_seeded_ciphertext_is_the_whole_one(place: int) -> None:
    seeded, whole = read("seeded", DATA, place), read("whole", DATA, place)
    assert seal.write(seeded).hex() == VECTOR["seeded"][place]
    assert seal.write(whole).hex() == VECTOR["whole"][place]
    assert (uniform.expanded(seeded.seed, DATA) == whole.words[1]).all()
    limit = (2**64 - 1) - (2**64 - 1) % PRIMES[0] - 1
    assert int(blake2xb.words(seeded.seed, DATA.degree).max()) >= limit  # a word is replaced


@pytest.mark.parametrize("one", residues.implementations(), ids=lambda one: one.name)
def test_a_weighted_sum_is_the_one_of_seal(one: residues.Implementation) -> None:
    parts = [np.stack(uniform.halves(read("seeded", DATA, place))) for place in (0, 1)]
    found = residues.weighted_by(one, parts, VECTOR["weights"], DATA.primes)
    assert (found == read("weighted", DATA).words).all()


def test_a_divided_sum_decrypts_to_what_seal_says() -> None:
    divided = read("divided", LAST)
    found = division.divided(read("weighted", DATA).words, DATA.primes)
    assert (found == divided.words).all()
    secret = seal.read_plaintext(bytes.fromhex(VECTOR["secret_key"]), KEYS).words[:1]
    prime = PRIMES[0]
    product = found[1].astype(object) * secret.astype(object) % prime
    opened = ((found[0].astype(object) + product) % prime).astype(np.uint64)
    said = seal.read_plaintext(bytes.fromhex(VECTOR["decrypted"]), LAST)
    assert (opened == said.words).all()
    numbers = coefficients.decode(opened, LAST, LAST.degree, Fraction(1))
    assert numbers.tolist() == coefficients.centred(ntt.inverse(opened, (prime,)), (prime,))
