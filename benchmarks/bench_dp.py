"""Exact noise by length of the vector and by width. Run: ./unseen dev bench"""

from collections.abc import Callable

import pytest

from unseen.bench import dp
from unseen.bench.registry import Case

SIZES = [10_000, 1_000_000]


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("sigma", [4, 400])
@pytest.mark.parametrize("case", [0, 1, 2], ids=["gaussian", "laplace", "bytes"])
def bench_dp_vector(measure: Callable[[Case], None], case: int, sigma: int, count: int) -> None:
    measure(dp.vector({**dp.DEFAULTS, "dim": count, "sigma": sigma})[case])


@pytest.mark.parametrize("group", [dp.table, dp.single, dp.account])
def bench_dp(measure: Callable[[Case], None], group: Callable[..., list[Case]]) -> None:
    (case,) = group(dp.DEFAULTS)
    measure(case)
