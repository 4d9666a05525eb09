"""Filters of three places over bytes, a block of a table each (own format).

After Dillinger and Walzer, "Ribbon filter", 2021, section 2, and the keyword filters of ChalametPIR
(Celi and Davidson, 2024). With out = OPRF(key, subject), a key's block, its three cells in that
block's filter, and a pad come from `out`:

    cell + cell' + cell'' = (00000000 | label) + pad      bytewise, modulo 256

Whoever knows `out` sees a label, or, without the eight zeros, that there is none; a wrong label has
a chance of 2^-64. To everybody else cells are random bytes, in the random oracle model, so neither
hint nor answers tell who is in a table. `nonce` is fresh for every build of a block: under one
nonce, two builds would show which labels changed, and an eight-byte sum would find members. Blocks
show that they hold at most so many keys, and nothing else. Labels are not authenticated against the
owner.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.lwe_pir.parameters import NONCE_BYTES, TAG_BYTES, Shape
from unseen.protocols.oprf.suite import OUTPUT_BYTES
from unseen.protocols.party import Rng

PLACES: Final = 3
TRIES: Final = 64
_NAME: Final = b"unseen/lookup/lwe_pir/v1/"
_MAX_DOMAIN_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class Keyed:
    """What a subject's output stands for in a block: three cells in ascending order, and a pad."""

    cells: tuple[int, ...]
    pad: bytes = field(repr=False)


def block_of(shape: Shape, domain: bytes, output: bytes) -> int:
    """Return the block of the subject with this 64-byte output.

    Raises:
        InputInvalidError: output or domain has another length.

    """
    return int.from_bytes(_hash(b"block", domain, b"", output)[:16], "little") % shape.blocks


def keyed(shape: Shape, domain: bytes, nonce: bytes, output: bytes) -> Keyed:
    """Return a subject's cells and pad in the build of its block that has this nonce.

    Raises:
        InputInvalidError: output, nonce or domain has another length.

    """
    if len(nonce) != NONCE_BYTES:
        raise InputInvalidError(f"a block's nonce has {NONCE_BYTES} bytes")
    found: list[int] = []
    count = 0
    while len(found) < PLACES:
        digest = _hash(b"cells" + bytes([count]), domain, nonce, output)
        for start in range(0, len(digest), 4):
            cell = int.from_bytes(digest[start : start + 4], "little") % shape.width
            if cell not in found and len(found) < PLACES:
                found.append(cell)
        count += 1
    pad = _hash(b"pad", domain, nonce, output)[: shape.cell_bytes]
    return Keyed(tuple(sorted(found)), pad)


def fill(
    shape: Shape, keys: Sequence[Keyed], labels: Sequence[bytes], rng: Rng
) -> NDArray[np.uint8] | None:
    """Return a block's filter, a cell a row, `width` x `cell_bytes`; None: try a fresh nonce.

    Args:
        shape: the table's.
        keys: of distinct subjects, all under one nonce.
        labels: of `label_bytes` each, in the order of the keys.
        rng: gives the cells that no key needs.

    Raises:
        InputInvalidError: a label has another length, or `rng` gave too few bytes.

    """
    if any(len(label) != shape.label_bytes for label in labels):
        raise InputInvalidError(f"a label of this table has {shape.label_bytes} bytes")
    places = np.array([each.cells for each in keys], np.int64).reshape(-1, PLACES)
    rounds = peel(places, shape.width)
    if rounds is None:
        return None
    drawn = rng(shape.width * shape.cell_bytes)
    if len(drawn) != shape.width * shape.cell_bytes:
        raise InputInvalidError("the source of randomness gave too few bytes")
    cells = np.frombuffer(drawn, np.uint8).reshape(shape.width, shape.cell_bytes).copy()
    plain = b"".join(bytes(TAG_BYTES) + label for label in labels)
    pads = b"".join(each.pad for each in keys)
    values = np.frombuffer(plain, np.uint8) + np.frombuffer(pads, np.uint8)
    values = values.reshape(-1, shape.cell_bytes)
    for taken, free in reversed(rounds):
        others = cells[places[taken]].sum(axis=1, dtype=np.uint8) - cells[free]
        cells[free] = values[taken] - others
    return cells


def peel(
    places: NDArray[np.int64], width: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None:
    """Return keys in rounds, each with a cell that no key of its round or a later one has.

    `places` has three different cells for each key. None: some keys have no such cell.
    """
    left = np.arange(len(places))
    degrees = np.bincount(places.reshape(-1), minlength=width)
    rounds = []
    while left.size:
        alone = degrees[places[left]] == 1
        peeled = alone.any(axis=1)
        if not peeled.any():
            return None
        taken = left[peeled]
        free = places[taken, alone[peeled].argmax(axis=1)]
        rounds.append((taken, free))
        degrees -= np.bincount(places[taken].reshape(-1), minlength=width)
        left = left[~peeled]
    return rounds


def label_of(shape: Shape, key: Keyed, total: bytes) -> bytes | None:
    """Return the label of a sum of three cells, or None: the subject is in no row.

    Raises:
        InputInvalidError: the sum has another length.

    """
    if len(total) != shape.cell_bytes:
        raise InputInvalidError(f"a cell of this table has {shape.cell_bytes} bytes")
    plain = bytes((a - b) % 256 for a, b in zip(total, key.pad, strict=True))
    if not hmac.compare_digest(plain[:TAG_BYTES], bytes(TAG_BYTES)):
        return None
    return plain[TAG_BYTES:]


def _hash(purpose: bytes, domain: bytes, nonce: bytes, output: bytes) -> bytes:
    if len(output) != OUTPUT_BYTES or not 1 <= len(domain) <= _MAX_DOMAIN_BYTES:
        raise InputInvalidError(f"an output has {OUTPUT_BYTES} bytes, a domain 1 to 255")
    framed = purpose + b"\x00" + bytes([len(domain)]) + domain + nonce
    return hashlib.sha512(_NAME + framed + output).digest()
