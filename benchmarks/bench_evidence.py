"""What a charge costs the node, an audit its auditor, and a stop. Run: ./unseen dev bench"""

from collections.abc import Callable, Iterator

import pytest

from unseen.bench import evidence
from unseen.bench.auditing import auditing
from unseen.bench.registry import Case
from unseen.bench.stopping import stopping

CHARGING = ["evidence/charge", "evidence/charge/raw", "evidence/decide"]
AUDITING = [
    "evidence/log",
    "evidence/log/hash",
    "evidence/log/signed",
    "evidence/log/signature",
]
STOPPING = [
    "evidence/stop/revoke",
    "evidence/stop/suspend",
    "evidence/stop/node",
    "evidence/stop/answer",
]


@pytest.fixture(scope="module")
def charging() -> Iterator[dict[str, Case]]:
    with evidence.groups(evidence.DEFAULTS) as groups:
        yield {case.name: case for case in next(groups)}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("audit")
    return {case.name: case for group in auditing(folder, evidence.DEFAULTS) for case in group}


@pytest.fixture(scope="module")
def stops() -> Iterator[dict[str, Case]]:
    with stopping(evidence.DEFAULTS) as group:
        yield {case.name: case for case in group}


@pytest.mark.parametrize("name", AUDITING)
def bench_auditing(measure: Callable[[Case], None], audited: dict[str, Case], name: str) -> None:
    measure(audited[name])


@pytest.mark.parametrize("name", CHARGING)
def bench_charging(measure: Callable[[Case], None], charging: dict[str, Case], name: str) -> None:
    measure(charging[name])


@pytest.mark.parametrize("name", STOPPING)
def bench_stopping(measure: Callable[[Case], None], stops: dict[str, Case], name: str) -> None:
    measure(stops[name])
