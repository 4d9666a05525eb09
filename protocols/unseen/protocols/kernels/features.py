"""What numba compiles for on this machine (Intel SDM volume 2, CPUID). Names no other machine.

A kernel asks here before it is imported. The answer is about the processor that code is compiled
for, which is this one unless `NUMBA_CPU_NAME` and `NUMBA_CPU_FEATURES` say otherwise.
"""

import importlib.util
from functools import cache


@cache
def compiled_features() -> frozenset[str]:
    """Return LLVM's names of what code may use here; empty without numba or off x86-64.

    Takes as long as importing numba, about a second.
    """
    if importlib.util.find_spec("numba") is None:
        return frozenset()
    # Here and not above: whoever needs no kernel does not wait for numba.
    from numba.core.registry import cpu_target  # noqa: PLC0415

    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    if not triple.startswith("x86_64"):
        return frozenset()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def has_aes() -> bool:
    """Whether AES instructions may be compiled."""
    return {"aes", "sse4.1"} <= compiled_features()
