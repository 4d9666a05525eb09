"""Starts a confined process, watches it, ends it when its time is over, and says what became of it.

The process is a stranger's from the moment it says that it is confined. It is ended by a
descriptor of its namespace's first process, never by a number that another may have by then; it
dies with the node in any case. What it prints is kept up to a bound, and read on beyond it, so
that it is never waited for.
"""

import array
import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from unseen.sandbox.inside.main import CONFINED, FOLDER, NO_MEMORY_EXIT
from unseen.sandbox.job import Status

_START_SECONDS = 30.0  # from the start to the last wall: milliseconds, on a machine that is awake
_PIECE = 1 << 16
_MESSAGE = 512
_HANDLES = 2


@dataclass(slots=True)
class Watched:
    """What was seen of one process. `folder` is a descriptor of its outputs, or None."""

    confined: bool = False
    folder: int | None = None
    first: int | None = None
    broken: str = ""
    log: bytearray = field(default_factory=bytearray)
    late: bool = False
    code: int = 0

    def status(self) -> Status:
        """Return how it ended, as far as the process itself tells."""
        if not self.confined:
            return Status.NOT_STARTED
        if self.late or self.code == 128 + signal.SIGXCPU:
            return Status.TIMED_OUT
        if self.code == NO_MEMORY_EXIT:
            return Status.OUT_OF_MEMORY
        if self.code >= 128:
            return Status.KILLED
        return Status.FAILED if self.code else Status.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What to start: a command to which descriptors are appended, and its plan."""

    command: Sequence[str]
    plan: bytes
    variables: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    folder: str = "/"


@contextlib.contextmanager
def watched(
    started: Started, seconds: float, log_bytes: int, folder: int | None = None
) -> Iterator[Watched]:
    """Run a command to its end, at most `seconds`, and lend what was seen of it.

    Its output folder is closed when the context ends, and gone if it was in memory. `folder` is
    the one where the process hands out none.
    """
    seen = Watched(folder=folder)
    try:
        _run(started, seconds, log_bytes, seen)
        yield seen
    finally:
        for handle in (seen.folder, seen.first):
            if handle is not None:
                os.close(handle)


def _run(started: Started, seconds: float, log_bytes: int, seen: Watched) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.ExitStack() as closing:
        closing.enter_context(ours)
        log, printing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        closing.callback(os.close, log)
        with theirs, _file(started.plan) as plan:
            try:
                os.set_blocking(printing, True)
                process = subprocess.Popen(  # noqa: S603  a fixed command
                    [*started.command, str(theirs.fileno()), str(plan)],
                    stdin=subprocess.DEVNULL,
                    stdout=printing,
                    stderr=printing,
                    pass_fds=(theirs.fileno(), plan),
                    env=started.variables,
                    cwd=started.folder,
                    user=started.uid,
                    group=started.uid,
                    extra_groups=None if started.uid is None else (),
                    start_new_session=True,
                )
            except OSError as error:
                seen.broken = f"environment: {error.strerror}: {started.command[0]}"
                return
            finally:
                os.close(printing)
        try:
            _watch(_Ends(process, ours, log), seconds, log_bytes, seen)
        except OSError as error:  # this kernel has no such descriptors
            seen.broken, seen.confined = f"pidfd: {error.strerror}", False
        finally:
            _end(process, seen)
    seen.code = 128 - process.returncode if process.returncode < 0 else process.returncode


@contextlib.contextmanager
def _file(data: bytes) -> Iterator[int]:
    """Lend a file in memory that holds `data`, to be read from its beginning."""
    handle = os.memfd_create("plan", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(data)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Our ends of what a process was given."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    log: int


def _watch(ends: _Ends, seconds: float, most: int, seen: Watched) -> None:
    """Read what is said and printed until the process has ended, or its time is over."""
    poll = select.poll()
    ended = os.pidfd_open(ends.process.pid)
    try:
        for handle in (ended, ends.control.fileno(), ends.log):
            poll.register(handle, select.POLLIN)
        until = time.monotonic() + _START_SECONDS
        while True:
            left = until - time.monotonic()
            if left <= 0:
                seen.late = True
                return
            ready = {handle for handle, _ in poll.poll(left * 1000)}
            if ends.control.fileno() in ready and not _heard(ends.control, seen):
                poll.unregister(ends.control)
                until = time.monotonic() + seconds if seen.confined else until
            if ends.log in ready and not _keep(ends.log, most, seen):
                poll.unregister(ends.log)
            if ended in ready:
                while not seen.confined and _heard(ends.control, seen):
                    pass  # it was quicker than this loop
                while _keep(ends.log, most, seen):
                    pass
                return
    finally:
        os.close(ended)


def _keep(log: int, most: int, seen: Watched) -> bool:
    """Read a piece of what was printed; False where there is nothing more."""
    try:
        piece = os.read(log, _PIECE)
    except BlockingIOError:
        return False
    seen.log += piece[: max(most - len(seen.log), 0)]
    return bool(piece)


def _heard(control: socket.socket, seen: Watched) -> bool:
    """Take one message of stage 2; False where none will come any more."""
    room = socket.CMSG_SPACE(_HANDLES * 4)
    try:
        said, rights, _, _ = control.recvmsg(_MESSAGE, room, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    if said == FOLDER:
        handles = array.array("i")
        for level, kind, data in rights:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                handles.frombytes(data[: len(data) - len(data) % handles.itemsize])
        seen.folder, seen.first = handles
    elif said == CONFINED:
        seen.confined = True
    elif said:
        seen.broken = said.decode(errors="replace")
    return bool(said) and not seen.confined


def _end(process: subprocess.Popen[bytes], seen: Watched) -> None:
    """End whatever is left, and wait until it is gone."""
    if seen.first is not None:
        _kill(seen.first)  # the program has ended, or has to
        empty = select.poll()
        empty.register(seen.first, select.POLLIN)  # readable when the namespace is empty
        empty.poll()
    elif seen.late or not seen.confined:
        process.kill()
    process.wait()


def _kill(handle: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
