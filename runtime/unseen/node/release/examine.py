"""All rules together, asked about one release. Pure; what raises, refuses."""

from collections.abc import Sequence
from dataclasses import replace

from unseen.evidence.contracts.outputs import type_of
from unseen.evidence.contracts.typed import Value
from unseen.node.release.aggregates import AGGREGATE
from unseen.node.release.models import MODEL
from unseen.node.release.opaque import OPAQUE
from unseen.node.release.rules import FAULT, GENERAL, Case, Finding, Outcome, Rule
from unseen.node.release.rules import WORDS as OUTCOMES

RULES: tuple[Rule, ...] = (*GENERAL, *AGGREGATE, *MODEL, *OPAQUE)
_BY_TYPE = {
    kind: tuple(rule for rule in RULES if kind in rule.types)
    for kind in ("verdicts", "aggregate", "model")
}
WORDS: dict[str, tuple[str, str]] = OUTCOMES | {
    rule.id: (rule.text, rule.text_zh) for rule in RULES
}
"""What every rule id says, in English and Chinese."""


def examine(case: Case, rules: Sequence[Rule] | None = None) -> Finding:
    """Return what becomes of `case`: refused if any rule refuses it, or cannot be asked."""
    fired: list[Rule] = []
    try:
        asked = _BY_TYPE[case.type] if rules is None else rules
        fired = [rule for rule in asked if rule.fires(case)]
    except Exception:  # noqa: BLE001 - fail closed: whatever it was, nothing leaves
        return Finding(Outcome.REFUSE, (FAULT,))
    outcome = max((rule.outcome for rule in fired), default=Outcome.PASS)
    return Finding(outcome, tuple(rule.id for rule in fired))


def examine_each(
    case: Case, values: Sequence[Value], rules: Sequence[Rule] | None = None
) -> Finding:
    """Return what becomes of a release of several values: what the gravest of them deserves.

    Each is asked about as what it is, an aggregate or a model; what fired for one is said once.
    """
    found = [
        examine(replace(case, type=type_of(value.shape), value=value), rules) for value in values
    ]
    outcome = max((one.outcome for one in found), default=Outcome.REFUSE)
    fired = dict.fromkeys(name for one in found for name in one.rules)
    return Finding(outcome, tuple(fired) if found else (FAULT,))
