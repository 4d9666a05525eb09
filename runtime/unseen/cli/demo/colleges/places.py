"""Where the lender's story keeps its node, its buyer and what they wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from unseen.cli.demo.folder import Folder


@dataclass(frozen=True, slots=True)
class Places(Folder):
    """Everything of one telling, right under the demo's folder."""

    OWN: ClassVar[tuple[str, ...]] = (
        *("node", "buyer", "node.log", "buyer.log"),
        *("statements", "tampered.receipt"),
    )

    @property
    def node(self) -> Path:
        """The operator's side: the node's home, with the operator's own in it."""
        return self.root / "node"

    @property
    def buyer(self) -> Path:
        """The buyer's home: all that the buyer's process is given."""
        return self.root / "buyer"

    @property
    def node_log(self) -> Path:
        """What the node's process printed."""
        return self.root / "node.log"

    @property
    def buyer_log(self) -> Path:
        """What the buyer's process printed beside its answers."""
        return self.root / "buyer.log"

    @property
    def statements(self) -> Path:
        """The two bills."""
        return self.root / "statements"

    @property
    def tampered(self) -> Path:
        """A receipt with one changed byte."""
        return self.root / "tampered.receipt"

    @property
    def trust(self) -> Path:
        """The keys the buyer trusts."""
        return self.buyer / "parties.json"

    def clear(self) -> None:
        """Remove what an earlier telling made here, and make room for the bills."""
        Folder.clear(self)
        self.statements.mkdir(mode=0o700)
