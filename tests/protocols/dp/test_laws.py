"""The two samplers of CKS20: every path of bits up to a depth, and what comes out by chance."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import isqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocols.dp.pmf import chi_square_is_plausible, counted, magnitudes, number

from unseen.protocols.dp import Gaussian, Laplace, Sensitivity, laws
from unseen.protocols.dp.coins import Coins
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.testing import seeded_rng

OPENDP = json.loads(
    (Path(__file__).parents[2] / "vectors/dp/draws_opendp.json").read_text(encoding="utf-8")
)
SMALL = Decimal(10) ** -50


class Branch(Exception):  # noqa: N818
    def __init__(self, chances: list[Decimal]) -> None:
        self.chances = chances


class Scripted(Coins):
    """Makes the choices it was given, then says what there is to choose from next."""

    def __init__(self, choices: list[int]) -> None:
        super().__init__(bytes)
        self._choices = iter(choices)

    def below(self, bound: int) -> int:
        return self._choose([Decimal(1) / bound] * bound)

    def bernoulli(self, numerator: int, denominator: int) -> bool:
        chance = Decimal(numerator) / denominator
        return self._choose([1 - chance, chance]) == 1

    def _choose(self, chances: list[Decimal]) -> int:
        if 1 in chances:
            return chances.index(Decimal(1))
        for choice in self._choices:
            return choice
        raise Branch(chances)


class Whole(Scripted):
    """Takes a choice with probability exp(-gamma) in one step: `Scripted` looks into that."""

    def bernoulli_exp(self, gamma: Fraction) -> bool:
        chance = (-number(gamma)).exp()
        return self._choose([1 - chance, chance]) == 1


def masses(
    run: Callable[[Coins], int], make: type[Scripted], cutoff: Decimal
) -> dict[int | None, Decimal]:
    """Return the probability of every result over all paths; under None that of unlikely ones."""
    found: dict[int | None, Decimal] = {None: Decimal(0)}
    waiting: list[tuple[list[int], Decimal]] = [([], Decimal(1))]
    while waiting:
        choices, mass = waiting.pop()
        if mass < cutoff:
            found[None] += mass
            continue
        try:
            result = run(make(choices))
            found[result] = found.get(result, Decimal(0)) + mass
        except Branch as branch:
            waiting += [([*choices, k], mass * p) for k, p in enumerate(branch.chances) if p]
    assert abs(sum(found.values(), Decimal(0)) - 1) < Decimal(10) ** -50
    return found


@pytest.mark.parametrize("gamma", [Fraction(0), Fraction(1, 3), Fraction(1), Fraction(7, 3)])
def test_bernoulli_exp_has_its_probability_over_all_paths(gamma: Fraction) -> None:
    found = masses(lambda coins: coins.bernoulli_exp(gamma), Scripted, Decimal("1e-12"))
    unlikely = found.pop(None)
    assert unlikely < Decimal("1e-9")
    truth = (-number(gamma)).exp()
    assert found[True] <= truth + SMALL
    assert truth <= found[True] + unlikely + SMALL


@pytest.mark.parametrize("scale", [Fraction(1), Fraction(5, 3)])
def test_all_paths_of_algorithm_2_add_up_to_the_law(scale: Fraction) -> None:
    def run(coins: Coins) -> int:
        return laws._laplace(coins, scale.numerator, scale.denominator)

    found = masses(run, Whole, Decimal("3e-4"))
    unlikely = found.pop(None)
    assert unlikely < Decimal("0.25")
    truth = magnitudes(Laplace(scale), 400)
    assert {-1, 0, 1} <= found.keys()
    for value, mass in found.items():
        expected = truth[abs(value or 0)] / (2 if value else 1)
        assert mass <= expected + SMALL
        assert expected <= mass + unlikely


@pytest.mark.parametrize("sigma2", [Fraction(1, 3), Fraction(1), Fraction(9, 4), Fraction(100)])
def test_algorithm_3_turns_laplace_into_gaussian_exactly(
    sigma2: Fraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    exponents = set()
    for value in range(-30, 31):
        asked: list[Fraction] = []

        def accept(coins: Coins, gamma: Fraction, into: list[Fraction] = asked) -> bool:
            into.append(gamma)
            return True

        def proposed(coins: Coins, scale: int, by: int, value: int = value) -> int:
            assert scale == isqrt(int(sigma2)) + 1
            assert by == 1
            return value

        monkeypatch.setattr(laws, "_laplace", proposed)
        monkeypatch.setattr(Coins, "bernoulli_exp", accept)
        assert Gaussian(sigma2).sample(bytes) == value
        # Proposed with exp(-|x| / t), kept with exp(-gamma): together exp(-x^2 / 2 sigma^2) but
        # for one factor that is the same for every x.
        scale = isqrt(int(sigma2)) + 1
        exponents.add(Fraction(abs(value), scale) + asked[0] - value**2 / (2 * sigma2))
    assert len(exponents) == 1


@pytest.mark.parametrize("law", [Gaussian(9), Laplace(Fraction(5, 2))], ids=str)
def test_draws_fit_the_law(law: Gaussian | Laplace) -> None:
    rng = seeded_rng(4)
    drawn = [law.sample(rng) for _ in range(4000)]
    assert chi_square_is_plausible(counted(drawn), law)
    assert abs(sum(each > 0 for each in drawn) - sum(each < 0 for each in drawn)) < 350


@pytest.mark.parametrize(
    "law",
    [
        Gaussian(Fraction(OPENDP["gaussian"]["sigma2"])),
        Laplace(Fraction(OPENDP["laplace"]["scale"])),
    ],
    ids=str,
)
def test_another_implementation_means_the_same_law(law: Gaussian | Laplace) -> None:
    seen = OPENDP["gaussian" if isinstance(law, Gaussian) else "laplace"]["magnitudes"]
    assert sum(seen) == OPENDP["count"]
    assert chi_square_is_plausible(seen, law)


def test_the_plausibility_check_finds_another_law() -> None:
    assert not chi_square_is_plausible(OPENDP["gaussian"]["magnitudes"], Gaussian(10))


@given(st.fractions("0.01", 10**6), st.integers(0, 2**64))
def test_any_law_gives_a_whole_number(parameter: Fraction, seed: int) -> None:
    for law in (Gaussian(parameter), Laplace(parameter)):
        found = law.sample(seeded_rng(seed))
        assert type(found) is int
        assert abs(found) < 1000 * (parameter + 1)


def test_what_noise_costs() -> None:
    count = Sensitivity.of_cells(1, 3)
    assert Gaussian(9).rho(count) == Fraction(1, 2)
    assert Laplace(6).epsilon(count) == Fraction(1, 2)
    assert Laplace(6).rho(count) == Fraction(1, 8)


@pytest.mark.parametrize("make", [Gaussian, Laplace])
@pytest.mark.parametrize("value", [1.0, True, "1", None, 1j, [], float("nan")])
def test_a_parameter_that_is_not_exact_is_refused(
    make: Callable[[object], object], value: object
) -> None:
    with pytest.raises(InputInvalidError, match="is of type") as caught:
        make(value)
    assert caught.value.clause == "dp.exact"


@pytest.mark.parametrize("make", [Gaussian, Laplace])
@pytest.mark.parametrize("value", [0, -1, Fraction(-1, 2), 1 << 256, Fraction(1, 1 << 256)])
def test_a_parameter_out_of_range_is_refused(
    make: Callable[[object], object], value: object
) -> None:
    with pytest.raises(InputInvalidError) as caught:
        make(value)
    assert caught.value.clause == "dp.range"


@pytest.mark.parametrize("byte", [b"\x00", b"\xff"])
def test_a_source_that_is_stuck_is_an_error_and_no_endless_loop(byte: bytes) -> None:
    with pytest.raises(InputInvalidError, match="repeats itself"):
        Gaussian(Fraction(7, 3)).sample(lambda count: byte * count)


def test_a_source_that_gives_too_little_is_an_error() -> None:
    with pytest.raises(InputInvalidError, match="gave 0 bytes for 1") as caught:
        Laplace(3).sample(lambda count: b"")
    assert caught.value.clause == "dp.randomness"
