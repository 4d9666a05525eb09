"""A snapshot's commitment, recomputed in parts: whoever reads a block of rows hashes it.

Blocks are as many rows as a power of two, from the first on, so that the root of each is a node of
the tree over all rows (`evidence/registry/snapshot.py`), and the root over the blocks' roots is the
tree's (RFC 6962, 2.1). What is sealed is therefore what was hashed, in one reading, by each part.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

from unseen.evidence.registry.snapshot import row_leaf, row_salt
from unseen.node.data import scan, source
from unseen.protocols.tlog.tree import Frontier

_BLOCK = struct.Struct(">QI32s")  # number, rows, root


class BlockHasher:
    """Hashes some blocks of a table, row after row."""

    def __init__(self, salt: bytes) -> None:
        """Start with the snapshot's secret 32-byte salt."""
        self._salt = salt
        self._blocks: dict[int, Frontier] = {}

    def add(self, batch: scan.Batch) -> None:
        """Add a batch's rows, which come in their order and lie in one block."""
        block = self._blocks.setdefault(batch.first // scan.BATCH_ROWS, Frontier())
        for index, row in enumerate(batch.rows, batch.first):
            block.append(row_leaf(row_salt(self._salt, index), row))

    def save(self, path: Path) -> None:
        """Write the blocks' roots."""
        path.write_bytes(
            b"".join(
                _BLOCK.pack(number, block.size, block.root())
                for number, block in sorted(self._blocks.items())
            )
        )


def check_blocks(paths: Iterable[Path], rows: int, snapshot: bytes) -> None:
    """Raise unless what the parts have hashed is the whole table, as it was registered.

    Raises:
        TableChangedError: as said.

    """
    found = sorted(record for path in paths for record in _BLOCK.iter_unpack(path.read_bytes()))
    frontier, seen = Frontier(), 0
    for place, (number, size, root) in enumerate(found):
        if number != place or seen != place * scan.BATCH_ROWS:
            raise source.changed()
        frontier.append(root)
        seen += size
    if seen != rows or frontier.root() != snapshot:
        raise source.changed()
