"""Rewrite proto/gen from proto/unseen. Run: `./unseen dev proto`.

The generator lives in an environment of its own, pinned at the oldest grpcio that is supported
(requirements/proto.in), because generated code refuses a runtime older than its generator.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import starter

ROOT = Path(__file__).resolve().parents[1] / "proto"
GEN = ROOT / "gen"
VENV = Path(__file__).resolve().parents[1] / ".venv-proto"
KINDS = ("python_out=", "pyi_out=", "grpc_python_out=", "mypy_grpc_out=quiet:")
# Where the .proto files that protobuf itself brings lie.
INCLUDE = "import pathlib, grpc_tools; print(pathlib.Path(grpc_tools.__file__).parent / '_proto')"


def generate(target: Path) -> None:
    """Write the Python modules of every .proto file below `target`, which is emptied first.

    Raises:
        subprocess.CalledProcessError: protoc refused a file; it has said why.
        starter.SetupError: the generator could not be installed.

    """
    scripts = starter.ensure(VENV, "setup.txt", "proto.txt").parent
    python = str(scripts / "python")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    include = subprocess.run(
        [python, "-c", INCLUDE], check=True, capture_output=True, text=True
    ).stdout.strip()
    plugin = f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}"
    outs = [f"--{kind}{target}" for kind in KINDS]
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("unseen/**/*.proto"))
    command = [python, "-m", "grpc_tools.protoc", f"-I{ROOT}", f"-I{include}", plugin, *outs]
    subprocess.run([*command, *sources], cwd=ROOT, check=True)
    tidy(target)


def tidy(target: Path) -> None:
    """Drop service modules without a service, and make the folders typed packages."""
    for module in target.rglob("*_pb2_grpc.py"):  # protoc writes one for each file
        if "class " not in module.read_text():
            module.unlink()
            module.with_suffix(".pyi").unlink(missing_ok=True)
    for package in {module.parent for module in target.rglob("*_pb2.py")}:
        (package / "__init__.py").write_text('"""Generated from proto/: do not edit."""\n')
        (package / "py.typed").touch()


if __name__ == "__main__":
    try:
        generate(GEN)
    except starter.SetupError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
