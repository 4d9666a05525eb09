"""Masking and unmasking by parties and coordinates, beside AES-CTR. Run: ./unseen dev bench

A peer that is installed (`./unseen dev peers`) is measured by `./unseen bench run secagg`.
"""

from collections.abc import Callable

import numpy as np
import pytest

from unseen.bench import secagg
from unseen.bench.registry import Case

GROWTH = [(3, 100_000), (10, 100_000), (10, 1_000_000), (30, 100_000), (3, 10_000_000)]
STEPS = ["mask", "unmask", "unmask_dropped"]


@pytest.mark.parametrize(("parties", "dim"), GROWTH)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", range(5))
def bench_secagg(
    measure: Callable[[Case], None], step: str, number: int, parties: int, dim: int
) -> None:
    world = secagg.World({**secagg.DEFAULTS, "parties": parties, "dim": dim}, np)
    cases = getattr(world, step)()
    if number >= len(cases):
        pytest.skip("no such case of this step")
    measure(cases[number])


def bench_secagg_warm_up(measure: Callable[[Case], None]) -> None:
    (case,) = secagg.warm_up()
    measure(case)
