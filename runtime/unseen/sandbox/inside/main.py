"""Stage 2: builds the walls around itself, one layer after the other, then runs the program.

    python -I -S -B -c "..." CONTROL PLAN

Both are descriptors: a socket to the supervisor, and a file that holds the plan. The program runs
in this same process, since no other may be started. The supervisor is told `CONFINED` when the last
wall stands; whatever goes wrong before, is said on the same socket, and nothing ran.
"""

from __future__ import annotations

import _socket
import os
import sys

from unseen.sandbox.inside import (
    capabilities,
    descriptors,
    landlock,
    limits,
    mounts,
    process,
    seccomp,
)
from unseen.sandbox.inside.plan import Plan, decoded

TYPE_CHECKING = False
if TYPE_CHECKING:  # as type checkers know it: typing itself takes longer than all of this
    from collections.abc import Callable, Iterator
    from typing import NoReturn

CONFINED = b"confined"
FOLDER = b"folder"
NO_MEMORY_EXIT = 86
BROKEN_EXIT = 87
_NAME = "job.py"
_INT = 4


def main(control: int, plan: int) -> None:
    """Confine this process as the plan says, and run its program."""
    with os.fdopen(plan, "rb") as file:
        found = decoded(file.read())
    if control != descriptors.FIRST:
        os.dup2(control, descriptors.FIRST)
    layer = ""
    try:
        for name, apply in _layers(found, descriptors.FIRST):
            layer = name
            apply()
        os.write(descriptors.FIRST, CONFINED)
    except (OSError, ValueError) as error:
        os.write(descriptors.FIRST, f"{layer}: {error}".encode()[:500])
        os._exit(BROKEN_EXIT)
    os.close(descriptors.FIRST)
    sys.path[:] = found.paths
    _run(found.program)


def _layers(plan: Plan, control: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield every layer by name; seccomp last, since it forbids what the others call."""
    os.umask(0o077)
    yield "tmpfs", lambda: _mount(plan)
    if plan.output:
        yield "pidfd", lambda: _hand_out(control, plan.output)
    yield (
        "limits",
        lambda: limits.set_limits(
            cpu_seconds=plan.cpu_seconds,
            memory=plan.memory,
            file_bytes=plan.file_bytes,
            tasks=plan.tasks,
        ),
    )
    yield "capabilities", lambda: capabilities.drop_all(bounding=plan.bounding)
    yield "process", lambda: process.settle(plan.parent)
    yield "landlock", lambda: landlock.restrict(plan.rules, plan.landlock)
    yield "descriptors", lambda: descriptors.close_from(control + 1)
    yield "seccomp", lambda: _filter(plan)


def _mount(plan: Plan) -> None:
    for path, size, names in plan.tmpfs:
        mounts.mount_tmpfs(path, size, names)


def _filter(plan: Plan) -> None:
    own = os.getpid().to_bytes(_INT, "little")
    program = bytearray(plan.filter)
    for place in plan.own_pid_at:
        program[place : place + _INT] = own
    seccomp.install(bytes(program))


def _hand_out(control: int, path: str) -> None:
    """Send the supervisor the output folder and the namespace's first process, as descriptors.

    A folder in memory is gone with its namespace, unless somebody has it open; and a process's
    number may be another's by the time it is asked to end.
    """
    handles = (os.open(path, os.O_PATH | os.O_DIRECTORY), os.pidfd_open(1))
    rights = b"".join(handle.to_bytes(_INT, sys.byteorder) for handle in handles)
    socket = _socket.socket(fileno=control)
    socket.sendmsg([FOLDER], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    socket.detach()  # still open: what comes next is said there, too


def _run(program: bytes) -> NoReturn:
    """Run the program as `__main__`; end with a code that says how it went."""
    module = sys.modules["__main__"]
    names = {"__name__": "__main__", "__builtins__": __builtins__, "__file__": _NAME}
    module.__dict__.clear()
    module.__dict__.update(names)
    sys.argv[:] = [_NAME]
    try:
        code = compile(program, _NAME, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102  what the sandbox is for
    except SystemExit as ended:
        sys.exit(1 if ended.code else 0)
    except MemoryError:
        sys.exit(NO_MEMORY_EXIT)
    except BaseException:  # noqa: BLE001  whatever it raises is the operator's to read
        _tell(program)
        sys.exit(1)
    sys.exit(0)


def _tell(program: bytes) -> None:
    """Print the traceback with the program's own lines, which lie in no file."""
    import linecache  # noqa: PLC0415  only where a program failed
    import traceback  # noqa: PLC0415

    lines = program.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[_NAME] = (len(program), None, lines, _NAME)
    traceback.print_exc()
