"""Examines this machine as if its kernel lacked some calls: a filter answers them with ENOSYS.

    python tests/sandbox/lacking.py UID CALL[:ARGUMENT:VALUE...]...

Prints the tier, then a line for each tier that is missing: its name, the feature, what was found.
What is lacking here is lacking for everything that this process starts.
"""

import os
import sys

from unseen.sandbox import bpf, environment, probe
from unseen.sandbox.inside.libc import prctl
from unseen.sandbox.inside.seccomp import install
from unseen.sandbox.runner import machine

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW = 0x7FFF0000


def step(code: int, true: int, false: int, constant: int) -> bytes:
    return bpf.INSTRUCTION.pack(code, true, false, constant)


def refusing(wanted: list[str]) -> bytes:
    program = step(LOAD, 0, 0, 0)
    for each in wanted:
        name, _, rest = each.partition(":")
        number = machine().numbers[name]
        if not rest:
            program += step(EQUAL, 0, 1, number) + step(RETURN, 0, 0, bpf.ENOSYS)
            continue
        words = [int(word) for word in rest.split(":")]
        jump = ANY_BIT if name == "clone" else EQUAL
        tests = [
            step(LOAD, 0, 0, 16 + 8 * argument) + step(jump, 0, 2 * left + 1, value)
            for argument, value, left in zip(
                words[::2], words[1::2], reversed(range(len(words) // 2)), strict=True
            )
        ]
        body = b"".join(tests) + step(RETURN, 0, 0, bpf.ENOSYS)
        program += step(EQUAL, 0, len(body) // bpf.INSTRUCTION.size + 1, number) + body
        program += step(LOAD, 0, 0, 0)
    return program + step(RETURN, 0, 0, ALLOW)


def main() -> None:
    uid, *wanted = sys.argv[1:]
    if os.geteuid() != 0:
        prctl("no_new_privs", 38, 1)
    install(refusing(wanted))
    found = probe.examined(environment.of_this_process(), int(uid) or None)
    lines = [f"{each.tier.name} {each.feature} {each.found}" for each in found.missing]
    sys.stdout.write("\n".join([found.tier.name, *lines]))


main()
