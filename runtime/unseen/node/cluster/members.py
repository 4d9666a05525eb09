"""The two kinds of processes that make a cluster: one scheduler, and a worker on each machine.

They are Dask's, under the settings of `links.py`: no dashboard, no page, nothing that is not TLS.
"""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from distributed import Scheduler, Worker

from unseen.node.cluster import links, remote
from unseen.node.cluster.files import KERNELS, Files
from unseen.node.errors import ConfigInvalidError
from unseen.node.hardening import harden
from unseen.protocols.kernels import cache

Ready = Callable[[str], None]
_NO_PAGE = "127.0.0.1:0"  # Dask opens a port for pages whatever one says; there are none


def run_scheduler(folder: Path, listen: str, ready: Ready) -> None:
    """Serve as a cluster's scheduler at `HOST:PORT` until told to stop.

    Raises:
        ConfigInvalidError: the folder has no cluster's files, or the address is taken.

    """
    files = _begin(folder)
    asyncio.run(_schedule(files, listen, ready))


def run_worker(folder: Path, address: str, tasks: int, host: str, ready: Ready) -> None:
    """Work for the scheduler at `dask://HOST:PORT`, until told to stop.

    It runs so many `tasks` at once: long ones, and beside them as many short ones.

    `host` is the address of this machine that the others reach; empty for the one that leads to
    the scheduler.

    Raises:
        ConfigInvalidError: the folder has no cluster's files.
        ClusterRefusedError: what answers is no scheduler of this cluster, or not a safe one.
        ClusterLostError: nothing answers, or nothing more.

    """
    files = _begin(folder)
    os.environ.setdefault(cache.VARIABLE, str(files.folder / KERNELS))
    links.check_scheduler(*links.address_of(address), files)
    asyncio.run(_work(files, address, tasks, host, ready))


def _begin(folder: Path) -> Files:
    harden()
    links.configure(logging.ERROR)
    files = Files(folder.resolve())
    files.check()
    return files


async def _schedule(files: Files, listen: str, ready: Ready) -> None:
    stop = _stopped()
    host, port = links.address_of(listen)
    try:
        scheduler = await Scheduler(
            host=host,
            port=port,
            protocol="tls",
            security=links.security(files),
            dashboard=False,
            dashboard_address=_NO_PAGE,
        )
    except (OSError, RuntimeError):
        raise ConfigInvalidError(
            f"the address {listen} cannot be bound",
            clause="node.listen",
            remedy="stop what uses it, or name another: --listen HOST:PORT",
        ) from None
    async with scheduler:
        ready(scheduler.address.replace("tls://", links.SCHEME))
        await stop.wait()


async def _work(files: Files, address: str, tasks: int, host: str, ready: Ready) -> None:
    stop = _stopped()
    with tempfile.TemporaryDirectory(prefix="unseen-worker-") as scratch:
        worker = await Worker(
            address.replace(links.SCHEME, "tls://"),
            # Each sort has threads of its own: a question waits for no table that is being built.
            nthreads=2 * tasks,
            resources={remote.LONG: tasks, remote.SHORT: tasks},
            host=host or None,
            protocol="tls",
            security=links.security(files),
            local_directory=scratch,
            memory_limit=0,
            dashboard=False,
            dashboard_address=_NO_PAGE,
        )
        async with worker:
            ready(worker.address.replace("tls://", links.SCHEME))
            stopping = asyncio.create_task(stop.wait())
            finished = asyncio.create_task(worker.finished())
            await asyncio.wait({stopping, finished}, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                raise links.lost("the connection to the cluster's scheduler was lost")


def _stopped() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError, NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop.set)
    return stop
