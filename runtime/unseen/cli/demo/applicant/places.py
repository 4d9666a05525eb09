"""Where the applicant's story keeps its node, its parties and what they wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from unseen.cli.demo.folder import Folder


@dataclass(frozen=True, slots=True)
class Places(Folder):
    """Everything of one telling, in a folder below the demo's; a folder for each party."""

    OWN: ClassVar[tuple[str, ...]] = ("applicant",)

    @property
    def all(self) -> Path:
        """The folder of the story."""
        return self.root / "applicant"

    @property
    def table(self) -> Path:
        """The rows of the register, which nobody else is given."""
        return self.all / "residents.parquet"

    @property
    def node(self) -> Path:
        """The register's side: the node's home, with its operator's in it."""
        return self.all / "node"

    @property
    def node_log(self) -> Path:
        """What the node's process printed."""
        return self.all / "node.log"

    @property
    def bank(self) -> Path:
        """The bank's home: all that the bank's process is given."""
        return self.all / "bank"

    @property
    def bank_log(self) -> Path:
        """What the bank's process printed beside its answers."""
        return self.all / "bank.log"

    @property
    def hub(self) -> Path:
        """The home of the hub, to which residents say that they consent, or no longer."""
        return self.all / "hub"

    @property
    def supervisor(self) -> Path:
        """The regulator's home."""
        return self.all / "supervisor"

    @property
    def statements(self) -> Path:
        """The two bills."""
        return self.all / "statements"

    @property
    def tampered(self) -> Path:
        """A receipt with one changed byte."""
        return self.all / "tampered.receipt"

    @property
    def trust(self) -> Path:
        """The keys the bank trusts."""
        return self.bank / "parties.json"

    def clear(self) -> None:
        """Remove what an earlier telling made here, and make room for this one."""
        Folder.clear(self)
        for folder in (self.all, self.statements):
            folder.mkdir(mode=0o700)
