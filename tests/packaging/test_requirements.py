"""The locks: pinned by hash, agreeing with each other, silent about where packages come from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_holds_pins_and_hashes_and_nothing_else(lock: Path) -> None:
    for entry in re.split(r"\n(?=\S)", lock.read_text().strip()):
        first, *hashes = entry.split(" \\\n")
        assert re.fullmatch(r"[a-z0-9.-]+==[^\s;]+( ; [^/:]+)?", first), first
        assert hashes, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes), first


def test_smaller_locks_lie_within_the_one_that_is_tested() -> None:
    tested = pins(ROOT / "requirements/dev.txt").items()
    for name in ("client.txt", "node.txt"):
        assert pins(ROOT / "requirements" / name).items() <= tested


def test_locks_hold_what_the_project_asks_for() -> None:
    base = {normal(r) for r in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"]
    # The demo trains a model and writes it: a clone has every extra.
    node = {normal(r) for name in ("node", "kernels", "train", "he", "dask") for r in extras[name]}
    dev = {normal(r) for r in PROJECT["dependency-groups"]["dev"]}
    for name, wanted in (("client", base), ("node", base | node), ("dev", base | node | dev)):
        assert wanted <= pins(ROOT / f"requirements/{name}.txt").keys()


def test_client_stays_small() -> None:
    client = pins(ROOT / "requirements/client.txt").keys()
    heavy = {"duckdb", "pyarrow", "sqlalchemy", "alembic", "tenseal", "numpy", "numba", "llvmlite"}
    heavy |= {"onnx", "onnxruntime", "safetensors", "dask", "distributed"}
    assert client.isdisjoint(heavy)
