"""Knuth, The Art of Computer Programming, volume 3, section 5.4: records sorted in files.

Blocks of records go in and come out sorted by their keys, in memory below a ceiling at any number:
what does not fit is sorted in runs on the disk, and runs are merged. Takes a time that depends on
keys: for elements that are masked already.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.protocols.errors import InputInvalidError
from unseen.streams.records import KEY_BYTES, Block, Records, Writer, keys_of

_WORD: Final = 8
_LEAST_ROWS: Final = 2048  # of a run, read at a time while merging


def sort(
    blocks: Iterable[Block], width: int, folder: Path, memory: int, size: int = KEY_BYTES
) -> Iterator[Block]:
    """Yield the records of `blocks`, `width` bytes each, sorted by keys of `size` bytes.

    It takes up to `memory` bytes.

    What comes in is taken before anything goes out; files lie in `folder` until the last block
    is taken, or the iterator closed. Equal keys stay, next to each other, in any order.

    Raises:
        InputInvalidError: a block has another width, or a key is not whole words of 8 bytes.
        OSError: the disk is full; nothing is left of the files.

    """
    if size % _WORD or not 0 < size <= width:
        raise InputInvalidError("keys are words of 8 bytes at the beginning of a record")
    # A block, its sorted copy, an order of it, and words to compare.
    rows = max(memory // (3 * width + 64), 1)
    spill = Path(tempfile.mkdtemp(prefix=".sort-", dir=folder))
    try:
        runs: list[Records] = []
        last: Block | None = None
        for run in _gathered(blocks, width, rows):
            if last is not None:
                runs.append(_written(last, spill / f"{len(runs)}"))
                del last  # before the next one is sorted
            last = _in_order(run, size)
        if last is None:
            return
        if not runs:
            yield from _pieces(last)
            return
        runs.append(_written(last, spill / f"{len(runs)}"))
        del last, run
        yield from _merged(runs, rows, size, spill)
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def merge(
    runs: Sequence[Records], folder: Path, memory: int, size: int = KEY_BYTES
) -> Iterator[Block]:
    """Yield the records of sorted files of one width, sorted; takes up to `memory` bytes.

    Raises:
        OSError: the disk is full; nothing is left of what was merged in `folder`.

    """
    if not runs:
        return
    rows = max(memory // (3 * runs[0].width + 64), 1)
    spill = Path(tempfile.mkdtemp(prefix=".sort-", dir=folder))
    try:
        yield from _merged(list(runs), rows, size, spill)
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def distinct(blocks: Iterable[Block], size: int = KEY_BYTES) -> Iterator[Block]:
    """Yield sorted blocks, all of them, and then refuse them if a key came more than once.

    Raises:
        InputInvalidError: at the end; says how many records repeat an earlier one.

    """
    repeated = 0
    last: NDArray[np.bytes_] | None = None
    for block in blocks:
        keys = keys_of(block, size)
        repeated += int((keys[:-1] == keys[1:]).sum())
        if last is not None and len(keys):
            repeated += int(last[0] == keys[0])
        last = keys[-1:].copy() if len(keys) else last
        yield block
    if repeated:
        raise InputInvalidError(
            f"{repeated} items stand in the set more than once",
            remedy="give each item once, in its canonical form",
        )


def unique(blocks: Iterable[Block], size: int = KEY_BYTES) -> Iterator[Block]:
    """Yield sorted blocks without the records that repeat the key of the one before."""
    last: NDArray[np.bytes_] | None = None
    for block in blocks:
        if not len(block):
            continue
        keys = keys_of(block, size)
        fresh = np.ones(len(keys), np.bool_)
        fresh[1:] = keys[1:] != keys[:-1]
        fresh[0] = last is None or last[0] != keys[0]
        last = keys[-1:].copy()
        yield block[fresh]


def _gathered(blocks: Iterable[Block], width: int, rows: int) -> Iterator[Block]:
    """Yield the records of blocks in arrays of `rows`; the same memory serves all of them."""
    held, count = np.empty((0, width), np.uint8), 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != width:
            raise InputInvalidError(f"records have {width} bytes each")
        first = 0
        while first < len(block):
            part = block[first : first + rows - count]
            if count + len(part) > len(held):
                grown = np.empty((min(rows, 2 * (count + len(part))), width), np.uint8)
                grown[:count] = held[:count]
                held = grown
            held[count : count + len(part)] = part
            count, first = count + len(part), first + len(part)
            if count == rows:
                yield held
                count = 0
    if count:
        yield held[:count]


def _in_order(block: Block, size: int) -> Block:
    """Return a sorted copy: by the first word of a key, and by all of them where two agree."""
    words = np.ascontiguousarray(block[:, :size]).view(">u8")
    first = words[:, 0].astype(np.uint64)
    order = np.argsort(first)
    if size > _WORD:
        sorted_first = first[order]
        equal = np.flatnonzero(sorted_first[1:] == sorted_first[:-1])
        if len(equal):
            order = _settled(words, order, equal)
    return block[order]


def _settled(
    words: NDArray[np.uint64], order: NDArray[np.intp], equal: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the order with those that begin alike sorted by their other words.

    `equal` are places in the order whose record begins as the next one.
    """
    places = np.unique(np.concatenate([equal, equal + 1]))
    alike = order[places]
    columns = [words[alike, column] for column in reversed(range(words.shape[1]))]
    found = order.copy()
    found[places] = alike[np.lexsort(columns)]
    return found


def _pieces(block: Block) -> Iterator[Block]:
    yield from np.array_split(block, max(block.nbytes >> 20, 1))


def _written(block: Block, path: Path) -> Records:
    with Writer(path) as writer:
        writer.write(block)
    return Records(path, block.shape[1], len(block))


def _merged(runs: list[Records], rows: int, size: int, folder: Path) -> Iterator[Block]:
    """Yield the records of sorted runs; of too many, some are merged into one first."""
    most = max(rows // (2 * _LEAST_ROWS), 2)
    number = len(runs)
    while len(runs) > most:
        some, runs = runs[:most], runs[most:]
        target = folder / f"merged-{number}"
        with Writer(target) as writer:
            count = writer.write_all(_merge(some, rows, size))
        for run in some:
            if run.path.parent == folder:  # or it is somebody else's
                run.path.unlink()
        runs.append(Records(target, some[0].width, count))
        number += 1
    yield from _merge(runs, rows, size)


def _merge(runs: list[Records], rows: int, size: int) -> Iterator[Block]:
    # Half of the memory for what is read of the runs, half for what goes out.
    most = max(rows // (2 * len(runs)), 1)
    held = [run.read(0, 0) for run in runs]
    taken = [0] * len(runs)
    while True:
        for i, run in enumerate(runs):
            if len(held[i]) <= most // 2 and taken[i] < run.count:
                more = run.read(taken[i], most - len(held[i]))
                taken[i] += len(more)
                held[i] = np.concatenate([held[i], more])
        # What is not larger than anything that is still to be read can go.
        ends = [
            keys_of(held[i][-1:], size)[0] for i, run in enumerate(runs) if taken[i] < run.count
        ]
        if not ends:
            break
        bound = min(ends)
        cuts = [int(np.searchsorted(keys_of(block, size), bound, "right")) for block in held]
        yield _in_order(np.concatenate([b[:cut] for b, cut in zip(held, cuts, strict=True)]), size)
        held = [block[cut:].copy() for block, cut in zip(held, cuts, strict=True)]
    yield _in_order(np.concatenate(held), size)
