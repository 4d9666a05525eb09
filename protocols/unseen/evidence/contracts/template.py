"""Templates (一类场景一审定): the limits of one class of contracts, approved once for all of them.

A template is named by the hash of its canonical form, as a contract is; the operator, and the
second approver where it says so, sign that name. A contract that names a template and stays
within every limit carries those signatures as its own approvals: what the operator agreed to is
the class, and every verifier can check that the contract is of it. Its period lies within the
template's, so that nothing outlives what was approved.

A template binds terms. Which labels the columns read had is as the plan says, and the plan is
the node's word.
"""

from dataclasses import dataclass
from typing import Self

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.contract import MAX_DECLARATIONS, MAX_GROUP, Period
from unseen.evidence.contracts.plan import KINDS, MAX_OUTPUTS
from unseen.evidence.contracts.rules import CATEGORIES, LEVELS, check_budget
from unseen.evidence.errors import TemplateInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, key_id, signer_id, suite_of

TYP = "unseen-template"
OPENINGS = ("required", "allowed", "refused")
MAX_DAYS = 3660

_CHECK = Checker(TemplateInvalidError, "template")
_FIELDS = (
    "name",
    "title",
    "title_zh",
    "text",
    "text_zh",
    "kinds",
    "purposes",
    "products",
    "labels",
    "max_outputs",
    "max_units",
    "max_per_minute",
    "max_days",
    "prices",
    "openings",
    "consent",
    "latency_seconds",
    "group",
    "budget",
    "region",
    "order",
    "declarations",
    "operator",
    "approver",
    "period",
)
_LISTS = ("kinds", "purposes", "products", "declarations")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLimit:
    """The highest level of a category that an instance may read; others of it are lower."""

    category: str
    level: str

    def __post_init__(self) -> None:
        """Check both fields."""
        _CHECK.choice("labels.category", self.category, CATEGORIES)
        _CHECK.choice("labels.level", self.level, LEVELS)

    def allows(self, category: str, level: str) -> bool:
        """Return whether a column with this label may be read."""
        return category == self.category and LEVELS.index(level) <= LEVELS.index(self.level)

    def to_json(self) -> dict[str, Json]:
        """Return the limit as an object."""
        return {"category": self.category, "level": self.level}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the limit that `to_json` gives `value` for."""
        return cls(**_CHECK.take(value, ("category", "level"), "labels"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBand:
    """What a unit of an instance may cost, in millionths of `currency`: least and most, both in."""

    currency: str
    data_fee: tuple[int, int]
    service_fee: tuple[int, int]

    def __post_init__(self) -> None:
        """Check both bands."""
        code = self.currency
        if type(code) is not str or not (len(code) == 3 and code.isascii() and code.isalpha()):
            _CHECK.fail("prices.currency", "is not three capital letters")
        if not code.isupper():
            _CHECK.fail("prices.currency", "is not three capital letters")
        for line in ("data_fee", "service_fee"):
            band = getattr(self, line)
            _CHECK.members(f"prices.{line}", band, int, 2, 2)
            _CHECK.integer(f"prices.{line}", band[0], 0)
            _CHECK.integer(f"prices.{line}", band[1], band[0])

    def to_json(self) -> dict[str, Json]:
        """Return the bands as an object."""
        return {
            "currency": self.currency,
            "data_fee": list(self.data_fee),
            "service_fee": list(self.service_fee),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the bands that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("currency", "data_fee", "service_fee"), "prices")
        lines = ("data_fee", "service_fee")
        bands = {line: tuple(_CHECK.unlist(f"prices.{line}", body[line])) for line in lines}
        return cls(currency=body["currency"], **bands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The limits of a class of contracts. Errors: `TemplateInvalidError`.

    An instance has one of `kinds` and `purposes`, is over one of `products` (any, where none is
    named), reads columns within `labels` alone, and stays within the four numbers, the prices,
    and `openings`. `consent` says whether it has to carry a consent rule, which acts within
    `latency_seconds` (any, where 0). `group` and `budget` bound aggregates, `region` is the one
    or the beginning of the one it is for, `order` says whether it names an exchange order, and
    `declarations` are those it carries. `operator` and `approver` are names of keys; an empty
    `approver` means that none signs. `period` bounds every instance's.
    """

    suite: str
    name: str
    title: str
    title_zh: str
    text: str
    text_zh: str
    kinds: tuple[str, ...]
    purposes: tuple[str, ...]
    products: tuple[str, ...]
    labels: tuple[LabelLimit, ...]
    max_outputs: int
    max_units: int
    max_per_minute: int
    max_days: int
    prices: PriceBand
    openings: str
    consent: bool
    latency_seconds: int
    group: int
    budget: str
    region: str
    order: bool
    declarations: tuple[str, ...]
    operator: str
    approver: str
    period: Period

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.token("name", self.name)
        for said in ("title", "title_zh", "text", "text_zh"):
            _CHECK.text(said, getattr(self, said))
        _check_lists(self)
        _CHECK.members("labels", self.labels, LabelLimit, len(CATEGORIES), 1)
        _CHECK.distinct("labels", [limit.category for limit in self.labels])
        _CHECK.integer("max_outputs", self.max_outputs, 1, MAX_OUTPUTS)
        _CHECK.integer("max_units", self.max_units, 1)
        _CHECK.integer("max_per_minute", self.max_per_minute, 1)
        _CHECK.integer("max_days", self.max_days, 1, MAX_DAYS)
        _CHECK.choice("openings", self.openings, OPENINGS)
        _CHECK.boolean("consent", self.consent)
        _CHECK.integer("latency_seconds", self.latency_seconds, 0)
        _CHECK.integer("group", self.group, 0, MAX_GROUP)
        check_budget(_CHECK, "budget", self.budget)
        if self.region != "":
            _CHECK.token("region", self.region)
        _CHECK.boolean("order", self.order)
        _CHECK.key_id("operator", self.operator)
        if self.approver != "":
            _CHECK.key_id("approver", self.approver)
        if self.approver == self.operator:
            _CHECK.fail("approver", "is the operator as well")

    @property
    def approvals(self) -> tuple[str, ...]:
        """The roles that sign it."""
        return ("operator", "approver") if self.approver else ("operator",)

    def to_json(self) -> dict[str, Json]:
        """Return the template as an object."""
        return (
            head("template", self.suite)
            | {name: getattr(self, name) for name in _FIELDS}
            | {name: list(getattr(self, name)) for name in _LISTS}
            | {
                "labels": [limit.to_json() for limit in self.labels],
                "prices": self.prices.to_json(),
                "period": self.period.to_json(),
            }
        )

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the template that `to_json` gives `value` for.

        Raises:
            TemplateInvalidError: a field is missing, not known, of another type or out of range.
            ContractInvalidError: so is one of its period.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "template", _FIELDS)
        fields = {name: body[name] for name in _FIELDS}
        fields |= {name: tuple(_CHECK.unlist(name, body[name])) for name in _LISTS}
        labels = _CHECK.unlist("labels", body["labels"])
        fields |= {
            "labels": tuple(map(LabelLimit.from_json, labels)),
            "prices": PriceBand.from_json(body["prices"]),
            "period": Period.from_json(body["period"]),
        }
        return cls(suite=body["suite"], **fields)

    def encode(self) -> bytes:
        """Return the canonical bytes of the template."""
        return canonical.encode(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the template whose canonical bytes are `data`; raises as `from_json`.

        Raises:
            CanonicalError: `data` is not canonical JSON.

        """
        return cls.from_json(canonical.decode(data))

    def id(self) -> bytes:
        """Return the template's id: the hash of its canonical bytes, 32 bytes."""
        return suite_of(self.suite).digest(self.encode())


def sign_template(signer: Signer, template: Template) -> str:
    """Return the approval of `template` by the operator or the approver, whichever `signer` is.

    Raises:
        TemplateInvalidError: `signer` is neither of the two.

    """
    name = signer_id(signer)
    for role in template.approvals:
        if name == getattr(template, role) and signer.suite.id == template.suite:
            return jws.sign(signer, TYP, _approval(template, role))
    raise TemplateInvalidError("template: this key is not a signer of it", clause="approvals")


def verify_template_approval(token: str, template: Template, role: str, public_key: bytes) -> None:
    """Return if `token` is the approval of `template` by its `role`, who owns `public_key`.

    Raises:
        TemplateInvalidError: the template has no such role, the key is not the one it names, or
            the token approves another template or for another role.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    _CHECK.choice("role", role, template.approvals)
    suite = suite_of(template.suite)
    if key_id(suite, public_key) != getattr(template, role):
        _CHECK.fail(role, "is another key")
    payload = jws.verify(token, typ=TYP, suite=suite, public_key=public_key)
    # As bytes: true would equal 1.
    if canonical.encode(payload) != canonical.encode(_approval(template, role)):
        _CHECK.fail("approvals", f"do not hold one of this template by the {role}")


def _approval(template: Template, role: str) -> dict[str, Json]:
    said: dict[str, Json] = {"template": b64encode(template.id()), "role": role}
    return head("template-approval", template.suite) | said


def _check_lists(template: Template) -> None:
    limits = {"kinds": len(KINDS), "purposes": 64, "products": 64, "declarations": MAX_DECLARATIONS}
    for name, most in limits.items():
        values = getattr(template, name)
        _CHECK.members(name, values, str, most, 1 if name in ("kinds", "purposes") else 0)
        _CHECK.distinct(name, values)
    for kind in template.kinds:
        _CHECK.choice("kinds", kind, KINDS)
    for name in ("purposes", "products"):
        for value in getattr(template, name):
            _CHECK.name(name, value)
    for said in template.declarations:
        _CHECK.text("declarations", said)
