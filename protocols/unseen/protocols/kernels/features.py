"""What code is compiled for on this machine (Intel SDM volume 2, CPUID). Names no other machine.

A kernel asks here before it is loaded. The answer is about the processor that code is compiled
for, which is this one unless `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` say otherwise.
"""

import importlib.util
import os
from functools import cache
from typing import NamedTuple


class Target(NamedTuple):
    """Triple, processor and features as LLVM writes them: `+aes,-avx512f`."""

    triple: str
    processor: str
    features: str


@cache
def target() -> Target | None:
    """Return what is compiled for; None without numba or off x86-64."""
    if any(importlib.util.find_spec(name) is None for name in ("numba", "llvmlite")):
        return None
    # Here and not above: whoever needs no kernel does not wait for LLVM.
    from llvmlite import binding  # noqa: PLC0415

    triple = binding.get_process_triple()
    if not triple.startswith("x86_64"):
        return None
    host = binding.get_host_cpu_name()
    processor = os.environ.get("NUMBA_CPU_NAME") or host
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = binding.get_host_cpu_features().flatten() if processor == host else ""
    return Target(triple, processor, features)


@cache
def compiled_features() -> frozenset[str]:
    """Return LLVM's names of what code may use here; empty where nothing is compiled."""
    found = target()
    features = found.features.split(",") if found else []
    return frozenset(name[1:] for name in features if name.startswith("+"))


def has_aes() -> bool:
    """Whether AES instructions may be compiled."""
    return {"aes", "sse4.1"} <= compiled_features()


def has_vectors() -> bool:
    """Whether vectors of 256 bits may be compiled, of whole numbers."""
    return "avx2" in compiled_features() and importlib.util.find_spec("numpy") is not None
