"""The page on homomorphic jobs: its program runs, and its table is what a plan would choose."""

import re
from pathlib import Path

import numpy as np
import pytest

from unseen.protocols.he import checks, parameters, security
from unseen.protocols.he.parameters import Demand, choose

PAGE = (Path(__file__).parents[2] / "docs/he.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([\d,]+) \| (\d+) \| 2\^-(\d+) \| ([\d,]+) \| .*\|$", PAGE, re.MULTILINE)


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize(("columns", "bits", "precision", "responses"), ROWS)
def test_the_table_is_what_a_plan_would_choose(
    columns: str, bits: str, precision: str, responses: str
) -> None:
    count, weight_bits = number(columns), int(bits)
    found = choose(
        Demand(
            columns=count,
            grid=12,
            weight_bits=weight_bits,
            sum_bits=weight_bits + (count - 1).bit_length(),
            reach_bits=weight_bits + 12 + (count - 1).bit_length(),
            precision_bits=int(precision),
            responses=number(responses),
        )
    )
    primes = ", ".join(str(prime.bit_length()) for prime in found.data_primes)
    up = count * checks.sent_bytes(found) / found.degree
    expected = (
        f"| {columns} | {bits} | 2^-{precision} | {responses} | {found.degree:,} "
        f"| {primes}; {found.primes[-1].bit_length()} | {found.scale_bits} | {found.flood_bits} "
        f"| {found.taught_bits} | {found.security.matzov:.0f}, {found.security.core:.0f} "
        f"| {up:,.0f} B, {checks.back_bytes(found) / found.degree:.0f} B |"
    )
    assert expected in PAGE.splitlines()


def test_there_is_a_table() -> None:
    assert len(ROWS) == 6


def test_the_program_of_the_page_runs() -> None:
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert program is not None
    scope: dict[str, object] = {}
    exec(program[1], scope)  # noqa: S102 - the page's own program
    wanted = [0.03 * 30 - 0.2 * 12.5 - 1, 0.03 * 71 - 0.2 * 3 - 1]
    assert np.abs(np.array(scope["scores"]) - wanted).max() <= 1e-4


def test_limits_that_the_page_states_are_those_of_the_code() -> None:
    assert tuple(security.CEILINGS.values()) == (27, 54, 109, 218, 438, 881)
    for degree, most in ((4096, 88), (8192, 176), (16384, 353), (32768, 707)):
        assert security.is_allowed(degree, (1 << most) - 1)
        assert not security.is_allowed(degree, (1 << (most + 1)) - 1)
    assert (parameters.ERROR, parameters.HIDING_BITS) == (21, 40)
    for degree, bits, said in ((4096, 109, 125), (8192, 218, 95)):
        found = security.estimate(degree, (1 << bits) - 1)
        assert said in {round(found.matzov), round(found.core)}


def test_the_words_of_a_plan_are_on_the_page() -> None:
    for word in ("semi-honest", "d + 1", "Packing", "circuit privacy", "deviates"):
        assert word in PAGE
