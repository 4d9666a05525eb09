"""What worker processes do for encrypted training; see `tasks.py`, which calls it."""

from pathlib import Path
from typing import Any

from unseen.evidence.suite import suite_of
from unseen.node.jobs.task import Progress, read_json


def train_gradient(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Reading, suite and files as JSON -> the digest of the answer, which lies in the run's folder.

    A second part opens the spool's list of those who consent, where there is one. Counts rows.
    """
    from unseen.node.data import gradients, listed  # noqa: PLC0415 - with vectors' library

    ask: Any = read_json(parts[0])
    reading = listed.decode_reading(ask["reading"])
    sent = gradients.Sent(
        context=Path(ask["context"]),
        weights=Path(ask["weights"]),
        folder=Path(ask["folder"]),
        rows=reading.listed.file if reading.listed else None,
    )
    suite, secret = suite_of(ask["suite"]), b"".join(parts[1:])
    return [gradients.gradient(reading, sent, suite, secret, progress)]
