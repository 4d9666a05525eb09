"""Whatever is altered in a ciphertext is refused, or is another ciphertext of the same form."""

from dataclasses import replace

import numpy as np
import pytest
from tests.protocols.he.mutants import Ciphertext, Herd

from unseen.protocols.errors import MalformedMessageError
from unseen.protocols.he import checks, seal
from unseen.protocols.he.parameters import Demand, choose
from unseen.protocols.he.tenseal_scheme import SCHEME

DEMAND = Demand(
    columns=1,
    grid=10,
    weight_bits=12,
    sum_bits=14,
    reach_bits=25,
    precision_bits=14,
    responses=4,
)


@pytest.fixture(scope="module")
def herd() -> Herd:
    ring, other = choose(DEMAND), choose(replace(DEMAND, precision_bits=9))
    assert ring.primes != other.primes
    zeros = np.zeros((1, 3), np.int64)
    owner = SCHEME.owner(ring)
    (sent,), (foreign,) = owner.encrypt(zeros), SCHEME.owner(other).encrypt(zeros)
    level = checks.sent_level(ring)
    both = np.ones((2, *level.shape), np.uint64)
    back = seal.Ciphertext(checks.back_level(ring), 1.0, both[:, :1].copy())
    plain = seal.Plaintext(level, 1.0, both[0])
    return Herd(sent, level, (foreign, seal.write(back), seal.write(plain), owner.context()))


def test_what_is_made_is_always_the_same_and_never_what_was_sent(herd: Herd) -> None:
    first, again = [[*herd.mutants(220, 3)] for _ in range(2)]
    assert first == again
    assert all(each.data != herd.sent for each in first)
    assert len({each.what for each in first}) > 15


def test_a_second_half_of_nothing_is_written_as_it_is(herd: Herd) -> None:
    words = np.ones((2, *herd.level.shape), np.uint64)
    words[1] = 0
    data = Ciphertext(herd.level, words).written()
    assert len(data) == seal.ciphertext_bytes(herd.level, seeded=False)
    assert not any(data[-8 * words[1].size :])
    with pytest.raises(MalformedMessageError):
        seal.read_ciphertext(data, herd.level)


def test_of_ten_thousand_what_passes_is_words_below_their_primes_and_a_seed(herd: Herd) -> None:
    """Without the signature that comes before."""
    ring, below = choose(DEMAND), np.array(herd.level.primes, np.uint64)[:, np.newaxis]
    passed = set()
    for what, data in herd.mutants(10_000, 1):
        try:
            found = checks.read_sent(data, ring)
        except MalformedMessageError:
            continue
        passed.add(what)
        assert (found.words < below).all()
        assert seal.write(found) == data
    assert passed == {"a bit", "a word", "all words", "seed"}
