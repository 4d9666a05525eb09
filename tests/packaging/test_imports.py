"""Each part imports without the libraries that it promises not to need."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NODE_LIBRARIES = (
    "alembic",
    "duckdb",
    "grpc_health",
    "grpc_reflection",
    "pyarrow",
    "pydantic_settings",
    "sqlalchemy",
    "tenseal",
    "unseen.node",
)
CLUSTER = ("dask", "distributed", "cloudpickle")
KERNEL_LIBRARIES = ("llvmlite", "numba", "numpy")
WIRE = ("google", "grpc", "grpc_status", "unseen.v1")
FACES = ("pydantic", "rich", "typer", "unseen.cli", "unseen.client")

# Imports the named package and all below it in an interpreter that has none of `absent`.
PROGRAM = """
import importlib, pkgutil, sys

name, absent = sys.argv[1], frozenset(sys.argv[2:])

class Absent:
    def find_spec(self, fullname, path=None, target=None):
        parts = fullname.split(".")
        if any(".".join(parts[:n]) in absent for n in range(1, len(parts) + 1)):
            raise ModuleNotFoundError(f"{fullname} is not installed", name=fullname)

loaded = absent & sys.modules.keys()
assert not loaded, loaded
sys.meta_path.insert(0, Absent())
package = importlib.import_module(name)
below = pkgutil.walk_packages(getattr(package, "__path__", []), name + ".")
names = [module.name for module in below if not module.name.endswith("__main__")]
for module in names:
    importlib.import_module(module)
print(1 + len(names))
"""


def imported(name: str, *absent: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, name, *absent],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["unseen.protocols", "unseen.evidence"])
def test_pure_parts_import_without_grpc(name: str) -> None:
    done = imported(name, *WIRE, *FACES, *NODE_LIBRARIES)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


@pytest.mark.parametrize("name", ["unseen.client", "unseen.cli.main"])
def test_client_and_command_line_import_without_the_nodes_libraries(name: str) -> None:
    done = imported(name, *NODE_LIBRARIES, *KERNEL_LIBRARIES)
    assert done.returncode == 0, done.stderr


WITHOUT_VECTORS = (
    "he.lessons",
    "he.networks.parameters",
    "he.parameters",
    "oprf",
    "lookup.labels",
    "lookup.lwe_pir.parameters",
    "lookup.lwe_pir.seeds",
    "lookup.oprf_table",
    "lookup.subject",
    "smt",
    "tlog",
    "testing",
)


@pytest.mark.parametrize("name", WITHOUT_VECTORS)
def test_protocols_that_need_no_vectors_import_without_their_libraries(name: str) -> None:
    done = imported(f"unseen.protocols.{name}", *KERNEL_LIBRARIES)
    assert done.returncode == 0, done.stderr


def test_the_process_that_serves_imports_without_what_reads_tables() -> None:
    done = imported("unseen.node.main", "duckdb", "pyarrow", "onnx", *CLUSTER, *KERNEL_LIBRARIES)
    assert done.returncode == 0, done.stderr


def test_training_imports_without_the_libraries_of_model_files() -> None:
    done = imported("unseen.protocols.train", "onnx", "onnxruntime", "safetensors", *NODE_LIBRARIES)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


def test_homomorphic_jobs_import_without_their_engine() -> None:
    done = imported("unseen.protocols.he", "tenseal", "onnx", "llvmlite", "numba")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 2


def test_one_module_and_a_bench_name_tenseal() -> None:
    named = [
        path.relative_to(ROOT).as_posix()
        for folder in ("protocols", "runtime")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if re.search(r"\"tenseal|import tenseal|from tenseal", path.read_text(encoding="utf-8"))
    ]
    # The other one measures TenSEAL's vectors, which nothing of ours uses.
    assert named == ["protocols/unseen/protocols/he/engine.py", "runtime/unseen/bench/tensors.py"]


def test_streams_import_without_the_wire_and_the_nodes_libraries() -> None:
    done = imported("unseen.streams", *WIRE, *FACES, *NODE_LIBRARIES, "llvmlite", "numba")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5


def test_the_check_itself_finds_an_import() -> None:
    done = imported("unseen.v1", "google")
    assert done.returncode != 0
    assert "is not installed" in done.stderr
