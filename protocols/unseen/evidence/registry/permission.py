"""What chains of mandates permit, and whether a contract stays within it. Own rules.

A chain begins with an authority's own mandate and goes down by parents; it permits the
intersection of all its links. A contract may lean on several chains, one after the other in
time: together they have to leave no gap in its period.

Signatures, withdrawals and whether the first grantor is an authority are for the caller to check.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import KINDS
from unseen.evidence.errors import MandateInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.registry.mandate import TIERS, Mandate

MAX_CHAIN = 4
_CHECK = Checker(MandateInvalidError, "mandate")


def check_nested(child: Mandate, parent: Mandate) -> None:
    """Return if `child` gives on a part of `parent`, which it names, and nothing else.

    Raises:
        MandateInvalidError: it does not; `clause` names what reaches beyond.

    """
    if child.suite != parent.suite:
        _CHECK.fail("suite", "is not that of the parent")
    if child.grantor != parent.grantee:
        _CHECK.fail("grantor", "is not the grantee of the parent")
    if child.tier not in TIERS[parent.tier]:
        _CHECK.fail("tier", f"is not one that a grantee of tier {parent.tier} may give on to")
    for field in ("tables", "scenarios"):
        if not set(getattr(child, field)) <= set(getattr(parent, field)):
            _CHECK.fail(field, "reach beyond those of the parent")
    if parent.kinds and not set(child.kinds) <= set(parent.kinds):
        _CHECK.fail("kinds", "reach beyond those of the parent")
    if not parent.start <= child.start < child.until <= parent.until:
        _CHECK.fail("period", "reaches beyond that of the parent")


Chain = tuple[tuple[bytes, Mandate], ...]
"""Ids and mandates from an authority's own to the last one given on."""


def chain_of(identifier: bytes, known: Mapping[bytes, Mandate]) -> Chain:
    """Return the chain that ends in the mandate `identifier`, each link checked.

    `known` holds mandates by their id, their signatures verified.

    Raises:
        MandateInvalidError: one is not known, a link does not fit, or there are over four.

    """
    chain: list[tuple[bytes, Mandate]] = []
    while identifier or not chain:
        if len(chain) == MAX_CHAIN:
            _CHECK.fail("parent", f"has more than {MAX_CHAIN - 1} mandates above it")
        mandate = known.get(identifier)
        if mandate is None:
            _CHECK.fail("parent" if chain else "id", "is not known here")
        if chain:
            check_nested(chain[0][1], mandate)
        chain.insert(0, (identifier, mandate))
        identifier = mandate.parent
    return tuple(chain)


@dataclass(frozen=True, slots=True)
class Permission:
    """What a chain of mandates permits. `mandates` are the chain's ids, the authority's first."""

    authority: str
    grantee: str
    tier: str
    tables: frozenset[str]
    scenarios: frozenset[str]
    kinds: frozenset[str]
    start: datetime
    until: datetime
    mandates: tuple[bytes, ...]

    def covers(self, time: datetime) -> bool:
        """Return whether the permission holds at `time`."""
        return self.start <= time < self.until


def permission(chain: Chain) -> Permission:
    """Return the intersection of a chain that `chain_of` made."""
    mandates = [mandate for _, mandate in chain]
    named = [set(mandate.kinds) for mandate in mandates if mandate.kinds]
    return Permission(
        authority=mandates[0].grantor,
        grantee=mandates[-1].grantee,
        tier=mandates[-1].tier,
        tables=frozenset.intersection(*(frozenset(mandate.tables) for mandate in mandates)),
        scenarios=frozenset.intersection(*(frozenset(mandate.scenarios) for mandate in mandates)),
        kinds=frozenset(KINDS).intersection(*named),
        start=max(mandate.start for mandate in mandates),
        until=min(mandate.until for mandate in mandates),
        mandates=tuple(identifier for identifier, _ in chain),
    )


@dataclass(frozen=True, slots=True)
class Use:
    """What a contract does with a table: `operator` is the name of the operator's key."""

    operator: str
    table: str
    scenario: str
    kind: str

    def refused_by(self, granted: Permission) -> str:
        """Return the clause of `granted` that does not allow this use; empty if all do."""
        if granted.grantee != self.operator or granted.tier == "authority":
            return "grantee"
        for clause, one, allowed in (
            ("tables", self.table, granted.tables),
            ("scenarios", self.scenario, granted.scenarios),
            ("kinds", self.kind, granted.kinds),
        ):
            if one not in allowed:
                return clause
        return ""


def cover(
    granted: Iterable[Permission], start: datetime, until: datetime
) -> tuple[tuple[Permission, ...], datetime]:
    """Return the fewest permissions that follow each other from `start` on, and how far they reach.

    They reach `until` or further where they leave no gap; else the first moment that nothing
    covers.
    """
    chosen: list[Permission] = []
    reached, left = start, sorted(granted, key=lambda each: each.until)
    while reached < until:
        best = next((one for one in reversed(left) if one.covers(reached)), None)
        if best is None:
            break
        chosen.append(best)
        reached = best.until
    return tuple(chosen), reached


def check_terms(terms: Terms, known: Mapping[bytes, Mandate]) -> frozenset[str]:
    """Return the names of the authorities' keys whose mandates `terms` stay within.

    `known` holds mandates by their id, their signatures verified, the parents of those that the
    terms name too.

    Raises:
        MandateInvalidError: a mandate is not known or does not permit it, or the period has a gap.

    """
    use = Use(terms.operator, terms.table, terms.scenario, terms.kind)
    granted = [permission(chain_of(identifier, known)) for identifier in terms.mandates]
    for one in granted:
        if clause := use.refused_by(one):
            _CHECK.fail(clause, "do not permit what the contract is for")
    if cover(granted, terms.period.start, terms.period.until)[1] < terms.period.until:
        _CHECK.fail("period", "does not cover that of the contract")
    return frozenset(one.authority for one in granted)
