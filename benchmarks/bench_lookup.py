"""The encrypted table: its build, and a buyer's part of a query. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import lookup
from unseen.bench.registry import Case

ROWS = 20_000
STAYING = [f"records={ROWS}", "way=lwe_pir", "together=100"]
ASKED = ["lwe_pir/server", "lwe_pir/server/memory", "lwe_pir/client", "lwe_pir/batch"]
BUILD = ["lookup/register", "lookup/fill", "lookup/fill/raw", "lookup/merge"]
QUERY = ["lookup/blind", "lookup/blind/raw", "lookup/open", "lookup/open/raw"]


@pytest.fixture(scope="module")
def steps() -> Iterator[Iterator[dict[str, Case]]]:
    with lookup.groups(lookup.BENCH.parameters([f"records={ROWS}"])) as groups:
        yield ({case.name: case for case in group} for group in groups)


@pytest.fixture(scope="module")
def build(steps: Iterator[dict[str, Case]]) -> dict[str, Case]:
    return next(steps)


@pytest.fixture(scope="module")
def query(build: dict[str, Case], steps: Iterator[dict[str, Case]]) -> dict[str, Case]:
    del build  # the table that it builds is the one asked
    return next(steps)


@pytest.mark.parametrize("name", BUILD)
def bench_build(measure: Callable[[Case], None], build: dict[str, Case], name: str) -> None:
    measure(build[name])


@pytest.mark.parametrize("name", QUERY)
def bench_query(measure: Callable[[Case], None], query: dict[str, Case], name: str) -> None:
    measure(query[name])


@pytest.fixture(scope="module")
def staying() -> Iterator[dict[str, Case]]:
    with lookup.groups(lookup.BENCH.parameters(STAYING)) as groups:
        cases = {}
        for group in groups:
            for case in group:
                cases[case.name.removeprefix("lookup/")] = case
                if case.phase == "set-up":
                    case.work()
        yield cases


@pytest.mark.parametrize("name", ASKED)
def bench_staying(measure: Callable[[Case], None], staying: dict[str, Case], name: str) -> None:
    measure(staying[name])
