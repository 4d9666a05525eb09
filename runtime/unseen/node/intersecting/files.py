"""The names of a run's files, writing one whole or not at all, and reading one as it lies."""

import os
from pathlib import Path
from typing import Final

from unseen.evidence.suite import Suite
from unseen.streams.chunks import digest_with

SET: Final = "set"  # the buyer's elements
MIXED: Final = "mixed"  # the table's elements as they came back
OTHERS: Final = "others"  # the table's elements, to be mixed
DOUBLED: Final = "doubled"  # the buyer's elements once more masked, ascending: never leaves
ANSWER: Final = "answer"
BEGAN: Final = "began"  # index of the leaf that says that its first job has
STATEMENT: Final = "statement"  # the request that the run is for
SHARE: Final = "share"  # sealed: the node's share of a run's key
SNAPSHOT: Final = "snapshot"  # of the rows that were masked
PROMISED: Final = "promised"  # bytes that are kept for it, as decimal digits


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, durable once this returns.

    Raises:
        OSError: it cannot be written.

    """
    part = path.with_name(f".{path.name}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def file_digest(path: Path, suite: Suite) -> bytes:
    """Return the digest of a file, which is not read into memory as a whole.

    Raises:
        OSError: it cannot be read.

    """
    return digest_with(path, suite.digest)
