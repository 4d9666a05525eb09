"""Gathered questions: everybody gets their own answer, nobody waits alone, nobody is lost."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from unseen.client.errors import Cause, RefusedError
from unseen.client.queries.gather import IN_FLIGHT, Gatherer


class Asked:
    """Answers n with 10 n, slowly, and remembers the batches."""

    def __init__(self, pause: float = 0.01) -> None:
        self.batches: list[list[int]] = []
        self.pause = pause
        self.flying = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, questions: Sequence[int]) -> list[int]:
        with self.lock:
            self.batches.append(list(questions))
            self.flying += 1
            self.most = max(self.most, self.flying)
        time.sleep(self.pause)
        with self.lock:
            self.flying -= 1
        return [10 * question for question in questions]


def test_one_alone_is_asked_at_once() -> None:
    asked = Asked()
    gatherer: Gatherer[int, int] = Gatherer(asked, 100)
    assert [gatherer.ask(n) for n in range(3)] == [0, 10, 20]
    assert asked.batches == [[0], [1], [2]]


@pytest.mark.parametrize("largest", [1, 3, 100])
def test_many_threads_share_requests_within_the_limits(largest: int) -> None:
    asked = Asked()
    gatherer: Gatherer[int, int] = Gatherer(asked, largest)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(gatherer.ask, range(200)))
    assert answers == [10 * n for n in range(200)]
    assert sorted(n for batch in asked.batches for n in batch) == list(range(200))
    assert max(map(len, asked.batches)) <= largest
    assert asked.most <= IN_FLIGHT
    if largest == 100:
        assert len(asked.batches) < 100
    assert gatherer._flying == 0


def test_a_failure_reaches_every_caller_and_ends_there() -> None:
    def fail(questions: Sequence[int]) -> list[int]:
        time.sleep(0.01)
        if 13 in questions:
            raise ValueError
        return list(questions)

    gatherer: Gatherer[int, int] = Gatherer(fail, 4)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(gatherer.ask, n) for n in range(40)]
    failed = [n for n, future in enumerate(futures) if future.exception() is not None]
    assert 13 in failed
    assert len(failed) <= 4
    assert gatherer.ask(1) == 1


def test_a_limit_refuses_only_those_beyond_it() -> None:
    left = [5]
    lock = threading.Lock()

    def ask(questions: Sequence[int]) -> list[int]:
        time.sleep(0.01)
        with lock:
            if len(questions) > left[0]:
                raise RefusedError(Cause("QUOTA_EXHAUSTED", "none left"))
            left[0] -= len(questions)
        return list(questions)

    gatherer: Gatherer[int, int] = Gatherer(ask, 100)
    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(gatherer.ask, n) for n in range(12)]
    errors = [future.exception() for future in futures]
    assert sum(error is None for error in errors) == 5
    assert all(isinstance(error, RefusedError) for error in errors if error is not None)


def test_an_interrupted_leader_releases_the_others() -> None:
    started = threading.Event()

    def ask(questions: Sequence[int]) -> list[int]:
        started.set()
        time.sleep(0.05)
        if 0 in questions:
            raise KeyboardInterrupt
        return list(questions)

    gatherer: Gatherer[int, int] = Gatherer(ask, 100)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(gatherer.ask, 0)
        assert started.wait(60)
        others = [pool.submit(gatherer.ask, n) for n in range(1, 6)]
        assert isinstance(first.exception(60), KeyboardInterrupt)
        assert [future.result(60) for future in others] == [1, 2, 3, 4, 5]
    assert gatherer._flying == 0
