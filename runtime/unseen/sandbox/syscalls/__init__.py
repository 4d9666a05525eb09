"""The system calls of each architecture that the sandbox knows, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from unseen.sandbox.syscalls import aarch64, x86_64

_TABLES: Final = {"x86_64": x86_64, "aarch64": aarch64, "arm64": aarch64, "amd64": x86_64}


@dataclass(frozen=True, slots=True, eq=False)
class Architecture:
    """One architecture: its name, what a filter is told that it is, the numbers of its calls."""

    name: str
    audit: int
    numbers: Mapping[str, int]


@cache
def architecture(machine: str) -> Architecture | None:
    """Return what is known of the architecture that uname(2) calls `machine`."""
    table = _TABLES.get(machine.lower())
    if table is None:
        return None
    numbers = {
        name: first + place
        for first, names in table.RUNS
        for place, name in enumerate(names.split())
    }
    return Architecture(machine, table.AUDIT_ARCH, MappingProxyType(numbers))
