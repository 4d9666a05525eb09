"""Which of the tests that kill nodes are run: a seeded third, the same for a seed, never none."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text()
TESTS = """
import pytest

@pytest.mark.sampled
@pytest.mark.parametrize("point", range(9))
def test_kill(point):
    pass

@pytest.mark.sampled
@pytest.mark.parametrize("point", range(2))
def test_few(point):
    pass

def test_plain():
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("UNSEEN_TEST_ALL", raising=False)
    monkeypatch.delenv("UNSEEN_TEST_SEED", raising=False)
    pytester.makeini("[pytest]\nmarkers =\n    sampled: a third")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=TESTS)
    return pytester


def names(found: pytest.RunResult) -> list[str]:
    return [line for line in found.outlines if line.startswith("test_it.py::")]


def chosen(run: pytest.Pytester, *words: str) -> list[str]:
    return names(
        run.runpytest_inprocess(
            "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *words
        )
    )


def test_a_third_is_drawn_and_the_seed_says_which(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = chosen(run)
    assert len(drawn) == 3 + 1 + 1
    assert chosen(run) == drawn
    others = set()
    for seed in range(8):
        monkeypatch.setenv("UNSEEN_TEST_SEED", str(seed))
        others.add(tuple(chosen(run)))
    assert len(others) > 1


def test_all_are_run_when_asked_for_or_named(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(chosen(run, "test_it.py::test_kill")) == 9
    monkeypatch.setenv("UNSEEN_TEST_ALL", "1")
    assert len(chosen(run)) == 12
