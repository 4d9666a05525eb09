"""What is particular to the runs of one job kind; all else about them is the same for each.

A kind is made of plain functions, so that it can be looked up from the name of a contract's kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.runs.sessions import Run


@dataclass(frozen=True, slots=True)
class Head:
    """What the first message of a call says: which part, its digest (32 bytes) and its size."""

    contract: str
    request: str
    part: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a part that is begun is looked at for: bytes of the whole run, and of the part."""

    whole: int
    part: int


@dataclass(frozen=True, slots=True)
class RunKind:
    """The runs of the job kind `name`, whose files lie in `folder` of a home.

    `setting` is how many MiB all of them may have. `check` raises if a part is not one that a buyer
    sends now; `room` says what a part needs, or nothing where that was promised before. `leaves`
    are the parts that a node sends, and whether each has to be paid for first.
    """

    name: str
    folder: str
    setting: str
    check: "Callable[[Contract, Run, Head], None]"
    room: "Callable[[Node, Contract, Head], Room | None]"
    leaves: Mapping[str, bool]

    def most_mib(self, node: "Node") -> int:
        """Return how many MiB all runs of this kind may have together."""
        most: int = getattr(node.settings, self.setting)
        return most
