"""RFC 9497 by batch size, each function beside raw libsodium. Run: ./unseen dev bench"""

from collections.abc import Callable

import pytest

from unseen.bench import oprf
from unseen.bench.registry import Case, Group, Parameters

SIZES = [64, 1024]


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("side", ["own", "limit"])
@pytest.mark.parametrize("group", [oprf.bulk, oprf.evaluate, oprf.blind, oprf.finish])
def bench_oprf(
    measure: Callable[[Case], None],
    group: Callable[[Parameters], Group],
    side: str,
    count: int,
) -> None:
    own, limit = group({**oprf.DEFAULTS, "records": count, "batch": count})
    measure(own if side == "own" else limit)
