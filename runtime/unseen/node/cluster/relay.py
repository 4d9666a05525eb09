"""A process between the node and its cluster: frames on one side, Dask on the other.

    python -m unseen.node.cluster.relay PARENT ADDRESS FOLDER

Dask's own messages are pickled, and unpickling runs what the sender likes. So the process that
serves never loads it: this one does, which has no key of the node's open and no state, and talks
to nobody but a scheduler that its certificate proves a member (`links.py`). What a task holds and
what it yields are frames on the whole way.

In: number and, to begin a task, the file that it answers from and the place that has it in memory,
both empty for a long one, its name and parts; a number alone ends one. Out: number and what
a worker would say (`jobs/worker.py`), progress as the difference to what was last told, so that a
task which begins anew takes back what it had done. Number 0 is the link itself: `W` tells how many
tasks run at once, `E` why it is over.
"""

import asyncio
import logging
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distributed.client import Client, FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker, NoWorkerError

from unseen.node.cluster import links, remote
from unseen.node.cluster.files import Files
from unseen.node.errors import ClusterRefusedError, InternalError
from unseen.node.hardening import die_with, harden, whereabouts
from unseen.node.jobs import frames
from unseen.node.jobs.worker import told
from unseen.protocols.errors import UnseenError

ATTEMPTS = 3  # of a task whose process ended
_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 2.0
_SILENT_SECONDS = 60.0  # that a scheduler may take to answer: one that hangs keeps its connection
_LINK = b"0"
_sink = sys.stdout.buffer


class _Task(NamedTuple):
    """A task as the node has sent it."""

    number: bytes
    file: str
    place: str
    name: str
    parts: list[bytes]

    @classmethod
    def of(cls, number: bytes, fields: list[bytes]) -> "_Task":
        file, place, name = (field.decode() for field in fields[:3])
        return cls(number, file, place, name, fields[3:])


class _Relay:
    """Tasks under way on the cluster, by the numbers that the node gave them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._topic = f"unseen-{secrets.token_hex(8)}"
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._rows: dict[bytes, int] = {}  # done, as last told
        self._slots = -1
        self._machines: list[str] = []  # as often as they run tasks at once
        client.subscribe_topic(self._topic, self._heard)

    def begin(self, task: _Task) -> None:
        """Run a task and tell the node how it ends."""
        self._tasks[task.number] = asyncio.create_task(self._run(task))

    def end(self, number: bytes) -> None:
        """Want a task no more."""
        task = self._tasks.get(number)
        if task is not None:
            task.cancel()

    async def look(self) -> None:
        """Tell how many tasks run at once, until the link is gone.

        Raises:
            ClusterLostError: it is, or the scheduler says nothing any more.

        """
        while self._client.status == "running":
            try:
                async with asyncio.timeout(_SILENT_SECONDS):
                    threads: dict[str, int] = await self._client.nthreads()
            except (OSError, TimeoutError):
                break
            halves = ([machine] * (count // 2) for machine, count in sorted(threads.items()))
            self._machines = [machine for half in halves for machine in half]
            slots = len(self._machines)
            if slots != self._slots:
                self._slots = slots
                _write(_LINK, b"W", str(slots).encode())
            await asyncio.sleep(_LOOK_SECONDS)
        raise links.lost("the connection to the cluster's scheduler was lost")

    async def _run(self, task: _Task) -> None:
        number = task.number
        self._rows[number] = 0
        try:
            _write(number, *await self._answer(task))
        except UnseenError as error:
            _write(number, *told(error))
        except asyncio.CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - Dask raises what it likes; its text stays here
            sys.stderr.write(whereabouts(error) + "\n")
            _write(number, *told(_failed("a task failed on the cluster")))
        finally:
            del self._tasks[number], self._rows[number]

    async def _answer(self, task: _Task) -> list[bytes]:
        for _ in range(ATTEMPTS):
            kind, *rest = await self._submit(task)
            if kind == remote.OTHER_RELEASE:
                raise ClusterRefusedError(
                    f"a machine of the cluster runs unseen {rest[0].decode()}",
                    clause="node.executor",
                    remedy=f"install {remote.RELEASE} on each of them, as on the node",
                )
            if kind != remote.ENDED:
                return [kind, *rest]
        raise _failed(f"a worker process on the cluster ended, {ATTEMPTS} times")

    async def _submit(self, task: _Task) -> list[bytes]:
        future = self._client.submit(
            remote.run,
            *(remote.RELEASE, self._topic, int(task.number), task.file, task.name, task.parts),
            key=f"{task.name}-{secrets.token_hex(8)}",
            pure=False,
            **self._where(task),
        )
        try:
            return list(await future)
        except (FutureCancelledError, CommClosedError):
            raise links.lost("the connection to the cluster's scheduler was lost") from None
        except NoWorkerError:
            raise links.lost("the cluster has no worker") from None
        except KilledWorker:
            raise _failed("the machines of a cluster ended that a task ran on") from None
        finally:
            future.release()  # the scheduler forgets it, and what runs it is killed

    def _where(self, task: _Task) -> dict[str, Any]:
        """Return where a task is to run: at its place, which has read the file, if that is there.

        Before all long ones that wait: a buyer does.
        """
        if not task.file:
            return {"resources": {remote.LONG: 1}}
        where: dict[str, Any] = {"resources": {remote.SHORT: 1}, "priority": 1}
        if self._machines:
            machine = self._machines[int(task.place) % len(self._machines)]
            where |= {"workers": [machine], "allow_other_workers": True}
        return where

    def _heard(self, event: tuple[float, Sequence[int]]) -> None:
        number, rows = event[1]
        key = str(number).encode()
        if key in self._rows:
            _write(key, b"P", str(rows - self._rows[key]).encode())
            self._rows[key] = rows


async def _serve(address: str, files: Files) -> None:
    host, port = links.address_of(address)
    links.check_scheduler(host, port, files)
    source = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(source), sys.stdin
    )
    try:
        client = await Client(
            f"tls://{host}:{port}",
            security=links.security(files),
            asynchronous=True,
            set_as_default=False,
            timeout=_CONNECT_SECONDS,
        )
    except (OSError, TimeoutError):
        raise links.lost(f"no scheduler answers at {address}") from None
    relay = _Relay(client)
    reading = asyncio.create_task(_read(source, relay))
    looking = asyncio.create_task(relay.look())
    done, _ = await asyncio.wait({reading, looking}, return_when=asyncio.FIRST_COMPLETED)
    for each in done:
        each.result()


async def _read(source: asyncio.StreamReader, relay: _Relay) -> None:
    while True:
        try:
            header = await source.readexactly(frames.HEADER_BYTES)
            body = await source.readexactly(frames.frame_size(header))
        except asyncio.IncompleteReadError:  # the node closed it
            return
        number, *task = frames.unpack(body)
        if task:
            relay.begin(_Task.of(number, task))
        else:
            relay.end(number)


def _failed(message: str) -> InternalError:
    return InternalError(
        message,
        clause="node.executor",
        remedy="see what the cluster's machines say, most often of memory; then try again",
    )


def _write(number: bytes, *parts: bytes) -> None:
    _sink.write(frames.framed(frames.pack([number, *parts])))
    _sink.flush()


def main(parent: str, address: str, folder: str) -> None:
    """Relay until the node closes the pipe or the scheduler is lost."""
    harden()
    die_with(int(parent))
    links.configure(logging.CRITICAL + 1)  # it tells in tracebacks what is told here in a sentence
    sys.stdout = sys.stderr  # nothing but frames may reach the pipe
    asyncio.run(_relay(address, Files(Path(folder))))


async def _relay(address: str, files: Files) -> None:
    try:
        await _serve(address, files)
    except UnseenError as error:
        _write(_LINK, *told(error))
    os._exit(0)  # at once: Dask would first wait for a scheduler that is no more


if __name__ == "__main__":
    main(*sys.argv[1:])
