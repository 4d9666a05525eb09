"""Exact noise by length of the vector and by width. Run: ./unseen dev bench"""

from collections.abc import Callable

import pytest

from unseen.bench import dp
from unseen.bench.registry import Case

SIZES = [10_000, 1_000_000]
TWINS = ["gaussian/compiled", "gaussian/portable"]


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("sigma", [4, 400])
@pytest.mark.parametrize("name", ["gaussian", *TWINS, "laplace", "bytes"])
def bench_dp_vector(measure: Callable[[Case], None], name: str, sigma: int, count: int) -> None:
    cases = dp.vector({**dp.DEFAULTS, "dim": count, "sigma": sigma})
    found = [case for case in cases if case.name == f"dp/{name}"]
    if not found:
        pytest.skip("not on this machine")
    measure(*found)


@pytest.mark.parametrize("group", [dp.table, dp.single, dp.account])
def bench_dp(measure: Callable[[Case], None], group: Callable[..., list[Case]]) -> None:
    (case,) = group(dp.DEFAULTS)
    measure(case)
