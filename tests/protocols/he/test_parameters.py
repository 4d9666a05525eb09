"""Rings and floods are chosen by arithmetic that is done over again here, and refused if unsafe."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.he import primes, security
from unseen.protocols.he.parameters import Demand, Parameters, check, choose

CREDIT = Demand(
    columns=30,
    grid=12,
    weight_bits=18,
    sum_bits=21,
    reach_bits=33,
    precision_bits=14,
    responses=1024,
)
DEMANDS = st.builds(
    Demand,
    columns=st.integers(1, 1000),
    grid=st.integers(0, 40),
    weight_bits=st.integers(0, 32),
    sum_bits=st.integers(0, 42),
    reach_bits=st.integers(0, 80),
    precision_bits=st.integers(0, 24),
    responses=st.integers(1, 1 << 30),
)


def test_thirty_features_take_two_primes() -> None:
    found = choose(CREDIT)
    assert (found.degree, len(found.data_primes)) == (8192, 2)
    assert found.primes == (
        1125899906826241,
        1152921504606830593,
        16760833,
    )
    assert (found.shift, found.flood_bits, found.taught_bits) == (74, 89, 20)
    assert found.security.core >= 128


@settings(deadline=None, max_examples=150)
@given(DEMANDS)
def test_what_is_chosen_holds_by_the_formulas_of_the_page(demand: Demand) -> None:
    try:
        found = choose(demand)
    except InputInvalidError:
        assume(False)
    n, special = found.degree, found.primes[-1]
    # 21 a unit of weight; e u + e' + e'' s over the special prime; 1/2 + |s|/2 of its rounding.
    zero = Fraction(21 * (2 * n + 1), special) + Fraction(1 + n, 2)
    worst = 21 * 2**demand.sum_bits + zero
    assert worst <= found.worst < worst + 3
    flood = 2**found.flood_bits
    assert flood >= worst * 2**40 * n * demand.responses
    # Not by much: a larger flood costs precision.
    assert flood <= 4 * (worst + 2) * 2**40 * n * demand.responses
    scale = 2 ** (demand.grid + demand.weight_bits + found.shift)
    q, rest = prod(found.data_primes), prod(found.data_primes[1:])
    divided = Fraction(1 + n, 2) * sum(
        Fraction(1, prod(found.data_primes[1:k])) for k in range(1, len(found.data_primes))
    )
    assert (flood + worst + rest * divided) / scale <= Fraction(1, 2**demand.precision_bits)
    most = 2 ** (max(demand.reach_bits, demand.grid) + found.shift) + flood + worst
    assert 2 * most < q
    assert 2 * (most / rest + divided) < found.primes[0]
    assert 2 ** (found.taught_bits - 1) * 2 * flood <= q <= 2**found.taught_bits * 2 * flood + 1
    assert security.is_allowed(n, prod(found.primes))
    check(found)
    assert choose(demand) == found


def altered(found: Parameters, what: str) -> Parameters:
    twin = primes.ntt_primes(found.degree, (60, 60, 60))
    return {
        "less flood": replace(found, flood_bits=found.flood_bits - 1),
        "more flood": replace(found, flood_bits=found.flood_bits + 8),
        "less shift": replace(found, shift=found.shift - 2),
        "more shift": replace(found, shift=found.shift + 4),
        "negative shift": replace(found, shift=-1),
        "smaller ring": replace(found, degree=4096),
        "no ring": replace(found, degree=8191),
        "more primes": replace(found, primes=(*found.primes[:-1], *twin[1:], found.primes[-1])),
        "one prime": replace(found, primes=found.primes[:1]),
        "twice": replace(found, primes=(found.primes[1], found.primes[1], found.primes[2])),
        "no prime": replace(found, primes=(found.primes[0], found.primes[1] - 16384, 16760833)),
        "not of the ring": replace(found, primes=(*found.primes[:2], 16777213)),
        "many bits": replace(found, primes=(*found.primes[:2], (1 << 61) + 1)),
        "more weights": replace(found, demand=replace(found.demand, sum_bits=22)),
        "more responses": replace(found, demand=replace(found.demand, responses=1 << 12)),
        "more precision": replace(found, demand=replace(found.demand, precision_bits=15)),
        "larger scores": replace(found, demand=replace(found.demand, reach_bits=40)),
    }[what]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("less flood", "hides less"),
        ("more flood", "less precise"),
        ("less shift", "less precise"),
        ("more shift", "does not fit"),
        ("negative shift", "within the modulus"),
        ("smaller ring", "easier to break"),
        ("no ring", "degree of the standard"),
        ("more primes", "easier to break"),
        ("one prime", "different primes"),
        ("twice", "different primes"),
        ("no prime", "1 modulo 2N"),
        ("not of the ring", "1 modulo 2N"),
        ("many bits", "1 modulo 2N"),
        ("more weights", "hides less"),
        ("more responses", "hides less"),
        ("more precision", "less precise"),
        ("larger scores", "does not fit"),
    ],
)
def test_what_is_unsafe_or_does_not_serve_is_refused(what: str, says: str) -> None:
    found = choose(CREDIT)
    check(found)
    with pytest.raises(InputInvalidError, match=says) as refused:
        check(altered(found, what))
    assert refused.value.clause == "score.parameters"


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 0},
        {"columns": 1001},
        {"grid": -1},
        {"weight_bits": 65},
        {"sum_bits": 97},
        {"reach_bits": 161},
        {"precision_bits": 41},
        {"responses": 0},
    ],
)
def test_demands_out_of_range_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(InputInvalidError, match=next(iter(change))):
        replace(CREDIT, **change)


def test_what_no_ring_serves_is_refused() -> None:
    with pytest.raises(InputInvalidError, match="no ring is large enough") as refused:
        choose(replace(CREDIT, reach_bits=160, precision_bits=40, sum_bits=96, grid=0))
    assert "less precision" in refused.value.remedy


def test_responses_of_a_contract_cost_a_bit_each_doubling() -> None:
    floods = [choose(replace(CREDIT, responses=1 << k)).flood_bits for k in range(0, 20, 4)]
    assert [b - a for a, b in pairwise(floods)] == [4] * 4


@pytest.mark.parametrize(
    ("degree", "bits", "allowed"),
    [
        (4096, 88, True),
        (4096, 90, False),
        (8192, 176, True),
        (8192, 178, False),
        (8192, 214, False),
        (16384, 352, True),
        (16384, 438, False),
        (32768, 704, True),
        (32768, 881, False),
        (1000, 10, False),
    ],
)
def test_the_table_of_hardness(degree: int, bits: int, allowed: bool) -> None:
    assert security.is_allowed(degree, (1 << bits) - 1) == allowed


def test_hardness_is_no_more_than_the_estimator_said() -> None:
    said = {
        (4096, 109): (125.1, 95.2),
        (4096, 106): (128.9, None),
        (4096, 90): (153.8, 125.0),
        (8192, 200): (137.7, 107.3),
        (8192, 214): (128.3, None),
        (8192, 218): (125.7, 94.6),
        (8192, 176): (None, 128.8),
    }
    for (degree, bits), (matzov, core) in said.items():
        found = security.estimate(degree, (1 << bits) - 1)
        assert matzov is None or found.matzov <= matzov + 1e-9
        assert core is None or found.core <= core + 1e-9
    grown = [security.estimate(8192, (1 << b) - 1) for b in range(240, 100, -4)]
    assert all(a.matzov <= b.matzov and a.core <= b.core for a, b in pairwise(grown))
    assert grown[0].matzov == 0


def test_primes_are_those_of_a_sieve() -> None:
    sieve = [True] * 20000
    sieve[:2] = False, False
    for step in range(2, 142):
        if sieve[step]:
            sieve[step * step :: step] = [False] * len(sieve[step * step :: step])
    assert [primes.is_prime(n) for n in range(20000)] == sieve


@pytest.mark.parametrize(
    ("number", "prime"),
    [
        (3825123056546413051, False),  # fools the bases up to 23
        (3215031751, False),  # fools 2, 3, 5 and 7
        (18446744073709551557, True),  # the largest below 2^64
        (18446744073709551556, False),
        ((1 << 61) - 1, True),
    ],
)
def test_large_numbers_are_told_apart(number: int, prime: bool) -> None:
    assert primes.is_prime(number) == prime


def test_no_prime_beyond_words_and_none_that_is_not_there() -> None:
    with pytest.raises(InputInvalidError, match="2\\^64"):
        primes.is_prime(1 << 64)
    with pytest.raises(InputInvalidError, match="no prime of 14 bits"):
        primes.ntt_primes(8192, (14,))
    found = primes.ntt_primes(4096, (30, 30, 20))
    assert len(set(found)) == 3
    assert all(p % 8192 == 1 for p in found)
    assert [p.bit_length() for p in found] == [30, 30, 20]
