"""Reading an export from a folder. Needs no home, no network and nothing of a node."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unseen.client.errors import HomeError
from unseen.evidence.audit.export import MAX_LINE_BYTES, Export


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of an export in the folder `root`."""

    root: Path

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return (self.root / name).is_file()

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file with their ends; what is too long comes in pieces.

        Raises:
            HomeError: the file cannot be read.

        """
        try:
            with (self.root / name).open("rb") as file:
                while line := file.readline(MAX_LINE_BYTES + 1):
                    yield line
        except OSError as error:
            raise HomeError(
                f"cannot read {self.root / name}: {error.strerror}",
                clause="export",
                remedy="check the path and its permissions",
            ) from None


def open_export(path: Path | str) -> Export:
    """Return the export in the folder `path`; nothing in it is verified yet.

    Raises:
        ExportInvalidError: there is none, or its frame is malformed.
        HomeError: it cannot be read.

    """
    return Export(Folder(Path(path)))
