"""Each peer has a lock with hashes and a program that imports nothing of ours."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from unseen.bench import psi_peers

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks/peers"


def loaded(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("peers_tool", ROOT / "tools/peers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_peer_of_a_bench_can_be_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = loaded(monkeypatch)
    assert set(tool.names()) == {"flwr", *psi_peers.RUNS}
    assert tool.main(["other"]) == 2
    assert "there is no peer 'other': flwr, openmined-psi, spu" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["flwr", *psi_peers.RUNS])
def test_a_lock_has_hashes_and_names_no_index(name: str) -> None:
    lock = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    packages = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert any(line.startswith(f"{name}==") for line in packages)
    assert lock.count("--hash=sha256:") >= len(packages)
    assert "://" not in lock
    assert (FOLDER / f"{name}.in").is_file()


@pytest.mark.parametrize("program", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_program_imports_nothing_of_ours(program: Path) -> None:
    tree = ast.parse(program.read_text(encoding="utf-8"))
    imported = [
        name
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]
    assert "answering" in imported or not program.stem.endswith("_peer")
    assert not [name for name in imported if name.split(".")[0] == "unseen"]
