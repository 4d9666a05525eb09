"""Registration certificates (登记凭证): what was registered, when, and whose it is. Own format.

A node signs one for each snapshot of a table, each product and each contract in force, bound to
the commitment of the rows, to the hash of the definition, to the contract's id. It names a first
holder by its key; the present holder hands it on by signing a transfer to the next key, which
names the certificate or the transfer before it. Each of these stands in a log by its id;
`registration.py` checks the whole chain.

It proves that the node registered this then. It does not prove that the holder owns the data in
law, nor that a product is worth anything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import RegistrationInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.log import event_leaf
from unseen.evidence.registry.snapshot import SCHEME
from unseen.evidence.suite import Signer, Suite, key_id, signer_id, suite_of

TYP = "unseen-certificate"
TRANSFER_TYP = "unseen-certificate-transfer"
OBJECTS = ("table", "product", "contract")
ISSUED, TRANSFERRED = "certificate.issued", "certificate.transferred"

_CHECK = Checker(RegistrationInvalidError, "certificate")
_TRANSFER = Checker(RegistrationInvalidError, "transfer")
_FIELDS = ("object", "name", "digest", "holder", "node", "log", "issued_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a table's certificate says of the snapshot, beside its commitment.

    `columns` is the hash of the labelled columns, 32 bytes, `taken_at` when the rows were read.
    """

    version: int
    count: int
    columns: bytes
    taken_at: datetime
    scheme: str = SCHEME

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.integer("rows.version", self.version, 1)
        _CHECK.integer("rows.count", self.count, 0)
        _CHECK.octets("rows.columns", self.columns)
        _CHECK.time("rows.taken_at", self.taken_at)
        _CHECK.choice("rows.scheme", self.scheme, (SCHEME,))

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        return {
            "version": self.version,
            "count": self.count,
            "columns": b64encode(self.columns),
            "taken_at": format_time(self.taken_at),
            "scheme": self.scheme,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("version", "count", "columns", "taken_at", "scheme"), "rows")
        return cls(
            version=body["version"],
            count=body["count"],
            columns=_CHECK.unb64("rows.columns", body["columns"]),
            taken_at=_CHECK.untime("rows.taken_at", body["taken_at"]),
            scheme=body["scheme"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One registration. Errors: `RegistrationInvalidError`, naming the field.

    `digest` is the snapshot's commitment, the hash of the product's definition or the contract's
    id, 32 bytes; `name` the table's or product's name, or the contract's id as text. `holder` is
    the first holder's public key, raw, `node` the name of the key that signs, `log` the origin of
    the log that the certificate stands in. `rows` is there for a table and for nothing else. A
    certificate's id is the hash of its signed token (`jws.token_id`).
    """

    suite: str
    object: str
    name: str
    digest: bytes
    holder: bytes
    node: str
    log: str
    issued_at: datetime
    rows: Rows | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _CHECK.suite(self.suite)
        _CHECK.choice("object", self.object, OBJECTS)
        _CHECK.name("name", self.name)
        _CHECK.octets("digest", self.digest)
        if self.object == "contract" and self.name != b64encode(self.digest):
            _CHECK.fail("name", "is not the contract's id")
        _CHECK.octets("holder", self.holder, suite.key_bytes)
        _CHECK.key_id("node", self.node)
        _CHECK.origin("log", self.log)
        _CHECK.time("issued_at", self.issued_at)
        if (type(self.rows) is Rows) != (self.object == "table"):
            _CHECK.fail("rows", "are for a table, and for nothing else")

    def to_json(self) -> dict[str, Json]:
        """Return the certificate as an object."""
        body = head("certificate", self.suite) | {
            "object": self.object,
            "name": self.name,
            "digest": b64encode(self.digest),
            "holder": b64encode(self.holder),
            "node": self.node,
            "log": self.log,
            "issued_at": format_time(self.issued_at),
        }
        return body if self.rows is None else body | {"rows": self.rows.to_json()}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the certificate that `to_json` gives `value` for.

        Raises:
            RegistrationInvalidError: a field is missing, not known, of another type or out of
                range.
            SuiteUnknownError: the suite is not known here.

        """
        of_table = isinstance(value, dict) and value.get("object") == "table"
        body = _CHECK.body(value, "certificate", (*_FIELDS, "rows") if of_table else _FIELDS)
        return cls(
            suite=body["suite"],
            object=body["object"],
            name=body["name"],
            digest=_CHECK.unb64("digest", body["digest"]),
            holder=_CHECK.unb64("holder", body["holder"]),
            node=body["node"],
            log=body["log"],
            issued_at=_CHECK.untime("issued_at", body["issued_at"]),
            rows=Rows.from_json(body["rows"]) if of_table else None,
        )


def sign_certificate(signer: Signer, certificate: Certificate) -> str:
    """Return `certificate` signed by its node.

    Raises:
        RegistrationInvalidError: `signer` is another one.

    """
    if (certificate.node, certificate.suite) != (signer_id(signer), signer.suite.id):
        _CHECK.fail("node", "has another key than the one that signs")
    return jws.sign(signer, TYP, certificate.to_json())


def verify_certificate(token: str, suite: Suite, public_key: bytes) -> Certificate:
    """Return the certificate that the node with `public_key` signed.

    Raises:
        RegistrationInvalidError: it is malformed, or names another node or suite.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    payload = jws.verify(token, typ=TYP, suite=suite, public_key=public_key)
    certificate = Certificate.from_json(payload)
    if (certificate.node, certificate.suite) != (key_id(suite, public_key), suite.id):
        _CHECK.fail("node", "is another one")
    return certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The present holder hands a certificate on. Errors: `RegistrationInvalidError`.

    `certificate` is the certificate's id and `previous` the id of the transfer before this one,
    or the certificate's again, 32 bytes each; `holder` the next holder's public key, raw.
    """

    suite: str
    certificate: bytes
    previous: bytes
    holder: bytes
    time: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _TRANSFER.suite(self.suite)
        _TRANSFER.octets("certificate", self.certificate)
        _TRANSFER.octets("previous", self.previous)
        _TRANSFER.octets("holder", self.holder, suite.key_bytes)
        _TRANSFER.time("time", self.time)

    def to_json(self) -> dict[str, Json]:
        """Return the transfer as an object."""
        return head("certificate-transfer", self.suite) | {
            "certificate": b64encode(self.certificate),
            "previous": b64encode(self.previous),
            "holder": b64encode(self.holder),
            "time": format_time(self.time),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the transfer that `to_json` gives `value` for.

        Raises:
            RegistrationInvalidError: a field is missing, not known, of another type or out of
                range.
            SuiteUnknownError: the suite is not known here.

        """
        names = ("certificate", "previous", "holder", "time")
        body = _TRANSFER.body(value, "certificate-transfer", names)
        raw = {name: _TRANSFER.unb64(name, body[name]) for name in names[:3]}
        return cls(suite=body["suite"], time=_TRANSFER.untime("time", body["time"]), **raw)


@dataclass(frozen=True, slots=True)
class Held:
    """Where a certificate's chain stands: its id, the id of the newest link, the holder's key."""

    suite: Suite
    certificate: bytes
    newest: bytes
    holder: bytes

    @classmethod
    def first(cls, token: str, certificate: Certificate) -> Self:
        """Return where the chain of a certificate begins."""
        suite = suite_of(certificate.suite)
        identifier = jws.token_id(suite, token)
        return cls(suite, identifier, identifier, certificate.holder)

    def sign_transfer(self, signer: Signer, holder: bytes, time: datetime) -> str:
        """Return the transfer to `holder`, a raw public key, signed by the present holder.

        Raises:
            RegistrationInvalidError: `signer` is not the present holder, or `holder` no key.

        """
        if (signer.public_key, signer.suite) != (self.holder, self.suite):
            _TRANSFER.fail("holder", "is another one: only the present holder hands it on")
        transfer = Transfer(
            suite=self.suite.id,
            certificate=self.certificate,
            previous=self.newest,
            holder=holder,
            time=time,
        )
        return jws.sign(signer, TRANSFER_TYP, transfer.to_json())

    def take(self, token: str) -> Self:
        """Return where the chain stands after the transfer `token`.

        Raises:
            RegistrationInvalidError: it is malformed, of another certificate, or follows
                another link than the newest.
            SignatureInvalidError: it is not by the present holder.
            CanonicalError: the token is malformed.

        """
        payload = jws.verify(token, typ=TRANSFER_TYP, suite=self.suite, public_key=self.holder)
        transfer = Transfer.from_json(payload)
        if (transfer.suite, transfer.certificate) != (self.suite.id, self.certificate):
            _TRANSFER.fail("certificate", "is another one")
        if transfer.previous != self.newest:
            _TRANSFER.fail("previous", "is not the newest link of the chain")
        if transfer.holder == self.holder:
            _TRANSFER.fail("holder", "is the present one")
        newest = jws.token_id(self.suite, token)
        return type(self)(self.suite, self.certificate, newest, transfer.holder)


def issued_leaf(token: str, certificate: Certificate, time: datetime) -> dict[str, Json]:
    """Return the leaf by which the log says that `token` was issued."""
    suite = suite_of(certificate.suite)
    fields: dict[str, Json] = {
        "document": b64encode(jws.token_id(suite, token)),
        "object": certificate.object,
        "name": certificate.name,
        "digest": b64encode(certificate.digest),
        "holder": key_id(suite, certificate.holder),
    }
    return event_leaf(suite, ISSUED, time, fields)


def transferred_leaf(token: str, held: Held, time: datetime) -> dict[str, Json]:
    """Return the leaf by which the log says that `token` led to `held`."""
    fields: dict[str, Json] = {
        "document": b64encode(jws.token_id(held.suite, token)),
        "certificate": b64encode(held.certificate),
        "holder": key_id(held.suite, held.holder),
    }
    return event_leaf(held.suite, TRANSFERRED, time, fields)
