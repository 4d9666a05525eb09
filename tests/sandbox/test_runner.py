"""Jobs in the sandbox: what goes in and comes out, and how each ends."""

import os
import select
import time
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.boxes import needs_bubblewrap, runner

from unseen.protocols.errors import InputInvalidError
from unseen.sandbox.job import Job, Limits, Outcome, Status, Tier

pytestmark = needs_bubblewrap

WRITES = "open('/out/a.txt', 'w').write('x')"


def ran(program: str, *outputs: str, inputs: Path | None = None, **limits: float) -> Outcome:
    limited = Limits(**({"seconds": 20.0} | limits))  # type: ignore[arg-type]
    return runner().run(Job(program=program, outputs=outputs, inputs=inputs, limits=limited))


def test_inputs_go_in_and_outputs_come_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir(mode=0o700)
    (folder / "rows.csv").write_text("1\n2\n39\n")
    (folder / "rows.csv").chmod(0o600)
    done = ran(
        "rows = [int(line) for line in open('/in/rows.csv')]\n"
        "print('read', len(rows))\n"
        "open('/out/sum.json', 'w').write(str(sum(rows)))\n"
        "open('/out/kept.json', 'w').write('not asked for')\n",
        "sum.json",
        inputs=folder,
    )
    assert done.status is Status.DONE
    assert done.tier is Tier.S2
    assert done.outputs == {"sum.json": b"42"}
    assert done.log == b"read 3\n"
    assert sorted(path.name for path in folder.iterdir()) == ["rows.csv"]


def test_a_program_is_a_file_as_well(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(WRITES)
    assert runner().run(Job(program=path, outputs=["a.txt"])).outputs == {"a.txt": b"x"}


def test_inputs_are_read_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("kept")
    done = ran("open('/in/a', 'w')", inputs=tmp_path)
    assert done.status is Status.FAILED
    assert (tmp_path / "a").read_text() == "kept"


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("pass", Status.DONE),
        ("raise SystemExit", Status.DONE),
        ("raise SystemExit(3)", Status.FAILED),
        ("raise SystemExit('no')", Status.FAILED),
        ("1 / 0", Status.FAILED),
        ("def", Status.FAILED),
        ("\x00", Status.FAILED),
        ("raise KeyboardInterrupt", Status.FAILED),
        ("x = bytearray(1 << 40)", Status.OUT_OF_MEMORY),
        ("import os; os.kill(os.getpid(), 9)", Status.KILLED),
        ("import ctypes; ctypes.string_at(0)", Status.KILLED),
        ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", Status.KILLED),
    ],
)
def test_an_end_has_one_word(program: str, status: Status) -> None:
    done = ran(program)
    assert done.status is status, done
    assert done.outputs == {}


def test_a_program_whose_time_is_over_is_ended() -> None:
    began = time.monotonic()
    done = ran("import time\nwhile True: time.sleep(60)", seconds=0.3)
    assert done.status is Status.TIMED_OUT
    assert time.monotonic() - began < 5


def test_time_of_the_processor_is_bounded_too() -> None:
    bounds = Limits(seconds=0.1, threads=1)
    done = runner().run(Job(program="while True: pass", limits=bounds))
    assert done.status is Status.TIMED_OUT


def test_a_traceback_shows_the_program_to_the_operator() -> None:
    done = ran("def f():\n    raise ValueError('of the program')\nf()")
    assert b'File "job.py", line 2, in f' in done.log
    assert b"raise ValueError('of the program')" in done.log


def test_what_is_printed_is_kept_up_to_its_bound_and_waited_for_no_further() -> None:
    done = ran("import sys\nfor _ in range(300): sys.stderr.write('x' * 10_000)", log_bytes=1000)
    assert done.status is Status.DONE
    assert done.log == b"x" * 1000


@pytest.mark.parametrize(
    "program",
    [
        "pass",
        "import os; open('/out/b', 'w'); os.link('/out/b', '/out/a.txt')",
        "open('/out/a.txt', 'wb').truncate(2000)",
    ],
)
def test_an_output_that_is_missing_or_none_is_refused(program: str) -> None:
    done = ran(program, "a.txt", output_bytes=1000)
    assert done.outputs == {}
    assert done.status in (Status.OUTPUT_REFUSED, Status.FAILED)
    assert done.detail or done.log


def test_one_job_sees_nothing_of_another() -> None:
    assert ran(f"{WRITES}; open('/tmp/b', 'w').write('x')").status is Status.DONE
    done = ran("import os; print(os.listdir('/out'), os.listdir('/tmp'))")
    assert done.log == b"[] []\n"


def test_a_program_finds_no_place_and_no_variable_of_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UNSEEN_SECRET", "canary-4711")
    done = ran("import os, sys; print(dict(os.environ), sys.path, sys.prefix, sys.argv)")
    assert b"canary-4711" not in done.log
    assert os.fsencode(Path(__file__).parents[2]) not in done.log
    assert b"'job.py'" in done.log


def test_numpy_computes_with_threads() -> None:
    done = ran(
        "import numpy, threading\n"
        "threads = [threading.Thread(target=numpy.linalg.inv, args=(numpy.eye(50),)) "
        "for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(int(numpy.arange(10).sum()))\n"
    )
    assert done.log == b"45\n", done


def test_a_program_or_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputInvalidError):
        runner().run(Job(program=tmp_path / "no.py"))
    with pytest.raises(InputInvalidError):
        runner().run(Job(program="pass", inputs=tmp_path / "no"))


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0}, {"memory_mb": 1}, {"output_bytes": 0}, {"threads": 0}]
)
def test_a_limit_that_bounds_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputInvalidError):
        Limits(**wrong)


class Slow:
    """A poll that wakes when everything has happened already."""

    def __init__(self) -> None:
        self._poll = POLL()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poll, name)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        time.sleep(0.5)
        return self._poll.poll(timeout)


POLL = select.poll


def test_a_job_that_is_quicker_than_its_supervisor_is_seen_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner()
    monkeypatch.setattr(select, "poll", Slow)
    done = ran(f"{WRITES}; print('said')", "a.txt")
    assert (done.status, done.outputs, done.log) == (Status.DONE, {"a.txt": b"x"}, b"said\n")
