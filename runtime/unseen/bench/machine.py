"""What a figure was measured on: processor, memory, system, versions, commit.

Also what the kernel tells about processes: CPU time and peak memory, from `/proc` on Linux. On
other systems only this process and its ended children are seen.
"""

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from unseen.protocols.errors import InputInvalidError

_PROC = Path("/proc")
_PACKAGES = ("unseen", "grpcio", "rbcl", "cryptography", "numpy", "numba")
_MEGABYTE = 1 << 20
_TICKS = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, str | int]:
    """Return the machine as one flat object."""
    found: dict[str, str | int] = {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the commit that this code is of, with `+` if files differ from it; else empty."""
    git = shutil.which("git")
    if git is None:
        return ""
    here = Path(__file__).parent
    asked = ("describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+")
    done = subprocess.run(
        [git, "-C", str(here), *asked], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def cpu_seconds(pids: Sequence[int] = ()) -> float:
    """Return the CPU time of this process, its ended children, and the running `pids`."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    return own + sum(cpu_of(pid) for pid in pids)


def peak_rss_mb(pids: Sequence[int] = ()) -> float:
    """Return the sum of the peak resident memory of this process and `pids`, in MiB."""
    return _peak_of("self") + peak_of(pids)


def peak_of(pids: Sequence[int]) -> float:
    """Return the sum of the peak resident memory of these processes alone, in MiB."""
    return sum(_peak_of(str(pid)) for pid in pids)


def reset_peak() -> None:
    """Start counting this process' peak memory anew, where the kernel can."""
    try:
        (_PROC / "self/clear_refs").write_text("5")
    except OSError:
        return


def descendants(pid: int) -> list[int]:
    """Return a process and all below it, the process first."""
    parents: dict[int, list[int]] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


@contextmanager
def one_core(number: int) -> Iterator[int]:
    """Keep this process, and the ones that it starts, on one core; the last one if below 0.

    Raises:
        InputInvalidError: the system cannot, or this process may not use that core.

    """
    if sys.platform != "linux":
        raise InputInvalidError(
            "only Linux can keep processes on one core",
            clause="bench.core",
            remedy="run this bench on Linux",
        )
    allowed = os.sched_getaffinity(0)
    core = max(allowed) if number < 0 else number
    if core not in allowed:
        raise InputInvalidError(
            f"core {core} is not one of this process",
            clause="bench.core",
            remedy=f"set core to one of: {', '.join(map(str, sorted(allowed)))}",
        )
    _pin({core})
    try:
        yield core
    finally:
        _pin(allowed)


def _pin(cores: set[int]) -> None:
    for task in (_PROC / "self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except OSError:
            continue  # the thread has ended meanwhile


def cpu_of(pid: int) -> float:
    """Return the CPU time of a running process and its ended children; 0 where it has ended."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS  # its own, and of its ended children


def _peak_of(pid: str) -> float:
    try:
        for line in (_PROC / pid / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    if pid != "self":
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MEGABYTE if sys.platform == "darwin" else 1024)


def _cpu_model() -> str:
    try:
        for line in (_PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
