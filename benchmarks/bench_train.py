"""Joint logistic regression on real data. Run: ./unseen dev bench"""

from collections.abc import Callable

import pytest

from unseen.bench import train, training
from unseen.bench.registry import Case


@pytest.mark.parametrize("table", [training.rand, training.german])
@pytest.mark.parametrize("case", [0, 1, 2], ids=["pooled", "epsilon-4", "masked"])
def bench_train(
    measure: Callable[[Case], None], case: int, table: Callable[[], training.Table]
) -> None:
    group = train.group(table(), (4,), {**train.DEFAULTS, "splits": 2})
    group[0].work()  # what the second is set beside
    measure(group[case])
