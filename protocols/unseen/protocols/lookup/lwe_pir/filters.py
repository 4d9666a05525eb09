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
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.kernels import sha512
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
    _check_nonce(nonce)
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


@dataclass(frozen=True, slots=True, eq=False)
class KeyedRows:
    """As `Keyed`, of n subjects: n x 3 cells, each row ascending, and n x `cell_bytes` of pads."""

    cells: NDArray[np.int64]
    pads: NDArray[np.uint8] = field(repr=False)


def blocks_of(shape: Shape, domain: bytes, outputs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return what `block_of` does for each of n x 64 bytes.

    Raises:
        InputInvalidError: outputs or domain have another length.
        KernelFaultError: this machine hashes wrongly.

    """
    digests = _hash_rows(b"block", domain, b"", outputs)
    low, high = digests[:, :16].copy().view("<u8").T
    # 2^64 high + low, without a number over 2^64: there are fewer than 2^32 blocks.
    count = np.uint64(shape.blocks)
    carried = (high % count) * np.uint64((1 << 64) % shape.blocks) % count
    found: NDArray[np.int64] = ((carried + low % count) % count).astype(np.int64)
    return found


def keyed_rows(shape: Shape, domain: bytes, nonce: bytes, outputs: NDArray[np.uint8]) -> KeyedRows:
    """Return what `keyed` does for each of n x 64 bytes.

    Raises:
        InputInvalidError: outputs, nonce or domain have another length.
        KernelFaultError: this machine hashes wrongly.

    """
    _check_nonce(nonce)
    digests = _hash_rows(b"cells\x00", domain, nonce, outputs)
    drawn = (digests.view("<u4") % np.uint32(shape.width)).astype(np.int64)
    cells = np.empty((len(drawn), PLACES), np.int64)
    cells[:, 0] = drawn[:, 0]
    other = drawn != drawn[:, :1]
    second = other.argmax(axis=1)
    every = np.arange(len(drawn))
    cells[:, 1] = drawn[every, second]
    other &= drawn != cells[:, 1:2]
    cells[:, 2] = drawn[every, other.argmax(axis=1)]
    cells.sort(axis=1)
    for row in np.flatnonzero(~other.any(axis=1)):  # fewer than three among sixteen
        cells[row] = keyed(shape, domain, nonce, outputs[row].tobytes()).cells
    pads = _hash_rows(b"pad", domain, nonce, outputs)[:, : shape.cell_bytes]
    return KeyedRows(cells, pads)


def fill(
    shape: Shape, keys: KeyedRows, labels: NDArray[np.uint8], rng: Rng
) -> NDArray[np.uint8] | None:
    """Return a block's filter, a cell a row, `width` x `cell_bytes`; None: try a fresh nonce.

    Args:
        shape: the table's.
        keys: of distinct subjects, all under one nonce.
        labels: n x `label_bytes`, in the order of the keys.
        rng: gives the cells that no key needs.

    Raises:
        InputInvalidError: labels have another length or number, or `rng` gave too few bytes.

    """
    if labels.shape != (len(keys.cells), shape.label_bytes):
        raise InputInvalidError(f"a label of this table has {shape.label_bytes} bytes")
    rounds = peel(keys.cells, shape.width)
    if rounds is None:
        return None
    drawn = rng(shape.width * shape.cell_bytes)
    if len(drawn) != shape.width * shape.cell_bytes:
        raise InputInvalidError("the source of randomness gave too few bytes")
    cells = np.frombuffer(drawn, np.uint8).reshape(shape.width, shape.cell_bytes).copy()
    values = keys.pads.copy()
    values[:, TAG_BYTES:] += labels
    for taken, free in reversed(rounds):
        others = cells[keys.cells[taken]].sum(axis=1, dtype=np.uint8) - cells[free]
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
    if len(output) != OUTPUT_BYTES:
        raise InputInvalidError(f"an output has {OUTPUT_BYTES} bytes")
    return hashlib.sha512(_before(purpose, domain, nonce) + output).digest()


def _hash_rows(
    purpose: bytes, domain: bytes, nonce: bytes, outputs: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    if outputs.ndim != 2 or outputs.shape[1] != OUTPUT_BYTES:
        raise InputInvalidError(f"an output has {OUTPUT_BYTES} bytes")
    before = np.frombuffer(_before(purpose, domain, nonce), np.uint8)
    rows = np.empty((len(outputs), before.size + OUTPUT_BYTES), np.uint8)
    rows[:, : before.size] = before
    rows[:, before.size :] = outputs
    return sha512.digest_rows(rows)


def _before(purpose: bytes, domain: bytes, nonce: bytes) -> bytes:
    if not 1 <= len(domain) <= _MAX_DOMAIN_BYTES:
        raise InputInvalidError(f"a domain has 1 to {_MAX_DOMAIN_BYTES} bytes")
    return _NAME + purpose + b"\x00" + bytes([len(domain)]) + domain + nonce


def _check_nonce(nonce: bytes) -> None:
    if len(nonce) != NONCE_BYTES:
        raise InputInvalidError(f"a block's nonce has {NONCE_BYTES} bytes")
