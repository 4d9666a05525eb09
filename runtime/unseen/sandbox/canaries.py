"""Eleven attempts that a tier has to stop before it is offered: what it promises, tried out.

Each of them is refused by the layer it is aimed at with one certain error, so that a machine on
which it fails for another reason does not pass for a wall. They harm nothing where they succeed.
"""

from typing import Final

from unseen.sandbox.job import Job, Limits, Status
from unseen.sandbox.runner import Runner

_OUTPUT: Final = "canary.txt"
# Each: a name, what is tried, the error that a wall answers with (1 EPERM, 9 EBADF, 12 ENOMEM,
# 13 EACCES, 27 EFBIG, 28 ENOSPC). The file of passwords is missing where namespaces hide it.
_REFUSED: Final = """
import ctypes, mmap, os, resource
import _socket
libc = ctypes.CDLL(None, use_errno=True)

def many():
    for number in range(64):
        open('out/%d' % number, 'x').close()

def fork():
    if os.fork() == 0:
        os._exit(0)

def inherited():
    for handle in range(3, 1024):
        try:
            os.fstat(handle)
        except OSError as error:
            if error.errno != 9:
                raise
        else:
            return
    raise OSError(9, '')

def giant():
    with open('out/canary.txt', 'r+b') as file:
        file.truncate(1 << 40)

attempts = (
    ('vsock', lambda: _socket.socket(40, 1), (1,)),
    ('network', lambda: _socket.socket(2, 1), (1,)),
    ('passwords', lambda: open('/etc/passwd'), (2, 13)),
    ('fork', fork, (1,)),
    ('exec', lambda: os.execv('/no/program', ['a']), (1,)),
    ('inherited', inherited, (9,)),
    ('names', many, (13, 28)),
    ('giant', giant, (27,)),
    ('memory', lambda: mmap.mmap(-1, 1 << 44), (12,)),
)
open('out/canary.txt', 'a').close()
stopped = []
for name, attempt, walls in attempts:
    try:
        attempt()
    except (OSError, OverflowError) as error:
        if getattr(error, 'errno', None) in walls:
            stopped.append(name)
print(*stopped)
"""
NAMES: Final = (
    *("vsock", "network", "passwords", "fork", "exec", "inherited", "names", "giant", "memory"),
)
DEADLY: Final = {
    "mount": "ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "trace": "ctypes.CDLL(None).ptrace(0, 0, 0, 0)",
}
_LIMITS: Final = Limits(seconds=10, memory_mb=1024, output_bytes=1 << 16)


def escaped(runner: Runner) -> tuple[str, ...]:
    """Return the names of the attempts that `runner` did not stop, as they should be."""
    done = runner.run(Job(program=_REFUSED, outputs=[_OUTPUT], limits=_LIMITS))
    stopped = done.log.decode(errors="replace").split()
    through = [name for name in NAMES if name not in stopped]
    for name, attempt in DEADLY.items():
        ended = runner.run(Job(program=f"import ctypes; {attempt}", limits=_LIMITS))
        if ended.status is not Status.KILLED:
            through.append(name)
    return tuple(through)
