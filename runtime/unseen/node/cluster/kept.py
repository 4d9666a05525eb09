"""Worker processes that a cluster's machine keeps between two questions at one file.

A process takes half a second to start and, at its first question, some more until its kernels are
loaded: a buyer would wait for both. What is kept is bounded by how many short tasks a machine runs
at once, as nothing is kept that no task has used. It ends with the file, which goes when its epoch
or contract ends, after some minutes without a question, and with the machine's own process, which
ends when its scheduler does.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import subprocess

_IDLE_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Idle:
    file: str
    process: "subprocess.Popen[bytes]"
    since: float


class Kept:
    """The processes of one machine that wait; safe among threads."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        """Keep none; a process ends that waits for longer than `idle_seconds`."""
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()
        self._seconds = idle_seconds
        self._watch: threading.Thread | None = None

    def take(self, file: str) -> "subprocess.Popen[bytes] | None":
        """Return a process that has answered from `file` and lives; none for an empty name.

        Where there is none, the one that waits longest ends: whoever asks starts another.
        """
        if not file:
            return None
        with self._lock:
            found = next((each for each in reversed(self._idle) if each.file == file), None)
            other = found or next(iter(self._idle), None)
            if other is not None:
                self._idle.remove(other)
        if found is not None and found.process.poll() is None:
            return found.process
        if other is not None:
            _end(other)
        return None

    def keep(self, file: str, process: "subprocess.Popen[bytes]") -> None:
        """Keep a process that has just answered from `file`."""
        with self._lock:
            self._idle.append(_Idle(file, process, time.monotonic()))
            if self._watch is None:
                self._watch = threading.Thread(target=self._look, daemon=True)
                self._watch.start()

    def sweep(self) -> None:
        """End what is not to be kept any longer."""
        before = time.monotonic() - self._seconds
        with self._lock:
            idle = list(self._idle)
        # Looked at beside the lock: a shared folder may be slow to answer.
        over = [
            each
            for each in idle
            if each.since < before or each.process.poll() is not None or _is_gone(each.file)
        ]
        with self._lock:
            over = [each for each in over if each in self._idle]  # others have been taken meanwhile
            for each in over:
                self._idle.remove(each)
        for each in over:
            _end(each)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            self.sweep()


def _is_gone(file: str) -> bool:
    try:
        return not Path(file).exists()
    except OSError:  # the folder does not answer: nor would the process
        return True


def _end(idle: _Idle) -> None:
    idle.process.kill()
    with idle.process:  # closes its pipes and waits for it
        pass
