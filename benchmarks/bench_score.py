"""Encrypted scoring by features, ours and TenSEAL's ways. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import score
from unseen.bench.registry import Case

OURS = ["client", "server", "server/memory", "server/hash", "open"]
OTHERS = ["client/batched", "server/sealapi", "server/batched", "server/tutorial"]


@pytest.fixture(scope="module", params=[10, 30])
def cases(request: pytest.FixtureRequest) -> Iterator[dict[str, Case]]:
    with score.groups(score.BENCH.parameters([f"features={request.param}"])) as groups:
        yield {case.name.removeprefix("score/"): case for group in groups for case in group}


@pytest.mark.parametrize("name", [*OURS, *OTHERS])
def bench_score(measure: Callable[[Case], None], cases: dict[str, Case], name: str) -> None:
    if name == "open":
        cases["server"].work()
    measure(cases[name])
