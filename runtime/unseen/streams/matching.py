"""Sorted files side by side: which records of one have their key in the other."""

from collections.abc import Iterable, Iterator

import numpy as np

from unseen.streams.records import KEY_BYTES, Block, keys_of


def members(
    left: Iterable[Block], right: Iterable[Block], size: int = KEY_BYTES
) -> Iterator[Block]:
    """Yield the records of `left` whose key is in `right`; both are sorted by keys.

    Holds a block of either. Both are read to their ends, whatever is in them.
    """
    others = iter(right)
    rest = np.empty(0, f"S{size}")
    for block in left:
        keys = keys_of(block, size)
        found = np.zeros(len(keys), np.bool_)
        start = 0
        while start < len(keys):
            if not len(rest):
                more = next(others, None)
                if more is None:
                    break
                rest = keys_of(more, size)
                continue
            end = int(np.searchsorted(keys, rest[-1], "right"))
            places = np.searchsorted(rest, keys[start:end])
            found[start:end] = rest[places] == keys[start:end]
            # What is left over of the right may meet the next block, or what comes after it.
            rest = rest[:0] if end < len(keys) else rest[np.searchsorted(rest, keys[-1]) :]
            start = end
        yield block[found]
    for _ in others:
        continue
