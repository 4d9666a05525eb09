"""The request statement: what a buyer's client signs before the node computes anything.

It names contract, request id, kind and units, and commits to the request's parts (for a lookup
the blinded elements), so that neither side can later put another question in its place. The
node writes statement and signature into the log. The signature is over the canonical bytes
behind a prefix that no other signed format here begins with.

A statement proves that the instance asked. It does not prove that it got an answer. It counts for
`MAX_REQUEST_AGE` only: a request that was refused cannot be released and charged long after. What
takes longer (a person's review) is written into the log within that time, and may then be released
for `MAX_HELD_AGE`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.errors import RequestInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, Suite

MAX_UNITS = 1_000_000
MAX_REQUEST_AGE = timedelta(minutes=15)  # between signing and release, whichever came first
MAX_HELD_AGE = timedelta(days=31)  # the same, where the log has held the request since
_PREFIX = b"unseen/request/v1\0"
_CHECK = Checker(RequestInvalidError, "request")
_FIELDS = ("contract", "request", "kind", "units", "commitment", "manifest", "epoch", "issued_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request statement. Errors: `RequestInvalidError`.

    `contract` and `commitment` are 32 bytes. `request` is its id: 32 hexadecimal digits, fresh
    for each request and the same for its retries. `manifest` is the digest of the manifest asked
    under (32 bytes), or empty where the kind has none; then `epoch` is 0.
    """

    suite: str
    contract: bytes
    request: str
    kind: str
    units: int
    commitment: bytes
    manifest: bytes
    epoch: int
    issued_at: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.octets("contract", self.contract)
        _CHECK.request_id("request", self.request)
        _CHECK.choice("kind", self.kind, KINDS)
        _CHECK.integer("units", self.units, 1, MAX_UNITS)
        _CHECK.octets("commitment", self.commitment)
        if self.manifest == b"":
            _CHECK.integer("epoch", self.epoch, 0, 0)
        else:
            _CHECK.octets("manifest", self.manifest)
            _CHECK.integer("epoch", self.epoch, 1)
        _CHECK.time("issued_at", self.issued_at)

    def to_json(self) -> dict[str, Json]:
        """Return the statement as an object."""
        return head("request", self.suite) | {
            "contract": b64encode(self.contract),
            "request": self.request,
            "kind": self.kind,
            "units": self.units,
            "commitment": b64encode(self.commitment),
            "manifest": b64encode(self.manifest),
            "epoch": self.epoch,
            "issued_at": format_time(self.issued_at),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the statement that `to_json` gives `value` for.

        Raises:
            RequestInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "request", _FIELDS)
        return cls(
            suite=body["suite"],
            contract=_CHECK.unb64("contract", body["contract"]),
            request=body["request"],
            kind=body["kind"],
            units=body["units"],
            commitment=_CHECK.unb64("commitment", body["commitment"]),
            manifest=_CHECK.unb64("manifest", body["manifest"]),
            epoch=body["epoch"],
            issued_at=_CHECK.untime("issued_at", body["issued_at"]),
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the statement whose canonical bytes are `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            RequestInvalidError: as `from_json`.
            SuiteUnknownError: as `from_json`.

        """
        return cls.from_json(canonical.decode(data))

    def bytes(self) -> bytes:
        """Return the canonical bytes of the statement, as they travel."""
        return _encoded(self)


# Signing, verifying, hashing and storing one statement all ask for its bytes.
@lru_cache(maxsize=1024)
def _encoded(request: Request) -> bytes:
    return canonical.encode(request.to_json())


def sign_request(signer: Signer, request: Request) -> bytes:
    """Return the signature of a client instance over `request`.

    Raises:
        RequestInvalidError: the statement names another suite than the signer's.

    """
    if request.suite != signer.suite.id:
        _CHECK.fail("suite", "is not the signer's")
    return signer.sign(signed_bytes(request.bytes()))


def signed_bytes(statement: bytes) -> bytes:
    """Return what is signed where `statement` is asked, the canonical bytes of a request."""
    return _PREFIX + statement


def verify_request(request: Request, signature: bytes, suite: Suite, public_key: bytes) -> None:
    """Return if `signature` over `request` is by the instance that owns `public_key`.

    Raises:
        RequestInvalidError: the statement names another suite than the key's.
        SignatureInvalidError: the signature fails.

    """
    if request.suite != suite.id:
        _CHECK.fail("suite", "is not the instance key's")
    suite.verify(public_key, signature, signed_bytes(request.bytes()))
