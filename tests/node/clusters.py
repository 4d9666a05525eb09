"""A real cluster on this machine: one scheduler and some workers, each a process, under TLS."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from tests.ports import free_port

TASK = "unseen.node.jobs.worker"
COMMAND = (sys.executable, "-m", "unseen.cli", "node", "cluster")
_SECONDS = 60.0


class Cluster:
    """Processes that the command line starts, as an operator does."""

    def __init__(self, files: Path) -> None:
        """Make the cluster's files in a new folder."""
        self.files = files
        subprocess.run([*COMMAND, "init", "--files", str(files)], check=True)
        self.address = f"dask://127.0.0.1:{free_port()}"
        self.scheduler: subprocess.Popen[str] | None = None
        self.workers: list[subprocess.Popen[str]] = []

    def start(self, workers: int) -> None:
        """Start what does not run yet, workers at once, and wait until all answer."""
        if self.scheduler is None:
            self.scheduler = self._start("scheduler", "--listen", self.address)
            _answers(self.scheduler)
        new = [self._start("worker", self.address, "--tasks", "1") for _ in range(workers)]
        self.workers += new
        for worker in new:
            _answers(worker)

    def kill_scheduler(self) -> None:
        """Let it die; its workers end by themselves."""
        if self.scheduler is not None:
            _end(self.scheduler)
            self.scheduler = None

    def close(self) -> None:
        """End all of it."""
        self.kill_scheduler()
        for worker in self.workers:
            _end(worker)

    def tasks(self) -> list[psutil.Process]:
        """Return the processes that compute at this moment."""
        found = []
        for worker in self.workers:
            if worker.poll() is None:
                children = psutil.Process(worker.pid).children()
                found += [each for each in children if is_task(each)]
        return found

    def wait_for_task(self) -> psutil.Process:
        """Return a process that computes, stopped: it does nothing more unless it is let go."""
        give_up = time.monotonic() + _SECONDS
        while time.monotonic() < give_up:
            for task in self.tasks():
                task.suspend()
                return task
            time.sleep(0.005)
        raise AssertionError("no task has begun")

    def stop_new_tasks(self, known: set[int], number: int) -> list[psutil.Process]:
        """Return so many processes that compute and are not among the known, stopped."""
        found: dict[int, psutil.Process] = {}
        give_up = time.monotonic() + _SECONDS
        while len(found) < number and time.monotonic() < give_up:
            for task in self.tasks():
                if task.pid not in known and task.pid not in found:
                    task.suspend()
                    found[task.pid] = task
            time.sleep(0.005)
        assert len(found) == number, "not all of them have begun"
        return [*found.values()]

    def living(self) -> "list[subprocess.Popen[str]]":
        """Return the machines that have not ended."""
        return [worker for worker in self.workers if worker.poll() is None]

    def kill_machine_of_task(self) -> None:
        """Let a machine die, that computes, and wait until what it computed with has ended, too."""
        task = self.wait_for_task()
        machine = next(each for each in self.workers if each.pid == task.ppid())
        machine.kill()
        task.resume()  # it ends by itself
        task.wait(_SECONDS)

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        return _run(*arguments, "--files", str(self.files), "--format", "json")


def is_task(process: psutil.Process) -> bool:
    """Whether this is a worker process of a node's, which a cluster's machine has started."""
    try:
        return TASK in process.cmdline()
    except psutil.Error:
        return False


def _run(*arguments: str) -> "subprocess.Popen[str]":
    # Whatever this machine says of Dask counts for nothing: code to run at the start least of all.
    environment = os.environ | {
        "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "tcp",
        "DASK_DISTRIBUTED__WORKER__PRELOAD": '["no.such.module"]',
    }
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def _answers(process: "subprocess.Popen[str]") -> None:
    line = process.stdout.readline() if process.stdout else ""
    assert line, "it did not start"
    assert json.loads(line)["address"].startswith("dask://")


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait(_SECONDS)
    if process.stdout:
        process.stdout.close()
