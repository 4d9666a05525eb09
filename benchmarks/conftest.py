"""Cases of `unseen.bench` under pytest-benchmark. Run: ./unseen dev bench"""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from unseen.bench.registry import Case

ROUNDS = 5
Measure = Callable[[Case], None]


@pytest.fixture
def measure(benchmark: BenchmarkFixture) -> Measure:
    """Measure a case, with what is no time beside it; what runs once is run once."""

    def run(case: Case) -> None:
        benchmark.group = case.limit or case.name
        rounds = 1 if case.once else ROUNDS
        warm = 0 if case.once else 1
        measured: Any = benchmark  # its `pedantic` has no types
        measured.pedantic(case.work, setup=case.prepare, rounds=rounds, warmup_rounds=warm)
        traffic = case.traffic()
        benchmark.extra_info |= {
            "units": case.units,
            "bytes_up": traffic.up,
            "bytes_down": traffic.down,
            "rounds": traffic.rounds,
            "phase": case.phase,
            "threads": case.threads,
            "threat_model": case.threat_model,
            "security_bits": case.security_bits,
            "target": case.target,
        }

    return run
