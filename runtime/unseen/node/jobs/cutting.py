"""Into how many tasks a long job is cut, and how much memory each of them may take."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from unseen.node.context import Node

LEAST_MB: Final = 256
"""What a process that reads a table needs: as much as the setting `memory_mb` at least."""


def parts_of(node: "Node", rows: int) -> int:
    """Return how many processes share the rows of one job; below `cut_rows` one does them all."""
    return node.executor.bulk if rows >= node.settings.cut_rows else 1


def roomy_parts_of(node: "Node", rows: int) -> int:
    """Return as `parts_of`, but no more than the ceiling of memory has room for."""
    parts = parts_of(node, rows)
    most = node.settings.memory_mb // LEAST_MB
    return min(parts, most) if node.executor.shares_memory else parts


def counted_parts_of(node: "Node", rows: int) -> int:
    """Return how many processes count the rows of one question; here it is one, which needs less.

    Each reads all rows, and has to spill no more than its own.
    """
    if node.executor.shares_memory or rows < node.settings.cut_count_rows:
        return 1
    return node.executor.bulk


def is_for_the_cluster(node: "Node", size: int) -> bool:
    """Return whether a hidden table's matrix of so many bytes is more than this machine holds."""
    return not node.executor.shares_memory and size > node.settings.matrix_mb << 20


def answering_parts_of(node: "Node", size: int) -> int:
    """Return in how many parts a cluster answers from a matrix of so many bytes."""
    return max(node.executor.bulk, -(-size // (max(node.settings.matrix_mb, 1) << 20)))


def memory_of(node: "Node", parts: int) -> int:
    """Return the memory ceiling, in MiB, of each of `parts` processes."""
    return node.settings.memory_mb // (parts if node.executor.shares_memory else 1)
