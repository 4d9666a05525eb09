"""A task's share of memory, held by the kernel: whatever a peer sent, it gets no more.

Linux counts what a process may write to (RLIMIT_DATA), libraries' own data included, so that the
limit is on growth. What asks for more gets a `MemoryError`, also in SEAL, and the task fails alone;
a library that cannot bear it ends the process, which its node sees. Elsewhere nothing is held.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


@contextmanager
def ceiling(mib: int) -> Iterator[None]:
    """Let this process have `mib` MiB beside what it has now, until the end of the block.

    Raises:
        MemoryError: in the block, by whatever asks for more.

    """
    have = _written()
    if have is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [have + (mib << 20), *(one for one in (soft, hard) if one != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _written() -> int | None:
    """Return the bytes that count, or None where no kernel says."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith("VmData:"))
    return 1024 * int(next(found))
