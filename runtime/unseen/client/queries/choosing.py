"""Which of one's contracts is asked which items a table has: a hidden lookup, or an intersection.

A lookup's table is made once and serves all its questions; an intersection masks both sides anew
each time, and is the faster the larger the set. A lookup holds against buyers that deviate, an
intersection where both sides follow the protocol. Pure: what is known of contracts comes in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from unseen.client.agreements.contracts import Contract
from unseen.client.cards import Said
from unseen.client.errors import ContractMissingError
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.intersection import ITEMS, clause_in
from unseen.evidence.contracts.intersection import KIND as RUN
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.contracts.rules import THREAT_MODELS
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.match import OUTPUT as MATCH

LOOKUP: Final = "lookup"
PRESENT: Final = "present"
"""The predicate that says of a subject that the table has it: its expression is `true`."""

HOLDS_UNDER: Final = {RUN: "semi-honest", LOOKUP: "malicious-buyer"}
WAYS: Final = ("ecdh_psi", "oprf_table", HIDDEN_TABLE)
_SHORT: Final = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contract in force that says which items a table has.

    `left` are the units that are not used, `most` how many items one request may be over.
    """

    contract: str
    kind: str
    way: str
    left: int
    most: int
    clause: str = ""  # what `most` comes from

    def against(self, items: int, way: str, threat_model: str) -> tuple[str, str] | None:
        """Return the clause that stands against asking it about so many items, and why."""
        if way and self.way != way:
            return "way", f"goes by {self.way}"
        holds = HOLDS_UNDER[self.kind]
        if THREAT_MODELS.index(holds) < THREAT_MODELS.index(threat_model):
            return "threat_model", f"holds under {holds}"
        if self.left < items:
            return "quota.units", f"has {self.left:,} units left"
        if self.most < items:
            return self.clause, f"allows {self.most:,} items in one run"
        return None

    def __str__(self) -> str:
        """Return the beginning of its id."""
        return f"contract {self.contract[:_SHORT]}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The contract to ask, and why that one."""

    candidate: Candidate
    why: Said


def output_of(terms: Terms, plan: Plan) -> str:
    """Return the output that says whether the table has a subject, or '' if none does."""
    if terms.kind == RUN:
        return ITEMS if terms.outputs == (ITEMS,) else ""
    if terms.kind != LOOKUP:
        return ""
    wanted = MATCH if plan.match else PRESENT
    return wanted if wanted in terms.outputs else ""


def candidate_of(contract: Contract, table: str, buyer: str) -> Candidate | None:
    """Return what a contract is good for, or None where it does not say which items are there.

    `buyer` is the name of the asking party's key.
    """
    terms = contract.terms
    if (contract.state, terms.table, terms.buyer) != (State.ACTIVE, table, buyer):
        return None
    if not output_of(terms, contract.plan):
        return None
    left = terms.quota.units - contract.units_used
    if terms.kind == LOOKUP:  # goes out in as many requests as it takes
        return Candidate(contract.id, LOOKUP, terms.protocol, left, left)
    most, rate = clause_in(terms.parameters).most, terms.quota.per_minute
    clause = "parameters.intersect.most" if most <= rate else "quota.per_minute"
    return Candidate(contract.id, RUN, terms.protocol, left, min(most, rate), clause)


def choose(
    candidates: Sequence[Candidate],
    items: int,
    *,
    table: str,
    small: Callable[[Candidate], bool],
    way: str = "",
    threat_model: str = THREAT_MODELS[0],
) -> Choice:
    """Return which of `candidates` is asked about `items` of them.

    `small` says of an intersection whether so many are few beside the table's rows; it is asked
    where both kinds would do. `way` and `threat_model` are the caller's: which protocol, and what
    it has to hold under at least.

    Raises:
        InputInvalidError: `way` or `threat_model` is none.
        ContractMissingError: none of them may be asked; its clause is what stands against the last.

    """
    _check("way", way, ("", *WAYS))
    _check("threat_model", threat_model, THREAT_MODELS)
    stand = [(each, each.against(items, way, threat_model)) for each in candidates]
    fit = [each for each, against in stand if against is None]
    if not fit:
        raise _missing(table, items, [(each, found) for each, found in stand if found is not None])
    lookups, runs = ([each for each in fit if each.kind == kind] for kind in (LOOKUP, RUN))
    if not (lookups and runs):
        return Choice(_best(fit), _why(way, threat_model, beside=len(candidates) - len(fit)))
    if small(_best(runs)):
        why = Said("{} items are few beside the table's rows", f"{items:,}")
        return Choice(_best(lookups), why)
    return Choice(_best(runs), Said("{} items are not few beside the table's rows", f"{items:,}"))


def _best(fit: Sequence[Candidate]) -> Candidate:
    """Return the one whose questions cost the node least, and of those the fullest."""
    return min(fit, key=lambda each: (WAYS.index(each.way), -each.left, each.contract))


def _why(way: str, threat_model: str, *, beside: int) -> Said:
    if way:
        return Said("it was asked for")
    if beside and threat_model != THREAT_MODELS[0]:
        return Said("it holds under {}, as was asked for", threat_model)
    if beside:
        return Said("no other contract over the table has room for so many items")
    return Said("there is no contract of another kind over the table")


def _check(clause: str, said: str, known: Sequence[str]) -> None:
    if said not in known:
        names = ", ".join(each for each in known if each)
        raise InputInvalidError(
            f"{said!r} is none of {names}", clause=clause, remedy=f"give one of {names}"
        )


def _missing(
    table: str, items: int, stand: Sequence[tuple[Candidate, tuple[str, str]]]
) -> ContractMissingError:
    if not stand:
        return ContractMissingError(
            f"no contract in force says which items table {table} has",
            clause="contract",
            remedy="ask for one over a product of the table, with output `items`, `present` or"
            " `match`: unseen product list, unseen contract request PRODUCT --outputs items",
        )
    said = "; ".join(f"{each} {why}" for each, (_, why) in stand)
    return ContractMissingError(
        f"no contract over table {table} may be asked about {items:,} items so: {said}",
        clause=stand[-1][1][0],
        remedy="ask otherwise or about fewer, or for another contract: unseen contract list",
    )
