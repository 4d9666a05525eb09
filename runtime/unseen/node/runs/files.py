"""The names of files that every run has, and reading one as it lies."""

from pathlib import Path
from typing import Final

from unseen.evidence.suite import Suite
from unseen.streams.chunks import digest_with

ANSWER: Final = "answer"  # what leaves once it is paid for
BEGAN: Final = "began"  # index of the leaf that says that its first job has
STATEMENT: Final = "statement"  # the request that the run is for
PROMISED: Final = "promised"  # bytes that are kept for it, as decimal digits


def file_digest(path: Path, suite: Suite) -> bytes:
    """Return the digest of a file, which is not read into memory as a whole.

    Raises:
        OSError: it cannot be read.

    """
    return digest_with(path, suite.digest)
