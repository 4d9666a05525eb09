"""Whole joint rounds over real nodes by coordinates. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator, Sequence

import pytest

from unseen.bench import joint, nodes
from unseen.bench.registry import Case

PARTIES = 3
SIZES = [10_000, 100_000, 1_000_000]

Agreed = tuple[Sequence[nodes.Served], Sequence[str]]


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agreed]:
    with nodes.serving(tmp_path_factory.mktemp("joint"), PARTIES) as served:
        yield served, nodes.agree(served, joint.DEFAULTS["ring"])


@pytest.mark.parametrize("name", ["joint/round", "joint/round/bare"])
@pytest.mark.parametrize("dim", SIZES)
def bench_joint(measure: Callable[[Case], None], agreed: Agreed, dim: int, name: str) -> None:
    with joint.rounds(*agreed, {**joint.DEFAULTS, "dim": dim}) as group:
        measure(next(case for case in group if case.name == name))
