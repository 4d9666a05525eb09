"""A worker process: reads tasks from its standard input, writes results to its standard output.

A task is a list of parts whose first names a function of `tasks.py`; the answer is `R` with the
result's parts, `E` with reason, message, clause and remedy, or, before it, any number of `P` with
a count of rows done. Data that arrives here comes from the node alone, and leaves only to it.
"""

import signal
import sys
from typing import BinaryIO, Final

from unseen.node.errors import ClusterRefusedError, OverloadedError, disk_full
from unseen.node.hardening import die_with, harden, whereabouts
from unseen.node.jobs import frames
from unseen.node.jobs.tasks import TASKS
from unseen.protocols.errors import UnseenError

ABROAD: Final = "abroad"
"""The argument of a worker that a cluster's machine has started."""


def main() -> None:
    """Serve tasks until the node closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the node decides when to stop
    harden()
    die_with(int(sys.argv[1]))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing but frames may reach the pipe
    while task := _read(source):
        _write(sink, _run(frames.unpack(task), sink))


def _run(task: list[bytes], sink: BinaryIO) -> list[bytes]:
    def progress(rows: int) -> None:
        _write(sink, [b"P", str(rows).encode()])

    try:
        return [b"R", *TASKS[task[0].decode()](task[1:], progress)]
    except UnseenError as error:
        return told(error)
    except MemoryError as error:
        sys.stderr.write(whereabouts(error) + "\n")
        return told(_too_little())
    except Exception as error:  # noqa: BLE001 - a bug must not take the worker's other tasks along
        if full := disk_full(error):
            return told(full)
        if isinstance(error, FileNotFoundError) and ABROAD in sys.argv:
            return told(_unseen())
        sys.stderr.write(whereabouts(error) + "\n")
        return [b"E", b"INTERNAL", b"a worker failed", b"", b"", b""]


def _too_little() -> OverloadedError:
    return OverloadedError(
        "a task needs more memory than it may have",
        clause="node.memory_mb",
        remedy="its operator gives tasks more (setting memory_mb), then send the same request"
        " again; nothing was charged",
    )


def _unseen() -> ClusterRefusedError:
    return ClusterRefusedError(
        "a machine of the cluster does not see a file that its task is about",
        clause="node.shared",
        remedy="give each machine the shared folder and the tables, under the paths of the node",
    )


def told(error: UnseenError) -> list[bytes]:
    """Return the answer that carries an error."""
    position = getattr(error, "position", None)
    texts = (error.reason, str(error), error.clause, error.remedy)
    parts = [text.encode() for text in texts]
    return [b"E", *parts, b"" if position is None else str(position).encode()]


def _read(source: BinaryIO) -> bytes:
    header = source.read(frames.HEADER_BYTES)
    if len(header) < frames.HEADER_BYTES:
        return b""
    return source.read(frames.frame_size(header))


def _write(sink: BinaryIO, parts: list[bytes]) -> None:
    sink.write(frames.framed(frames.pack(parts)))
    sink.flush()


if __name__ == "__main__":
    main()
