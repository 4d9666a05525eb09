"""`protocols.psi.ecdh` and `cardinality` over files, at any size: the same messages, byte for byte.

Each step takes paths and writes one file, which is there when it is whole; a step that was killed
is run again. Scalars are the caller's, one a run and party (`ristretto255.random_scalar`), and the
same for a step that is run again: a file is then the same, too. What is said in the modules of
`protocols.psi` about what is not protected holds here.

    receiver    mask, ask                 -> the message of a set (an `ask`)
    sender      mask, answer              -> the answer to it
    receiver    finish                    -> places of the items that are in both

    provider    mask, ask, double         -> a message of its own set; the buyer's, doubled
    buyer       mix                       -> the provider's set, doubled: a message
    provider    count

Work of a sender or provider may be shared. Several processes `mask` parts of its items, and
`merge_masked` makes one file of them; several `multiply` stretches of the other party's set
(`spans`), and the step takes their files as `done`. Messages are the same as without.

A masked file holds 40 bytes an item, ascending: its element, and 8 bytes that stand beside it, the
item's place from 0 on or what the caller gives.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import ElementInvalidError, InputInvalidError, MalformedMessageError
from unseen.protocols.group import bulk, ristretto255
from unseen.protocols.psi.messages import MAX_ITEMS, group_tag
from unseen.streams.matching import members
from unseen.streams.records import Block, Records, Writer, ascending
from unseen.streams.room import Room
from unseen.streams.sorting import distinct, merge, sort, unique

ELEMENT_BYTES: Final = ristretto255.ELEMENT_BYTES
BESIDE_BYTES: Final = 8
MASKED_BYTES: Final = ELEMENT_BYTES + BESIDE_BYTES
COUNT_BYTES: Final = 4
BATCH: Final = 1 << 15  # elements multiplied at a time
Batch = tuple[Sequence[bytes], NDArray[np.uint8]]
"""Items, and n x 8 bytes that stand beside them."""


def mask(
    items: Iterable[Sequence[bytes]],
    session: bytes,
    scalar: bytes,
    target: Path,
    room: Room,
    *,
    once: bool = False,
) -> int:
    """Write a party's masked file; return how many items there are.

    Args:
        items: in any order and in batches of any size.
        session: 32 bytes that both parties know and no run had.
        scalar: this party's, of this run.
        target: the file.
        room: progress is told of items.
        once: keep an item once, however often it comes, and any one of its places; or refuse it.

    Raises:
        InputInvalidError: no items, more than 2^24, one twice; or the session's id.
        OSError: the disk is full.

    """
    return mask_beside(_placed(items), session, scalar, target, room, once=once)


def mask_beside(
    batches: Iterable[Batch],
    session: bytes,
    scalar: bytes,
    target: Path,
    room: Room,
    *,
    once: bool = False,
) -> int:
    """Write a masked file as `mask` does, with what the caller gives beside each item."""
    elements = _hashed(batches, group_tag(session), scalar, room)
    with Writer(target) as writer:
        in_order = sort(elements, MASKED_BYTES, room.folder, room.memory)
        count = writer.write_all(unique(in_order) if once else distinct(in_order))
        if not count:
            raise InputInvalidError(f"a set has 1 to {MAX_ITEMS} items, this has 0")
    return count


def merge_masked(
    parts: Sequence[Path],
    target: Path,
    room: Room,
    *,
    once: bool = False,
    width: int = MASKED_BYTES,
) -> int:
    """Write one masked file from those of a party's parts; return how many items there are.

    Records have `width` bytes and begin with their element.

    Raises:
        InputInvalidError: there are none, more than 2^24, or one stands in two parts, and not only
            once is asked for.
        OSError: the disk is full.

    """
    runs = [Records.of(part, width) for part in parts]
    count = sum(run.count for run in runs)
    if not 1 <= count <= MAX_ITEMS:
        raise InputInvalidError(f"a set has 1 to {MAX_ITEMS} items, this has {count}")
    with Writer(target) as writer:
        in_order = merge(runs, room.folder, room.memory)
        return writer.write_all(unique(in_order) if once else distinct(in_order))


def spans(count: int, parts: int) -> list[tuple[int, int]]:
    """Return up to `parts` stretches of a set: the first place and the length of each."""
    size = max(-(-count // parts), 1)
    return [(first, min(size, count - first)) for first in range(0, count, size)]


def multiply(
    theirs: Records, span: tuple[int, int], scalar: bytes, target: Path, room: Room
) -> int:
    """Write a stretch of the other party's set, masked once more, in order; return its length.

    `theirs` is `only_set` of a message; of an answer, the second of `sets_of`.

    Raises:
        MalformedMessageError: it does not ascend, or not from what stands before it.
        ElementInvalidError: it holds what is no element; `position` is in the set.
        OSError: the disk is full.

    """
    first, count = span
    bulk.prepare(count)
    stretch = Records(theirs.path, theirs.width, count, theirs.offset + first * theirs.width)
    before = theirs.read(first - 1, 1) if first else theirs.read(0, 0)
    checked = itertools.islice(ascending(itertools.chain([before], stretch.blocks(BATCH))), 1, None)
    with Writer(target) as writer:
        return writer.write_all(_doubled(checked, scalar, room, first))


def ask(masked: Path, target: Path, head: bytes = b"") -> int:
    """Write the message of a set, its elements alone; return how many. `head` goes before it."""
    records = Records.of(masked, MASKED_BYTES)
    with Writer(target, head + _counted(records.count)) as writer:
        return writer.write_all(block[:, :ELEMENT_BYTES] for block in records.blocks())


def answer(
    asked: Path,
    masked: Path,
    scalar: bytes,
    target: Path,
    room: Room,
    done: Sequence[Path] = (),
) -> int:
    """Write a sender's answer to an `ask`; return how many items were asked about.

    Raises:
        MalformedMessageError: the message is not the protocol's.
        ElementInvalidError: it holds what is no element.
        OSError: the disk is full.

    """
    theirs, own = only_set(asked), Records.of(masked, MASKED_BYTES)
    with Writer(target, _counted(theirs.count)) as writer:
        writer.write_all(_products(theirs, scalar, room, done))
        writer.write_bytes(_counted(own.count))
        writer.write_all(block[:, :ELEMENT_BYTES] for block in own.blocks())
    return theirs.count


def finish(answered: Path, masked: Path, scalar: bytes, target: Path, room: Room) -> int:
    """Write what stands beside the items that the sender has, ascending; return how many there are.

    8 bytes each: places are big-endian, and `places` reads them.

    Raises:
        MalformedMessageError: the answer is not the protocol's, or for another set.
        ElementInvalidError: it holds what is no element.
        OSError: the disk is full.

    """
    own = Records.of(masked, MASKED_BYTES)
    doubled, theirs = sets_of(answered, (ELEMENT_BYTES, ELEMENT_BYTES))
    if doubled.count != own.count:
        raise MalformedMessageError("the answer is for another number of items")
    third = room.memory // 3  # that many sorts go on at once
    again = _products(theirs, scalar, room)
    both = sort(again, ELEMENT_BYTES, room.folder, third)
    beside = (
        np.concatenate([element, place[:, ELEMENT_BYTES:]], axis=1)
        for element, place in zip(doubled.blocks(BATCH), own.blocks(BATCH), strict=True)
    )
    found = members(sort(beside, MASKED_BYTES, room.folder, third), both)
    numbers = (np.ascontiguousarray(block[:, ELEMENT_BYTES:]) for block in found)
    with Writer(target) as writer:
        in_order = sort(numbers, BESIDE_BYTES, room.folder, third, BESIDE_BYTES)
        return writer.write_all(in_order)


def double(
    asked: Path,
    scalar: bytes,
    target: Path,
    room: Room,
    head: int = 0,
    done: Sequence[Path] = (),
) -> int:
    """Write a buyer's set masked once more, ascending, as the provider keeps it; return how many.

    `head` bytes stand before the set.

    Raises:
        MalformedMessageError, ElementInvalidError, OSError: as `answer`.

    """
    theirs = only_set(asked, head=head)
    with Writer(target) as writer:
        again = _products(theirs, scalar, room, done)
        return writer.write_all(sort(again, ELEMENT_BYTES, room.folder, room.memory))


def mix(offered: Path, scalar: bytes, target: Path, room: Room) -> int:
    """Write the message of a provider's set, masked once more, and in another order.

    Raises:
        MalformedMessageError, ElementInvalidError, OSError: as `answer`.

    """
    theirs = only_set(offered)
    with Writer(target, _counted(theirs.count)) as writer:
        again = _products(theirs, scalar, room)
        return writer.write_all(sort(again, ELEMENT_BYTES, room.folder, room.memory))


def count(mixed: Path, doubled: Path, own: int) -> int:
    """Return how many items are in both sets; `own` is how many the provider has.

    Raises:
        MalformedMessageError: what came back is not the protocol's, or for another set.

    """
    back = only_set(mixed)
    if back.count != own:
        raise MalformedMessageError("what came back is for another number of items")
    both = members(ascending(back.blocks()), Records.of(doubled, ELEMENT_BYTES).blocks())
    return sum(len(block) for block in both)


def places(path: Path) -> Iterator[NDArray[np.int64]]:
    """Yield what `finish` has written, as numbers."""
    for block in Records.of(path, BESIDE_BYTES).blocks():
        yield np.ascontiguousarray(block).view(">i8").reshape(-1).astype(np.int64)


def only_set(path: Path, width: int = ELEMENT_BYTES, head: int = 0) -> Records:
    """Return the one set of a message, behind `head` bytes.

    Raises:
        MalformedMessageError: as `sets_of`.

    """
    (found,) = sets_of(path, (width,), head)
    return found


def sets_of(path: Path, widths: Sequence[int], head: int = 0) -> list[Records]:
    """Return the sets of a message, behind `head` bytes. What is in them is not looked at.

    Raises:
        MalformedMessageError: the message is cut or too long, or a set empty or too large.

    """
    size, place, found = path.stat().st_size, head, []
    with path.open("rb") as file:
        for width in widths:
            file.seek(place)
            counted = file.read(COUNT_BYTES)
            records = Records(path, width, int.from_bytes(counted, "big"), place + COUNT_BYTES)
            place = records.offset + records.count * width
            if len(counted) < COUNT_BYTES or not 1 <= records.count <= MAX_ITEMS or place > size:
                raise MalformedMessageError("a set of elements is cut, empty or too large")
            found.append(records)
    if place != size:
        raise MalformedMessageError("there is more behind the elements")
    return found


def doubled_elements(elements: Block, scalar: bytes) -> Block:
    """Return a scalar times each element: n x 32 bytes.

    Raises:
        ElementInvalidError: one is no element; `position` is its place in the block.

    """
    found = bulk.multiply_joined(scalar, elements.tobytes())
    return np.frombuffer(found, np.uint8).reshape(-1, ELEMENT_BYTES)


def _placed(items: Iterable[Sequence[bytes]]) -> Iterator[Batch]:
    first = 0
    for batch in items:
        numbers = np.arange(first, first + len(batch), dtype=">i8")
        yield batch, numbers.view(np.uint8).reshape(-1, BESIDE_BYTES)
        first += len(batch)


def _hashed(batches: Iterable[Batch], tag: bytes, scalar: bytes, room: Room) -> Iterator[Block]:
    total = 0
    for items, beside in batches:
        total += len(items)
        if total > MAX_ITEMS:
            raise InputInvalidError(f"a set has 1 to {MAX_ITEMS} items, this has more")
        bulk.prepare(total)  # nobody knows how many are to come
        for first in range(0, len(items), BATCH):
            part = items[first : first + BATCH]
            joined = bulk.hash_joined(scalar, part, tag)
            elements = np.frombuffer(joined, np.uint8).reshape(-1, ELEMENT_BYTES)
            yield np.concatenate([elements, beside[first : first + BATCH]], axis=1)
            room.progress(len(part))


def _products(
    theirs: Records, scalar: bytes, room: Room, done: Sequence[Path] = ()
) -> Iterator[Block]:
    """Yield the other party's set once more masked: from files, or multiplied now."""
    if not done:
        bulk.prepare(theirs.count)
        yield from _doubled(ascending(theirs.blocks(BATCH)), scalar, room)
        return
    files = [Records.of(path, ELEMENT_BYTES) for path in done]
    if sum(file.count for file in files) != theirs.count:
        raise InputInvalidError("the stretches of a set are not all of it")
    for file in files:
        yield from file.blocks(BATCH)


def _doubled(blocks: Iterable[Block], scalar: bytes, room: Room, first: int = 0) -> Iterator[Block]:
    for block in blocks:
        try:
            yield doubled_elements(block, scalar)
        except ElementInvalidError as error:
            raise ElementInvalidError(position=first + (error.position or 0)) from None
        room.progress(len(block))
        first += len(block)


def _counted(count: int) -> bytes:
    return count.to_bytes(COUNT_BYTES, "big")
