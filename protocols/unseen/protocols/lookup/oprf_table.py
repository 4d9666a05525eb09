"""Labelled lookup in a table that is sent whole, under OPRF outputs. Own construction.

After Freedman, Ishai, Pinkas and Reingold, "Keyword search and oblivious pseudorandom
functions", TCC 2005. With out = OPRF(key, subject), a row is

    tag | label xor pad      tag = H("tag", domain, nonce, out)[:16], pad = H("pad", ...)

and rows are in ascending order of their tags. The buyer holds the table, gets `out` for one
subject by one blinded evaluation, and opens that subject's row or sees that there is none.

A buyer learns the number of rows, and one row or its absence for each evaluation; without
evaluations the rows are pseudorandom, in the random oracle model. The operator learns that an
evaluation happened. Labels are not authenticated against the operator: it can put a false
label into its own table, and a signed root over the rows only makes it stand by that label.
Whoever obtains the key later opens every row of a recorded table. `nonce` is fresh for every
build: under one nonce, two builds with one key would show which labels changed, and how.
"""

import hashlib
import hmac
import itertools
import mmap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from unseen.protocols.errors import (
    DuplicateSubjectError,
    InputInvalidError,
    MalformedMessageError,
    ProofInvalidError,
)
from unseen.protocols.lookup.labels import (
    LABEL_SIZES,
    label_bytes_for,
    pack_verdicts,
    unpack_verdicts,
)
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.server import evaluate_inputs
from unseen.protocols.oprf.suite import OUTPUT_BYTES, Mode

__all__ = [
    "TAG_BYTES",
    "Absent",
    "Found",
    "Table",
    "TableParameters",
    "build",
    "check_order",
    "epoch_domain",
    "find",
    "label_bytes_for",
    "open_row",
    "pack_verdicts",
    "row_tag",
    "seal_row",
    "sort_rows",
    "unpack_verdicts",
]

TAG_BYTES: Final = 16
NONCE_BYTES: Final = 32
CONTRACT_BYTES: Final = 32
Table = bytes | memoryview | mmap.mmap

_NAME = b"unseen/lookup/oprf_table/v1\x00"
_MAX_DOMAIN_BYTES = 255


def epoch_domain(contract_id: bytes, epoch: int) -> bytes:
    """Return the domain of subjects and rows for one epoch of one contract.

    Raises:
        InputInvalidError: the contract id has not 32 bytes, or `epoch` is not in [0, 2^64).

    """
    if len(contract_id) != CONTRACT_BYTES or not 0 <= epoch < 2**64:
        raise InputInvalidError("a domain takes a 32-byte contract id and a 64-bit epoch")
    return _NAME + contract_id + epoch.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class TableParameters:
    """What both parties know of one build of a table. All of it is public.

    `nonce` is 32 bytes, fresh for every build. `label_bytes` is 1, 8, 16 or 32.
    """

    domain: bytes
    nonce: bytes
    label_bytes: int

    def __post_init__(self) -> None:
        """Refuse sizes that the format does not have.

        Raises:
            InputInvalidError: domain, nonce or label size is out of range.

        """
        if not 1 <= len(self.domain) <= _MAX_DOMAIN_BYTES:
            raise InputInvalidError(f"a table's domain has 1 to {_MAX_DOMAIN_BYTES} bytes")
        if len(self.nonce) != NONCE_BYTES:
            raise InputInvalidError(f"a table's nonce has {NONCE_BYTES} bytes")
        if self.label_bytes not in LABEL_SIZES:
            raise InputInvalidError(f"a label has one of {LABEL_SIZES} bytes")

    @property
    def row_bytes(self) -> int:
        """Return the bytes of a row: a tag and a sealed label."""
        return TAG_BYTES + self.label_bytes


@dataclass(frozen=True, slots=True)
class Found:
    """The subject's row, still sealed, and its index in the table."""

    index: int
    row: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no row for the subject. `left` and `right` would be its neighbours.

    They are adjacent indices, or None beyond an end of the table; the rows there prove the
    absence, since their tags lie on either side of the subject's.
    """

    left: int | None
    right: int | None


def row_tag(parameters: TableParameters, output: bytes) -> bytes:
    """Return the 16-byte tag of the subject with this 64-byte OPRF output.

    Raises:
        InputInvalidError: the output has not 64 bytes.

    """
    return _derive(parameters, b"tag", output)[:TAG_BYTES]


def seal_row(parameters: TableParameters, output: bytes, label: bytes) -> bytes:
    """Return the row of a subject: its tag, and its label under a pad used only here.

    Raises:
        InputInvalidError: output or label has the wrong length.

    """
    if len(label) != parameters.label_bytes:
        raise InputInvalidError(
            f"found a label of {len(label)}, not {parameters.label_bytes} bytes"
        )
    return row_tag(parameters, output) + _mask(parameters, output, label)


def open_row(parameters: TableParameters, output: bytes, row: bytes) -> bytes:
    """Return the label of a row, if it is the row of the subject with this output.

    Raises:
        InputInvalidError: the output has not 64 bytes.
        ProofInvalidError: the row has the wrong length or belongs to another subject.

    """
    tag = row_tag(parameters, output)
    if len(row) != parameters.row_bytes or not hmac.compare_digest(row[:TAG_BYTES], tag):
        raise ProofInvalidError
    return _mask(parameters, output, row[TAG_BYTES:])


def sort_rows(parameters: TableParameters, rows: bytes | bytearray) -> bytes:
    """Return concatenated rows in ascending order of their tags.

    The order is a pseudorandom permutation of the table, so it tells nothing of the order in
    which the operator holds its records. Takes about 100 bytes of memory a row.

    Raises:
        MalformedMessageError: `rows` is not a whole number of rows.
        DuplicateSubjectError: two rows have one tag, hence one subject.

    """
    size = parameters.row_bytes
    _count(parameters, rows)
    view = memoryview(rows)
    ordered = sorted(bytes(view[start : start + size]) for start in range(0, len(rows), size))
    repeated = sum(
        before[:TAG_BYTES] == after[:TAG_BYTES] for before, after in itertools.pairwise(ordered)
    )
    if repeated:
        raise DuplicateSubjectError(count=repeated)
    return b"".join(ordered)


def check_order(parameters: TableParameters, chunks: Iterable[bytes]) -> int:
    """Read a table in chunks of any size and return its number of rows.

    Raises:
        MalformedMessageError: tags do not ascend strictly, or the table ends inside a row.

    """
    size = parameters.row_bytes
    count, last, rest = 0, b"", b""
    for chunk in chunks:
        data = rest + chunk
        whole = len(data) - len(data) % size
        for start in range(0, whole, size):
            tag = data[start : start + TAG_BYTES]
            if tag <= last:
                raise MalformedMessageError(f"row {count} does not follow the row before it")
            last = tag
            count += 1
        rest = data[whole:]
    if rest:
        raise MalformedMessageError("the table ends inside a row")
    return count


def find(parameters: TableParameters, table: Table, output: bytes) -> Found | Absent:
    """Look a subject up by its 64-byte output. Reads about log2(rows) tags; trusts the order.

    Raises:
        InputInvalidError: the output has not 64 bytes.
        MalformedMessageError: the table is not a whole number of rows.

    """
    size, tag = parameters.row_bytes, row_tag(parameters, output)
    count = _count(parameters, table)
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if bytes(table[middle * size : middle * size + TAG_BYTES]) < tag:
            low = middle + 1
        else:
            high = middle
    row = bytes(table[low * size : (low + 1) * size])
    if row[:TAG_BYTES] == tag:
        return Found(low, row)
    return Absent(left=low - 1 if low else None, right=low if low < count else None)


def build(
    parameters: TableParameters, key: PrivateKey, items: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Build a whole table in memory from pairs of encoded subject and label.

    Costs one multiplication and one hash to the group an item, in this process alone.

    Raises:
        InputInvalidError: a subject or a label has the wrong length.
        DuplicateSubjectError: two items have one subject.

    """
    subjects, labels = zip(*pairs, strict=True) if (pairs := tuple(items)) else ((), ())
    outputs = evaluate_inputs(key, subjects, Mode.VOPRF)
    rows = b"".join(
        seal_row(parameters, output, label) for output, label in zip(outputs, labels, strict=True)
    )
    return sort_rows(parameters, rows)


def _derive(parameters: TableParameters, purpose: bytes, output: bytes) -> bytes:
    if len(output) != OUTPUT_BYTES:
        raise InputInvalidError(f"an OPRF output has {OUTPUT_BYTES} bytes")
    # Every part but the domain has a fixed length, and the domain's stands before it.
    framed = bytes([len(parameters.domain)]) + parameters.domain + parameters.nonce
    return hashlib.sha512(_NAME + purpose + framed + output).digest()


def _mask(parameters: TableParameters, output: bytes, label: bytes) -> bytes:
    pad = int.from_bytes(_derive(parameters, b"pad", output)[: len(label)], "big")
    return (int.from_bytes(label, "big") ^ pad).to_bytes(len(label), "big")


def _count(parameters: TableParameters, table: Table | bytearray) -> int:
    count, rest = divmod(len(table), parameters.row_bytes)
    if rest:
        raise MalformedMessageError(f"the table is not a multiple of {parameters.row_bytes} bytes")
    return count
