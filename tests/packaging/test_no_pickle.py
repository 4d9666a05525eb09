"""No pickle, anywhere, ever: no module of ours reads or writes one, or has a library do it.

Dask does, between members of a cluster; who may speak to it, and what about, says ADR 0039.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("protocols", "runtime", "tools", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
CLUSTER = ROOT / "runtime/unseen/node/cluster"
DASK = {"dask", "distributed"}
FORBIDDEN = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
# Arguments by which numpy, pandas, torch and numba read or write one.
SWITCHES = {"allow_pickle": True, "weights_only": False, "cache": True}


def offences(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Attribute) and node.attr in {"read_pickle", "to_pickle"}:
            found.append(node.attr)
        elif (
            isinstance(node, ast.keyword)
            and node.arg in SWITCHES
            and isinstance(node.value, ast.Constant)
            and node.value.value is SWITCHES[node.arg]
        ):
            found.append(node.arg)
        found += [name for name in names if name.partition(".")[0] in FORBIDDEN]
    return found


def test_nobody_but_the_cluster_speaks_to_dask() -> None:
    members: list[Path] = []
    others: list[Path] = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if not any(name in text for name in DASK):  # what it does not say it does not import
            continue
        for node in ast.walk(ast.parse(text)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if DASK & {name.partition(".")[0] for name in names}:
                (members if path.is_relative_to(CLUSTER) else others).append(path)
    assert members
    assert others == []


def test_no_source_has_anything_to_do_with_pickle() -> None:
    assert len(SOURCES) > 300
    seen = {str(path): offences(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {name: what for name, what in seen.items() if what} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from marshal import loads",
        "import joblib.memory as m",
        "np.load(path, allow_pickle=True)",
        "frame.to_pickle(path)",
        "numba.njit(cache=True)(run)",
        "def f():\n    import dill",
    ],
)
def test_what_has_is_found(text: str) -> None:
    assert offences(text)
    assert not offences("import json\nnp.load(path, allow_pickle=False)\nf(cache=None)")
