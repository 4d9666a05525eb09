"""Which tests are run: a seeded third of those that are alike, and no long ones unless asked."""

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

@pytest.mark.long
def test_long():
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("UNSEEN_TEST_ALL", raising=False)
    monkeypatch.delenv("UNSEEN_TEST_SEED", raising=False)
    pytester.makeini("[pytest]\ntestpaths = tests\nmarkers =\n    sampled: a third\n    long: slow")
    tests = pytester.mkdir("tests")
    (tests / "conftest.py").write_text(CONFTEST)
    (tests / "test_it.py").write_text(TESTS)
    return pytester


def names(found: pytest.RunResult) -> list[str]:
    return [line for line in found.outlines if line.startswith("tests/test_it.py::")]


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
    assert len(chosen(run, "tests/test_it.py::test_kill")) == 9
    monkeypatch.setenv("UNSEEN_TEST_ALL", "1")
    assert len(chosen(run)) == 13


def test_long_ones_are_run_when_asked_for_or_named(run: pytest.Pytester) -> None:
    long = "tests/test_it.py::test_long"
    assert long not in chosen(run)
    assert long not in chosen(run, "tests")
    assert chosen(run, "-m", "long") == [long]
    assert long in chosen(run, "tests/test_it.py")
    assert chosen(run, long) == [long]
