"""Consents (数据主体授权) and withdrawals: a subject permits a recipient a scenario. Own format.

A consent is signed by the subject's own key, by a trustee, both with the chain of delegations that
makes the key theirs, or by the hub (授权枢纽) on behalf of a subject who has no key; it says which.
It names the hash of the text that the subject was shown. It is known by the hash of what was
signed, nonce included: the same consent cannot be given twice, nor revived by another signature.

A consent shows that a key agreed; not that its owner was asked fairly, or read the notice. It names
a table by its name and no node: a hub that hands it to two nodes has it serve at both, and a
withdrawal ends it where it is handed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Self, get_args

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.consents.delegation import (
    MAX_LINKS,
    NONCE_BYTES,
    check_limits,
    read_delegation,
    verify_chain,
)
from unseen.evidence.consents.subjects import DataSubject, check_subject
from unseen.evidence.errors import ConsentExpiredError, ConsentInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import DIGEST_BYTES, Signer, Suite, key_id, signer_id, suite_of

TYP = "unseen-consent"
WITHDRAWAL_TYP = "unseen-consent-withdrawal"
MAX_PRODUCTS = 64
MAX_AHEAD = timedelta(minutes=15)  # how far a signer's clock may go before the reader's
ConsentRole = Literal["person", "company", "trustee", "hub"]
Target = Literal["consent", "delegation"]

_CHECK = Checker(ConsentInvalidError, "consent")
_FIELDS = (
    "subject",
    "role",
    "by",
    "chain",
    "recipient",
    "scenario",
    "table",
    "once",
    "given_at",
    "until",
    "notice",
    "nonce",
)
_WITHDRAWAL = Checker(ConsentInvalidError, "withdrawal")
_WITHDRAWAL_FIELDS = ("by", "target", "id", "consents", "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """`subject` permits the owner of the key `recipient` to use `table` for `scenario`.

    From `given_at` up to but not including `until`, for the products named, or for all where none
    is; `once` is for one use. `role` is whose key `by` is: the hub's own stands for a subject
    without one. `chain` are the ids of the delegations from the hub to `by`, none for the hub.
    `notice` is the hash of the text shown, 32 bytes, `nonce` 16. Errors: `ConsentInvalidError`.
    """

    suite: str
    subject: DataSubject
    role: ConsentRole
    by: str
    recipient: str
    scenario: str
    table: str
    given_at: datetime
    until: datetime
    notice: bytes
    nonce: bytes = field(repr=False)
    once: bool = False
    chain: tuple[bytes, ...] = ()
    products: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        check_subject(_CHECK, self.subject)
        _CHECK.choice("role", self.role, get_args(ConsentRole))
        _CHECK.key_id("by", self.by)
        _CHECK.members("chain", self.chain, bytes, MAX_LINKS)
        for link in self.chain:
            _CHECK.octets("chain", link)
        if (self.role == "hub") == bool(self.chain):
            _CHECK.fail("chain", "begins at the hub for every other key, and not for the hub's own")
        _CHECK.key_id("recipient", self.recipient)
        if self.recipient == self.by:
            _CHECK.fail("recipient", "is the signer")
        _CHECK.name("scenario", self.scenario)
        _CHECK.name("table", self.table)
        _CHECK.members("products", self.products, str, MAX_PRODUCTS)
        for product in self.products:
            _CHECK.name("products", product)
        _CHECK.distinct("products", self.products)
        _CHECK.boolean("once", self.once)
        _CHECK.time("given_at", self.given_at)
        _CHECK.time("until", self.until)
        if self.given_at >= self.until:
            _CHECK.fail("until", "is not after the consent was given")
        _CHECK.octets("notice", self.notice)
        _CHECK.octets("nonce", self.nonce, NONCE_BYTES)

    def to_json(self) -> dict[str, Json]:
        """Return what is signed."""
        scope: dict[str, Json] = {"products": list(self.products)} if self.products else {}
        return self._fixed() | scope

    def _fixed(self) -> dict[str, Json]:
        return head("consent", self.suite) | {
            "subject": self.subject.to_json(),
            "role": self.role,
            "by": self.by,
            "chain": [b64encode(link) for link in self.chain],
            "recipient": self.recipient,
            "scenario": self.scenario,
            "table": self.table,
            "once": self.once,
            "given_at": format_time(self.given_at),
            "until": format_time(self.until),
            "notice": b64encode(self.notice),
            "nonce": b64encode(self.nonce),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the consent that `to_json` gives `value` for.

        Raises:
            ConsentInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "consent", _FIELDS, ("products",))
        products = tuple(_CHECK.unlist("products", body.get("products", [])))
        if "products" in body and not products:
            _CHECK.fail("products", "is written down and says nothing")
        own = {name: body[name] for name in _FIELDS} | {
            "subject": DataSubject.from_json(_CHECK, body["subject"]),
            "chain": tuple(
                _CHECK.unb64("chain", link) for link in _CHECK.unlist("chain", body["chain"])
            ),
            "given_at": _CHECK.untime("given_at", body["given_at"]),
            "until": _CHECK.untime("until", body["until"]),
            "notice": _CHECK.unb64("notice", body["notice"]),
            "nonce": _CHECK.unb64("nonce", body["nonce"]),
        }
        return cls(suite=body["suite"], products=products, **own)

    def id(self) -> bytes:
        """Return the hash of what is signed, 32 bytes: what the tree of consents holds."""
        return suite_of(self.suite).digest(canonical.encode(self.to_json()))

    def covers(self, use: "Use") -> bool:
        """Return whether this consent, while nobody withdraws it, permits `use`."""
        return (
            (self.recipient, self.scenario, self.table) == (use.recipient, use.scenario, use.table)
            and (not self.products or use.product in self.products)
            and (use.once or not self.once)
            and self.given_at - MAX_AHEAD <= use.at < self.until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a subject's row: by whom, for what, of what and when.

    `once` says whether a consent for a single use serves.
    """

    recipient: str
    scenario: str
    table: str
    product: str
    at: datetime
    once: bool


def sign_consent(signer: Signer, consent: Consent) -> str:
    """Return `consent` signed by the owner of the key that it names.

    Raises:
        ConsentInvalidError: it names another key or suite than the signer's.

    """
    if consent.suite != signer.suite.id or consent.by != signer_id(signer):
        _CHECK.fail("by", "is not the signer's key")
    return jws.sign(signer, TYP, consent.to_json())


def read_consent(token: str) -> Consent:
    """Return the consent in `token`; its signature is not verified.

    Raises:
        ConsentInvalidError: it is malformed.
        CanonicalError: so is the token.
        SuiteUnknownError: its suite is not known here.

    """
    return Consent.from_json(jws.peek(token).payload)


def verify_consent(
    token: str, chain: Sequence[str], suite: Suite, hub_key: bytes, at: datetime
) -> Consent:
    """Return the consent in `token`, if its signer was entitled to give it at the time `at`.

    `chain` are the tokens of the delegations that it names, from the hub on, whose key is
    `hub_key`. Whether one of them, or the consent itself, was withdrawn is for the register.

    Raises:
        ConsentInvalidError: it is malformed, of another suite, from the future, names another
            chain, role or key than it is shown with, or its recipient has a key in the chain.
        ConsentExpiredError: its time is over.
        DelegationInvalidError: the chain does not hold, or does not reach this far.
        SignatureInvalidError: a signature fails.
        CanonicalError: a token is malformed.

    """
    found = jws.peek(token)
    consent = Consent.from_json(found.payload)
    if consent.suite != suite.id:
        _CHECK.fail("suite", "is not the hub's")
    if consent.given_at - MAX_AHEAD > at:
        _CHECK.fail("given_at", "lies in the future")
    if at >= consent.until:
        raise ConsentExpiredError("consent: until has passed", clause="until")
    if consent.chain != tuple(read_delegation(link).id() for link in chain):
        _CHECK.fail("chain", "is another one")
    links = verify_chain(chain, suite, hub_key, at)
    check_limits(
        links,
        subject=consent.subject,
        recipient=consent.recipient,
        scenario=consent.scenario,
        table=consent.table,
        until=consent.until,
    )
    signer = links[-1].key if links else hub_key
    role = links[-1].role if links else "hub"
    if consent.role != role:
        _CHECK.fail("role", "is not that of the signer's delegation")
    if consent.by != key_id(suite, signer):
        _CHECK.fail("by", "is another key than the chain leads to")
    if consent.recipient in {key_id(suite, hub_key), *(link.key_id for link in links)}:
        _CHECK.fail("recipient", "vouches for the signer: it would consent to itself")
    jws.verify_token(found, typ=TYP, suite=suite, public_key=signer)
    return consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The owner of the key `by` takes back the consent, or the delegation, called `id`.

    `consents` says, of a delegation, whether what was consented to under it ends as well; of a
    consent it is false. Errors: `ConsentInvalidError`.
    """

    suite: str
    by: str
    target: Target
    id: bytes
    at: datetime
    consents: bool = False

    def __post_init__(self) -> None:
        """Check every field."""
        _WITHDRAWAL.suite(self.suite)
        _WITHDRAWAL.key_id("by", self.by)
        _WITHDRAWAL.choice("target", self.target, get_args(Target))
        _WITHDRAWAL.octets("id", self.id, DIGEST_BYTES)
        _WITHDRAWAL.time("at", self.at)
        _WITHDRAWAL.boolean("consents", self.consents)
        if self.consents and self.target == "consent":
            _WITHDRAWAL.fail("consents", "says nothing about a consent")

    def to_json(self) -> dict[str, Json]:
        """Return what is signed."""
        return head("consent-withdrawal", self.suite) | {
            "by": self.by,
            "target": self.target,
            "id": b64encode(self.id),
            "consents": self.consents,
            "at": format_time(self.at),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the withdrawal that `to_json` gives `value` for.

        Raises:
            ConsentInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _WITHDRAWAL.body(value, "consent-withdrawal", _WITHDRAWAL_FIELDS)
        return cls(
            suite=body["suite"],
            by=body["by"],
            target=body["target"],
            id=_WITHDRAWAL.unb64("id", body["id"]),
            consents=body["consents"],
            at=_WITHDRAWAL.untime("at", body["at"]),
        )


def sign_withdrawal(signer: Signer, withdrawal: Withdrawal) -> str:
    """Return `withdrawal` signed by the owner of the key that it names.

    Raises:
        ConsentInvalidError: it names another key or suite than the signer's.

    """
    if withdrawal.suite != signer.suite.id or withdrawal.by != signer_id(signer):
        _WITHDRAWAL.fail("by", "is not the signer's key")
    return jws.sign(signer, WITHDRAWAL_TYP, withdrawal.to_json())


def read_withdrawal(token: str) -> Withdrawal:
    """Return the withdrawal in `token`; its signature is not verified.

    Raises:
        ConsentInvalidError: it is malformed.
        CanonicalError: so is the token.
        SuiteUnknownError: its suite is not known here.

    """
    return Withdrawal.from_json(jws.peek(token).payload)


def verify_withdrawal(token: str, suite: Suite, keys: Mapping[str, bytes]) -> Withdrawal:
    """Return the withdrawal in `token`, if one of `keys` signed it.

    `keys` are those who may take the target back, by name: for a consent its signer and every key
    before it in the chain.

    Raises:
        ConsentInvalidError: it is malformed, of another suite, or by nobody of these.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    found = jws.peek(token)
    withdrawal = Withdrawal.from_json(found.payload)
    if withdrawal.suite != suite.id or withdrawal.by not in keys:
        _WITHDRAWAL.fail("by", "is nobody who may take this back")
    jws.verify_token(found, typ=WITHDRAWAL_TYP, suite=suite, public_key=keys[withdrawal.by])
    return withdrawal
