"""`protocols.psi.sum` over files, at any size: the same messages, byte for byte.

    buyer       psi.mask, psi.ask(head)                -> its share of the key and its set
    provider    key_from, psi.double, offer            -> its share, its set and numbers, encrypted
    buyer       key_from, mix                          -> the same, masked again, encrypted anew
    provider    gather, `protocols.psi.sum.closing`    -> how many are in both; the noisy sum

The provider's masked file has a number beside each element (`psi.mask_beside`): 8 bytes, two's
complement, little-endian. A share is `protocols.psi.sum.new_share`, and its `head` goes before a
message. A step that is run again encrypts with other randomness.

Work may be shared: several processes `encrypt` parts of the provider's items, and `offer_parts`
makes the message of them.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from unseen.protocols.errors import ElementInvalidError, MalformedMessageError
from unseen.protocols.group import bulk, elgamal, fixed
from unseen.protocols.group.elgamal import Ciphertexts, Share
from unseen.protocols.party import Rng
from unseen.protocols.psi import sum as sums
from unseen.protocols.psi.sum import HEAD_BYTES
from unseen.streams.matching import members
from unseen.streams.psi import (
    BATCH,
    COUNT_BYTES,
    ELEMENT_BYTES,
    MASKED_BYTES,
    doubled_elements,
    merge_masked,
    only_set,
)
from unseen.streams.records import Block, Records, Writer, ascending, keys_of
from unseen.streams.room import Room
from unseen.streams.sorting import sort

RECORD_BYTES: Final = 3 * ELEMENT_BYTES  # an element and a ciphertext


class Gathered(NamedTuple):
    """How many items are in both sets, and a ciphertext of the sum of their numbers."""

    found: int
    total: Ciphertexts


def key_from(message: Path, own: Share, session: bytes, *, provider: bool) -> bytes:
    """Return a run's key from one's own share and the one before the other party's message.

    `provider` says whose that message is.

    Raises:
        MalformedMessageError: the message is cut.
        ElementInvalidError, ProofInvalidError: the share is none, or not proven.

    """
    with message.open("rb") as file:
        return sums.joined_key(own, file.read(HEAD_BYTES), session, provider=provider)


def offer(masked: Path, share: Share, key: bytes, target: Path, rng: Rng, room: Room) -> int:
    """Write the provider's message: its share, elements and encrypted numbers; return how many.

    Raises:
        OSError: the disk is full.

    """
    own = Records.of(masked, MASKED_BYTES)
    fixed.prepare(own.count)
    with Writer(target, sums.head(share) + own.count.to_bytes(COUNT_BYTES, "big")) as writer:
        return writer.write_all(_encrypted(own, key, rng, room))


def encrypt(masked: Path, key: bytes, target: Path, rng: Rng, room: Room) -> int:
    """Write a part's elements, each before its encrypted number; return how many there are.

    Raises:
        OSError: the disk is full.

    """
    own = Records.of(masked, MASKED_BYTES)
    fixed.prepare(own.count)
    with Writer(target) as writer:
        return writer.write_all(_encrypted(own, key, rng, room))


def offer_parts(parts: Sequence[Path], share: Share, target: Path, room: Room) -> int:
    """Write the message that `offer` writes, from encrypted parts, which go; return how many.

    An item that is in two parts is kept once.

    Raises:
        InputInvalidError: there are none, or more than 2^24.
        OSError: the disk is full.

    """
    whole = target.with_name(f".{target.name}.whole")
    merge_masked(parts, whole, room, once=True, width=RECORD_BYTES)
    for part in parts:
        part.unlink()
    own = Records.of(whole, RECORD_BYTES)
    with Writer(target, sums.head(share) + own.count.to_bytes(COUNT_BYTES, "big")) as writer:
        count = writer.write_all(own.blocks())
    whole.unlink()
    return count


def mix(offered: Path, scalar: bytes, key: bytes, target: Path, rng: Rng, room: Room) -> int:
    """Write the buyer's message: what was offered, masked again and encrypted anew, mixed.

    Raises:
        MalformedMessageError: the message is not the protocol's.
        ElementInvalidError: it holds what is no element; `position` names the record.
        OSError: the disk is full.

    """
    theirs = only_set(offered, RECORD_BYTES, HEAD_BYTES)
    bulk.prepare(theirs.count)
    fixed.prepare(theirs.count)
    with Writer(target, theirs.count.to_bytes(COUNT_BYTES, "big")) as writer:
        again = _mixed(theirs, scalar, key, rng, room)
        return writer.write_all(sort(again, RECORD_BYTES, room.folder, room.memory))


def gather(mixed: Path, doubled: Path, own: int) -> Gathered:
    """Return how many items are in both sets, and the sum of their numbers, encrypted.

    Args:
        mixed: the buyer's message.
        doubled: what `psi.double` made of its set.
        own: how many items the provider has.

    Raises:
        MalformedMessageError: what came back is not the protocol's, or for another set.
        ElementInvalidError: a number is no ciphertext; of whatever item, and not of which.

    """
    back = only_set(mixed, RECORD_BYTES)
    if back.count != own:
        raise MalformedMessageError("what came back is for another number of items")
    count, total = 0, elgamal.total(Ciphertexts(b"", b""))
    ours = Records.of(doubled, ELEMENT_BYTES).blocks()
    whole, searched = itertools.tee(ascending(back.blocks(BATCH)))
    for block, found in zip(whole, members(searched, ours), strict=True):
        rest = np.ones(len(block), np.bool_)
        rest[np.searchsorted(keys_of(block), keys_of(found))] = False
        numbers = sums.gathered(_ciphertexts(found), _ciphertexts(block[rest]))
        count, total = count + len(found), elgamal.add(total, numbers)
    return Gathered(count, total)


def _encrypted(own: Records, key: bytes, rng: Rng, room: Room) -> Iterator[Block]:
    for block in own.blocks(BATCH):
        values = block[:, ELEMENT_BYTES:].tobytes()
        yield _joined(block[:, :ELEMENT_BYTES], elgamal.encrypt_each(key, values, rng))
        room.progress(len(block))


def _mixed(theirs: Records, scalar: bytes, key: bytes, rng: Rng, room: Room) -> Iterator[Block]:
    first = 0
    for block in ascending(theirs.blocks(BATCH)):
        try:
            fresh = elgamal.refresh_each(key, _ciphertexts(block), rng)
            again = doubled_elements(block[:, :ELEMENT_BYTES], scalar)
        except ElementInvalidError as error:
            raise ElementInvalidError(position=first + (error.position or 0)) from None
        yield _joined(again, fresh)
        first += len(block)
        room.progress(len(block))


def _ciphertexts(block: Block) -> Ciphertexts:
    return Ciphertexts(
        block[:, ELEMENT_BYTES : 2 * ELEMENT_BYTES].tobytes(),
        block[:, 2 * ELEMENT_BYTES :].tobytes(),
    )


def _joined(elements: Block, ciphertexts: Ciphertexts) -> Block:
    columns = [np.frombuffer(column, np.uint8).reshape(-1, ELEMENT_BYTES) for column in ciphertexts]
    return np.concatenate([elements, *columns], axis=1)
