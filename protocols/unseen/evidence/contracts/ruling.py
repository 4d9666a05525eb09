"""What a rule file says about one contract: the rules of all labels read, the strictest of each.

The compiler asks before there is a contract, an audit asks of terms and plan; both get the same
answer. Fail closed: a label without a rule allows nothing.

The labels are those that the plan tells. That the table had them is the node's word.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import KINDS, Plan, is_aggregate
from unseen.evidence.contracts.rules import APPROVERS, THREAT_MODELS, Denial, Rule, RuleFile


@dataclass(frozen=True, slots=True)
class Label:
    """A column's category and level (分类分级)."""

    category: str
    level: str

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.category}, level {self.level}"


Labels = Iterable[tuple[str, Label]]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What all labels together allow and demand; fields as in `contracts.rules.Rule`.

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


class Refused(NamedTuple):
    """Columns of one label that a job may not read, and why."""

    label: Label
    columns: tuple[str, ...]
    why: str


class Breach(NamedTuple):
    """What a contract does that its rules do not allow."""

    clause: str
    what: str


_DEMANDS = tuple(item.name for item in fields(Ruling) if item.name != "because")


class RuleSet:
    """A rule file, ready to be asked."""

    def __init__(self, file: RuleFile) -> None:
        """Index the rules of `file` by category and level."""
        self.file = file
        self.digest = file.digest()
        self._rules = {(rule.category, level): rule for rule in file.rules for level in rule.levels}

    def of(self, label: Label) -> Rule | None:
        """Return the rule for one label, or nothing: refused."""
        return self._rules.get((label.category, label.level))

    def ruling(self, labels: Labels) -> Ruling:
        """Return what these (column, label) pairs allow and demand together."""
        found = Ruling()
        for column, label in labels:
            found = _narrowed(found, self.of(label), f"column {column!r}: {label}")
        return found

    def denials(self, purpose: str, labels: Labels) -> list[Denial]:
        """Return the entries of the deny-list that `purpose` over `labels` meets."""
        held = list(labels)
        return [
            entry
            for entry in self.file.deny
            if entry.denies(purpose)
            and any(i.category in entry.categories and i.level in entry.levels for _, i in held)
        ]

    def refused(
        self, kind: str, labels: Labels, *, ciphertext: bool, threat_model: str = ""
    ) -> list[Refused]:
        """Return the labels that a job of `kind` may not read.

        `ciphertext` says whether its protocol hands out ciphertext of the rows, `threat_model`
        what it holds under; without it that is not asked.
        """
        columns: dict[Label, list[str]] = {}
        for column, label in labels:
            columns.setdefault(label, []).append(column)
        found = []
        for label, names in columns.items():
            alone = _narrowed(Ruling(), self.of(label), "")
            if why := _why(alone, kind, ciphertext=ciphertext, threat_model=threat_model):
                found.append(Refused(label, tuple(names), why))
        return found


def breaches(rules: RuleSet, terms: Terms, plan: Plan, leakage: Leakage) -> list[Breach]:
    """Return what `terms` do that `rules` do not allow, by the labels that `plan` tells.

    Not asked: how many units the table's size allows, and what the protocol holds under.
    """
    if plan.rows is None or not plan.rows.labels:
        return [Breach("labels", "the plan tells no labels")]
    labels = [(each.column, Label(each.category, each.level)) for each in plan.rows.labels]
    read = {*plan.columns_read, *(column.name for column in plan.subject_columns)}
    if {column for column, _ in labels} != read:
        return [Breach("labels", "the plan tells the labels of other columns than it reads")]
    return [
        *(
            Breach(f"deny.{entry.name}", entry.text)
            for entry in rules.denials(terms.scenario, labels)
        ),
        *(
            Breach(f"labels.{each.label.category}.{each.label.level}", each.why)
            for each in rules.refused(terms.kind, labels, ciphertext=leakage.ciphertext_leaves)
        ),
        *_unmet(rules.ruling(labels), terms),
    ]


def _unmet(ruling: Ruling, terms: Terms) -> Iterator[Breach]:
    for role in ruling.approvals:
        if role not in terms.approvals:
            yield Breach(f"approvals.{role}", f"no approval by the {role} is asked for")
    if ruling.order and not terms.order:
        yield Breach("order", "it names no order of an exchange")
    if not ruling.fits(terms.region):
        yield Breach("region", f"it does not stay in {' and '.join(ruling.regions)}")
    if ruling.consent and terms.consent is None:
        yield Breach("consent", "it asks for no consent")
    if ruling.template and not terms.template:
        yield Breach("template", "it follows no template")
    if is_aggregate(terms.kind, terms.outputs):
        if terms.group < ruling.group:
            yield Breach("group", f"its groups are smaller than {ruling.group}")
        if ruling.budget and least_budget(terms.budget, ruling.budget) != terms.budget:
            yield Breach("budget", f"it may spend more than {ruling.budget}")


def least_budget(one: str, other: str) -> str:
    """Return the smaller of two decimal texts; an empty one is no ceiling."""
    if not one or not other:
        return one or other
    return min(one, other, key=Decimal)


def _why(alone: Ruling, kind: str, *, ciphertext: bool, threat_model: str) -> str:
    if kind not in alone.kinds:
        return f"not for {kind}"
    if ciphertext and not alone.ciphertext:
        return f"no ciphertext of it leaves, as {kind} needs"
    if threat_model and not alone.holds_under(threat_model):
        return f"only for protocols that hold against a {alone.threat_model} party"
    return ""


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
