"""Which job kinds add their numbers up with other nodes."""

from typing import Final

from unseen.node.errors import KindRefusedError
from unseen.node.joint.contribution import Contributor
from unseen.node.joint.statistics import STATISTICS
from unseen.node.joint.training import TRAIN

CONTRIBUTORS: Final[dict[str, Contributor]] = {"statistics": STATISTICS, "train": TRAIN}


def contributor_of(kind: str) -> Contributor:
    """Return who contributes for contracts of `kind`.

    Raises:
        KindRefusedError: nothing of this kind is added up.

    """
    if kind not in CONTRIBUTORS:
        raise KindRefusedError(
            f"contracts for {kind} add nothing up with other nodes",
            clause="kind",
            remedy="request a contract over a product of the kind you need",
        )
    return CONTRIBUTORS[kind]
