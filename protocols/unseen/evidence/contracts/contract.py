"""The terms of a contract, and the approvals over them.

A contract is named by the hash of its terms: whoever signs the name has signed every clause,
the plan and the leakage statement by their digests. Terms never change; another price is
another contract. A clause of `OPTIONAL` that was not agreed is not written.

An approval proves that a key agreed. It does not prove that its owner read what it leaks.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import MAX_INTEGER, Json, b64encode
from unseen.evidence.contracts.clauses import BILLABLE, Billing, ConsentRule
from unseen.evidence.contracts.plan import KINDS, MAX_OUTPUTS
from unseen.evidence.errors import ContractInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, key_id, signer_id, suite_of

TYP = "unseen-contract"
NONCE_BYTES = 16
APPROVALS = ("operator", "buyer")
Role = Literal["operator", "holder", "approver", "buyer"]
MAX_MANDATES = 8
MAX_DECLARATIONS = 16
MAX_GROUP = 1_000_000

_CHECK = Checker(ContractInvalidError, "contract")
_CURRENCY = re.compile("[A-Z]{3}")
_FIELDS = (
    "operator",
    "node",
    "buyer",
    "product",
    "product_digest",
    "table",
    "scenario",
    "kind",
    "protocol",
    "outputs",
    "quota",
    "period",
    "prices",
    "plan",
    "leakage",
    "threat_model",
    "openings",
    "approvals",
    "nonce",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many units may be used in all, and within any one minute."""

    units: int
    per_minute: int

    def __post_init__(self) -> None:
        """Check both numbers."""
        _CHECK.integer("quota.units", self.units, 1)
        _CHECK.integer("quota.per_minute", self.per_minute, 1)

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        return {"units": self.units, "per_minute": self.per_minute}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for."""
        return cls(**_CHECK.take(value, ("units", "per_minute"), "quota"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When the contract may be used: from `start` up to but not including `until`, both UTC."""

    start: datetime
    until: datetime

    def __post_init__(self) -> None:
        """Check both times and their order."""
        _CHECK.time("period.from", self.start)
        _CHECK.time("period.until", self.until)
        if self.start >= self.until:
            _CHECK.fail("period", "ends before it begins")

    def covers(self, time: datetime) -> bool:
        """Return whether `time` lies within the period."""
        return self.start <= time < self.until

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        start, until = canonical.format_time(self.start), canonical.format_time(self.until)
        return {"from": start, "until": until}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("from", "until"), "period")
        return cls(
            start=_CHECK.untime("period.from", body["from"]),
            until=_CHECK.untime("period.until", body["until"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a unit costs, in millionths of `currency` (ISO 4217): two fees, never mixed."""

    currency: str
    data_fee: int
    service_fee: int

    def __post_init__(self) -> None:
        """Check the currency's form and both fees."""
        if type(self.currency) is not str or not _CURRENCY.fullmatch(self.currency):
            _CHECK.fail("prices.currency", "is not three capital letters")
        _CHECK.integer("prices.data_fee", self.data_fee, 0)
        _CHECK.integer("prices.service_fee", self.service_fee, 0)

    def to_json(self) -> dict[str, Json]:
        """Return the clause as an object."""
        return {
            "currency": self.currency,
            "data_fee": self.data_fee,
            "service_fee": self.service_fee,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the clause that `to_json` gives `value` for."""
        return cls(**_CHECK.take(value, ("currency", "data_fee", "service_fee"), "prices"))


class _Form(NamedTuple):
    """How an optional clause is written and read. A clause equal to its default is not written."""

    write: Callable[[Any], Json]
    read: Callable[[Json], Any]


def _hash_form(clause: str) -> _Form:
    return _Form(b64encode, lambda value: _CHECK.unb64(clause, value))


def _plain(value: Json) -> Json:
    return value


_OPTIONAL: dict[str, _Form] = {
    "holder": _Form(_plain, _plain),
    "approver": _Form(_plain, _plain),
    "regulator": _Form(_plain, _plain),
    "mandates": _Form(
        lambda value: [b64encode(mandate) for mandate in value],
        lambda value: tuple(
            _CHECK.unb64("mandates", mandate) for mandate in _CHECK.unlist("mandates", value)
        ),
    ),
    "template": _hash_form("template"),
    "rules": _hash_form("rules"),
    "consent": _Form(lambda value: value.to_json(), ConsentRule.from_json),
    "billing": _Form(lambda value: value.to_json(), Billing.from_json),
    "order": _Form(_plain, _plain),
    "region": _Form(_plain, _plain),
    "group": _Form(_plain, _plain),
    "budget": _Form(_plain, _plain),
    "declarations": _Form(list, lambda value: tuple(_CHECK.unlist("declarations", value))),
    "parameters": _Form(dict, _plain),
}
OPTIONAL = tuple(_OPTIONAL)
"""The clauses that stand in a contract only where they were agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything that the parties sign. Errors: `ContractInvalidError`, naming the clause.

    `operator`, `node`, `buyer`, `holder`, `approver` and `regulator` are names of keys
    (`suite.key_id`). `plan`, `leakage`, `product_digest` and `rules` are hashes, `mandates` and
    `template` ids of documents, all of 32 bytes; `nonce` is 16 bytes that make two contracts of
    the same clauses two contracts. `openings` says whether hidden queries may be opened on an
    order, `regulator` whose order. `group` is the least number of people behind an aggregate,
    `budget` the most epsilon that may be spent, as a decimal text, `order` an exchange's number.
    """

    suite: str
    operator: str
    node: str
    buyer: str
    product: str
    product_digest: bytes
    table: str
    scenario: str
    kind: str
    protocol: str
    outputs: tuple[str, ...]
    quota: Quota
    period: Period
    prices: Prices
    plan: bytes
    leakage: bytes
    threat_model: str
    openings: bool
    nonce: bytes
    approvals: tuple[str, ...] = APPROVALS
    holder: str = ""
    approver: str = ""
    regulator: str = ""
    mandates: tuple[bytes, ...] = ()
    template: bytes = b""
    rules: bytes = b""
    consent: ConsentRule | None = None
    billing: Billing | None = None
    order: str = ""
    region: str = ""
    group: int = 0
    budget: str = ""
    declarations: tuple[str, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Check every clause."""
        _CHECK.suite(self.suite)
        for role in ("operator", "node", "buyer"):
            _CHECK.key_id(role, getattr(self, role))
        if self.buyer in (self.operator, self.node):
            _CHECK.fail("buyer", "is the operator or the node as well")
        for clause in ("product", "table", "scenario"):
            _CHECK.name(clause, getattr(self, clause))
        _CHECK.choice("kind", self.kind, KINDS)
        _CHECK.token("protocol", self.protocol)
        _CHECK.members("outputs", self.outputs, str, MAX_OUTPUTS, 1)
        for output in self.outputs:
            _CHECK.name("outputs", output)
        _CHECK.distinct("outputs", self.outputs)
        for clause in ("product_digest", "plan", "leakage"):
            _CHECK.octets(clause, getattr(self, clause))
        _CHECK.text("threat_model", self.threat_model, 256)
        _CHECK.boolean("openings", self.openings)
        _CHECK.octets("nonce", self.nonce, NONCE_BYTES)
        expected = signers(holder=bool(self.holder), approver=bool(self.approver))
        if self.approvals != expected:
            _CHECK.fail("approvals", f"is not {' and '.join(expected)}")
        fees = self.prices.data_fee + self.prices.service_fee
        if self.quota.units * fees > MAX_INTEGER:
            _CHECK.fail("prices", "times the quota exceed what a bill can say")
        self._check_parties()
        self._check_permissions()
        self._check_limits()

    def _check_parties(self) -> None:
        named = [self.operator, self.buyer]
        for role in ("holder", "approver", "regulator"):
            name = getattr(self, role)
            if not name:
                continue
            _CHECK.key_id(role, name)
            if name in named or name == self.node:
                _CHECK.fail(role, "has another part in the contract as well")
            named.append(name)

    def _check_permissions(self) -> None:
        _CHECK.members("mandates", self.mandates, bytes, MAX_MANDATES)
        _CHECK.distinct("mandates", self.mandates)
        for mandate in self.mandates:
            _CHECK.octets("mandates", mandate)
        for clause in ("template", "rules"):
            if getattr(self, clause) != b"":
                _CHECK.octets(clause, getattr(self, clause))
        for clause, kind in (("consent", ConsentRule), ("billing", Billing)):
            if type(getattr(self, clause)) not in (kind, type(None)):
                _CHECK.fail(clause, "is not a clause of its kind")
        if self.billing and self.billing.unit not in BILLABLE[self.kind]:
            _CHECK.fail("billing.unit", f"is none that {self.kind} can bill")
        for clause in ("order", "region"):
            if getattr(self, clause) != "":
                _CHECK.token(clause, getattr(self, clause))

    def _check_limits(self) -> None:
        _CHECK.integer("group", self.group, 0, MAX_GROUP)
        if self.budget != "":
            _CHECK.decimal("budget", self.budget)
        _CHECK.members("declarations", self.declarations, str, MAX_DECLARATIONS)
        for declaration in self.declarations:
            _CHECK.text("declarations", declaration)
        _CHECK.distinct("declarations", self.declarations)
        if type(self.parameters) is not dict:
            _CHECK.fail("parameters", "is not an object")

    @property
    def bills_hits(self) -> bool:
        """Whether a release says how many of its units were a hit, and only those are billed."""
        return self.billing is not None and self.billing.unit == "hit"

    def required(self) -> tuple[str, ...]:
        """Return the roles that have to sign before the buyer may."""
        return self.approvals[:-1]

    def to_json(self) -> dict[str, Json]:
        """Return the terms as an object."""
        agreed = {
            name: form.write(getattr(self, name))
            for name, form in _OPTIONAL.items()
            if getattr(self, name)
        }
        return self._fixed() | agreed

    def _fixed(self) -> dict[str, Json]:
        return head("contract", self.suite) | {
            "operator": self.operator,
            "node": self.node,
            "buyer": self.buyer,
            "product": self.product,
            "product_digest": b64encode(self.product_digest),
            "table": self.table,
            "scenario": self.scenario,
            "kind": self.kind,
            "protocol": self.protocol,
            "outputs": list(self.outputs),
            "quota": self.quota.to_json(),
            "period": self.period.to_json(),
            "prices": self.prices.to_json(),
            "plan": b64encode(self.plan),
            "leakage": b64encode(self.leakage),
            "threat_model": self.threat_model,
            "openings": self.openings,
            "approvals": list(self.approvals),
            "nonce": b64encode(self.nonce),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the terms that `to_json` gives `value` for.

        Raises:
            ContractInvalidError: a clause is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "contract", _FIELDS, OPTIONAL)
        clauses = {name: body[name] for name in _FIELDS} | {
            "outputs": tuple(_CHECK.unlist("outputs", body["outputs"])),
            "quota": Quota.from_json(body["quota"]),
            "period": Period.from_json(body["period"]),
            "prices": Prices.from_json(body["prices"]),
            "approvals": tuple(_CHECK.unlist("approvals", body["approvals"])),
        }
        for name in ("product_digest", "plan", "leakage", "nonce"):
            clauses[name] = _CHECK.unb64(name, body[name])
        for name, form in _OPTIONAL.items():
            if name in body:
                clauses[name] = form.read(body[name])
                if not clauses[name]:  # or one contract could be written in two ways
                    _CHECK.fail(name, "is written down and says nothing")
        return cls(suite=body["suite"], **clauses)

    def encode(self) -> bytes:
        """Return the canonical bytes of the terms."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the terms whose canonical bytes are `data`.

        Raises:
            CanonicalError: `data` is not canonical JSON.
            ContractInvalidError: as `from_json`.
            SuiteUnknownError: as `from_json`.

        """
        return cls.from_json(canonical.decode(data))

    def id(self) -> bytes:
        """Return the contract id: the hash of the canonical terms, 32 bytes."""
        return suite_of(self.suite).digest(self.encode())


def signers(*, holder: bool, approver: bool) -> tuple[str, ...]:
    """Return the roles that sign a contract, in order; the buyer signs last."""
    return ("operator", *["holder"] * holder, *["approver"] * approver, "buyer")


def sign_terms(signer: Signer, terms: Terms) -> str:
    """Return the approval of `terms` by that one of its parties that `signer` is.

    Raises:
        ContractInvalidError: `signer` is none of them.

    """
    name = signer_id(signer)
    for role in terms.approvals:
        if name == getattr(terms, role) and signer.suite.id == terms.suite:
            return jws.sign(signer, TYP, _approval(terms, role))
    raise ContractInvalidError("contract: this key is not a signer of it", clause="approvals")


def verify_approval(token: str, terms: Terms, role: Role, public_key: bytes) -> None:
    """Return if `token` is the approval of `terms` by its `role`, who owns `public_key`.

    Raises:
        ContractInvalidError: the key is not the one the terms name, or the token approves
            another contract or for another role.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    _CHECK.choice("role", role, terms.approvals)
    suite = suite_of(terms.suite)
    if key_id(suite, public_key) != getattr(terms, role):
        _CHECK.fail(role, "is another key")
    payload = jws.verify(token, typ=TYP, suite=suite, public_key=public_key)
    # As bytes: true would equal 1.
    if canonical.encode(payload) != canonical.encode(_approval(terms, role)):
        _CHECK.fail("approvals", f"do not hold one of this contract by the {role}")


def _approval(terms: Terms, role: str) -> dict[str, Json]:
    return head("approval", terms.suite) | {"contract": b64encode(terms.id()), "role": role}
