"""Matrices for a cluster: moved to where it sees them, found by a link, and deleted with it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unseen.node.config import Settings
from unseen.node.contracts.matrices import share_matrix, sweep_matrices

SIZE = 1 << 20


def node_of(tmp_path: Path, *, shared: str = "shared", far: bool = True, mib: int = 0) -> Any:
    settings = Settings(name="n", shared=shared and str(tmp_path / shared), matrix_mb=mib)
    executor = SimpleNamespace(shares_memory=not far)
    (tmp_path / "home/tables").mkdir(parents=True, exist_ok=True)
    return SimpleNamespace(home=tmp_path / "home", settings=settings, executor=executor)


def share(node: Any, name: str = "c-1", content: bytes = b"matrix") -> tuple[bool, Path]:
    built, own = node.home / "built", node.home / f"tables/{name}.matrix"
    built.write_bytes(content)
    spec: Any = SimpleNamespace(shape=SimpleNamespace(table_bytes=SIZE))
    return share_matrix(node, spec, built, own), own


def test_a_link_leads_to_it(tmp_path: Path) -> None:
    node = node_of(tmp_path)
    for content in (b"one", b"another"):  # what is built again takes its place
        moved, own = share(node, content=content)
        assert moved
        assert own.read_bytes() == content
        assert own.resolve() == tmp_path / "shared/unseen-n-matrices/c-1.matrix"
    assert not (node.home / "built").exists()


@pytest.mark.parametrize("node", [{"far": False}, {"mib": 1}, {"shared": ""}])
def test_what_this_machine_holds_or_a_cluster_sees_anyway_stays(
    tmp_path: Path, node: dict[str, Any]
) -> None:
    moved, own = share(node_of(tmp_path, **node))
    assert not moved
    assert not own.exists()
    assert (tmp_path / "home/built").exists()
    assert not (tmp_path / "shared").exists()


def test_what_no_link_leads_to_goes_and_nothing_else(tmp_path: Path) -> None:
    node = node_of(tmp_path)
    kept, gone, others = (share(node, name)[1].resolve() for name in ("c-2", "c-1", "other-1"))
    (node.home / "tables/c-1.matrix").unlink()
    (node.home / "tables/other-1.matrix").unlink()
    half = node.home / "tables/c-3.matrix"  # a build that was killed before its matrix was moved
    half.symlink_to(gone.with_name(half.name))
    sweep_matrices(node, "c")
    assert (kept.exists(), gone.exists(), others.exists()) == (True, False, True)
    share(node, "c-3", b"again")
    assert half.read_bytes() == b"again"


def test_without_a_shared_folder_nothing_is_swept(tmp_path: Path) -> None:
    node = node_of(tmp_path, shared="")
    own = node.home / "tables/c-1.matrix"
    own.write_bytes(b"matrix")
    sweep_matrices(node, "c")
    assert own.exists()
