"""Looking for a number in everything that a party has on disk, before saying it is not there."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Searched:
    """What was looked through, and in which of the files something was found."""

    files: int
    size: int
    found: tuple[Path, ...]


def number(value: int) -> re.Pattern[bytes]:
    """Return the forms of a number on disk: its digits, and 64 bits in either byte order.

    The digits count where they stand as a number, and not inside a longer one.
    """
    digits = rb"(?<![0-9])%d(?![0-9])" % value
    forms = (re.escape(value.to_bytes(8, "big")), re.escape(value.to_bytes(8, "little")))
    return re.compile(b"|".join((digits, *forms)), re.DOTALL)


def text(value: str) -> re.Pattern[bytes]:
    """Return a text as it stands on disk."""
    return re.compile(re.escape(value.encode()))


def search(places: Iterable[Path], *wanted: re.Pattern[bytes]) -> Searched:
    """Look for any of `wanted` in the files at and under `places`, and in their names."""
    files = size = 0
    found = []
    for path in _files(places):
        data = path.name.encode() + b"\0" + path.read_bytes()
        files, size = files + 1, size + path.stat().st_size
        if any(pattern.search(data) for pattern in wanted):
            found.append(path)
    return Searched(files, size, tuple(found))


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in inside if path.is_file())
