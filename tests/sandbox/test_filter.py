"""The filter of system calls, executed by a machine of our own: what it answers is what is named.

So the filter of another architecture is tested on this one.
"""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.sandbox import bpf
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
from unseen.sandbox.syscalls import Architecture, architecture

KNOWN = [found for name in ("x86_64", "aarch64") if (found := architecture(name)) is not None]
each = pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
WORD = (1 << 32) - 1


def answered(known: Architecture, number: int, *arguments: int, audit: int | None = None) -> int:
    """Return what the filter answers to a call, as the kernel would execute it."""
    program = bpf.assembled(known).program
    assert len(program) % 8 == 0
    assert len(program) // 8 <= bpf.MOST_INSTRUCTIONS
    six = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack(
        "<IIQ6Q", number, known.audit if audit is None else audit, 0, *(a % (1 << 64) for a in six)
    )
    place = loaded = 0
    while True:
        code, true, false, constant = bpf.INSTRUCTION.unpack_from(program, 8 * place)
        place += 1
        if code == 0x06:
            return int(constant)
        if code == 0x20:
            assert constant % 4 == 0
            (loaded,) = struct.unpack_from("<I", data, constant)
            continue
        holds = {
            0x15: loaded == constant,
            0x35: loaded >= constant,
            0x45: bool(loaded & constant),
        }[code]
        place += true if holds else false


def fits(test: Test, arguments: list[int]) -> bool:
    match test:
        case Without(argument, bits):
            return not arguments[argument] & bits
        case NotBoth(argument, bits, other, other_bits):
            return not (arguments[argument] & bits and arguments[other] & other_bits)
        case OneOf(argument, values, wide):
            value = arguments[argument]
            return (value if wide else value & WORD) in values


@each
def test_every_call_gets_its_answer(known: Architecture) -> None:
    for name, number in known.numbers.items():
        if name in CHECKED:
            continue
        wanted = bpf.EPERM
        for names, answer in ((ALLOWED, bpf.ALLOW), (DEADLY, bpf.KILL), (ABSENT, bpf.ENOSYS)):
            wanted = answer if name in names else wanted
        assert answered(known, number, 1, 2, 3, 4, 5, 6) == wanted, name


values = st.one_of(
    st.integers(0, 8),
    st.integers(0, (1 << 64) - 1),
    st.sampled_from(
        [0x3D0F00, 0x7D0F00, 0x3D0F00 | 1 << 28, 0x3D0F00 | 1 << 40, OWN_PID, 0o4755, 0x32, 1030]
    ),
)


@each
@given(name=st.sampled_from(sorted(CHECKED)), arguments=st.lists(values, min_size=6, max_size=6))
def test_arguments_are_looked_at(known: Architecture, name: str, arguments: list[int]) -> None:
    if name in known.numbers:
        allowed = all(fits(test, arguments) for test in CHECKED[name])
        found = answered(known, known.numbers[name], *arguments)
        assert found == (bpf.ALLOW if allowed else bpf.EPERM)


@each
def test_other_architectures_and_other_sets_of_calls_are_deadly(known: Architecture) -> None:
    read = known.numbers["read"]
    assert answered(known, read) == bpf.ALLOW
    for audit in {0x40000003, 0x40000028, 0, WORD, *(other.audit for other in KNOWN)}:
        if audit != known.audit:
            assert answered(known, read, audit=audit) == bpf.KILL
    for number in (0x40000000 + read, 0x40000000 + 520, WORD, 1 << 31):
        assert answered(known, number) == bpf.KILL


@each
def test_what_is_newer_than_the_tables_does_not_exist(known: Architecture) -> None:
    last = max(known.numbers.values())
    assert [answered(known, last + n) for n in (1, 2, 1000)] == [bpf.ENOSYS] * 3


@each
def test_what_is_unnamed_in_the_tables_is_forbidden(known: Architecture) -> None:
    named = set(known.numbers.values())
    unnamed = [number for number in range(max(named)) if number not in named]
    assert unnamed
    assert {answered(known, number) for number in unnamed} == {bpf.EPERM}


@each
def test_the_own_number_is_where_the_filter_says(known: Architecture) -> None:
    made = bpf.assembled(known)
    assert len(made.own_pid_at) == 2  # kill, tgkill
    for place in made.own_pid_at:
        assert made.program[place : place + 4] == OWN_PID.to_bytes(4, "little")


def test_every_name_is_a_call_of_some_architecture_and_stands_once() -> None:
    every = [*ALLOWED, *CHECKED, *ABSENT, *DEADLY]
    assert len(every) == len(set(every))
    for name in every:
        assert any(name in known.numbers for known in KNOWN), name


@pytest.mark.parametrize(
    ("machine", "name", "number"),
    [
        ("x86_64", "read", 0),
        ("x86_64", "openat", 257),
        ("x86_64", "rseq", 334),
        ("x86_64", "landlock_restrict_self", 446),
        ("aarch64", "openat", 56),
        ("aarch64", "clone", 220),
        ("aarch64", "rseq", 293),
        ("aarch64", "landlock_restrict_self", 446),
        ("arm64", "mmap", 222),
        ("amd64", "fchmodat2", 452),
    ],
)
def test_numbers_are_those_of_the_kernel(machine: str, name: str, number: int) -> None:
    known = architecture(machine)
    assert known is not None
    assert known.numbers[name] == number


def test_other_machines_have_no_table() -> None:
    assert architecture("riscv64") is None
