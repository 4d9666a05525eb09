"""The whole node on one core, and the receipts it issues. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import node, receipt
from unseen.bench.registry import Case, Group

ONLINE = [
    "node/batches",
    "node/batches/voprf",
    "node/singles",
    "node/singles/alone",
    "node/singles/echo",
]
RECEIPTS = ["receipt/issue", "receipt/issue/sign", "receipt/verify", "receipt/verify/signatures"]


@pytest.fixture(scope="module")
def online() -> Iterator[dict[str, Case]]:
    with node.groups(node.DEFAULTS) as groups:
        yield _set_up(groups)


@pytest.fixture(scope="module")
def receipts() -> Iterator[dict[str, Case]]:
    with receipt.groups(receipt.DEFAULTS) as groups:
        yield _set_up(groups)


@pytest.mark.parametrize("name", ONLINE)
def bench_node(measure: Callable[[Case], None], online: dict[str, Case], name: str) -> None:
    measure(online[name])


@pytest.mark.parametrize("name", RECEIPTS)
def bench_receipt(measure: Callable[[Case], None], receipts: dict[str, Case], name: str) -> None:
    measure(receipts[name])


def _set_up(groups: Iterator[Group]) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for case in next(groups):
        case.work()
    for group in groups:
        cases |= {case.name: case for case in group}
    return cases
