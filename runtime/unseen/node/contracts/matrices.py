"""Matrices of hidden tables that a cluster answers from: in the shared folder, and a link at home.

All else reads, lends and deletes the link as if it were the matrix beside its hint. A link is made
before its matrix is there, so that a matrix to which no link leads is nobody's, and goes.
"""

from pathlib import Path

from unseen.node.config import TABLES
from unseen.node.context import Node
from unseen.node.data.moving import move_whole
from unseen.node.data.spec import BuildSpec
from unseen.node.jobs.cutting import is_for_the_cluster


def share_matrix(node: Node, spec: BuildSpec, built: Path, own: Path) -> bool:
    """Move a matrix that was built to where a cluster sees it, and have `own` lead there.

    Returns false, and does nothing, where this machine holds it, or a cluster sees it anyway.

    Raises:
        OSError: it cannot be written.

    """
    folder = node.settings.matrices_path(node.home)
    far = is_for_the_cluster(node, spec.shape.table_bytes)
    if not far or folder == own.parent.resolve():
        return False
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    own.unlink(missing_ok=True)
    own.symlink_to(folder / own.name)
    move_whole(built, folder / own.name)
    return True


def sweep_matrices(node: Node, contract: str) -> None:
    """Delete the shared matrices of a contract to which no link leads."""
    folder, home = node.settings.matrices_path(node.home), node.home / TABLES
    if folder == home.resolve():
        return
    for path in folder.glob(f"{contract}-*.matrix"):
        if not (home / path.name).is_symlink():
            path.unlink(missing_ok=True)
