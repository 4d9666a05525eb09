"""Questions over flights by each side. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import statistics
from unseen.bench.registry import Case, Group


@pytest.fixture(scope="module")
def groups() -> Iterator[dict[str, Group]]:
    with statistics.groups({**statistics.DEFAULTS, "times": 3}) as found:
        yield dict(zip(statistics.QUESTIONS, found, strict=True))


@pytest.mark.parametrize("case", [0, 1, 2], ids=["ours", "by-hand", "ungoverned"])
@pytest.mark.parametrize("question", statistics.QUESTIONS)
def bench_statistics(
    measure: Callable[[Case], None], groups: dict[str, Group], question: str, case: int
) -> None:
    measure(groups[question][case])
