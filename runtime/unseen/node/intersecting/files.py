"""The names of a run's files, and reading one as it lies."""

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


def file_digest(path: Path, suite: Suite) -> bytes:
    """Return the digest of a file, which is not read into memory as a whole.

    Raises:
        OSError: it cannot be read.

    """
    return digest_with(path, suite.digest)
