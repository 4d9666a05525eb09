"""What the command line and the node's start use of a cluster, without loading Dask themselves."""

import datetime as dt
import importlib.util
from collections.abc import Callable
from pathlib import Path

from unseen.node.clock import system_now
from unseen.node.cluster.executor import DaskExecutor
from unseen.node.cluster.files import Files, make_files
from unseen.node.config import LOCAL, Settings
from unseen.node.errors import ConfigInvalidError
from unseen.node.jobs.executor import LocalExecutor

Ready = Callable[[str], None]


def make_executor(settings: Settings, home: Path) -> LocalExecutor | DaskExecutor:
    """Return the place to compute that the settings name, not started yet.

    Raises:
        ConfigInvalidError: it is a cluster, and Dask is not installed.

    """
    local = LocalExecutor(settings.worker_count())
    if settings.executor == LOCAL:
        return local
    _check_installed()
    return DaskExecutor(local, settings.executor, settings.cluster_path(home))


def make_cluster(folder: Path, name: str, days: int) -> Files:
    """Write a new cluster's files into `folder`, good for `days`.

    Raises:
        ConfigInvalidError: the folder holds a cluster's files already.

    """
    return make_files(folder, name, system_now(), dt.timedelta(days=days))


def run_scheduler(folder: Path, listen: str, ready: Ready) -> None:
    """Serve as a cluster's scheduler; see `members.py`."""
    _check_installed()
    from unseen.node.cluster import members  # noqa: PLC0415 - Dask

    members.run_scheduler(folder, listen, ready)


def run_worker(folder: Path, address: str, tasks: int, host: str, ready: Ready) -> None:
    """Work for a cluster's scheduler; see `members.py`."""
    _check_installed()
    from unseen.node.cluster import members  # noqa: PLC0415 - Dask

    members.run_worker(folder, address, tasks, host, ready)


def _check_installed() -> None:
    if importlib.util.find_spec("distributed") is None:
        raise ConfigInvalidError(
            "Dask is not installed",
            clause="node.executor",
            remedy="install the project with its part for clusters: unseen[node,dask]",
        )
