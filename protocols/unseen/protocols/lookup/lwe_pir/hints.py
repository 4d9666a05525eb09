"""The hint of a table as a file: a row for each block (own format).

After SimplePIR (Henzinger et al. 2023, section 4), whose hint is one matrix. A row is

    nonce (16) | digest of the block's rows of the matrix (32) | hint, c x n words of 16 bits

with c bytes to a cell and the least significant byte of a word first. So a buyer needs one row for
a subject, and checks it by a Merkle path over rows; and an owner who builds a block anew changes
its row alone. The digest lets an auditor ask for the block itself; a buyer cannot check it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.lookup.lwe_pir.parameters import DIGEST_BYTES, NONCE_BYTES, SECRET, Shape

_HEAD = NONCE_BYTES + DIGEST_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class HintRow:
    """What a buyer knows of a block: `hint` has `cell_bytes` x n numbers."""

    nonce: bytes
    digest: bytes
    hint: NDArray[np.uint16] = field(repr=False)


def encode_row(shape: Shape, row: HintRow) -> bytes:
    """Return the bytes of a block's row.

    Raises:
        InputInvalidError: a part has another length.

    """
    fixed = (len(row.nonce), len(row.digest), row.hint.shape)
    if fixed != (NONCE_BYTES, DIGEST_BYTES, (shape.cell_bytes, SECRET)):
        raise InputInvalidError("a row of a hint has a nonce, a digest, and n numbers a cell byte")
    return row.nonce + row.digest + row.hint.astype("<u2").tobytes()


def decode_row(shape: Shape, data: bytes) -> HintRow:
    """Return the row that `encode_row` gives these bytes for.

    Raises:
        MalformedMessageError: it has another length.

    """
    if len(data) != shape.hint_row_bytes:
        raise MalformedMessageError(f"a row of this hint has {shape.hint_row_bytes} bytes")
    numbers = np.frombuffer(data, "<u2", offset=_HEAD).astype(np.uint16)
    hint = numbers.reshape(shape.cell_bytes, SECRET)
    return HintRow(data[:NONCE_BYTES], data[NONCE_BYTES:_HEAD], hint)
