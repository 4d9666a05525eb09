"""What a build is told and what it returns; the specification as canonical JSON, for its way."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.contracts.plan import columns_to_json
from unseen.node.data.source import Fingerprint, Source
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.oprf_table import TableParameters
from unseen.protocols.lookup.subject import SubjectColumn

BUCKETS: Final = 256
BEFORE: Final = "before"  # in the spool: the build before this one
KNOWN, OUTPUTS, CONTENTS, HASHES = ".known", ".outputs", ".contents", ".hashes"
"""What lies beside a hidden table for its next build, and for whoever fetches what has changed:
names of subjects in order, their outputs (`lwe_pir/kept.py`), hashes of what each block holds, and
leaf hashes of the rows of its hint."""


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What to build: the table as registered, the contract's outputs, the epoch's parameters.

    A hidden table has `blocks` of `width` cells, and `provider`, the node's evidence key, fixes its
    public matrix; else these are empty. `keep`: what a further build under the key takes over is
    written too. `again`: this is one; the spool has the build before, as `BEFORE`. `past`: this
    replays one, and these are the nonces of the builds before it, the newest first; the spool has
    the hint that was published.
    """

    source: Source
    fingerprint: Fingerprint
    subject: tuple[SubjectColumn, ...]
    predicates: tuple[tuple[str, str], ...]  # name and expression, in the contract's order
    columns: tuple[str, ...]  # every column, for the snapshot's commitment
    snapshot: bytes
    rows: int
    parameters: TableParameters
    spool: Path
    memory_mb: int
    permitted: bool = False  # only the subjects in the spool's file `PERMITTED`
    match: tuple[str, ...] = ()  # columns of the id, where whole subjects are matched
    blocks: int = 0
    width: int = 0
    provider: bytes = b""
    keep: bool = False
    again: bool = False
    past: tuple[bytes, ...] = ()

    @property
    def hidden(self) -> bool:
        """Return whether the table stays here, so that a matrix and a hint are built."""
        return self.blocks > 0

    @property
    def shape(self) -> Shape:
        """Return the shape of a hidden table.

        Raises:
            InputInvalidError: it is none.

        """
        return Shape(self.blocks, self.width, self.parameters.label_bytes)


@dataclass(frozen=True, slots=True)
class Built:
    """The finished table: its rows, its bytes, their SHA-256 and the Merkle root over the rows.

    Of a hidden table: of its hint. `unusable` rows of those it was built from have no form. Of its
    blocks `fresh` were built, and the others taken over.
    """

    rows: int
    size: int
    digest: bytes
    root: bytes
    unusable: int = 0
    fresh: int = 0


def new_nonce() -> bytes:
    """Return a fresh public nonce for one build: reused, two builds' pads would cancel."""
    return secrets.token_bytes(32)


def matrix_path(table: Path) -> Path:
    """Return where the matrix of a hidden table lies, beside its hint at `table`."""
    return table.with_suffix(".matrix")


def files_of(table: Path) -> tuple[Path, ...]:
    """Return every file that there may be of a table at `table`."""
    ends = (KNOWN, OUTPUTS, CONTENTS, HASHES)
    return table, matrix_path(table), *(table.with_suffix(end) for end in ends)


def source_text(source: Source) -> str:
    """Return the text that `Source.parse` reads."""
    return f"duckdb:{source.path}#{source.table}" if source.table else str(source.path)


def encode_spec(spec: BuildSpec) -> Json:
    """Return the JSON of a specification; it holds no key and no salt."""
    return {
        "source": source_text(spec.source),
        "fingerprint": spec.fingerprint.to_json(),
        "subject": columns_to_json(spec.subject),
        "predicates": [[name, expression] for name, expression in spec.predicates],
        "columns": list(spec.columns),
        "snapshot": b64encode(spec.snapshot),
        "rows": spec.rows,
        "domain": b64encode(spec.parameters.domain),
        "nonce": b64encode(spec.parameters.nonce),
        "label_bytes": spec.parameters.label_bytes,
        "spool": str(spec.spool),
        "memory_mb": spec.memory_mb,
        "permitted": spec.permitted,
        "blocks": spec.blocks,
        "width": spec.width,
        "provider": b64encode(spec.provider),
        "match": list(spec.match),
        "keep": spec.keep,
        "again": spec.again,
        "past": [b64encode(nonce) for nonce in spec.past],
    }


def decode_spec(value: Any) -> BuildSpec:
    """Return the specification that `encode_spec` wrote."""
    return BuildSpec(
        source=Source.parse(value["source"]),
        fingerprint=Fingerprint.from_json(value["fingerprint"]),
        subject=tuple(SubjectColumn(**column) for column in value["subject"]),
        predicates=tuple((name, expression) for name, expression in value["predicates"]),
        columns=tuple(value["columns"]),
        snapshot=b64decode(value["snapshot"]),
        rows=value["rows"],
        parameters=TableParameters(
            b64decode(value["domain"]), b64decode(value["nonce"]), value["label_bytes"]
        ),
        spool=Path(value["spool"]),
        memory_mb=value["memory_mb"],
        permitted=value["permitted"],
        blocks=value["blocks"],
        width=value["width"],
        provider=b64decode(value["provider"]),
        match=tuple(value["match"]),
        keep=value["keep"],
        again=value["again"],
        past=tuple(map(b64decode, value["past"])),
    )
