"""What worker processes do for encrypted scoring; see `tasks.py`, which calls it."""

from typing import Any

from unseen.evidence import canonical
from unseen.evidence.contracts.scoring import Wanted


def read_model(parts: list[bytes], _progress: object) -> list[bytes]:
    """Source and fingerprint as JSON, what is wanted of it -> what is offered, canonical JSON."""
    from unseen.node.data import model, source  # noqa: PLC0415 - with vectors' library

    ask: Any = canonical.decode(parts[0])
    wanted = Wanted.decode(parts[1])
    where = source.Source.parse(ask["source"])
    fingerprint = source.Fingerprint.from_json(ask["fingerprint"])
    found = model.read_model(where, fingerprint, wanted.features, wanted.output)
    return [model.offered(found, wanted).encode()]
