"""What worker processes do for encrypted scoring; see `tasks.py`, which calls it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.contracts.scoring import Scoring, Wanted
from unseen.evidence.suite import suite_of
from unseen.node.jobs.ceiling import ceiling

Progress = Callable[[int], None]


def read_model(parts: list[bytes], _progress: Progress) -> list[bytes]:
    """Source and fingerprint as JSON, what is wanted of it -> what is offered, canonical JSON."""
    from unseen.node.data import model, source  # noqa: PLC0415 - with vectors' library

    ask: Any = canonical.decode(parts[0])
    wanted = Wanted.decode(parts[1])
    where = source.Source.parse(ask["source"])
    fingerprint = source.Fingerprint.from_json(ask["fingerprint"])
    found = model.read_model(where, fingerprint, wanted.features, wanted.output, wanted.reach)
    return [model.offered(found, wanted).encode()]


def score_batches(parts: list[bytes], progress: Progress) -> list[bytes]:
    """Source, clause and files as JSON -> the digest of the answer, which lies in the run's folder.

    Counts ciphertexts that return.
    """
    from unseen.node.data import model, scoring, source  # noqa: PLC0415 - with vectors' library

    ask: Any = canonical.decode(parts[0])
    clause = Scoring.from_json(ask["clause"])
    where = source.Source.parse(ask["source"])
    fingerprint = source.Fingerprint.from_json(ask["fingerprint"])
    features, output, reach = clause.model.features, ask["output"], ask["reach"]
    found = model.read_model(where, fingerprint, features, output, reach)
    batches = scoring.Batches(Path(ask["context"]), Path(ask["folder"]), ask["responses"])
    with ceiling(ask["memory_mb"]):
        return [scoring.answer(clause, found, batches, suite_of(ask["suite"]), progress)]
