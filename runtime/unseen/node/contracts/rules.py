"""What the rule file says about one contract: the rules of all labels read, the strictest of each.

Pure but for `default_text`. Fail closed: a label without a rule allows nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from importlib.resources import files
from types import MappingProxyType
from typing import Self

from unseen.evidence.plan import KINDS
from unseen.evidence.rules import APPROVERS, THREAT_MODELS, Rule, RuleFile, parse_rules
from unseen.node.catalog.labels import MAX_EVALUATIONS, Label
from unseen.node.errors import LabelRefusedError, PurposeDeniedError

Labels = Iterable[tuple[str, Label]]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What all labels together allow and demand; fields as in `unseen.evidence.rules.Rule`.

    `because` says for a demand which column makes it, in words.
    """

    kinds: frozenset[str] = frozenset(KINDS)
    ciphertext: bool = True
    threat_model: str = THREAT_MODELS[0]
    group: int = 1
    budget: str = ""
    share: int = 0
    approvals: tuple[str, ...] = APPROVERS[:1]
    order: bool = False
    regions: tuple[str, ...] = ()
    consent: bool = False
    template: bool = False
    because: Mapping[str, str] = field(default_factory=dict, compare=False)

    def fits(self, region: str) -> bool:
        """Return whether a contract for `region` stays within every region demanded."""
        return all(
            region == demanded or region.startswith(f"{demanded}-") for demanded in self.regions
        )

    def holds_under(self, threat_model: str) -> bool:
        """Return whether a protocol that holds under `threat_model` is strong enough."""
        return THREAT_MODELS.index(threat_model) >= THREAT_MODELS.index(self.threat_model)

    def max_units(self, rows: int, *, hidden: bool) -> int:
        """Return how many units a buyer may be granted over a table of `rows` rows.

        Hidden questions cannot be told apart, so their number alone keeps a buyer from listing
        the table.
        """
        if not hidden or not self.share:
            return MAX_EVALUATIONS
        return min(max(rows // self.share, 1), MAX_EVALUATIONS)


_DEMANDS = tuple(item.name for item in fields(Ruling) if item.name != "because")


class Rules:
    """A rule file, ready to be asked."""

    def __init__(self, file: RuleFile) -> None:
        """Index the rules of `file` by category and level."""
        self.file = file
        self.digest = file.digest()
        self._rules = {(rule.category, level): rule for rule in file.rules for level in rule.levels}

    @classmethod
    def parse(cls, text: bytes, suite: str) -> Self:
        """Return the rules of a TOML file; raises RulesInvalidError if it is none."""
        return cls(parse_rules(text, suite))

    def of(self, label: Label) -> Rule | None:
        """Return the rule for one label, or nothing: refused."""
        return self._rules.get((label.category, label.level))

    def ruling(self, labels: Labels) -> Ruling:
        """Return what these (column, label) pairs allow and demand together."""
        found = Ruling()
        for column, label in labels:
            found = _narrowed(found, self.of(label), f"column {column!r}: {label}")
        return found

    def against_purpose(self, purpose: str, labels: Labels) -> list[PurposeDeniedError]:
        """Return an error for each entry of the deny-list that `purpose` over `labels` meets."""
        held = list(labels)
        return [
            PurposeDeniedError(
                f"the deny-list says: {entry.text} ({entry.text_zh})",
                clause=f"deny.{entry.name}",
                remedy="ask for another purpose, or choose outputs over other columns",
            )
            for entry in self.file.deny
            if entry.denies(purpose)
            and any(i.category in entry.categories and i.level in entry.levels for _, i in held)
        ]

    def against_kind(
        self, kind: str, labels: Labels, *, ciphertext: bool, threat_model: str
    ) -> list[LabelRefusedError]:
        """Return an error for each label that a job of `kind` may not read.

        `ciphertext` says whether its protocol hands out ciphertext of the rows, `threat_model`
        what it holds under.
        """
        columns: dict[Label, list[str]] = {}
        for column, label in labels:
            columns.setdefault(label, []).append(column)
        errors = []
        for label, names in columns.items():
            alone = _narrowed(Ruling(), self.of(label), "")
            why, remedy = "", "offer a product over columns of a lower label, or of another kind"
            if kind not in alone.kinds:
                why = f"not for {kind}"
            elif ciphertext and not alone.ciphertext:
                why = f"no ciphertext of it leaves, as {kind} needs"
            elif not alone.holds_under(threat_model):
                why = f"only for protocols that hold against a {alone.threat_model} party"
            if why:
                said = ", ".join(repr(name) for name in names)
                clause = f"labels.{label.category}.{label.level}"
                errors.append(
                    LabelRefusedError(f"{said}: {label}: {why}", clause=clause, remedy=remedy)
                )
        return errors


def default_text() -> bytes:
    """Return the rule file that a node has until its operator sets another."""
    return files("unseen.node.contracts").joinpath("rules.toml").read_bytes()


def _narrowed(ruling: Ruling, rule: Rule | None, column: str) -> Ruling:
    """Return `ruling` with one more label's rule in it; without a rule nothing is allowed."""
    if rule is None:
        after = replace(ruling, kinds=frozenset(), ciphertext=False)
    else:
        after = replace(
            ruling,
            kinds=ruling.kinds & set(rule.kinds),
            ciphertext=ruling.ciphertext and rule.ciphertext,
            threat_model=max(ruling.threat_model, rule.threat_model, key=THREAT_MODELS.index),
            group=max(ruling.group, rule.group),
            budget=least_budget(ruling.budget, rule.budget),
            share=max(ruling.share, rule.share),
            approvals=tuple(a for a in APPROVERS if a in {*ruling.approvals, *rule.approvals}),
            order=ruling.order or rule.order,
            regions=tuple(sorted({*ruling.regions, rule.region} - {""})),
            consent=ruling.consent or rule.consent,
            template=ruling.template or rule.template,
        )
    moved = [name for name in _DEMANDS if getattr(after, name) != getattr(ruling, name)]
    because = {**ruling.because, **dict.fromkeys(moved, column)}
    return replace(after, because=MappingProxyType(because))


def least_budget(one: str, other: str) -> str:
    """Return the smaller of two decimal texts; an empty one is no ceiling."""
    if not one or not other:
        return one or other
    return min(one, other, key=Decimal)
