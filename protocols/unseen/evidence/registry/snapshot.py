"""A table's rows under one salted commitment, and single rows opened from it. Own scheme.

`rows-sha256/v1`: the leaf of row i (from 0) is HMAC-SHA256(salt, i in 8 bytes) || the JSON list
of the row's values as text, null for NULL, columns in the table's order; the commitment is the RFC
6962 root over the rows with SHA-256. With the salt secret a row cannot be guessed; with the HMAC
of one row shown, that row alone can be checked.

An auditor draws rows by a seed of its own, chosen after the commitment was logged: whoever made
the table could not know which rows would be drawn. The same seed draws the same first words for
fewer rows: that seed and number are those asked for is for the auditor to see. An opened row is
the row itself: it belongs inside the operator's domain. What it says of the world, nothing here
can check, and a table whose other rows were made up passes with the chance that none of those is
drawn.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.errors import SnapshotMismatchError
from unseen.evidence.fields import Checker, head
from unseen.protocols.errors import InputInvalidError, ProofInvalidError
from unseen.protocols.tlog.proofs import verify_inclusion
from unseen.protocols.tlog.tree import leaf_hash

SCHEME = "rows-sha256/v1"
MAX_DRAWN = 1000
MAX_SEED_BYTES = 64
_DRAW = b"unseen/draw/v1\0"
_CHECK = Checker(SnapshotMismatchError, "rows")
_FIELDS = ("table", "version", "snapshot", "rows", "columns", "seed", "opened")
_WORDS = 2**64

Values = tuple[str | None, ...]


def row_salt(salt: bytes, number: int) -> bytes:
    """Return the 32 bytes that hide row `number`, from the snapshot's secret salt."""
    return hmac.digest(salt, number.to_bytes(8, "big"), "sha256")


def row_leaf(own_salt: bytes, values: Sequence[str | None]) -> bytes:
    """Return the hash of the leaf of a row with these values, under its own salt."""
    body = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    return leaf_hash(own_salt + body)


def draw(snapshot: bytes, seed: str, rows: int, count: int) -> tuple[int, ...]:
    """Return `count` different rows of the `rows` under `snapshot`, ascending, as `seed` has it.

    Every set of rows is as likely as any other, as far as the seed was.

    Raises:
        InputInvalidError: there are not that many rows, over 1000 are asked for, or the seed is
            empty or has over 64 bytes.

    """
    text = seed.encode()
    if not 0 < len(text) <= MAX_SEED_BYTES:
        raise InputInvalidError(f"a seed has 1 to {MAX_SEED_BYTES} bytes", clause="seed")
    if not 0 < count <= min(rows, MAX_DRAWN) or rows >= _WORDS:
        most = min(rows, MAX_DRAWN)
        raise InputInvalidError(f"of these rows 1 to {most} can be drawn", clause="rows")
    found: set[int] = set()
    limit, counter = _WORDS - _WORDS % rows, 0
    while len(found) < count:
        block = _DRAW + snapshot + counter.to_bytes(8, "big") + text
        word = int.from_bytes(hashlib.sha256(block).digest()[:8], "big")
        if word < limit:  # or the first rows would be drawn more often
            found.add(word % rows)
        counter += 1
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class RowProof:
    """That a leaf, by its hash, is row `index` of a snapshot. It shows nothing of the row."""

    index: int
    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """A row with its own salt and its path: whoever reads it reads the row."""

    index: int
    salt: bytes = field(repr=False)
    values: Values = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)

    def proof(self) -> RowProof:
        """Return what shows that the row is in the snapshot, without the row."""
        return RowProof(self.index, row_leaf(self.salt, self.values), self.path)

    def to_json(self) -> dict[str, Json]:
        """Return the row as an object."""
        return {
            "index": self.index,
            "salt": b64encode(self.salt),
            "values": list(self.values),
            "path": b64encode(b"".join(self.path)),
        }


def verify_rows(snapshot: bytes, seed: str, rows: int, proofs: Sequence[RowProof]) -> None:
    """Return if `proofs` are of the rows that `seed` draws, all under the commitment `snapshot`.

    Raises:
        SnapshotMismatchError: other rows than drawn, or one is not under the commitment.
        InputInvalidError: as `draw`.

    """
    if tuple(proof.index for proof in proofs) != draw(snapshot, seed, rows, len(proofs)):
        _CHECK.fail("index", "is not what the seed draws")
    for proof in proofs:
        try:
            verify_inclusion(proof.leaf, proof.index, rows, proof.path, snapshot)
        except ProofInvalidError:
            _CHECK.fail("opened", f"do not hold row {proof.index} of the registered snapshot")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOpening:
    """Drawn rows of one snapshot, in the clear, for an auditor's eyes inside the domain.

    `snapshot` is the commitment, 32 bytes, `rows` how many it is over. Errors:
    `SnapshotMismatchError`.
    """

    suite: str
    table: str
    version: int
    snapshot: bytes
    rows: int
    columns: tuple[str, ...]
    seed: str
    opened: tuple[OpenedRow, ...]

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.name("table", self.table)
        _CHECK.integer("version", self.version, 1)
        _CHECK.octets("snapshot", self.snapshot)
        _CHECK.integer("rows", self.rows, 1)
        _CHECK.members("columns", self.columns, str, 4096, 1)
        _CHECK.text("seed", self.seed, MAX_SEED_BYTES)
        _CHECK.members("opened", self.opened, OpenedRow, MAX_DRAWN, 1)
        for row in self.opened:
            if len(row.values) != len(self.columns):
                _CHECK.fail("opened.values", "are not one for each column")

    def verify(self) -> None:
        """Return if these are the rows that the seed draws, all under the commitment.

        Raises:
            SnapshotMismatchError: as `verify_rows`.
            InputInvalidError: as `draw`.

        """
        proofs = [row.proof() for row in self.opened]
        verify_rows(self.snapshot, self.seed, self.rows, proofs)

    def to_json(self) -> dict[str, Json]:
        """Return the opening as an object."""
        return head("rows-opening", self.suite) | {
            "table": self.table,
            "version": self.version,
            "snapshot": b64encode(self.snapshot),
            "rows": self.rows,
            "columns": list(self.columns),
            "seed": self.seed,
            "opened": [row.to_json() for row in self.opened],
        }

    @classmethod
    def from_json(cls, value: Json) -> "RowsOpening":
        """Return the opening that `to_json` gives `value` for; nothing is verified.

        Raises:
            SnapshotMismatchError: a field is missing, not known or of another type.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "rows-opening", _FIELDS)
        return cls(
            suite=body["suite"],
            table=body["table"],
            version=body["version"],
            snapshot=_CHECK.unb64("snapshot", body["snapshot"]),
            rows=body["rows"],
            columns=tuple(_CHECK.unlist("columns", body["columns"])),
            seed=body["seed"],
            opened=tuple(_opened(row) for row in _CHECK.unlist("opened", body["opened"])),
        )


def _opened(value: Any) -> OpenedRow:
    entry = _CHECK.take(value, ("index", "salt", "values", "path"), "opened")
    _CHECK.integer("opened.index", entry["index"], 0)
    salt = _CHECK.unb64("opened.salt", entry["salt"])
    _CHECK.octets("opened.salt", salt)
    values = _CHECK.unlist("opened.values", entry["values"])
    if not all(value is None or type(value) is str for value in values):
        _CHECK.fail("opened.values", "hold more than texts")
    return OpenedRow(entry["index"], salt, tuple(values), hashes(entry["path"]))


def hashes(value: Json) -> tuple[bytes, ...]:
    """Return a path from the base64url of its hashes, end to end.

    Raises:
        SnapshotMismatchError: it is not that.

    """
    return _CHECK.hashes("path", value)
