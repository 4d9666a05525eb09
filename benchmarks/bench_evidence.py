"""What a charge costs the node, and an audit its auditor. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import evidence
from unseen.bench.auditing import auditing
from unseen.bench.registry import Case

CHARGING = ["evidence/charge", "evidence/charge/raw", "evidence/decide"]
AUDITING = [
    "evidence/log",
    "evidence/log/hash",
    "evidence/log/signed",
    "evidence/log/signature",
]


@pytest.fixture(scope="module")
def charging() -> Iterator[dict[str, Case]]:
    with evidence.groups(evidence.DEFAULTS) as groups:
        yield {case.name: case for case in next(groups)}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("audit")
    return {case.name: case for group in auditing(folder, evidence.DEFAULTS) for case in group}


@pytest.mark.parametrize("name", AUDITING)
def bench_auditing(measure: Callable[[Case], None], audited: dict[str, Case], name: str) -> None:
    measure(audited[name])


@pytest.mark.parametrize("name", CHARGING)
def bench_charging(measure: Callable[[Case], None], charging: dict[str, Case], name: str) -> None:
    measure(charging[name])
