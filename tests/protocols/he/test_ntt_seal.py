"""Our transforms are SEAL's: the same root under every prime, the same order of words."""

import numpy as np
from tests.protocols.he.rings import Engine, saved

from unseen.protocols.he import seal
from unseen.protocols.he.seal import Level
from unseen.protocols.kernels import ntt

ENGINE = Engine(1024, [50, 40, 40])


def test_a_secret_key_is_small_under_every_prime_at_once() -> None:
    level = Level(1024, ENGINE.primes)
    words = seal.read_plaintext(saved(ENGINE.secret), level).words
    rows = ntt.inverse(words, level.primes)
    small = [
        np.where(row > prime // 2, row.astype(object) - prime, row.astype(object))
        for row, prime in zip(rows, level.primes, strict=True)
    ]
    assert {abs(int(each)) for each in small[0]} == {0, 1}
    assert all((row == small[0]).all() for row in small)


def test_an_encoded_polynomial_has_its_values_where_seal_says() -> None:
    level = Level(1024, ENGINE.primes[:2])
    chance = np.random.default_rng(5)
    values = chance.normal(size=512) + 1j * chance.normal(size=512)
    data = saved(ENGINE.encoded(list(values), 2.0**30))
    words = seal.read_plaintext(data, level).words
    row = ntt.inverse(words, level.primes)[0].astype(np.int64)
    prime = level.primes[0]
    small = np.where(row > prime // 2, row - prime, row)
    points = np.exp(1j * np.pi / 1024 * np.array([pow(3, j, 2048) for j in range(512)]))
    found = np.polynomial.polynomial.polyval(points, small / 2.0**30)
    assert np.allclose(found, values, atol=1e-6)
    back = np.where(small < 0, small + prime, small).astype(np.uint64)
    assert (ntt.forward(back[np.newaxis], (prime,))[0] == words[0]).all()
