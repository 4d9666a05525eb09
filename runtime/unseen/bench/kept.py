"""Measurements that were kept as JSON, read again: the raw laps and what they were taken with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from unseen.protocols.errors import InputInvalidError


@dataclass(frozen=True, slots=True)
class Kept:
    """One case of one run. `wall` and `cpu` are the laps in seconds, `units` what a lap yields."""

    name: str
    run: str
    params: Mapping[str, int | str]
    units: int
    whole: int
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    sent: int
    own: bool  # whether it makes a claim of security: what is no bare limit
    machine: Mapping[str, str | int]
    commit: str

    @property
    def seconds(self) -> float:
        """Return the seconds of the whole job, of CPU if it took any: the median of the laps."""
        laps = self.cpu if median(self.cpu) > 0 else self.wall
        return median(laps) * self.whole / self.units

    @property
    def bytes_sent(self) -> float:
        """Return the bytes that the whole job puts on the wire."""
        return self.sent * self.whole / self.units


def read(paths: Sequence[Path]) -> list[Kept]:
    """Return what `bench run --format json` wrote into these files, in order.

    Raises:
        InputInvalidError: a file cannot be read, or is something else.

    """
    return [one for path in paths for one in _read(path)]


def _read(path: Path) -> list[Kept]:
    try:
        found = [_kept(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        found = []
    if not found:
        raise _refused(path, "holds no measurements")
    return found


def _kept(entry: Mapping[str, Any]) -> Kept:
    found = Kept(
        name=str(entry["name"]),
        run=str(entry["run"]),
        params=dict(entry["params"]),
        units=int(entry["units"]),
        whole=int(entry["whole"]),
        wall=tuple(map(float, entry["repeats"])),
        cpu=tuple(map(float, entry["cpu_repeats"])),
        sent=int(entry["bytes_up"]) + int(entry["bytes_down"]),
        own=bool(entry["threat_model"]),
        machine=dict(entry["machine"]),
        commit=str(entry["commit"]),
    )
    laps = (*found.wall, *found.cpu)
    if not found.wall or len(found.wall) != len(found.cpu) or min(found.units, found.whole) < 1:
        raise ValueError("no laps")
    if not all(isfinite(lap) and lap >= 0 for lap in laps):
        raise ValueError("no seconds")
    return found


def _refused(path: Path, words: str) -> InputInvalidError:
    return InputInvalidError(
        f"{path} {words}",
        clause="bench.file",
        remedy="write it anew: unseen bench run NAME --format json >FILE",
    )
