"""Intersections of two sets, each beside raw libsodium and a naive one. Run: ./unseen dev bench"""

from collections.abc import Callable

import pytest

from unseen.bench import psi
from unseen.bench.registry import Case

N = 4096
SETTINGS = {
    "memory": [f"n={N}", "peers=0", "baselines=1"],
    "files": [f"n={N}", "peers=0", "baselines=0", "held=files"],
}
CASES = [
    ("memory", f"psi/{name}")
    for name in ("ecdh", "ecdh/naive", "ecdh/raw", "cardinality", "sum", "sum/raw")
] + [("files", f"psi/{name}/files") for name in ("ecdh", "cardinality", "sum")]


@pytest.mark.parametrize(("held", "name"), CASES)
def bench_psi(measure: Callable[[Case], None], held: str, name: str) -> None:
    wanted = f"protocol={name.split('/')[1]}"
    with psi.groups(psi.BENCH.parameters([*SETTINGS[held], wanted])) as groups:
        measure(next(case for group in groups for case in group if case.name == name))
