"""Key owners that look at all they get: without masks they read rows, with them nothing is left.

SEAL's encryptions of zero cannot be seeded, so those of the statistics are made here the same way
under its public key: u pk + e.
"""

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.protocols.he.training.tasks import Bench, Reals, rows_of, task_of

from unseen.protocols.he import memory, seal
from unseen.protocols.he.training.arithmetic import ring_of
from unseen.protocols.he.training.chain import DEGREE, RESIDUALS, SLOTS
from unseen.protocols.he.training.samples import released
from unseen.protocols.kernels import ntt, residues
from unseen.protocols.testing import seeded_rng

Words = NDArray[np.uint64]
ROWS = 600
WEIGHTS = np.array([0.4, -0.9, 0.7, 0.2, -0.5])


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(task_of(most_rows=8192))


@pytest.fixture(scope="module")
def rows(bench: Bench) -> tuple[Reals, Reals]:
    return rows_of(bench.task, ROWS, seed=11)


@pytest.fixture(scope="module")
def sums(bench: Bench, rows: tuple[Reals, Reals]) -> list[Words]:
    return bench.summed(*rows, WEIGHTS)


def slots(bench: Bench, polynomial: Words, scale: float) -> Reals:
    """Return the slots of a transformed polynomial modulo one prime, by SEAL's decoder."""
    ring = ring_of(bench.chain)
    plain = ring.seal.Plaintext()
    value = seal.Plaintext(bench.chain.level(len(polynomial)), scale, polynomial)
    memory.load(plain, ring.context, seal.write(value))
    return np.array(ring.seal.CKKSEncoder(ring.context).decode_double(plain))


def quotient(bench: Bench, second: Words, first: Words) -> Reals:
    """Return the column behind `second`, knowing that the one behind `first` is an intercept.

    Both halves are the residuals' times the column: what the key owner cannot know divides out.
    """
    prime, top = bench.chain.primes[0], bench.chain.top
    known = bench.trainer.arithmetic._encoder.slots(
        np.full(ROWS, 0.5) * float(bench.task.shrink), 1, float(top)
    )
    limit = 1 << 24
    words = seal.read_plaintext(memory.saved(known, limit), bench.chain.level(1)).words[0]
    found = [
        int(a) * pow(int(b), -1, prime) % prime * int(c) % prime if b else 0
        for a, b, c in zip(second, first, words, strict=True)
    ]
    values = slots(bench, np.array([found], np.uint64), float(top))
    return values[:ROWS] / float(bench.task.shrink)


def zero_under(bench: Bench, source: np.random.Generator) -> Words:
    """Return an encryption of zero under the buyer's public key: 2 x 2 x N words."""
    level = bench.chain.level(len(bench.chain.primes))
    size = seal.ciphertext_bytes(level, seeded=False)
    key = seal.read_ciphertext(bench.context[8 : 8 + size], level).words[:, :RESIDUALS]
    primes = bench.chain.primes[:RESIDUALS]

    def small(values: NDArray[np.int64]) -> Words:
        rows = np.stack([values % prime for prime in primes]).astype(np.uint64)
        return ntt.forward(rows, primes)

    mask = small(source.integers(-1, 2, DEGREE))
    halves = []
    for half in key:
        error = small(source.binomial(42, 0.5, DEGREE) - 21)
        product = [
            [int(a) * int(b) % prime for a, b in zip(x, y, strict=True)]
            for x, y, prime in zip(half, mask, primes, strict=True)
        ]
        halves.append(residues.weighted([np.array(product, np.uint64), error], [1, 1], primes))
    return np.stack(halves)


def second_half(sample: bytes) -> Words:
    """Return what is sent of a second half."""
    return np.frombuffer(sample, "<u8").astype(np.uint64)[1:]


def test_without_an_encryption_of_zero_the_key_owner_reads_rows(
    bench: Bench, rows: tuple[Reals, Reals], sums: list[Words]
) -> None:
    values, _ = rows
    first = sums[0][1, 0]
    for column in range(1, 5):
        found = quotient(bench, sums[column][1, 0], first)
        assert float(np.abs(found - values[:, column]).max()) < 1e-6


def test_with_all_coefficients_the_key_owner_reads_rows_whatever_was_added(
    bench: Bench, rows: tuple[Reals, Reals], sums: list[Words]
) -> None:
    values, _ = rows
    level = bench.chain.level(RESIDUALS)
    scale = float(bench.chain.total_scale)
    seen = []
    for words in sums:
        total = residues.weighted([words, bench.trainer._zero()], [1, 1], level.primes)
        plain = bench.keys._owner.decrypt(seal.write(seal.Ciphertext(level, scale, total)))
        seen.append(slots(bench, seal.read_plaintext(plain, level).words, scale)[:ROWS])
    for column in range(1, 5):
        found = 0.5 * seen[column] / seen[0]
        assert float(np.abs(found - values[:, column]).max()) < 1e-4


def test_with_both_nothing_of_a_row_is_found(
    bench: Bench, rows: tuple[Reals, Reals], sums: list[Words]
) -> None:
    """The first attack again, on what is sent: a column of noise, and no row in it."""
    values, _ = rows
    source, rng = np.random.default_rng(20), seeded_rng(20)
    sent = [
        second_half(released(one, zero_under(bench, source), bench.chain.law, bench.chain, rng))
        for one in sums[:3]
    ]
    prime = bench.chain.primes[:1]
    moved = [ntt.forward(one[np.newaxis], prime)[0] for one in sent]
    for column in (1, 2):
        found = quotient(bench, moved[column], moved[0])
        assert float(np.abs(found).std()) > 10  # values are below 2
        alike = np.corrcoef(found, values[:, column])[0, 1]
        assert abs(float(alike)) < 5 / np.sqrt(ROWS)


def test_second_halves_are_uniform_and_know_no_rows(
    bench: Bench, rows: tuple[Reals, Reals], sums: list[Words]
) -> None:
    """Two tables, one of them of zeros: 256 bins each, alike and uniform but for one in 10^6."""
    source, rng = np.random.default_rng(30), seeded_rng(30)
    none = np.zeros_like(sums[0])
    prime, bins = bench.chain.primes[0], 256
    counts = []
    halves = []
    for words in (sums[1], none):
        zero = zero_under(bench, source)
        half = second_half(released(words, zero, bench.chain.law, bench.chain, rng))
        halves.append(half)
        places = (half.astype(float) / prime * bins).astype(int)
        counts.append(np.bincount(np.minimum(places, bins - 1), minlength=bins))
    expected = DEGREE / bins
    limit = bins + 4.9 * np.sqrt(2 * bins)
    for found in counts:
        assert float((((found - expected) ** 2) / expected).sum()) < limit
    both = counts[0] + counts[1]
    apart = float((((counts[0] - counts[1]) ** 2) / np.maximum(both, 1)).sum())
    assert apart < limit
    alike = np.corrcoef(halves[0].astype(float), halves[1].astype(float))[0, 1]
    assert abs(float(alike)) < 5 / np.sqrt(DEGREE)
    # And against the table's own second half, which the attack needs.
    own = ntt.inverse(sums[1][1, :1], (prime,))[0].astype(float)
    alike = np.corrcoef(halves[0].astype(float), own)[0, 1]
    assert abs(float(alike)) < 5 / np.sqrt(DEGREE)


def test_without_zero_the_same_statistics_find_the_rows(bench: Bench, sums: list[Words]) -> None:
    """The check can fail: a release of zeros alone has a second half of zeros."""
    nothing = np.zeros_like(sums[0])
    rng = seeded_rng(31)
    half = second_half(released(sums[1], nothing, bench.chain.law, bench.chain, rng))
    own = ntt.inverse(sums[1][1, :1], bench.chain.primes[:1])
    again = second_half(released(sums[1], nothing, bench.chain.law, bench.chain, rng))
    assert (half == again).all()
    assert own.shape == (1, DEGREE)
    assert not second_half(released(nothing, nothing, bench.chain.law, bench.chain, rng)).any()


def test_what_is_sent_is_simulated_from_the_sum_alone(bench: Bench, sums: list[Words]) -> None:
    """A uniform second half and the word that makes it open to the sum: all there is to see."""
    source, rng = np.random.default_rng(40), seeded_rng(40)
    opener, prime = bench.keys._opener, bench.chain.primes[0]
    for words in sums[:2]:
        real = released(words, zero_under(bench, source), bench.chain.law, bench.chain, rng)
        opened = opener.open(real)
        second = source.integers(0, prime, DEGREE, np.uint64).astype("<u8").tobytes()
        head = (opened - opener.open(b"\0" * 8 + second)) % prime
        simulated = head.to_bytes(8, "little") + second
        assert opener.open(simulated) == opened
        assert len(simulated) == len(real)


@pytest.mark.parametrize("column", [0, 1])
def test_a_row_moves_the_release_by_less_than_noise_is_drawn_for(
    bench: Bench, rows: tuple[Reals, Reals], column: int
) -> None:
    """One row taken away, through the whole circuit: the difference in units of the last scale."""
    values, labels = rows
    moved = []
    for kept in (slice(None), slice(1, None)):
        words = bench.summed(values[kept], labels[kept], WEIGHTS)
        level = bench.chain.level(RESIDUALS)
        total = bench.keys._owner.decrypt(seal.write(seal.Ciphertext(level, 1.0, words[column])))
        plain = seal.read_plaintext(total, level).words
        moved.append(float(slots(bench, plain, float(bench.chain.total_scale)).mean()))
    limit = Fraction(bench.chain.l2) / bench.chain.total_scale
    assert 0 < abs(moved[0] - moved[1]) < float(limit)
    assert SLOTS == DEGREE // 2
