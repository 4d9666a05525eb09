"""What a key owner gets: coefficient 0, noise, and a second half that says nothing."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from tests.protocols.he.training.tasks import Bench, Reals, rows_of, task_of

from unseen.protocols.dp import Gaussian
from unseen.protocols.errors import CountMismatchError, MalformedMessageError
from unseen.protocols.he import seal
from unseen.protocols.he.training import bounds, clear
from unseen.protocols.he.training.arithmetic import Encoder, ring_of
from unseen.protocols.he.training.chain import DEGREE, RESIDUALS, SLOTS, chain_of
from unseen.protocols.he.training.samples import SAMPLE_BYTES, first_coefficient, released
from unseen.protocols.kernels import ntt
from unseen.protocols.testing import seeded_rng

ROWS = 700


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(task_of(most_rows=8192, rho=Fraction(1)))


def exact(bench: Bench, values: Reals, labels: Reals, weights: Reals) -> Reals:
    """Return a gradient shrunk, as means over N / 2."""
    found: Reals = clear.gradient(values, labels, weights, bench.task)
    return found * float(bench.task.shrink) / SLOTS


def test_the_mean_of_slots_is_coefficient_zero() -> None:
    chain = chain_of(task_of())
    primes = chain.primes[:RESIDUALS]
    source = np.random.default_rng(1)
    values = source.uniform(-1, 1, SLOTS)
    encoder = Encoder(ring_of(chain), chain)
    plain = encoder.written(encoder.slots(values, RESIDUALS, 2.0**48))
    words = seal.read_plaintext(plain, chain.level(RESIDUALS)).words
    found = first_coefficient(words, primes)
    assert found == int(ntt.inverse(words, primes)[0, 0]) % primes[0] or found > primes[0]
    centred = found - prod(primes) if 2 * found > prod(primes) else found
    assert abs(centred / 2**48 - values.mean()) < 1e-12


def test_coefficient_zero_is_that_of_the_inverse_transform() -> None:
    primes = chain_of(task_of()).primes[:RESIDUALS]
    source = np.random.default_rng(2)
    rows = np.stack([source.integers(0, prime, DEGREE, np.uint64) for prime in primes])
    found = first_coefficient(rows, primes)
    back = ntt.inverse(rows, primes)
    assert [found % prime for prime in primes] == [int(row[0]) for row in back]


@pytest.mark.parametrize("seed", range(3))
def test_errors_of_arithmetic_are_below_their_bound(bench: Bench, seed: int) -> None:
    """Without noise, and with an encryption of zero: what is left is error."""
    source = np.random.default_rng(seed)
    values, labels = rows_of(bench.task, SLOTS, seed)
    if seed == 2:  # every row and every weight at the edge
        values = np.tile(np.array([[2.0, 0, 0, 0, 0]]) * (1 - 2**-44), (SLOTS, 1))
        labels = np.zeros(SLOTS)
    weights = source.normal(size=5)
    weights *= 3.99 / np.linalg.norm(weights)
    words = bench.summed(values, labels, weights)
    still = Gaussian(Fraction(1, 10**6))
    unit = bench.chain.primes[1] / bench.chain.total_scale
    found = []
    for each in words:
        sample = released(each, bench.trainer._zero(), still, bench.chain, seeded_rng(1))
        found.append(float(bench.keys._opener.open(sample) * unit))
    wrong = float(np.linalg.norm(found - exact(bench, values, labels, weights)))
    # Beside the arithmetic, which the bound is of: rounding at the end, and the zero's error.
    rounding = np.sqrt(5) * float((DEGREE / 2 + 2) * unit)
    limit = float(bounds.gradient_error(bench.task, bench.chain.ladder))
    assert wrong <= limit + rounding
    assert wrong > limit / 2**24  # the bound is of the right thing


def test_answers_are_the_sum_and_gaussian_noise(bench: Bench) -> None:
    values, labels = rows_of(bench.task, ROWS)
    weights = np.full(5, 0.3)
    words = bench.summed(values, labels, weights)
    wanted = clear.gradient(values, labels, weights, bench.task)
    law, rng = bench.chain.law, seeded_rng(5)
    zero = bench.trainer._zero()
    # One encryption of zero serves them all here: what is looked at is the noise.
    answers = [
        bench.keys.gradient(b"".join(released(one, zero, law, bench.chain, rng) for one in words))
        for _ in range(60)
    ]
    apart = (np.array(answers) - wanted) * float(bench.task.shrink) / bench.chain.deviation
    # 300 draws: mean and variance of a standard normal law but for one case in 10^6.
    assert abs(float(apart.mean())) < 4.9 / np.sqrt(300)
    assert abs(float(apart.var()) - 1) < 4.9 * np.sqrt(2 / 300)
    assert 150 < int((np.abs(apart) < 0.6745).sum() * 300 / apart.size) * 1.5 < 320


def test_an_answer_has_one_word_of_the_first_half(bench: Bench) -> None:
    assert SAMPLE_BYTES == 8 * (DEGREE + 1)
    sums = bench.trainer.arithmetic.sums()
    answer = bench.trainer.answer(sums, seeded_rng(3))
    assert len(answer) == 5 * SAMPLE_BYTES
    found = bench.keys.gradient(answer) * float(bench.task.shrink)
    # Of no rows at all: noise alone, as wide as ever.
    assert 0 < float(np.abs(found).max()) < 8 * bench.chain.deviation


@pytest.mark.parametrize("damage", ["", "short", "long", "word", "count"])
def test_ill_formed_answers_are_refused(bench: Bench, damage: str) -> None:
    answer = bench.trainer.answer(bench.trainer.arithmetic.sums(), seeded_rng(3))
    sent = {
        "": b"",
        "short": answer[:-1],
        "long": answer + b"\0",
        "word": answer[:-8] + b"\xff" * 8,
        "count": answer[SAMPLE_BYTES:],
    }[damage]
    kind = MalformedMessageError if damage == "word" else CountMismatchError
    with pytest.raises(kind):
        bench.keys.gradient(sent)
    with pytest.raises(MalformedMessageError):
        bench.keys._opener.open(sent[: SAMPLE_BYTES - 1])
