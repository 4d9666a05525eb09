"""What a charge with its evidence costs the node. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import evidence
from unseen.bench.registry import Case

CHARGING = ["evidence/charge", "evidence/charge/raw", "evidence/decide"]


@pytest.fixture(scope="module")
def charging() -> Iterator[dict[str, Case]]:
    with evidence.groups(evidence.DEFAULTS) as groups:
        yield {case.name: case for case in next(groups)}


@pytest.mark.parametrize("name", CHARGING)
def bench_charging(measure: Callable[[Case], None], charging: dict[str, Case], name: str) -> None:
    measure(charging[name])
