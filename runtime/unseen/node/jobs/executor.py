"""Running tasks in worker processes of this machine, in two lanes.

`online` workers answer one short task after another (a batch of blinded elements, one record);
tasks are written to the least busy worker's pipe at once, so singles in flight need no round
trip each. A `bulk` task (a table build) has a process to itself, at lower priority, so that it
never stands before a buyer's query. A process starts in half a second, which small tables would
mostly wait for, so one that has done its task is kept for a few seconds for the next; one whose
task failed or was cancelled never is. A worker that dies fails its tasks with one error and is
replaced. Who comes back to what a process has in memory has one of its own, until it is forgotten.
"""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from unseen.node.errors import InternalError
from unseen.node.jobs import frames
from unseen.protocols.errors import UnseenError

Progress = Callable[[int], None]
_NICE_BULK = 10
_SPARE_SECONDS = 5.0
_STREAM_LIMIT = 1 << 20


class Executor(Protocol):
    """What the node needs of a place to compute."""

    @property
    def workers(self) -> int:
        """How many short tasks run at once."""
        ...

    @property
    def bulk(self) -> int:
        """Into how many tasks a long job is best cut."""
        ...

    @property
    def shares_memory(self) -> bool:
        """Whether the tasks of one job share one machine's memory."""
        ...

    async def run(self, task: str, parts: Sequence[bytes], weight: int = 1) -> list[bytes]:
        """Run a short task and return its result's parts; `weight`: its cost, in elements."""
        ...

    async def run_bulk(
        self, task: str, parts: Sequence[bytes], progress: Progress | None = None
    ) -> list[bytes]:
        """Run a long task in a process to itself; `progress` hears of rows done.

        On a cluster it may be run again by itself, if it is one that bears that
        (`cluster/executor.py`).
        """
        ...

    async def run_near(
        self, place: int, file: Path, task: str, parts: Sequence[bytes]
    ) -> list[bytes]:
        """Run a short task that answers from `file`; of one `place` all go to one machine."""
        ...

    async def run_own(self, name: str, task: str, parts: Sequence[bytes]) -> list[bytes]:
        """Run a long task in the process that `name` has to itself, one at a time."""
        ...

    async def forget(self, name: str) -> None:
        """End the process of `name`, and with it what it has in memory."""
        ...

    async def close(self) -> None:
        """End all workers."""
        ...


class LocalExecutor:
    """Worker processes on this machine."""

    def __init__(self, workers: int) -> None:
        """Keep `workers` online processes; they start with the first task."""
        self._count = workers
        self._online: list[_Worker] = []
        self._bulk: set[_Worker] = set()
        self._spare: _Worker | None = None  # a bulk worker between two tasks
        self._own: dict[str, _Worker] = {}  # between two tasks of whoever has it
        self._dismissal: asyncio.Task[None] | None = None
        self._replacing = asyncio.Lock()

    @property
    def workers(self) -> int:
        """How many short tasks run at once."""
        return self._count

    @property
    def bulk(self) -> int:
        """Into how many tasks a long job is best cut."""
        return self._count

    @property
    def shares_memory(self) -> bool:
        """Whether the tasks of one job share one machine's memory."""
        return True

    async def start(self) -> None:
        """Start the online workers now, so that no query waits for one."""
        self._online = [await _Worker.start() for _ in range(self._count)]

    async def run(self, task: str, parts: Sequence[bytes], weight: int = 1) -> list[bytes]:
        """Run a short task on the worker with the least to do."""
        if any(worker.dead for worker in self._online):
            await self._replace_dead()
        worker = min(self._online, key=lambda candidate: candidate.load)
        return await worker.run(task, parts, weight=weight)

    async def run_bulk(
        self, task: str, parts: Sequence[bytes], progress: Progress | None = None
    ) -> list[bytes]:
        """Run a long task in a process that has nothing else to do."""
        worker = await self._bulk_worker()
        self._bulk.add(worker)
        try:
            result = await worker.run(task, parts, progress)
        except BaseException:
            await self._dismiss(worker)
            raise
        if self._spare is None:
            self._keep(worker)
        else:
            await self._dismiss(worker)
        return result

    async def run_near(
        self, place: int, file: Path, task: str, parts: Sequence[bytes]
    ) -> list[bytes]:
        """Run a short task that answers from a file; there is but this machine."""
        del place, file
        return await self.run(task, parts)

    async def run_own(self, name: str, task: str, parts: Sequence[bytes]) -> list[bytes]:
        """Run a long task in the process that `name` has to itself, one at a time.

        One whose task failed or was cancelled ends. Nothing else ever runs in it.
        """
        worker = self._own.pop(name, None)
        if worker is None or worker.dead:
            worker = await _Worker.start(nice=_NICE_BULK)
        self._bulk.add(worker)
        try:
            result = await worker.run(task, parts)
        except BaseException:
            await self._dismiss(worker)
            raise
        self._own[name] = worker
        return result

    async def forget(self, name: str) -> None:
        """End the process of `name`, and with it what it has in memory."""
        worker = self._own.pop(name, None)
        if worker is not None:
            await self._dismiss(worker)

    async def _bulk_worker(self) -> "_Worker":
        worker, self._spare = self._spare, None
        if worker is None:
            return await _Worker.start(nice=_NICE_BULK)
        if worker.dead:
            await self._dismiss(worker)
            return await _Worker.start(nice=_NICE_BULK)
        return worker

    def _keep(self, worker: "_Worker") -> None:
        self._spare = worker
        if self._dismissal is not None:
            self._dismissal.cancel()
        self._dismissal = asyncio.create_task(self._dismiss_later(worker))

    async def _dismiss_later(self, worker: "_Worker") -> None:
        await asyncio.sleep(_SPARE_SECONDS)
        if self._spare is worker:
            self._spare = None
            await self._dismiss(worker)

    async def _dismiss(self, worker: "_Worker") -> None:
        await worker.close()
        self._bulk.discard(worker)

    async def _replace_dead(self) -> None:
        async with self._replacing:  # many tasks find it dead; one of them starts the next
            for place, worker in enumerate(self._online):
                if worker.dead:
                    self._online[place] = await _Worker.start()

    async def close(self) -> None:
        """End all workers; what they were doing fails."""
        if self._dismissal is not None:
            self._dismissal.cancel()
        for worker in (*self._online, *self._bulk):
            await worker.close()


class _Worker:
    """One process; answers come in the order of the questions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: deque[tuple[asyncio.Future[list[bytes]], Progress | None, int]] = deque()
        self.load = 0  # elements, or tasks, that it has yet to answer
        self.dead = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, nice: int = 0) -> "_Worker":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "unseen.node.jobs.worker", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_STREAM_LIMIT,
        )
        if nice:
            os.setpriority(os.PRIO_PROCESS, process.pid, nice)
        return cls(process)

    async def run(
        self,
        task: str,
        parts: Sequence[bytes],
        progress: Progress | None = None,
        weight: int = 1,
    ) -> list[bytes]:
        if self.dead or self._process.stdin is None:
            raise _died()
        future: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, progress, weight))
        self.load += weight
        self._process.stdin.write(frames.framed(frames.pack([task.encode(), *parts])))
        return await future

    async def close(self) -> None:
        self.dead = True
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        stream = self._process.stdout
        try:
            while stream is not None:
                header = await stream.readexactly(frames.HEADER_BYTES)
                body = await stream.readexactly(frames.frame_size(header))
                self._deliver(frames.unpack(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        self.dead = True
        while self._waiting:
            future, _, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(_died())

    def _deliver(self, parts: list[bytes]) -> None:
        kind, *rest = parts
        if kind == b"P":
            progress = self._waiting[0][1]
            if progress:
                progress(int(rest[0]))
            return
        future, _, weight = self._waiting.popleft()
        self.load -= weight
        if future.done():  # the caller gave up; the answer is dropped
            return
        if kind == b"R":
            future.set_result(rest)
        else:
            future.set_exception(rebuilt(rest))


def _died() -> InternalError:
    return InternalError(
        "a worker process ended",
        clause="node.workers",
        remedy="send the same request again; nothing was charged",
    )


def _leaves(kind: type[UnseenError]) -> list[type[UnseenError]]:
    children = kind.__subclasses__()
    return [leaf for child in children for leaf in _leaves(child)] if children else [kind]


def rebuilt(parts: list[bytes]) -> UnseenError:
    """Return the error of a worker's answer, from its parts behind the `E`."""
    reason, message, clause, remedy, position = (part.decode() for part in parts)
    for kind in _leaves(UnseenError):
        if kind.reason == reason:
            error = kind.__new__(kind)
            UnseenError.__init__(error, message, clause=clause, remedy=remedy)
            if position:
                error.__dict__["position"] = int(position)
            return error
    return InternalError(message)
