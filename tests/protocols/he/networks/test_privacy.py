"""Without the flood errors show a network's slopes; with it, a view is made from scores alone.

One row in every slot, so that the ideal polynomial is one number: its score.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.protocols.he.networks.cases import apart, constant, ideal, pair, phase, planned, product
from tests.protocols.he.test_privacy import off_flat, off_uniform

from unseen.protocols.he import checks, coefficients, privacy, seal, slots
from unseen.protocols.he.models import WholeSquares
from unseen.protocols.he.uniform import halves
from unseen.protocols.kernels import ntt, residues
from unseen.protocols.testing import seeded_rng

WHOLE, PARAMETERS = planned()
PRIMES = PARAMETERS.data_primes
N = PARAMETERS.degree
# In a row with b = c weights count by their sum: halves of it score the same.
ROW = np.array([[0.3], [0.5], [0.5]])
COLUMNS = np.repeat(ROW, PARAMETERS.rows, axis=1)
TWIN = replace(
    WHOLE, weights=tuple((a, (b + c) // 2, b + c - (b + c) // 2) for a, b, c in WHOLE.weights)
)


@pytest.fixture(scope="module")
def sent() -> list[bytes]:
    return pair()[0].encrypt(COLUMNS)


def errors_of(sent: list[bytes]) -> Any:
    """Return what the key owner knows of its own ciphertexts: d x N errors."""
    level = checks.sent_level(PARAMETERS)
    found = []
    for one, column in zip(sent, slots.encode(COLUMNS, N), strict=True):
        words = np.stack(halves(checks.read_sent(one, PARAMETERS)))
        plain = coefficients.encode(column, PARAMETERS.shift, level)
        found.append([float(error) for error in apart(phase(words), plain)])
    return np.array(found)


def slopes(model: WholeSquares) -> list[int]:
    """Return how the score of the row moves with each column: secret, and no score says it."""
    row = [round(float(x) * (1 << slots.GRID)) for x in ROW[:, 0]]
    sums = [
        (bias + sum(w * x for w, x in zip(weights, row, strict=True))) << PARAMETERS.shift
        for weights, bias in zip(model.weights, model.biases, strict=True)
    ]
    units = list(zip(model.signs, sums, model.weights, strict=True))
    return [sum(2 * sign * one * ws[place] for sign, one, ws in units) for place in range(3)]


def by_noise(sent: list[bytes], total: Any, model: WholeSquares) -> Any:
    """Return slopes as least squares of a view's errors on one's own give them."""
    beside = np.array([float(one) for one in apart(phase(total), ideal(COLUMNS, model))])
    return np.linalg.lstsq(errors_of(sent).T, beside, rcond=None)[0]


def masked(words: Any, seed: int) -> Any:
    zero = seal.read_ciphertext(pair()[1]._stranger.zero(), checks.sent_level(PARAMETERS)).words
    return privacy.masked(words, zero, PARAMETERS, seeded_rng(seed))


def test_errors_as_they_are_give_the_slopes_away_and_behind_the_flood_nothing(
    sent: list[bytes],
) -> None:
    total = pair()[1].scored(sent, WHOLE).words
    secret = np.array([float(one) for one in slopes(WHOLE)])
    found = by_noise(sent, total, WHOLE)
    assert np.abs(found / secret - 1).max() < 1e-3
    behind = by_noise(sent, masked(total, 1), WHOLE)
    # What is estimated is the flood: a slope is 2^30 times less, and more.
    assert np.median(np.abs(behind)) > 2.0**30 * np.abs(secret).max()


def test_a_second_half_as_it_is_confirms_a_guess_and_behind_the_mask_does_not(
    sent: list[bytes],
) -> None:
    node = pair()[1]
    first, again = node.scored(sent, WHOLE).words, node.scored(sent, WHOLE).words
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], node.scored(sent, TWIN).words[1])
    assert not np.array_equal(masked(first, 2)[1], masked(again, 2)[1])


def simulated(seed: int) -> Any:
    """Return a view made from the score: of no weight and no ciphertext that was sent."""
    rng = np.random.default_rng(seed)
    second = np.stack([rng.integers(0, prime, N, dtype=np.uint64) for prime in PRIMES])
    whole = seal.Level(N, PARAMETERS.primes)
    secret = seal.read_plaintext(pair()[0].secret(), whole).words[: len(PRIMES)]
    flood = ntt.forward(privacy.flood(PARAMETERS, seeded_rng(seed)), PRIMES)
    parts = [constant(score(WHOLE)), flood, product(second, secret, PRIMES)]
    return np.stack([residues.weighted(parts, [1, 1, -1], PRIMES), second])


def score(model: WholeSquares) -> int:
    row = [round(float(x) * (1 << slots.GRID)) for x in ROW[:, 0]]
    found = model.constant
    for weights, bias, sign in zip(model.weights, model.biases, model.signs, strict=True):
        found += sign * (bias + sum(w * x for w, x in zip(weights, row, strict=True))) ** 2
    return found << 2 * PARAMETERS.shift


@pytest.fixture(scope="module", params=["real", "twin", "simulated"])
def view(request: pytest.FixtureRequest, sent: list[bytes]) -> Any:
    if request.param == "simulated":
        return simulated(3)
    model = {"real": WHOLE, "twin": TWIN}[request.param]
    return masked(pair()[1].scored(sent, model).words, 4 + len(request.param))


def test_the_twin_has_the_same_score_and_other_slopes() -> None:
    assert score(TWIN) == score(WHOLE)
    assert slopes(TWIN) != slopes(WHOLE)


def test_what_is_beside_the_score_is_the_flood(view: Any) -> None:
    flood = 1 << PARAMETERS.flood_bits
    beside = np.array([one / flood for one in apart(phase(view), constant(score(WHOLE)))])
    assert np.abs(beside).max() <= 1 + 2.0**-40
    assert off_uniform(beside) < 2.5  # by chance once in 130,000 runs, and the seeds are fixed


def test_second_halves_are_uniform_in_both_forms(view: Any) -> None:
    for form in (view[1], ntt.inverse(view[1], PRIMES)):
        for words, prime in zip(form, PRIMES, strict=True):
            assert abs(off_flat(words, prime)) < 6
