"""setrlimit(2): what one process may take; hard limits, which nobody without rights raises.

Stops: memory bombs (there is one process, so its address space bounds it), endless loops, threads
without end, sparse files of a terabyte, descriptors without end, locked memory, message queues,
queued signals, a core dump with what was read.
"""

import resource

_DESCRIPTORS = 128
_SIGNALS = 128
_STACK = 8 << 20


def set_limits(*, cpu_seconds: int, memory: int, file_bytes: int, tasks: int) -> None:
    """Set every limit, soft and hard.

    The first warning about the processor's time ends the program, and the second cannot be caught.

    Raises:
        OSError: the kernel refuses.
        ValueError: a limit lies below what is in force already.

    """
    fixed = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: _DESCRIPTORS,
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: _SIGNALS,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    for which, value in fixed.items():
        resource.setrlimit(which, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    stack = _STACK if hard == resource.RLIM_INFINITY else min(_STACK, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (stack, stack))
