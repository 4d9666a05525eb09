"""seccomp(2): the calls that are named, with the arguments that are named, and no others.

Stops: sockets of every family (vsock and netlink too, which a network namespace leaves open), new
processes and programs, io_uring, keyrings, shared and anonymous memory outside of the limits,
namespaces, tracing, other architectures' calls, and most of what a hole in the kernel is reached
by. The program is made outside (`unseen.sandbox.filters`); this installs it.
"""

import ctypes

from unseen.sandbox.inside.libc import prctl

_SET_SECCOMP = 22
_FILTER = 2
_INSTRUCTION_BYTES = 8


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(program: bytes) -> None:
    """Hold this thread, and all that it starts, to the filter `program`, for good.

    Raises:
        OSError: the kernel refuses it.

    """
    instructions = ctypes.create_string_buffer(program, len(program))
    given = _Program(len(program) // _INSTRUCTION_BYTES, ctypes.addressof(instructions))
    prctl("seccomp", _SET_SECCOMP, _FILTER, ctypes.addressof(given))
