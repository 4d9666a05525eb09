"""What a task of a worker is: parts in, parts out; settings travel as canonical JSON."""

from collections.abc import Callable
from typing import Any

from unseen.evidence import canonical

Progress = Callable[[int], None]
"""Is told of rows, or the like, that are done since it was told last."""

Task = Callable[[list[bytes], Progress], list[bytes]]


def read_json(data: bytes) -> Any:
    """Return the settings in a part.

    Raises:
        CanonicalError: it is none of ours.

    """
    return canonical.decode(data)
