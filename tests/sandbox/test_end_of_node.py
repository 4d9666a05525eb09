"""Jobs end with the process that started them, however that ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.sandbox.boxes import needs_bubblewrap

ROOT = Path(__file__).parents[2]
STARTS = """
import sys
sys.path.insert(0, {root!r})
from tests.sandbox.boxes import runner
from unseen.sandbox.job import Job, Limits
box = runner()
sys.stdout.write('ready\\n')
sys.stdout.flush()
box.run(Job(program='import time\\nwhile True: time.sleep(1)', limits=Limits(seconds=60)))
"""


@needs_bubblewrap
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_ends_with_its_node(how: signal.Signals) -> None:
    node = subprocess.Popen(
        [sys.executable, "-c", STARTS.format(root=str(ROOT))], stdout=subprocess.PIPE
    )
    try:
        assert node.stdout is not None
        assert node.stdout.readline() == b"ready\n"
        until = time.monotonic() + 20
        confined: list[psutil.Process] = []
        while len(confined) < 3 and time.monotonic() < until:  # bubblewrap, its first, the job
            confined = psutil.Process(node.pid).children(recursive=True)
            time.sleep(0.05)
        assert len(confined) >= 3
    finally:
        node.send_signal(how)
        node.wait()
        if node.stdout is not None:
            node.stdout.close()
    gone, alive = psutil.wait_procs(confined, timeout=10)
    assert alive == []
    assert len(gone) == len(confined)
