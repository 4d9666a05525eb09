"""Outputs of a hidden table's subjects, kept so that a further build computes new ones alone.

Beside the table lie, in the order of their names (`lookup/lwe_pir/kept.py`), 8 bytes of each name
in one file and the rest of each record, 72 bytes, in another; both are mapped, and read where they
are needed. They are worth nothing without the epoch's key. Memory: a 256th of them while they are
written, and what a batch of rows needs while they are read.
"""

import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.node.data.spec import BEFORE, KNOWN, OUTPUTS, BuildSpec
from unseen.protocols.lookup.lwe_pir import kept
from unseen.protocols.lookup.lwe_pir.kept import NAME_BYTES, RECORD_BYTES
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.server import evaluate_joined
from unseen.protocols.oprf.suite import OUTPUT_BYTES, Mode

_FIRST: Final = 8  # bytes of a name that are searched
_REST: Final = RECORD_BYTES - _FIRST


class Outputs:
    """The outputs of subjects: those that are known, and of the others computed ones."""

    def __init__(self, spec: BuildSpec, key: PrivateKey) -> None:
        """Read what is kept of the build before, where this is a further one."""
        self._key, self._keep = key, spec.keep
        self._secret = kept.secret_of(key.scalar) if spec.keep else b""
        self._before = _Before(spec.spool / BEFORE) if spec.again else None
        self.evaluated = 0

    def of(self, inputs: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return the outputs of some inputs, and the records to keep of them, if any are.

        Raises:
            OSError: what is kept cannot be read.
            KernelFaultError: this machine computes wrongly.

        """
        if not self._keep:
            return _split(self._computed(inputs)), []
        names = kept.names_of(self._secret, inputs)
        outputs = np.zeros((len(inputs), OUTPUT_BYTES), np.uint8)
        missing = np.ones(len(inputs), bool)
        if self._before is not None:
            places, found = self._before.find(names)
            outputs[places] = kept.masked(self._secret, names[places], found)
            missing[places] = False
        new = np.flatnonzero(missing).tolist()
        outputs[new] = self._computed([inputs[place] for place in new])
        return _split(outputs), _split(kept.records(self._secret, names, outputs))

    def _computed(self, inputs: Sequence[bytes]) -> NDArray[np.uint8]:
        self.evaluated += len(inputs)
        joined = evaluate_joined(self._key, inputs, Mode.VOPRF) if inputs else b""
        return np.frombuffer(joined, np.uint8).reshape(-1, OUTPUT_BYTES)


class _Before:
    """What was kept of a build."""

    def __init__(self, table: Path) -> None:
        known, rest = (table.with_suffix(end) for end in (KNOWN, OUTPUTS))
        count, left = divmod(known.stat().st_size, _FIRST)
        if left or rest.stat().st_size != count * _REST:
            raise OSError("what is kept of a build does not fit together")
        self._first: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._rest: NDArray[np.uint8] = np.empty((0, _REST), np.uint8)
        if count:  # nothing cannot be mapped
            self._first = np.memmap(known, np.uint64, "r")
            self._rest = np.memmap(rest, np.uint8, "r", shape=(count, _REST))

    def find(self, names: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the places of those names that are known, and the masked outputs of these."""
        wanted, rest = _first_of(names), names[:, _FIRST:]
        at = np.searchsorted(self._first, wanted).astype(np.int64)
        found, left = np.full(len(names), -1, np.int64), np.arange(len(names))
        while left.size:  # hardly ever more than once: names that begin alike follow each other
            left = left[at[left] < len(self._first)]
            left = left[self._first[at[left]] == wanted[left]]
            same = (self._rest[at[left], : NAME_BYTES - _FIRST] == rest[left]).all(axis=1)
            found[left[same]] = at[left[same]]
            left = left[~same]
            at[left] += 1
        places = np.flatnonzero(found >= 0)
        return places, self._rest[found[places], NAME_BYTES - _FIRST :]


def write_outputs(table: Path, buckets: Iterable[bytes]) -> None:
    """Write what is kept beside `table`, from records in buckets by the first bytes of their names.

    Raises:
        OSError: it cannot be written; nothing is left.

    """
    name = secrets.token_hex(8)
    whole = [table.with_suffix(end) for end in (KNOWN, OUTPUTS)]
    parts = [path.with_name(f"{path.name}.{name}") for path in whole]
    try:
        with parts[0].open("wb") as known, parts[1].open("wb") as rest:
            for bucket in buckets:
                records = _in_order(bucket)
                known.write(_first_of(records).tobytes())
                rest.write(np.ascontiguousarray(records[:, _FIRST:]).data)
            for file in (known, rest):
                file.flush()
                os.fsync(file.fileno())
        for part, path in zip(parts, whole, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _in_order(bucket: bytes) -> NDArray[np.uint8]:
    """Return records by their names, each once: points that rows of a match share come twice."""
    found = np.sort(np.frombuffer(bucket, f"V{RECORD_BYTES}"))
    rows = found.view(np.uint8).reshape(-1, RECORD_BYTES)
    again = np.zeros(len(rows), bool)
    again[1:] = (rows[1:] == rows[:-1]).all(axis=1)
    return rows[~again]


def _first_of(names: NDArray[np.uint8]) -> NDArray[np.uint64]:
    found = np.ascontiguousarray(names[:, :_FIRST]).view(">u8")[:, 0]
    return found.astype(np.uint64)


def _split(rows: NDArray[np.uint8]) -> list[bytes]:
    data, size = rows.tobytes(), rows.shape[1]
    return [data[start : start + size] for start in range(0, len(data), size)]
