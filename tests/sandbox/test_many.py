"""Many jobs: at once, one after the other, after bombs; nothing of them stays."""

import os
import resource
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from tests.sandbox.boxes import needs_bubblewrap, runner

from unseen.sandbox.job import Job, Limits, Status

pytestmark = needs_bubblewrap

MANY = "import threading, time\n"
SPIN = "def spin():\n    while True: pass\nfor _ in range(4): threading.Thread(target=spin).start()"
PIPES = """
import os
while True:
    a, b = os.pipe()
    os.set_blocking(b, False)
    os.write(b, bytes(1 << 16))
"""
DEAF = """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
BOMBS = {
    "memory": ("x = []\nwhile True: x.append(bytearray(1 << 20))", Status.OUT_OF_MEMORY),
    "mappings": ("import mmap\nx = []\nwhile True: x.append(mmap.mmap(-1, 4096))", Status.FAILED),
    "threads": (
        f"{MANY}while True: threading.Thread(target=time.sleep, args=(9,)).start()",
        Status.TIMED_OUT,
    ),
    "busy threads": (MANY + SPIN, Status.TIMED_OUT),
    "names": ("n = 0\nwhile True: n += 1; open(f'/tmp/{n}', 'w').close()", Status.FAILED),
    "bytes": (
        "n = 0\nwhile True: n += 1; open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))",
        Status.FAILED,
    ),
    "descriptors": ("import os\nwhile True: os.dup(1)", Status.FAILED),
    "pipes": (PIPES, Status.FAILED),
    "depth": ("def f(): return [f()]\nimport sys; sys.setrecursionlimit(10**9); f()", None),
    "number": ("x = 9\nwhile True: x = x ** 9", None),
    "noise": ("while True: print('x' * 100_000)", Status.TIMED_OUT),
    "signals": (DEAF, Status.TIMED_OUT),
}
SMALL = Limits(seconds=1.5, memory_mb=256, scratch_mb=4, threads=8)


@pytest.mark.sampled
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_contained_and_the_next_job_starts_at_once(name: str) -> None:
    program, status = BOMBS[name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    done = runner().run(Job(program=program, limits=SMALL))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert done.status is (status or done.status)
    assert done.status not in (Status.DONE, Status.NOT_STARTED)
    assert most <= max(before, 2 * SMALL.memory_mb << 10)  # KiB
    began = time.monotonic()
    assert runner().run(Job(program="pass")).status is Status.DONE
    assert time.monotonic() - began <= 1 + os.getloadavg()[0] / 2


def test_32_jobs_at_once_keep_apart() -> None:
    def job(number: int) -> bytes:
        program = (
            f"import os\nopen('/tmp/own', 'x')\nopen('out/n.json', 'w').write('{number}')\n"
            "assert os.listdir('/out') == ['n.json'] and os.listdir('/tmp') == ['own']"
        )
        return runner().run(Job(program=program, outputs=["n.json"])).outputs["n.json"]

    runner()
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(job, range(32))) == [str(n).encode() for n in range(32)]


def state() -> dict[str, int]:
    """Return how much there is of what a job could leave behind."""
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "children": len(psutil.Process().children(recursive=True)),
        "threads": threading.active_count(),
        "files": len(list(Path(tempfile.gettempdir()).glob("unseen-job-*"))),
    }


def leave_nothing(count: int) -> None:
    programs = ("pass", "1 / 0", "import os; os.kill(os.getpid(), 9)", "open('out/a.txt', 'w')")
    runner().run(Job(program="pass"))
    before = state()
    for number in range(count):
        runner().run(Job(program=programs[number % len(programs)], outputs=["a.txt"]))
    assert state() == before


def test_jobs_leave_nothing_behind() -> None:
    leave_nothing(8)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_thousand_jobs_leave_nothing_behind() -> None:
    leave_nothing(1000)
