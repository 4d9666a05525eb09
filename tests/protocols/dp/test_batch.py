"""Inversion and its tables: cuts beside decimals, a second program for draws, doubts settled."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocols.dp.pmf import chi_square_is_plausible, counted, magnitudes

from unseen.protocols.dp import Gaussian, Laplace, Mechanism, Sensitivity, draw
from unseen.protocols.dp.batch import OPEN, guide
from unseen.protocols.dp.inversion import MAX_ENTRIES, cuts, resume
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.party import Rng
from unseen.protocols.testing import seeded_rng

LAWS: list[Gaussian | Laplace] = [
    Gaussian(Fraction(1, 5)),
    Gaussian(1),
    Gaussian(Fraction(163, 7)),
    Gaussian(90_000),
    Laplace(Fraction(1, 10)),
    Laplace(Fraction(17, 3)),
    Laplace(40),
]


def truth(law: Gaussian | Laplace, entries: int) -> list[Decimal]:
    return list(accumulate(magnitudes(law, entries)))


def far(law: Gaussian | Laplace) -> int:
    return law.reach(180) + 10


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("bits", [8, 64, 128])
def test_cuts_lie_where_they_are_said_to(law: Gaussian | Laplace, bits: int) -> None:
    found, true = cuts(law, bits), truth(law, far(law))
    assert 1 <= found.slack <= 2
    assert list(found.lows) == sorted(found.lows)
    for low, cut in zip(found.lows, true, strict=False):
        assert low <= cut * 2**bits <= low + found.slack


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_block_that_is_decided_is_decided_rightly(law: Gaussian | Laplace) -> None:
    found, true = cuts(law, 12), [Decimal(0), *truth(law, far(law))]
    for block in range(1 << 12):
        k = found.find(block)
        if k is not None:
            assert true[k] * 2**12 <= block
            assert block + 1 <= true[k + 1] * 2**12


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_every_cell_of_a_guide_stands_for_what_all_its_blocks_do(law: Gaussian | Laplace) -> None:
    found = guide(law)
    assert len(found.signed) == 2 << found.cell_bits
    width = 1 << (64 - found.cell_bits)
    for cell in range(0, 1 << found.cell_bits, 7):
        plus, minus = found.signed[2 * cell : 2 * cell + 2]
        first, last = found.cuts.find(cell * width), found.cuts.find((cell + 1) * width - 1)
        if plus == OPEN:
            assert minus == OPEN
            assert first is None or last is None or first != last
        else:
            assert plus == -minus == first == last


def scripted(*parts: bytes) -> Rng:
    waiting = iter(parts)

    def rng(count: int) -> bytes:
        part = next(waiting)
        assert len(part) == count
        return part

    return rng


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_doubt_is_settled_on_the_right_side(law: Gaussian | Laplace) -> None:
    for k in (0, 1, 2):
        block = cuts(law).lows[k]
        assert cuts(law).find(block) is None
        cut = cuts(law, 128).lows[k]
        assert cut >> 64 == block
        tail = cut & (1 << 64) - 1
        assert resume(law, block, scripted((tail - 1).to_bytes(8))) == k
        assert resume(law, block, scripted((tail + 2).to_bytes(8))) == k + 1
        # Still in doubt at 128 bits, and settled at 256.
        lowest, highest = scripted(tail.to_bytes(8), bytes(16)), b"\xff" * 16
        assert resume(law, block, lowest) == k
        assert resume(law, block, scripted((tail + 1).to_bytes(8), highest)) == k + 1


def test_the_tail_beyond_a_table_is_reached() -> None:
    law = Gaussian(1)
    last = (1 << 64) - 1
    assert cuts(law).find(last) is None
    assert resume(law, last, scripted(b"\xff" * 7 + b"\x00")) > len(cuts(law).lows) - 3
    with pytest.raises(InputInvalidError, match="repeats itself"):
        resume(law, last, lambda count: b"\xff" * count)


def slowly(law: Gaussian | Laplace, count: int, rng: Rng) -> Iterator[int]:
    """Draw by the text of batch.py: word, cell and sign, 64 bits more, decimals of 60 digits."""
    true = [Decimal(0), *truth(law, far(law))]
    cell_bits, size = (15, 2) if law.reach(66) <= 1 << 10 else (19, 4)
    words = rng(size * count)
    cells = []
    for place in range(count):
        word = int.from_bytes(words[size * place : size * (place + 1)], "little")
        cells.append(word >> (8 * size - cell_bits - 1))
    found: list[int | None] = []
    for cell in cells:
        low = Decimal(cell >> 1) / 2**cell_bits
        high = low + Decimal(1) / 2**cell_bits
        k = next(k for k, cut in enumerate(true) if cut > low) - 1
        found.append(k if high <= true[k + 1] else None)
    fresh = rng(8 * found.count(None)) if None in found else b""
    for cell, decided in zip(cells, found, strict=True):
        size_of = decided
        if size_of is None:
            tail, fresh = int.from_bytes(fresh[:8]), fresh[8:]
            u = (Decimal(cell >> 1) + Decimal(tail) / 2**64) / 2**cell_bits
            size_of = next(place for place, cut in enumerate(true) if cut > u) - 1
        yield -size_of if cell & 1 else size_of


@pytest.mark.parametrize("law", [LAWS[0], LAWS[2], LAWS[5], Gaussian(20_000)], ids=str)
def test_a_second_program_draws_the_same(law: Gaussian | Laplace) -> None:
    assert draw(law, 3000, seeded_rng(11)) == list(slowly(law, 3000, seeded_rng(11)))


@pytest.mark.parametrize("law", [Gaussian(9), Laplace(Fraction(5, 2)), Gaussian(2500)], ids=str)
def test_draws_fit_the_law(law: Gaussian | Laplace) -> None:
    drawn = draw(law, 300_000, seeded_rng(5))
    assert chi_square_is_plausible(counted(drawn), law)
    assert abs(sum(each > 0 for each in drawn) - sum(each < 0 for each in drawn)) < 2700


@settings(max_examples=20)
@given(st.fractions("0.05", 3000), st.integers(0, 2**64))
def test_any_law_is_drawn_in_bulk(parameter: Fraction, seed: int) -> None:
    for law in (Gaussian(parameter), Laplace(parameter / 8)):
        drawn = draw(law, 50, seeded_rng(seed))
        assert len(drawn) == 50
        assert OPEN not in drawn
        assert max(map(abs, drawn)) <= law.reach(70)


def test_no_draws_are_no_draws() -> None:
    assert draw(Gaussian(1), 0, seeded_rng(1)) == []


@pytest.mark.parametrize("count", [-1, 1.0, True, "1", (1 << 28) + 1])
def test_a_number_of_draws_is_a_whole_number(count: int) -> None:
    with pytest.raises(InputInvalidError, match="the number of draws"):
        draw(Gaussian(1), count, seeded_rng(1))


def test_a_law_that_is_too_wide_is_refused_with_what_to_do() -> None:
    law = Laplace(MAX_ENTRIES)
    with pytest.raises(InputInvalidError, match="too wide") as caught:
        draw(law, 1, seeded_rng(1))
    assert caught.value.remedy == "draw with law.sample"
    assert isinstance(law.sample(seeded_rng(1)), int)


def test_a_source_that_gives_too_little_is_an_error() -> None:
    with pytest.raises(InputInvalidError, match="gave 0 bytes for 20"):
        draw(Gaussian(1), 10, lambda count: b"")


@pytest.mark.parametrize("size", [0, 1, 64, 65, 200])
def test_a_release_is_the_answer_with_noise(size: int) -> None:
    mechanism = Mechanism(Gaussian(4), Sensitivity(2, 4))
    assert mechanism.rho == Fraction(1, 2)
    released = mechanism.release(range(size), seeded_rng(3))
    assert len(released) == size
    assert all(abs(found - value) < 20 for value, found in enumerate(released))
    assert released != tuple(range(size)) or size < 5


@pytest.mark.parametrize("bad", [[1.5], [1, True], ["1"], [None], [1 << 300]])
def test_an_answer_that_is_not_whole_is_refused(bad: list[int]) -> None:
    mechanism = Mechanism(Gaussian(4), Sensitivity(1, 1))
    with pytest.raises(InputInvalidError, match="a value"):
        mechanism.release(bad, lambda count: pytest.fail("noise was drawn"))
