"""A node for the whole run, and copies of it for tests that break theirs.

`UNSEEN_TEST_GENTLE` ends nodes gently, so that they can write down what they ran
(`./unseen dev coverage`). Two tests draw a sample that is small by default: `UNSEEN_TEST_KILLS`
sets how often a node is killed at random (10; a nightly run takes 2000), `UNSEEN_TEST_FUZZ` how
many broken messages a node is sent (150). Of the points at which a node is killed on purpose a
third is drawn (`tests/conftest.py`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.promises.stage import Stage, make_stage, serving

from unseen.client import jobs
from unseen.client.queries import asking, parcels


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Return a stopped stage that nobody starts again: copy it."""
    return make_stage(tmp_path_factory.mktemp("promises") / "template")


@pytest.fixture(scope="session")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage. Tests share it: they take contracts of their own."""
    with serving(template.copy(tmp_path_factory.mktemp("shared") / "stage")) as found:
        yield found


@pytest.fixture
def copy(template: Stage, tmp_path: Path) -> Iterator[Callable[[], Stage]]:
    """Return a maker of stopped stages of the test's own; they are ended with the test."""
    made: list[Stage] = []

    def make() -> Stage:
        made.append(template.copy(tmp_path / f"stage-{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clients wait for no node that is gone: the test itself starts it when they gave up."""
    monkeypatch.setattr(jobs, "_LAST_PAUSE", 0.0)
    for module in (asking, parcels):
        monkeypatch.setattr(module, "_FIRST_PAUSE", 0.0)
