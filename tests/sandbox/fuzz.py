"""Random system calls from within a job: what runs in the sandbox, and what has to be as before.

Left out are calls that end or silence the job itself at once; what the filter kills for is tried
by attempts, and here now and then.
"""

from collections.abc import Mapping
from typing import Final

from unseen.sandbox.calls import DEADLY

_LEFT_OUT: Final = (
    *("exit", "exit_group", "close", "close_range", "dup2", "dup3", "munmap", "mremap", "brk"),
    *("mprotect", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "setitimer", "alarm", "kill"),
    *("tgkill", "prlimit64", "rt_sigsuspend", "mmap", "madvise", "clone"),
)
PROGRAM: Final = """
import ctypes, os, random, signal
libc = ctypes.CDLL(None)
random.seed({seed})
numbers, deadly = {numbers!r}, {deadly!r}
libc.mmap.restype = ctypes.c_long
# Words and paths, with a page behind them that nothing can be written to.
base = libc.mmap(None, ctypes.c_long(1 << 17), 0, 0x22, -1, ctypes.c_long(0))
libc.mprotect(ctypes.c_long(base), ctypes.c_long(1 << 16), 3)
paths = (b'/etc/passwd', b'/srv/log', b'/home/alice/key', b'/tmp/x', b'/out/y', b'/in/rows', b'..')
for place, path in enumerate(paths):
    ctypes.memmove(base + 256 * place, path, len(path))
values = [0, 1, 2, 3, 4, 5, 7, 16, 64, 4096, -1, -100, 1 << 31, 1 << 40, 0x3D0F00, 0x10000011]
values += [base + 256 * place for place in range(12)]
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
word = ctypes.c_long
for done in range(1, {calls} + 1):
    number = random.choice(deadly if random.random() < 1e-5 else numbers)
    given = [word(random.choice(values)) for _ in range(6)]
    if random.random() < 0.1:
        given[random.randrange(6)] = word(random.getrandbits(64) - (1 << 63))
    libc.syscall(word(number), *given)
    if done % 500 == 0:
        os.write(1, b'\\n#500\\n')
"""


def program(seed: int, calls: int, numbers: Mapping[str, int]) -> str:
    """Return a program that makes `calls` random calls, and says every 500 that it did."""
    usual = [n for name, n in numbers.items() if name not in _LEFT_OUT and name not in DEADLY]
    beyond = [max(numbers.values()) + n for n in (1, 2, 50)]
    deadly = [numbers[name] for name in DEADLY if name in numbers]
    return PROGRAM.format(seed=seed, calls=calls, numbers=usual + beyond, deadly=deadly)
