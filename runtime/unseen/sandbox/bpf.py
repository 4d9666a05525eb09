"""seccomp filters as classic BPF (Linux, Documentation/userspace-api/seccomp_filter.rst).

Instructions are assembled here: no compiler, no library. Little-endian machines. Not protected:
what allowed calls do.
"""

import struct
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from unseen.sandbox.calls import (
    ABSENT,
    ALLOWED,
    CHECKED,
    DEADLY,
    OWN_PID,
    NotBoth,
    OneOf,
    Test,
    Without,
)
from unseen.sandbox.syscalls import Architecture

INSTRUCTION: Final = struct.Struct("<HBBI")
MOST_INSTRUCTIONS: Final = 4096
ALLOW: Final = 0x7FFF_0000
KILL: Final = 0x8000_0000
EPERM: Final = 0x0005_0001
ENOSYS: Final = 0x0005_0026
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JGE
_ANY_BIT: Final = 0x45  # BPF_JSET
_RETURN: Final = 0x06
_NUMBER: Final = 0  # offsets in struct seccomp_data
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16
_X32: Final = 0x4000_0000  # a third set of calls of x86-64, entered by its numbers

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant; jumps count instructions behind the next one."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter's bytes, and where in them the process's own number belongs."""

    program: bytes
    own_pid_at: tuple[int, ...] = field(default=())


@cache
def assembled(architecture: Architecture) -> Filter:
    """Return the filter of `unseen.sandbox.calls` for an architecture."""
    numbers = architecture.numbers
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, KILL),
        (_AT_LEAST, 0, 1, max(numbers.values()) + 1),
        (_RETURN, 0, 0, ENOSYS),
    ]
    for names, answer in ((ALLOWED, ALLOW), (DEADLY, KILL), (ABSENT, ENOSYS)):
        for name in names:
            if name in numbers:  # some architectures never had the oldest ones
                code += [(_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, answer)]
    for name, tests in CHECKED.items():
        if name in numbers:
            body = [step for test in tests for step in _test(test)]
            body.append((_RETURN, 0, 0, ALLOW))
            code += [(_EQUAL, 0, len(body), numbers[name]), *body]
    code.append((_RETURN, 0, 0, EPERM))
    places = tuple(
        place * INSTRUCTION.size + 4 for place, step in enumerate(code) if step[3] == OWN_PID
    )
    return Filter(b"".join(INSTRUCTION.pack(*step) for step in code), places)


def _test(test: Test) -> list[Instruction]:
    """Return instructions that answer EPERM where `test` fails, and else go on behind them."""
    refuse: Instruction = (_RETURN, 0, 0, EPERM)
    match test:
        case Without(argument, bits):
            return [_low(argument), (_ANY_BIT, 0, 1, bits), refuse]
        case NotBoth(argument, bits, other, other_bits):
            return [
                _low(argument),
                (_ANY_BIT, 0, 3, bits),
                _low(other),
                (_ANY_BIT, 0, 1, other_bits),
                refuse,
            ]
        case OneOf(argument, values, wide):
            high = [_high(argument), (_EQUAL, 1, 0, 0), refuse] if wide else []
            count = len(values)
            equal: list[Instruction] = [
                (_EQUAL, count - place, 0, value) for place, value in enumerate(values)
            ]
            return [*high, _low(argument), *equal, refuse]


def _low(argument: int) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)


def _high(argument: int) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument + 4)
