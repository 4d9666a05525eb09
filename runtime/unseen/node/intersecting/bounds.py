"""What a run of an intersection may come to on the disk, which it is promised before it begins."""

from typing import Final

from unseen.evidence.contracts.intersection import COUNT, ITEMS, SUM

# What lies in a run's folder and its job's spool at most, in bytes. Of a row: its element and eight
# bytes beside it, sorted from pieces, 80; of a sum also 96 with its value that go out, and as many
# that come back.
_ROW: Final = {ITEMS: 80, COUNT: 80, SUM: 192}
_ITEM: Final = 128  # as it came, masked once more, sorted from pieces, and in an answer
_HEAD: Final = 4096  # statement, share, what stands before elements


def most_bytes(output: str, rows: int, items: int) -> int:
    """Return how many bytes a run may come to, of so many rows and items."""
    return _ROW[output] * max(rows, 1) + _ITEM * items + _HEAD
