"""Without the flood weights fall out; with it, what a key owner sees is made from scores alone."""

import math
from typing import Any

import numpy as np
import pytest
from tests.protocols.he.attacks import BIAS, PARAMETERS, WEIGHTS, Curious, product

from unseen.protocols.he import coefficients, contexts, privacy, seal, tenseal_scheme
from unseen.protocols.he.division import divided_to
from unseen.protocols.he.parameters import Demand, choose
from unseen.protocols.he.tenseal_scheme import SealNode, SealOwner
from unseen.protocols.kernels import ntt, residues
from unseen.protocols.testing import seeded_rng

PRIMES = PARAMETERS.data_primes
N = PARAMETERS.degree
FLOOD = 1 << PARAMETERS.flood_bits
ROW = np.array([[700], [-1024], [3], [1000], [512], [-9]], np.int64)
# The same score of ROW, by other weights: 700 x 9 = -3 x -2100, and 3 x 2100 the other way.
TWIN = [WEIGHTS[0] + 9, WEIGHTS[1], WEIGHTS[2] - 2100, *WEIGHTS[3:]]


@pytest.fixture(scope="module")
def owner() -> SealOwner:
    return tenseal_scheme.SCHEME.owner(PARAMETERS)


@pytest.fixture(scope="module")
def node(owner: SealOwner) -> SealNode:
    return tenseal_scheme.SCHEME.opened(PARAMETERS, owner.context())


@pytest.fixture(scope="module")
def curious(owner: SealOwner) -> Curious:
    return Curious(owner, np.repeat(ROW, N, axis=1))


def masked(node: SealNode, words: Any, seed: int) -> Any:
    zero = seal.read_ciphertext(node._stranger.zero(), node._level).words
    return privacy.masked(words, zero, PARAMETERS, seeded_rng(seed))


def score(weights: list[int]) -> int:
    return BIAS + sum(w * int(x) for w, x in zip(weights, ROW[:, 0], strict=True))


def test_errors_are_as_large_as_is_counted_on_and_no_larger(curious: Curious) -> None:
    errors = np.abs(curious.errors.astype(np.int64))
    assert 12 <= errors.max() <= 21  # 50,000 of variance 10.5
    assert 10 < (errors**2).mean() < 11


def test_a_sum_as_it_is_shows_its_weights_in_its_second_half(
    curious: Curious, node: SealNode
) -> None:
    plain = node.weighted(curious.sent, WEIGHTS, BIAS).words
    assert curious.weights_by_algebra(plain) == WEIGHTS


def test_a_sum_as_it_is_shows_its_weights_in_its_errors(curious: Curious, node: SealNode) -> None:
    plain = node.weighted(curious.sent, WEIGHTS, BIAS).words
    assert np.rint(curious.weights_by_noise(plain)).astype(int).tolist() == WEIGHTS


def test_neither_attack_finds_a_weight_behind_the_flood(curious: Curious, node: SealNode) -> None:
    found = masked(node, node.weighted(curious.sent, WEIGHTS, BIAS).words, 1)
    algebra = curious.weights_by_algebra(found)
    assert all(abs(one) > 1 << 20 for one in algebra)  # a weight among 2^44: chance 2^-23 each
    noise = curious.weights_by_noise(found)
    # What is estimated is the flood: sizes of F / (3 sigma sqrt N), a weight is 2^40 times less.
    assert np.median(np.abs(noise)) > 2.0**40 * max(map(abs, WEIGHTS))


def test_an_encryption_of_zero_alone_hides_no_errors(curious: Curious, node: SealNode) -> None:
    plain = node.weighted(curious.sent, WEIGHTS, BIAS).words
    zero = seal.read_ciphertext(node._stranger.zero(), node._level).words
    half = residues.weighted([plain, zero], [1, 1], PRIMES)
    assert curious.weights_by_algebra(half) != WEIGHTS
    off = np.abs(curious.weights_by_noise(half) - WEIGHTS)
    assert off.max() < 1


def test_a_flood_alone_hides_no_second_half(curious: Curious, node: SealNode) -> None:
    plain = node.weighted(curious.sent, WEIGHTS, BIAS).words
    only = privacy.masked(plain, np.zeros_like(plain), PARAMETERS, seeded_rng(1))
    assert curious.weights_by_algebra(only) == WEIGHTS


# The simulation. A view is the ciphertext before it is divided: division is public work on it.


def simulated(curious: Curious, whole: int, seed: int) -> Any:
    """Return a view made from the score, with no weight, no ciphertext that was sent."""
    rng = np.random.default_rng(seed)
    second = np.stack([rng.integers(0, prime, N, dtype=np.uint64) for prime in PRIMES])
    ones = coefficients.encode(np.ones(N, np.int64), PARAMETERS.shift, curious.level)
    scores = residues.scaled(ones, [whole % prime for prime in PRIMES], PRIMES)
    flood = ntt.forward(privacy.flood(PARAMETERS, seeded_rng(seed)), PRIMES)
    known = product(second, curious.secret, PRIMES)
    return np.stack([residues.weighted([scores, flood, known], [1, 1, -1], PRIMES), second])


def rest(curious: Curious, view: Any, whole: int) -> Any:
    """Return what a view holds beside its score, over F: N numbers."""
    ideal = whole << PARAMETERS.shift
    return np.array([float((one - ideal) / FLOOD) for one in curious.phase(view)])


def off_uniform(sample: Any) -> float:
    """Return sqrt(n) times Kolmogorov and Smirnov's distance from uniform in [-1, 1)."""
    places = (np.sort(sample) + 1) / 2
    steps = np.arange(len(places) + 1) / len(places)
    apart = max(np.abs(places - steps[1:]).max(), np.abs(places - steps[:-1]).max())
    return float(apart * math.sqrt(len(places)))


def off_flat(words: Any, prime: int) -> float:
    """Return how many deviations the chi squared of 256 boxes lies from its mean."""
    boxes = (words.astype(np.float64) / prime * 256).astype(int)
    counts = np.bincount(boxes, minlength=256)
    mean = len(words) / 256
    return float((((counts - mean) ** 2 / mean).sum() - 255) / math.sqrt(510))


VIEWS = ["real", "twin", "simulated"]


@pytest.fixture(scope="module", params=VIEWS)
def view(request: pytest.FixtureRequest, curious: Curious, node: SealNode) -> Any:
    if request.param == "simulated":
        return simulated(curious, score(WEIGHTS), 3)
    weights = {"real": WEIGHTS, "twin": TWIN}[request.param]
    return masked(node, node.weighted(curious.sent, weights, BIAS).words, 4 + len(request.param))


def test_the_twin_has_the_same_score() -> None:
    assert score(TWIN) == score(WEIGHTS)
    assert WEIGHTS != TWIN


def test_what_is_beside_the_score_is_the_flood(curious: Curious, view: Any) -> None:
    beside = rest(curious, view, score(WEIGHTS))
    assert np.abs(beside).max() <= 1 + 2.0**-40
    assert off_uniform(beside) < 2.5  # by chance once in 130,000 runs, and the seeds are fixed


def test_second_halves_are_uniform_in_both_forms(view: Any) -> None:
    for form in (view[1], ntt.inverse(view[1], PRIMES)):
        for row, prime in zip(form, PRIMES, strict=True):
            assert abs(off_flat(row, prime)) < 7


def test_nothing_beside_the_score_goes_along_with_what_the_owner_knows(
    curious: Curious, view: Any
) -> None:
    beside = rest(curious, view, score(WEIGHTS))
    seconds = [ntt.inverse(one, PRIMES)[0].astype(np.float64) for one in curious.seconds]
    own = ntt.inverse(view[1], PRIMES)[0].astype(np.float64)
    for known in (*curious.errors.astype(np.float64), *seconds, own):
        assert abs(np.corrcoef(beside, known)[0, 1]) < 6 / math.sqrt(N)
    for known in seconds:
        assert abs(np.corrcoef(own, known)[0, 1]) < 6 / math.sqrt(N)
    assert abs(np.corrcoef(beside[1:], beside[:-1])[0, 1]) < 6 / math.sqrt(N)


def test_views_after_division_hold_the_score_and_no_more(curious: Curious, view: Any) -> None:
    back = divided_to(view, PRIMES, 1)
    secret = curious.secret[:1]
    hidden = product(back[1], secret, PRIMES[:1])
    total = residues.weighted([back[0], hidden], [1, 1], PRIMES[:1])
    wide = coefficients.centred(ntt.inverse(total, PRIMES[:1]), PRIMES[:1])
    unit = math.prod(PRIMES[1:]) / 2**PARAMETERS.scale_bits
    wanted = score(WEIGHTS) / 2 ** (PARAMETERS.demand.grid + PARAMETERS.demand.weight_bits)
    off = np.array([one * unit - wanted for one in wide])
    reach = FLOOD / 2**PARAMETERS.scale_bits
    assert np.abs(off).max() <= float(PARAMETERS.error)
    assert off_uniform(off / reach) < 2.5
    assert abs(off_flat(back[1][0], PRIMES[0])) < 7


def test_the_tests_see_a_flood_that_is_too_small(curious: Curious, node: SealNode) -> None:
    plain = node.weighted(curious.sent, WEIGHTS, BIAS).words
    assert off_uniform(rest(curious, plain, score(WEIGHTS))) > 25
    shown = np.array(
        [float(one - (score(WEIGHTS) << PARAMETERS.shift)) for one in curious.phase(plain)]
    )
    assert abs(np.corrcoef(shown, curious.errors[0].astype(np.float64))[0, 1]) > 0.2
    repeated = np.tile(plain[1][:, :64], 128)
    assert off_flat(repeated[0], PRIMES[0]) > 7


def test_rows_that_nobody_sent_are_flooded_too(owner: SealOwner, node: SealNode) -> None:
    curious = Curious(owner, ROW)
    view = masked(node, node.weighted(curious.sent, WEIGHTS, BIAS).words, 8)
    beside = rest(curious, view, BIAS)[1:]
    assert off_uniform(beside) < 2.5


# The flood itself.


def test_a_flood_takes_its_bits_as_they_come() -> None:
    top = coefficients.centred(privacy.flood(PARAMETERS, lambda n: b"\xff" * n), PRIMES)
    low = coefficients.centred(privacy.flood(PARAMETERS, bytes), PRIMES)
    assert set(top) == {FLOOD - 1}
    assert set(low) == {-FLOOD}


def test_a_flood_is_even_down_to_its_last_bit() -> None:
    drawn = coefficients.centred(privacy.flood(PARAMETERS, seeded_rng(5)), PRIMES)
    assert len(set(drawn)) == N
    for bit in range(PARAMETERS.flood_bits + 1):
        share = sum((one + FLOOD) >> bit & 1 for one in drawn) / N
        assert abs(share - 0.5) < 6 / (2 * math.sqrt(N))


def test_no_two_responses_are_alike(curious: Curious, node: SealNode) -> None:
    found = node.weighted(curious.sent, WEIGHTS, BIAS)
    assert node.private(found, seeded_rng(1)) != node.private(found, seeded_rng(1))
    first, second = (masked(node, found.words, seed) for seed in (1, 2))
    assert (first != second).all(axis=-1).any()


# What is not protected: numbers that are no rows, and a public key that was made for it.


def test_who_packs_numbers_has_two_weights_in_one_score(
    owner: SealOwner, node: SealNode, curious: Curious
) -> None:
    apart = 9  # bits, for weights below 2^8
    low = PARAMETERS.flood_bits + 1 - PARAMETERS.shift
    assert 2 * apart <= PARAMETERS.taught_bits
    sent = list(curious.sent)
    for place, power in ((0, low), (1, low + apart)):
        column = np.full(N, 1 << power, np.int64)
        words = coefficients.encode(column, PARAMETERS.shift, curious.level)
        plain = seal.write(seal.Plaintext(curious.level, 1.0, words))
        sent[place] = owner._keys.encrypt(plain)
    weights = [-119, 201, 0, 0, 0, 0]
    found = masked(node, node.weighted(sent, weights, 0).words, 9)
    unit = 1 << PARAMETERS.flood_bits + 1
    for one in curious.phase(found)[:9]:
        packed = (2 * one + unit) // (2 * unit)
        first = (packed + (1 << apart - 1)) % (1 << apart) - (1 << apart - 1)
        assert [first, (packed - first) >> apart] == weights[:2]


def test_a_crafted_public_key_takes_the_mask_off() -> None:
    parameters = choose(
        Demand(
            columns=1,
            grid=4,
            weight_bits=8,
            sum_bits=9,
            reach_bits=13,
            precision_bits=10,
            responses=1,
        )
    )
    owner = tenseal_scheme.SCHEME.owner(parameters)
    curious = Curious(owner, np.ones((1, parameters.degree), np.int64))
    level = seal.Level(parameters.degree, parameters.primes)
    # Its second half is a constant: u times it can be read, and is no mask. What is added keeps
    # it from being zero modulo any prime, which is refused, and is rounded away in the end.
    constant = math.prod(parameters.primes[1:]) + parameters.primes[-1] + 1
    second = np.stack(
        [np.full(parameters.degree, constant % prime, np.uint64) for prime in parameters.primes]
    )
    secret = seal.read_plaintext(owner.secret(), level).words
    first = residues.weighted([product(second, secret, parameters.primes)], [-1], parameters.primes)
    key = seal.write(seal.Ciphertext(level, 1.0, np.stack([first, second])))
    node = tenseal_scheme.SCHEME.opened(parameters, contexts.write(parameters, key))
    response = node.private(node.weighted(curious.sent, [-217], 5), seeded_rng(1))
    # It serves its owner well, so nobody notices.
    assert np.abs(owner.decrypt(response, 9) - (5 - 217) / 2**12).max() < 2.0**-10
    back = seal.read_ciphertext(response, seal.Level(parameters.degree, parameters.primes[:1]))
    (seen,) = ntt.inverse(back.words[1], back.level.primes)
    own = coefficients.centred(
        ntt.inverse(curious.seconds[0], curious.level.primes), parameters.data_primes
    )
    out, rest_of = parameters.primes[0], math.prod(parameters.data_primes[1:])
    fits = [
        weight
        for weight in range(-512, 513)
        if all(near(int(seen[j]) - weight * own[j] / rest_of, out) for j in range(8))
    ]
    assert fits == [-217]


def near(number: float, prime: int) -> bool:
    """Return whether a number is a small one modulo a prime."""
    off = number % prime
    return min(off, prime - off) < 64
