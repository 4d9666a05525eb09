"""The rule file (规则): what labels of columns allow, and which purposes are denied (负面清单).

People write it in TOML; what counts is its canonical JSON, whose hash stands in the log and in
the terms of every contract that was compiled under it. Each pair of category and level has one
rule at most, and what has none is refused. Read strictly: an unknown key is an error, never a
rule that silently does not apply.

A rule file says what is allowed. That the labels tell the truth about a column it cannot show.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.contract import MAX_GROUP
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.errors import RulesInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import suite_of

CATEGORIES = ("public", "enterprise", "personal")
LEVELS = ("1", "2", "3", "4", "important", "core")
THREAT_MODELS = ("semi-honest", "malicious-buyer", "malicious")  # from weak to strong
APPROVERS = ("operator", "holder", "approver")
MAX_FILE_BYTES = 1 << 18

_CHECK = Checker(RulesInvalidError, "rule file")
_PLACE = re.compile(r"at line \d+, column \d+", re.ASCII)
_RULE_FIELDS = (
    "category",
    "levels",
    "kinds",
    "ciphertext",
    "threat_model",
    "group",
    "budget",
    "share",
    "approvals",
    "order",
    "region",
    "consent",
    "template",
)
_DENIAL_FIELDS = ("name", "text", "text_zh", "categories", "levels", "purposes")
_FILE_FIELDS = ("version", "title", "title_zh", "rules", "deny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a column of one category, at one of `levels`, may serve, and what that takes.

    `kinds` are the job kinds allowed, none of them where the level is refused. `ciphertext` says
    whether ciphertext of the rows may leave the domain, `threat_model` the weakest model a
    protocol may hold under. `group` is the smallest group of an aggregate, `budget` the highest
    epsilon as a decimal text, empty for no ceiling. A buyer may ask hidden questions about one
    row in `share`, about any number where it is 0. `approvals` are those needed beside the
    buyer's; `order` says whether an exchange order id is needed, `region` the one allowed or its
    beginning, empty for any; `consent` whether only rows with consent count; `template` whether
    the contract has to be an instance of an approved one. Errors: `RulesInvalidError`.
    """

    category: str
    levels: tuple[str, ...]
    kinds: tuple[str, ...]
    ciphertext: bool
    threat_model: str
    group: int
    budget: str
    share: int
    approvals: tuple[str, ...]
    order: bool
    region: str
    consent: bool
    template: bool

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.choice("rules.category", self.category, CATEGORIES)
        _subset("rules.levels", self.levels, LEVELS, 1)
        _subset("rules.kinds", self.kinds, KINDS, 0)
        _CHECK.choice("rules.threat_model", self.threat_model, THREAT_MODELS)
        _CHECK.integer("rules.group", self.group, 1, MAX_GROUP)
        check_budget(_CHECK, "rules.budget", self.budget)
        _CHECK.integer("rules.share", self.share, 0)
        _subset("rules.approvals", self.approvals, APPROVERS, 1)
        if "operator" not in self.approvals:
            _CHECK.fail("rules.approvals", "leave out the operator's")
        if self.region != "":
            _CHECK.token("rules.region", self.region)
        for flag in ("ciphertext", "order", "consent", "template"):
            _CHECK.boolean(f"rules.{flag}", getattr(self, flag))

    def to_json(self) -> dict[str, Json]:
        """Return the rule as an object."""
        lists = {name: list(getattr(self, name)) for name in ("levels", "kinds", "approvals")}
        return {name: getattr(self, name) for name in _RULE_FIELDS} | lists

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the rule that `to_json` gives `value` for."""
        body = _CHECK.take(value, _RULE_FIELDS, "rules")
        return cls(**body | _tuples(body, "rules", ("levels", "kinds", "approvals")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """One entry of the deny-list (负面清单): purposes that columns with these labels never serve.

    `purposes` are words that a contract's scenario is compared with, without regard to case,
    width, `-` and `_`; `*` in a word stands for any letters. Errors: `RulesInvalidError`.
    """

    name: str
    text: str
    text_zh: str
    categories: tuple[str, ...]
    levels: tuple[str, ...]
    purposes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.token("deny.name", self.name)
        _CHECK.text("deny.text", self.text)
        _CHECK.text("deny.text_zh", self.text_zh)
        _subset("deny.categories", self.categories, CATEGORIES, 1)
        _subset("deny.levels", self.levels, LEVELS, 1)
        _CHECK.members("deny.purposes", self.purposes, str, 256, 1)
        for purpose in self.purposes:
            _CHECK.name("deny.purposes", purpose)
            if set(purpose) & set("?[]"):
                _CHECK.fail("deny.purposes", "hold a sign of patterns other than *")

    def denies(self, purpose: str) -> bool:
        """Return whether `purpose`, a contract's scenario, is one of these."""
        plain = _plain(purpose)
        return any(fnmatchcase(plain, _plain(word)) for word in self.purposes)

    def to_json(self) -> dict[str, Json]:
        """Return the entry as an object."""
        lists = {name: list(getattr(self, name)) for name in ("categories", "levels", "purposes")}
        return {name: getattr(self, name) for name in _DENIAL_FIELDS} | lists

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the entry that `to_json` gives `value` for."""
        body = _CHECK.take(value, _DENIAL_FIELDS, "deny")
        return cls(**body | _tuples(body, "deny", ("categories", "levels", "purposes")))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """A rule file as it is hashed. `version` is its author's. Errors: `RulesInvalidError`."""

    suite: str
    version: str
    title: str
    title_zh: str
    rules: tuple[Rule, ...]
    deny: tuple[Denial, ...]

    def __post_init__(self) -> None:
        """Check every field, and that no pair of category and level has two rules."""
        _CHECK.suite(self.suite)
        _CHECK.token("version", self.version)
        _CHECK.text("title", self.title)
        _CHECK.text("title_zh", self.title_zh)
        _CHECK.members("rules", self.rules, Rule, len(CATEGORIES) * len(LEVELS), 1)
        cells = [(rule.category, level) for rule in self.rules for level in rule.levels]
        _CHECK.distinct("rules", cells)
        _CHECK.members("deny", self.deny, Denial, 256)
        _CHECK.distinct("deny", [entry.name for entry in self.deny])

    def to_json(self) -> dict[str, Json]:
        """Return the file as an object."""
        return head("rules", self.suite) | {
            "version": self.version,
            "title": self.title,
            "title_zh": self.title_zh,
            "rules": [rule.to_json() for rule in self.rules],
            "deny": [entry.to_json() for entry in self.deny],
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the file that `to_json` gives `value` for.

        Raises:
            RulesInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "rules", _FILE_FIELDS)
        return cls(
            suite=body["suite"],
            version=body["version"],
            title=body["title"],
            title_zh=body["title_zh"],
            rules=tuple(map(Rule.from_json, _CHECK.unlist("rules", body["rules"]))),
            deny=tuple(map(Denial.from_json, _CHECK.unlist("deny", body["deny"]))),
        )

    def encode(self) -> bytes:
        """Return the canonical bytes of the file."""
        return canonical.encode(self.to_json())

    def digest(self) -> bytes:
        """Return the hash of `encode`, 32 bytes, as it stands in terms and in the log."""
        return suite_of(self.suite).digest(self.encode())


def parse_rules(data: bytes, suite: str) -> RuleFile:
    """Return the rule file that `data`, TOML as people write it, says, to be hashed by `suite`.

    Raises:
        RulesInvalidError: not TOML, or not a rule file.
        SuiteUnknownError: the suite is not known here.

    """
    body = load_toml(_CHECK, data)
    # In TOML both lists are written one table each, and a file may deny nothing.
    lists = {"rules": body.pop("rule", []), "deny": body.pop("deny", [])}
    _CHECK.take(body, ("version", "title", "title_zh"))
    return RuleFile.from_json(head("rules", suite) | body | lists)


def load_toml(
    check: Checker, data: bytes, parse_float: Callable[[str], Any] = float
) -> dict[str, Any]:
    """Return the tables of a TOML file; refused by `check` if it is none or too large."""
    if len(data) > MAX_FILE_BYTES:
        check.fail("document", f"exceeds {MAX_FILE_BYTES} bytes")
    try:
        return tomllib.loads(data.decode(), parse_float=parse_float)
    except (ValueError, RecursionError) as error:
        # The parser's words may quote the file: only the place is repeated.
        place = _PLACE.search(str(error))
        check.fail("document", f"is not TOML in UTF-8{f' ({place[0]})' if place else ''}")


def check_budget(check: Checker, field: str, value: object) -> None:
    """Refuse what is neither empty nor a decimal number in its shortest form."""
    if value != "":
        check.decimal(field, value)


def _subset(field: str, values: tuple[str, ...], known: tuple[str, ...], least: int) -> None:
    _CHECK.members(field, values, str, len(known), least)
    for value in values:
        _CHECK.choice(field, value, known)
    _CHECK.distinct(field, values)


def _tuples(body: dict[str, Any], at: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: tuple(_CHECK.unlist(f"{at}.{name}", body[name])) for name in names}


def _plain(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().replace("_", "-")
