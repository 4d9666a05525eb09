"""What code of others may try, and which layers stop it.

Each attempt is a program that ends without an exception only where it succeeded. Its `layers` are
those that have to be taken away, all together, for it to succeed: one layer and those behind it.
They lie in `attempts.txt`, a line each, and are run by `outer.py` alone, in a sandbox that is
thrown away, against a host of decoys there.

`seen`: tier S1 does not stop it: what a host shows to everybody can be seen. `optional`: some
kernels have nothing that could be attempted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LAYERS: Final = {
    "s": "seccomp",
    "l": "landlock",
    "n": "namespaces",
    "r": "limits",
    "c": "capabilities",
    "t": "tmpfs",
    "d": "descriptors",
    "v": "variables",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: its name, the layers in front of it, the program."""

    name: str
    letters: str
    program: str
    seen: bool
    optional: bool

    @property
    def layers(self) -> frozenset[str]:
        return frozenset(LAYERS[letter] for letter in self.letters)


def _read() -> Iterator[Attempt]:
    for line in (Path(__file__).parent / "attempts.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            letters, name, program = line.split(" | ", 2)
            stopped = letters.rstrip("?*")
            yield Attempt(name, stopped, program, "*" in letters, "?" in letters)


ATTEMPTS: Final[Sequence[Attempt]] = tuple(_read())

PRELUDE: Final = """
import ctypes, fcntl, mmap, os, resource, select, signal, socket, stat, struct, subprocess, sys
import threading, time
L = ctypes.c_long
B = ctypes.create_string_buffer(512)
libc = ctypes.CDLL(None, use_errno=True)
WORDS = {words!r}
DECOY, PACKAGES, INPUTS, STAGE, NR = (
    WORDS[k] for k in ('decoy', 'packages', 'inputs', 'stage', 'numbers')
)
sys.executable = WORDS['python']
AGAIN = ['-I', '-S', '-c', 'print("WON")']
LIBRARY = WORDS['library']
X86 = os.uname().machine == 'x86_64'
MACHINE = bytes.fromhex('b82a000000c3' if X86 else '40058052c0035fd6')
INT80 = bytes.fromhex('53b814000000cd805bc3')

def won():
    sys.stdout.write('WON\\n')
    sys.stdout.flush()

def call(name, *arguments):
    given = [L(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(L(NR[name]), *given)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result

def mapped(handle, protection, flags=None, size=4096):
    libc.mmap.restype = L
    flags = (2 if handle >= 0 else 0x22) if flags is None else flags
    result = libc.mmap(None, L(size), protection, flags, handle, L(0))
    if result == -1:
        raise OSError(ctypes.get_errno(), 'mmap')
    return result

def run(place, expected=42):
    found = ctypes.CFUNCTYPE(ctypes.c_int)(place)()
    assert expected is None or found == expected
    return found

def remote(name):
    buffer = ctypes.create_string_buffer(8)
    here = struct.pack('2Q', ctypes.addressof(buffer), 8)
    call(name, DECOY, here, 1, struct.pack('2Q', WORDS['place'], 8), 1, 0)

def rights():
    header, data = struct.pack('Ii', 0x20080522, 0), ctypes.create_string_buffer(24)
    assert libc.capget(header, data) == 0
    return data.raw

def handle():
    buffer = ctypes.create_string_buffer(struct.pack('I', 128), 256)
    mount = ctypes.c_int()
    call('name_to_handle_at', -100, b'/tmp', buffer, ctypes.byref(mount), 0)

def again():
    os.execv(sys.executable, [sys.executable, *AGAIN])

"""
