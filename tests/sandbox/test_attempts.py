"""Attempts to get out, on each tier, each with a control that works where its layers are away.

All of them are made in a sandbox that is thrown away (`outer.py`), which refuses to work anywhere
else. A run of the default tests makes a sample, drawn from `UNSEEN_TEST_SEED`; `-m long` makes all.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandbox.attempts import ATTEMPTS, LAYERS, Attempt
from tests.sandbox.boxes import needs_bubblewrap
from tests.sandbox.throwaway import Throwaway, machine

HERE = Path(__file__).parent
SAMPLE = 10
MOST_VOID = 12  # of the optional ones: what a kernel does not have cannot be attempted

pytestmark = needs_bubblewrap


@pytest.fixture(scope="module")
def outer() -> Iterator[Throwaway]:
    sandbox = Throwaway()
    yield sandbox
    sandbox.close()


def failed(outer: Throwaway, attempt: Attempt) -> list[str]:
    """Return what is wrong about an attempt, and `void` where its control cannot work here."""
    found = outer.made(attempt.name)
    wrong = [f"{tier} did not start" for tier in ("S2", "S1") if started(found[tier])]
    if found["S2"]["won"]:
        wrong.append("S2 let it through")
    if found["S1"]["won"] is not attempt.seen:
        wrong.append(f"S1: {found['S1']}")
    if found["left"]:
        wrong.append(f"left behind: {found['left']}")
    if not found["control"]["won"]:
        wrong.append("void" if attempt.optional else f"control: {found['control']}")
    return wrong


def started(found: dict[str, str]) -> bool:
    return found["status"] == "not-started"


def sample() -> list[Attempt]:
    drawn = random.Random(os.environ.get("UNSEEN_TEST_SEED", "1"))
    return drawn.sample(ATTEMPTS, SAMPLE)


@pytest.mark.parametrize("attempt", sample(), ids=lambda attempt: attempt.name)
def test_an_attempt_fails_and_its_control_does_not(outer: Throwaway, attempt: Attempt) -> None:
    wrong = failed(outer, attempt)
    if wrong == ["void"]:
        pytest.skip("this kernel has nothing that could be attempted")
    assert wrong == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_attempt_fails_and_its_control_does_not(outer: Throwaway) -> None:
    wrong = {attempt.name: failed(outer, attempt) for attempt in ATTEMPTS}
    void = [name for name, found in wrong.items() if found == ["void"]]
    assert {name: found for name, found in wrong.items() if found and name not in void} == {}
    assert len(void) <= MOST_VOID


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_million_random_calls_change_nothing_of_the_host(outer: Throwaway) -> None:
    made, jobs = 0, 0
    while made < 1_000_000 and jobs < 400:
        jobs += 1
        found = outer.made(f"#{jobs}")
        assert found["same"], f"seed {jobs}"
        assert found["left"] == [], f"seed {jobs}"
        assert found["status"] != "not-started"
        made += found["made"]
    assert made >= 1_000_000, (made, jobs)


def test_random_calls_change_nothing_of_the_host(outer: Throwaway) -> None:
    found = outer.made(f"#{os.environ.get('UNSEEN_TEST_SEED', '1')}000")
    assert found["same"]
    assert found["left"] == []


def test_there_are_enough_and_each_layer_stands_alone_before_some() -> None:
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 120
    alone = {attempt.letters for attempt in ATTEMPTS if not attempt.optional}
    assert alone >= LAYERS.keys() - {"v"}  # variables: namespaces leave none either


@pytest.mark.parametrize("told", [[], [machine()], ["{}"]])
def test_attempts_are_refused_on_the_machine_itself(told: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "outer.py"), *told],
        capture_output=True,
        text=True,
        input=f"{ATTEMPTS[0].name}\n",
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("refused: not in a sandbox that is thrown away")
    assert done.stdout == ""
