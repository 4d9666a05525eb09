"""Processes that a cluster's machine keeps for the next question: which, how many, how long."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unseen.node.cluster import kept as keeping
from unseen.node.cluster.kept import Kept

Process = subprocess.Popen[bytes]


@pytest.fixture
def started() -> Iterator[Callable[[], Process]]:
    found: list[Process] = []

    def start() -> Process:
        found.append(
            subprocess.Popen(
                [sys.executable, "-c", "import sys; sys.stdin.read()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        return found[-1]

    yield start
    for each in found:
        each.kill()
        with each:
            pass


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.matrix", tmp_path / "b.matrix"]
    for path in paths:
        path.touch()
    return [str(path) for path in paths]


def test_a_process_serves_one_file_and_one_question_at_a_time(
    started: Callable[[], Process], files: list[str]
) -> None:
    kept, process = Kept(), started()
    assert kept.take(files[0]) is None
    kept.keep(files[0], process)
    assert kept.take("") is None  # a long task never has it
    assert kept.take(files[0]) is process
    assert kept.take(files[0]) is None
    kept.keep(files[0], process)
    assert kept.take(files[1]) is None  # it makes room for the one that is started now
    assert process.poll() is not None
    assert kept.take(files[0]) is None


def test_no_more_are_kept_than_tasks_have_used(
    started: Callable[[], Process], files: list[str]
) -> None:
    kept, alive = Kept(), set[Process]()
    for turn in range(6):
        two = [kept.take(files[turn % 2]) or started() for _ in range(2)]  # two at once
        alive |= {*two}
        assert sum(each.poll() is None for each in alive) <= 2
        for each in two:
            kept.keep(files[turn % 2], each)


def test_one_that_has_ended_is_not_given(started: Callable[[], Process], files: list[str]) -> None:
    kept, process = Kept(), started()
    kept.keep(files[0], process)
    process.kill()
    process.wait()
    assert kept.take(files[0]) is None


@pytest.mark.parametrize("why", ["gone", "idle", "dead"])
def test_what_is_over_is_swept(
    started: Callable[[], Process], files: list[str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_LOOK_SECONDS", 0.05)
    kept = Kept(idle_seconds=0.2 if why == "idle" else 60.0)
    ends, stays = started(), started()
    kept.keep(files[0], ends)
    if why == "gone":
        Path(files[0]).unlink()
    if why == "dead":
        ends.kill()
    if why != "idle":
        kept.keep(files[1], stays)
    ends.wait(10)
    give_up = time.monotonic() + 10
    while kept._idle and kept._idle[0].process is ends and time.monotonic() < give_up:
        time.sleep(0.01)
    assert [each.process for each in kept._idle] == ([] if why == "idle" else [stays])
    assert stays.poll() is None


def test_threads_never_share_a_process(started: Callable[[], Process], files: list[str]) -> None:
    kept, busy, twice = Kept(), set[int](), list[int]()

    def ask() -> None:
        for _ in range(20):
            process = kept.take(files[0]) or started()
            if process.pid in busy:
                twice.append(process.pid)
            busy.add(process.pid)
            time.sleep(0.001)
            busy.discard(process.pid)
            kept.keep(files[0], process)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not twice
    assert len(kept._idle) <= 3
