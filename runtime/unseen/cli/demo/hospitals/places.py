"""Where the hospitals' story keeps its nodes, its insurer and what they wrote."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from unseen.cli.demo.folder import Folder


@dataclass(frozen=True, slots=True)
class Places(Folder):
    """Everything of one telling, in a folder below the demo's; a folder for each party."""

    OWN: ClassVar[tuple[str, ...]] = ("hospitals",)

    @property
    def all(self) -> Path:
        """The folder of the story."""
        return self.root / "hospitals"

    @property
    def buyer(self) -> Path:
        """The insurer's side: a home at each hospital, and nothing else."""
        return self.all / "insurer"

    @property
    def buyer_log(self) -> Path:
        """What the insurer's process printed beside its answers."""
        return self.all / "insurer.log"

    @property
    def model(self) -> Path:
        """The model's files, as the insurer wrote them."""
        return self.buyer / "model"

    @property
    def tampered(self) -> Path:
        """A receipt with one changed byte."""
        return self.all / "tampered.receipt"

    def table(self, hospital: str) -> Path:
        """The rows of a hospital, which nobody else is given."""
        return self.all / hospital / "care.parquet"

    def node(self, hospital: str) -> Path:
        """The home of a hospital's node, with its operator's in it."""
        return self.all / hospital / "node"

    def node_log(self, hospital: str) -> Path:
        """What a hospital's node printed."""
        return self.all / hospital / "node.log"

    def export(self, hospital: str) -> Path:
        """The log of a hospital's node as an auditor gets it."""
        return self.all / hospital / "export"

    def home(self, hospital: str) -> Path:
        """The insurer's home at a hospital."""
        return self.buyer / hospital

    def clear(self) -> None:
        """Remove what an earlier telling made here, and make room for this one."""
        Folder.clear(self)
        for folder in (self.all, self.buyer):
            folder.mkdir(mode=0o700)
