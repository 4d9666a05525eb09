"""Long tasks on a cluster, short ones here: the second place to compute, beside `LocalExecutor`.

Short ones that answer from a file of the shared folder, which this machine would not hold, go to
processes that the cluster's machines keep for them.

Dask is spoken by a process of its own (`relay.py`), over a pipe; this one never loads it. A relay
that ends takes its tasks with it, each with one error, and the next task starts another.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from unseen.node.cluster.files import Files
from unseen.node.errors import ClusterLostError
from unseen.node.jobs import frames
from unseen.node.jobs.executor import LocalExecutor, Progress, rebuilt
from unseen.protocols.errors import UnseenError

_logger = logging.getLogger("unseen.node.cluster")
# What bears to be run twice, even side by side: a machine that seems to be gone may go on with its
# task. All else stays here: kernels of this machine, and the steps of an intersection that merge
# into a run's files, which lie in this node's home, and are no temporary ones.
THERE = frozenset(
    {
        "inspect_table",
        "open_rows",
        "check_predicates",
        "check_subjects",
        "fill_table",
        "merge_table",
        "count_noisy",
        "count_plain",
        "count_exact",
        "hide_cells",
        "attack_model",
        "intersect_stretch",
        "intersect_part",
    }
)
_STREAM_LIMIT = 1 << 20


class DaskExecutor:
    """A Dask cluster for tasks that `run_bulk` runs; everything else as on `local`."""

    def __init__(self, local: LocalExecutor, address: str, folder: Path) -> None:
        """Use the scheduler at `address`, `dask://HOST:PORT`, with the files in `folder`."""
        self._local, self._address, self._files = local, address, Files(folder)
        self._relay: _Relay | None = None
        self._connecting = asyncio.Lock()

    @property
    def workers(self) -> int:
        """How many short tasks run at once."""
        return self._local.workers

    @property
    def bulk(self) -> int:
        """How many long tasks run at once, as far as is known."""
        return max(self._relay.slots, 1) if self._relay else 1

    @property
    def shares_memory(self) -> bool:
        """Whether long tasks share this machine's memory."""
        return False

    async def start(self) -> None:
        """Start the local workers and look for the cluster, which may come later.

        Raises:
            ClusterRefusedError: what answers is no scheduler of this cluster, or not a safe one.
            ConfigInvalidError: the cluster's files are not there.

        """
        self._files.check()
        await self._local.start()
        try:
            relay = await self._connected()
        except ClusterLostError as error:
            _logger.warning("long tasks wait for the cluster: %s", error)
        except BaseException:
            await self._local.close()
            raise
        else:
            _logger.info("cluster at %s: %d long tasks at once", self._address, relay.slots)

    async def run(self, task: str, parts: Sequence[bytes], weight: int = 1) -> list[bytes]:
        """Run a short task on this machine."""
        return await self._local.run(task, parts, weight)

    async def run_bulk(
        self, task: str, parts: Sequence[bytes], progress: Progress | None = None
    ) -> list[bytes]:
        """Run a long task on the cluster, if it is one of `THERE`.

        `progress` hears less than nothing of a task that has to begin anew on another machine.

        Raises:
            ClusterLostError: the scheduler is not there, or was lost meanwhile.

        """
        if task not in THERE:
            return await self._local.run_bulk(task, parts, progress)
        relay = await self._connected()
        return await relay.run(task, parts, progress)

    async def run_near(
        self, place: int, file: Path, task: str, parts: Sequence[bytes]
    ) -> list[bytes]:
        """Run a short task that answers from `file` in a process that a machine keeps for it.

        Of one `place` all go to one machine, as long as it is there.

        Raises:
            ClusterLostError: the scheduler is not there, or was lost meanwhile.

        """
        relay = await self._connected()
        return await relay.run(task, parts, None, (str(file), str(place)))

    async def run_own(self, name: str, task: str, parts: Sequence[bytes]) -> list[bytes]:
        """Run a long task in the process on this machine that `name` has to itself."""
        return await self._local.run_own(name, task, parts)

    async def forget(self, name: str) -> None:
        """End the process of `name`, and with it what it has in memory."""
        await self._local.forget(name)

    async def close(self) -> None:
        """End the local workers and leave the cluster, which drops what it was doing for us."""
        if self._relay is not None:
            await self._relay.close()
        await self._local.close()

    async def _connected(self) -> "_Relay":
        async with self._connecting:  # many tasks find it gone; one of them starts the next
            if self._relay is not None and self._relay.over:
                await self._relay.close()
                self._relay = None
            if self._relay is None:
                self._relay = await _Relay.start(self._address, self._files.folder)
            return self._relay


class _Relay:
    """The process between this one and the scheduler."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: dict[bytes, tuple[asyncio.Future[list[bytes]], Progress | None]] = {}
        self._next = 1
        self._linked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._why: UnseenError | None = None
        self.slots = 0
        self.over = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, address: str, folder: Path) -> "_Relay":
        """Start one and wait until it is linked to the scheduler."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "unseen.node.cluster.relay", str(os.getpid()), address, str(folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_STREAM_LIMIT,
        )
        relay = cls(process)
        try:
            await asyncio.shield(relay._linked)
        except BaseException:
            await relay.close()
            raise
        return relay

    async def run(
        self,
        task: str,
        parts: Sequence[bytes],
        progress: Progress | None,
        near: tuple[str, str] = ("", ""),
    ) -> list[bytes]:
        """Run a task; `near` is the file that a short one answers from, and its place."""
        if self.over or self._process.stdin is None:
            raise self._lost()
        number, self._next = str(self._next).encode(), self._next + 1
        future: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (future, progress)
        try:
            self._send(number, *(text.encode() for text in (*near, task)), *parts)
            return await future
        finally:
            if self._waiting.pop(number, None) and not self.over:
                self._send(number)  # nobody waits for it any more

    async def close(self) -> None:
        self.over = True
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reader

    def _send(self, *parts: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(frames.framed(frames.pack(parts)))

    async def _read(self) -> None:
        stream = self._process.stdout
        try:
            while stream is not None:
                header = await stream.readexactly(frames.HEADER_BYTES)
                body = await stream.readexactly(frames.frame_size(header))
                self._deliver(frames.unpack(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        self.over = True
        if not self._linked.done():
            self._linked.set_exception(self._lost())
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(self._lost())
        self._waiting.clear()

    def _deliver(self, parts: list[bytes]) -> None:
        number, kind, *rest = parts
        if number == b"0":
            self._hear(kind, rest)
            return
        future, progress = self._waiting.get(number, (None, None))
        if future is None:  # nobody waits for it any more
            return
        if kind == b"P":
            if progress:
                progress(int(rest[0]))
            return
        del self._waiting[number]
        if future.done():
            return
        if kind == b"R":
            future.set_result(rest)
        else:
            future.set_exception(rebuilt(rest))

    def _hear(self, kind: bytes, rest: list[bytes]) -> None:
        if kind == b"W":
            self.slots = int(rest[0])
            if not self._linked.done():
                self._linked.set_result(None)
            return
        self._why = rebuilt(rest)
        _logger.error("the cluster: %s", self._why)

    def _lost(self) -> UnseenError:
        return self._why or ClusterLostError(
            "the process that speaks to the cluster ended",
            clause="node.executor",
            remedy="try again; if it stays, see the node's own output",
        )
