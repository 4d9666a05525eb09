"""The files of a run, in a folder of its own under the node's home.

A folder is named by contract and request. What lies in it is masked or encrypted, and what would
open it is elsewhere or gone. It ends when the buyer says so, 24 hours after it last changed, or
with the contract; no start of the node ends it.
"""

import contextlib
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unseen.evidence.contracts.states import State
from unseen.node.errors import FieldInvalidError, OverloadedError, disk_full
from unseen.node.jobs.record import Job

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.runs.kind import RunKind

_MAX_OPEN: Final = 8  # runs of one contract whose files are kept
_LIFE_SECONDS: Final = 86_400
_STANDING = (State.ACTIVE, State.SUSPENDED, State.EXHAUSTED)
_READ: Final = ("request", "context", "rows")  # what a job is told that names a run
_REQUEST = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the contract's id, base64url, and the id of the signed request."""

    home: Path
    contract: str
    request: str
    kind: "RunKind" = field(compare=False)

    @property
    def folder(self) -> Path:
        """Return where its files lie."""
        return self.home / self.kind.folder / f"{self.contract}-{self.request}"

    def path(self, name: str) -> Path:
        """Return one of its files."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Return whether one of its files is there, whole."""
        return self.path(name).is_file()

    def size(self, name: str) -> int:
        """Return how many bytes one of its files has."""
        return self.path(name).stat().st_size

    def end(self) -> None:
        """Delete all of them."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A job is at it: its id."""

    job: str


def run_of(node: "Node", kind: "RunKind", contract: str, request: str) -> Run:
    """Return the run of a request under a contract.

    Raises:
        FieldInvalidError: that is no request's id.

    """
    if not _REQUEST.fullmatch(request):
        raise FieldInvalidError(
            "a request's id has 32 hexadecimal digits",
            clause="request.id",
            remedy="take a fresh id, as the client does",
        )
    return Run(node.home, contract, request, kind)


def open_run(run: Run) -> None:
    """Make the folder of a run, unless it is there.

    Raises:
        OverloadedError: as many runs of the contract are kept as may be.
        StorageFullError: there is no space left.

    """
    if run.folder.is_dir():
        return
    root = run.folder.parent
    if sum(1 for _ in root.glob(f"{run.contract}-*")) >= _MAX_OPEN:
        raise OverloadedError(
            f"{_MAX_OPEN} runs of this contract are kept already",
            clause="node.runs",
            remedy="end one: unseen receipt fetch ID; or wait: each ends a day after its last step",
        )
    try:
        run.folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise disk_full(error) or error from None


def live_job(node: "Node", kind: "RunKind", contract: str, request: str) -> Job | None:
    """Return the job that is under way for a request."""
    live = node.jobs.live(kind.name, contract)
    found = (job for job in live if job.ask.get("request") == request)
    return next(found, None)


def job_at(node: "Node", run: Run) -> Job | None:
    """Return a job that is under way for a run's request, or that reads what lies in the run.

    A part that serves many runs is a run of its own, and jobs say by whose name they read it.
    """
    live = node.jobs.live(run.kind.name, run.contract)
    return next((job for job in live if run.request in map(job.ask.get, _READ)), None)


async def sweep(node: "Node", kind: "RunKind") -> None:
    """Delete the runs of a kind whose time, or whose contract, is over."""
    async with node.runs.lock:  # nobody looks at a set meanwhile
        standing = {each.id for each in node.contracts.all() if each.state in _STANDING}
        for folder in (node.home / kind.folder).glob("*"):
            contract, _, request = folder.name.rpartition("-")
            kept = contract in standing and not _is_old(folder)
            if not kept and job_at(node, Run(node.home, contract, request, kind)) is None:
                shutil.rmtree(folder, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    """Return whether nothing of a run has changed for a day; a job makes and deletes meanwhile."""
    times = []
    for path in (folder, *folder.glob("*")):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return time.time() - max(times, default=0.0) > _LIFE_SECONDS
