"""Delegations: whose key may consent for whom. A chain of signed documents that begins at a hub.

The hub (授权枢纽) has checked who somebody is and says so with the first link: this key is this
subject's, or this trustee's (受托人). A key may pass on what it got, narrowed and not widened, as
often as each link before allows. Own format; JWS over canonical JSON.

That a key is a person's is the word of whoever signed its link, the hub or a trustee, and nothing
else shows it: a consent by a person's key under a trustee's is worth what the trustee's word is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self, get_args

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.consents.subjects import DataSubject, check_subject
from unseen.evidence.errors import DelegationInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, Suite, key_id, signer_id, suite_of

TYP = "unseen-delegation"
NONCE_BYTES = 16
MAX_LINKS = 4
MAX_LIMITS = 64
Holder = Literal["person", "company", "trustee"]
HOLDERS = get_args(Holder)

_CHECK = Checker(DelegationInvalidError, "delegation")
_FIELDS = ("by", "key", "role", "links", "until", "nonce")
_LIMITS = ("recipients", "scenarios", "tables")
_OPTIONAL = ("subject", *_LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """The owner of `key` may consent until `until`, says the owner of the key named `by`.

    `role` is what the owner is. Without `subject` it may consent for whomever its delegator may;
    `recipients` (names of keys), `scenarios` and `tables` limit what to, where they are given.
    `links` is how many further delegations may follow. `nonce` is 16 bytes. Errors:
    `DelegationInvalidError`.
    """

    suite: str
    by: str
    key: bytes
    role: Holder
    until: datetime
    nonce: bytes = field(repr=False)
    links: int = 0
    subject: DataSubject | None = None
    recipients: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _CHECK.suite(self.suite)
        _CHECK.key_id("by", self.by)
        _CHECK.octets("key", self.key, suite.key_bytes)
        if key_id(suite, self.key) == self.by:
            _CHECK.fail("key", "is the delegator's own")
        _CHECK.choice("role", self.role, HOLDERS)
        _CHECK.integer("links", self.links, 0, MAX_LINKS - 1)
        _CHECK.time("until", self.until)
        _CHECK.octets("nonce", self.nonce, NONCE_BYTES)
        if self.subject is not None:
            check_subject(_CHECK, self.subject)
        elif self.role != "trustee":
            _CHECK.fail("subject", "is missing: only a trustee may act for more than one")
        for limit in _LIMITS:
            _CHECK.members(limit, getattr(self, limit), str, MAX_LIMITS)
            _CHECK.distinct(limit, getattr(self, limit))
            for name in getattr(self, limit):
                (_CHECK.key_id if limit == "recipients" else _CHECK.name)(limit, name)

    @property
    def key_id(self) -> str:
        """The name of the delegate's key."""
        return key_id(suite_of(self.suite), self.key)

    def to_json(self) -> dict[str, Json]:
        """Return what the delegator signs; what limits nothing is not written."""
        limits: dict[str, Json] = {
            limit: list(getattr(self, limit)) for limit in _LIMITS if getattr(self, limit)
        }
        if self.subject is not None:
            limits["subject"] = self.subject.to_json()
        return limits | self._fixed()

    def _fixed(self) -> dict[str, Json]:
        return head("delegation", self.suite) | {
            "by": self.by,
            "key": b64encode(self.key),
            "role": self.role,
            "links": self.links,
            "until": format_time(self.until),
            "nonce": b64encode(self.nonce),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the delegation that `to_json` gives `value` for.

        Raises:
            DelegationInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "delegation", _FIELDS, _OPTIONAL)
        limits = {
            limit: tuple(_CHECK.unlist(limit, body[limit])) for limit in _LIMITS if limit in body
        }
        if not all(limits.values()):
            _CHECK.fail("document", "has a limit that limits nothing")
        subject = DataSubject.from_json(_CHECK, body["subject"]) if "subject" in body else None
        return cls(
            suite=body["suite"],
            by=body["by"],
            key=_CHECK.unb64("key", body["key"]),
            role=body["role"],
            links=body["links"],
            until=_CHECK.untime("until", body["until"]),
            nonce=_CHECK.unb64("nonce", body["nonce"]),
            subject=subject,
            **limits,
        )

    def id(self) -> bytes:
        """Return the hash of what is signed, 32 bytes: what a consent names its chain by."""
        return suite_of(self.suite).digest(canonical.encode(self.to_json()))


def sign_delegation(signer: Signer, delegation: Delegation) -> str:
    """Return `delegation` signed by the delegator.

    Raises:
        DelegationInvalidError: it names another key or suite than the signer's.

    """
    if delegation.suite != signer.suite.id or delegation.by != signer_id(signer):
        _CHECK.fail("by", "is not the signer's key")
    return jws.sign(signer, TYP, delegation.to_json())


def read_delegation(token: str) -> Delegation:
    """Return the delegation in `token`; its signature is not verified.

    Raises:
        DelegationInvalidError: it is malformed.
        CanonicalError: so is the token.
        SuiteUnknownError: its suite is not known here.

    """
    return Delegation.from_json(jws.peek(token).payload)


def verify_chain(
    tokens: Sequence[str], suite: Suite, hub_key: bytes, at: datetime
) -> tuple[Delegation, ...]:
    """Return the links of a chain that the owner of `hub_key` began and that holds at `at`.

    Raises:
        DelegationInvalidError: too many links, one by another key than the one before delegated
            to, one too many, widened, ended, or of another suite.
        SignatureInvalidError: the signature of a link fails.
        CanonicalError: a token is malformed.

    """
    if len(tokens) > MAX_LINKS:
        _CHECK.fail("links", f"exceed {MAX_LINKS}")
    links: list[Delegation] = []
    key = hub_key
    for token in tokens:
        found = jws.peek(token)
        link = Delegation.from_json(found.payload)
        if link.suite != suite.id or link.by != key_id(suite, key):
            _CHECK.fail("by", "is not the key before it in the chain")
        jws.verify_token(found, typ=TYP, suite=suite, public_key=key)
        if at >= link.until:
            _CHECK.fail("until", "has passed")
        links.append(link)
        key = link.key
    for place, link in enumerate(links):
        if link.links < len(links) - 1 - place:
            _CHECK.fail("links", "are more than a delegation allows")
    return tuple(links)


def check_limits(
    links: Sequence[Delegation],
    *,
    subject: DataSubject,
    recipient: str,
    scenario: str,
    table: str,
    until: datetime,
) -> None:
    """Return if every link of a chain allows a consent with these clauses.

    Raises:
        DelegationInvalidError: one does not; `clause` names the limit.

    """
    wanted = {"recipients": recipient, "scenarios": scenario, "tables": table}
    for link in links:
        if link.subject is not None and link.subject != subject:
            _CHECK.fail("subject", "is another one than the consent's")
        for limit, value in wanted.items():
            allowed = getattr(link, limit)
            if allowed and value not in allowed:
                _CHECK.fail(limit, "do not hold the consent's")
        if until > link.until:
            _CHECK.fail("until", "is before the consent's end")
