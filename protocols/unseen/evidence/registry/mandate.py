"""Mandates (授权运营协议): a data authority's signed permission to operate tables. Own format.

A mandate says who may operate which tables, for which scenarios, in which period and as which
tier of operator. The grantee may give on a part of it in a mandate of its own that names the first
one as its parent: what a chain permits is the intersection of all its mandates, and a mandate
that reaches beyond its parent is refused as a whole. Its signer withdraws it in a document that is
signed too; what hangs below a withdrawn mandate falls with it. What chains permit is in
`permission.py`.

A mandate proves that the owner of a key agreed. That this owner is the authority over these
tables is for the trust file to say. A withdrawal that nobody hands over ends nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.errors import MandateInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import DIGEST_BYTES, Signer, Suite, key_id, signer_id, suite_of

TYP = "unseen-mandate"
WITHDRAWAL_TYP = "unseen-mandate-withdrawal"
NONCE_BYTES = 16
MAX_TABLES = 256
MAX_SCENARIOS = 64
TIERS = MappingProxyType(
    {
        "authority": ("authority", "primary", "secondary"),  # 综合授权, then 分领域授权
        "primary": ("secondary",),  # 一级
        "secondary": (),  # 二级: gives nothing on
    }
)
"""Each tier of grantee, and the tiers that it may give on to."""

_CHECK = Checker(MandateInvalidError, "mandate")
_WITHDRAWAL = Checker(MandateInvalidError, "withdrawal")
_FIELDS = (
    "grantor",
    "grantee",
    "tier",
    "title",
    "tables",
    "scenarios",
    "kinds",
    "period",
    "parent",
    "nonce",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One permission. Errors: `MandateInvalidError`, naming the field.

    `grantor`, who signs, and `grantee` are names of keys. `tables` and `scenarios` list what is
    permitted, `kinds` the job kinds, none meaning as many as the parent permits. It holds from
    `start` up to but not including `until`, both UTC. `parent` is the id of the mandate that it
    is a part of, 32 bytes, empty for an authority's own. `nonce` is 16 bytes. A mandate's id is
    the hash of its signed token (`jws.token_id`).
    """

    suite: str
    grantor: str
    grantee: str
    tier: str
    title: str
    tables: tuple[str, ...]
    scenarios: tuple[str, ...]
    start: datetime
    until: datetime
    nonce: bytes
    kinds: tuple[str, ...] = ()
    parent: bytes = b""

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.key_id("grantor", self.grantor)
        _CHECK.key_id("grantee", self.grantee)
        if self.grantor == self.grantee:
            _CHECK.fail("grantee", "is the grantor as well")
        _CHECK.choice("tier", self.tier, TIERS)
        _CHECK.text("title", self.title, 256)
        _CHECK.members("tables", self.tables, str, MAX_TABLES, 1)
        _CHECK.members("scenarios", self.scenarios, str, MAX_SCENARIOS, 1)
        for field in ("tables", "scenarios"):
            for name in getattr(self, field):
                _CHECK.name(field, name)
        _CHECK.members("kinds", self.kinds, str, len(KINDS))
        for kind in self.kinds:
            _CHECK.choice("kinds", kind, KINDS)
        for field in ("tables", "scenarios", "kinds"):
            _CHECK.distinct(field, getattr(self, field))
        _CHECK.time("period.from", self.start)
        _CHECK.time("period.until", self.until)
        if self.start >= self.until:
            _CHECK.fail("period", "ends before it begins")
        _CHECK.octets("parent", self.parent, DIGEST_BYTES if self.parent else 0)
        _CHECK.octets("nonce", self.nonce, NONCE_BYTES)

    def to_json(self) -> dict[str, Json]:
        """Return the mandate as an object."""
        return head("mandate", self.suite) | {
            "grantor": self.grantor,
            "grantee": self.grantee,
            "tier": self.tier,
            "title": self.title,
            "tables": list(self.tables),
            "scenarios": list(self.scenarios),
            "kinds": list(self.kinds),
            "period": {"from": format_time(self.start), "until": format_time(self.until)},
            "parent": b64encode(self.parent),
            "nonce": b64encode(self.nonce),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the mandate that `to_json` gives `value` for.

        Raises:
            MandateInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "mandate", _FIELDS)
        period = _CHECK.take(body["period"], ("from", "until"), "period")
        lists = {
            field: tuple(_CHECK.unlist(field, body[field]))
            for field in ("tables", "scenarios", "kinds")
        }
        return cls(
            suite=body["suite"],
            grantor=body["grantor"],
            grantee=body["grantee"],
            tier=body["tier"],
            title=body["title"],
            start=_CHECK.untime("period.from", period["from"]),
            until=_CHECK.untime("period.until", period["until"]),
            parent=_CHECK.unb64("parent", body["parent"]),
            nonce=_CHECK.unb64("nonce", body["nonce"]),
            **lists,
        )


def sign_mandate(signer: Signer, mandate: Mandate) -> str:
    """Return `mandate` signed by its grantor.

    Raises:
        MandateInvalidError: `signer` is somebody else.

    """
    _by_grantor(_CHECK, mandate, signer_id(signer), signer.suite)
    return jws.sign(signer, TYP, mandate.to_json())


def peek_mandate(token: str) -> Mandate:
    """Return what a token says, unverified, to learn whose key to verify it with.

    Raises:
        MandateInvalidError: its payload is no mandate.
        CanonicalError: the token is malformed.

    """
    return Mandate.from_json(jws.peek(token).payload)


def verify_mandate(token: str, public_key: bytes) -> Mandate:
    """Return the mandate that its grantor, the owner of `public_key`, signed.

    Raises:
        MandateInvalidError: it is malformed, or its grantor has another key.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    found = jws.peek(token)
    mandate = Mandate.from_json(found.payload)
    suite = suite_of(mandate.suite)
    _by_grantor(_CHECK, mandate, key_id(suite, public_key), suite)
    jws.verify_token(found, typ=TYP, suite=suite, public_key=public_key)
    return mandate


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The grantor takes a mandate back, from the moment on when this is shown.

    `mandate` is the mandate's id, 32 bytes. Errors: `MandateInvalidError`.
    """

    suite: str
    mandate: bytes
    reason: str
    time: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _WITHDRAWAL.suite(self.suite)
        _WITHDRAWAL.octets("mandate", self.mandate)
        _WITHDRAWAL.text("reason", self.reason, 256)
        _WITHDRAWAL.time("time", self.time)

    def to_json(self) -> dict[str, Json]:
        """Return the withdrawal as an object."""
        return head("mandate-withdrawal", self.suite) | {
            "mandate": b64encode(self.mandate),
            "reason": self.reason,
            "time": format_time(self.time),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the withdrawal that `to_json` gives `value` for.

        Raises:
            MandateInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _WITHDRAWAL.body(value, "mandate-withdrawal", ("mandate", "reason", "time"))
        return cls(
            suite=body["suite"],
            mandate=_WITHDRAWAL.unb64("mandate", body["mandate"]),
            reason=body["reason"],
            time=_WITHDRAWAL.untime("time", body["time"]),
        )


def withdraw(signer: Signer, token: str, reason: str, time: datetime) -> str:
    """Return the withdrawal of the mandate `token`, signed by its grantor.

    Raises:
        MandateInvalidError: `signer` is somebody else, or a field is out of range.
        CanonicalError: the token is malformed.

    """
    mandate = peek_mandate(token)
    _by_grantor(_WITHDRAWAL, mandate, signer_id(signer), signer.suite)
    identifier = jws.token_id(signer.suite, token)
    document = Withdrawal(suite=mandate.suite, mandate=identifier, reason=reason, time=time)
    return jws.sign(signer, WITHDRAWAL_TYP, document.to_json())


def peek_withdrawal(token: str) -> Withdrawal:
    """Return what a token says, unverified, to learn which mandate it is about.

    Raises:
        MandateInvalidError: its payload is no withdrawal.
        CanonicalError: the token is malformed.

    """
    return Withdrawal.from_json(jws.peek(token).payload)


def verify_withdrawal(
    token: str, identifier: bytes, mandate: Mandate, public_key: bytes
) -> Withdrawal:
    """Return the withdrawal of `mandate` that its grantor, the owner of `public_key`, signed.

    `identifier` is the mandate's id, 32 bytes.

    Raises:
        MandateInvalidError: it is malformed, of another mandate, or by somebody else.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    suite = suite_of(mandate.suite)
    _by_grantor(_WITHDRAWAL, mandate, key_id(suite, public_key), suite)
    payload = jws.verify(token, typ=WITHDRAWAL_TYP, suite=suite, public_key=public_key)
    found = Withdrawal.from_json(payload)
    if (found.suite, found.mandate) != (mandate.suite, identifier):
        _WITHDRAWAL.fail("mandate", "is another one")
    return found


def _by_grantor(check: Checker, mandate: Mandate, signer: str, suite: Suite) -> None:
    if mandate.grantor != signer or mandate.suite != suite.id:
        check.fail("grantor", "has another key than the one that signs")
