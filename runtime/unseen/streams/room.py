"""Where a step may put its files, how much memory it may take, and whom it tells how far it is."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unseen.protocols.errors import InputInvalidError

Progress = Callable[[int], None]
"""Told of a number of items, as soon as they are done."""

LEAST_MEMORY: Final = 48 << 20


def _silent(_items: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Room:
    """A folder for unfinished files, a ceiling of memory in bytes, and a listener.

    The ceiling is for what a step holds beside the program itself. Errors: `InputInvalidError`,
    where it is below 48 MiB.
    """

    folder: Path
    memory: int = 256 << 20
    progress: Progress = field(default=_silent, repr=False)

    def __post_init__(self) -> None:
        """Refuse a ceiling that no step keeps."""
        if self.memory < LEAST_MEMORY:
            raise InputInvalidError(f"a step takes {LEAST_MEMORY >> 20} MiB of memory at least")

    def sweep(self) -> None:
        """Remove what a step that was killed has left in the folder. Nothing else may run there."""
        for path in self.folder.glob(".*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
