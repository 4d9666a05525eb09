"""What a party keeps between two messages, in files of a folder: of any size, in little memory."""

from collections.abc import Iterator, MutableMapping
from pathlib import Path


class Shelf(MutableMapping[int, bytes]):
    """Bytes by their numbers."""

    def __init__(self, folder: Path) -> None:
        """Keep them in a folder that is there and empty."""
        self._folder = folder
        self._sizes: dict[int, int] = {}

    def __getitem__(self, number: int) -> bytes:
        """Return what is kept under a number."""
        if number not in self._sizes:
            raise KeyError(number)
        return self._path(number).read_bytes()

    def __setitem__(self, number: int, data: bytes) -> None:
        """Keep it."""
        self._path(number).write_bytes(data)
        self._sizes[number] = len(data)

    def __delitem__(self, number: int) -> None:
        """Keep it no longer."""
        del self._sizes[number]
        self._path(number).unlink()

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers."""
        return iter(self._sizes)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._sizes)

    def bytes(self) -> int:
        """Return how many bytes are kept."""
        return sum(self._sizes.values())

    def _path(self, number: int) -> Path:
        return self._folder / str(number)
