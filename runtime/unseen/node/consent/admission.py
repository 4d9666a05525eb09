"""Checking what a hub hands over, in a worker: signatures, chain, place in the tree, sealing.

Pure but for the seal's fresh nonces: no store and no clock. What is sealed here is opened again
for a build of a table (the subject alone) and for proofs and withdrawals (the document).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.consents.consent import verify_consent
from unseen.evidence.contracts.plan import columns_to_json
from unseen.evidence.suite import Suite
from unseen.node.identity.vault import Vault
from unseen.protocols.errors import UnseenError
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.smt.index import index_of


@dataclass(frozen=True, slots=True)
class Desk:
    """Who checks, for which hub, and when."""

    suite: Suite
    hub_key: bytes
    at: datetime
    key: PrivateKey = field(repr=False)
    sealer: Vault = field(repr=False)


def subject_name(consent: str) -> str:
    """Return the name that a consent's subject is sealed under."""
    return f"consent/{consent}/subject"


def token_name(document: str) -> str:
    """Return the name that a consent or delegation is sealed under as it was signed."""
    return f"consent/{document}/token"


def admit(desk: Desk, token: str, chain: Sequence[str]) -> Json:
    """Return the row of a consent as JSON, or under `error` why it cannot be taken."""
    try:
        consent = verify_consent(token, chain, desk.suite, desk.hub_key, desk.at)
        place = index_of(desk.key, consent.subject.data())
    except UnseenError as error:
        return told(error)
    name = b64encode(consent.id())
    texts: list[Json] = list(consent.subject.texts())
    subject = desk.sealer.seal(subject_name(name), canonical.encode(texts))
    sealed = desk.sealer.seal(token_name(name), token.encode())
    return {
        "id": name,
        "place": b64encode(place),
        "recipient": consent.recipient,
        "scenario": consent.scenario,
        "table": consent.table,
        "products": list(consent.products),
        "once": consent.once,
        "given_at": format_time(consent.given_at),
        "until": format_time(consent.until),
        "chain": [b64encode(link) for link in consent.chain],
        "columns": columns_to_json(consent.subject.columns),
        "sealed_subject": b64encode(subject),
        "sealed_token": b64encode(sealed),
    }


def told(error: UnseenError) -> Json:
    """Return an error as JSON: it names a field and no value."""
    return {"error": {"reason": error.reason, "message": str(error), "clause": error.clause}}
