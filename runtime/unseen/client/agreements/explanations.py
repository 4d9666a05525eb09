"""What a contract would be: as asked for, and as the narrowest that would do."""

from collections.abc import Iterator
from dataclasses import dataclass

from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError
from unseen.evidence import canonical
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.suite import Suite
from unseen.v1 import contract_pb2


@dataclass(frozen=True, slots=True)
class ClauseRefusal:
    """One clause that stands against an ask."""

    reason: str
    clause: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.clause}: {self.message}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Terms, plan and leakage statement that would be proposed; they fit each other."""

    terms: Terms
    plan: Plan
    leakage: Leakage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ask leads to: a proposal, or every clause that refuses."""

    proposal: Proposal | None
    refusals: tuple[ClauseRefusal, ...]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One difference between what was asked for and what would do, and why."""

    clause: str
    asked: str
    narrowest: str
    why: str
    why_zh: str


@dataclass(frozen=True, slots=True)
class Demand:
    """What the labels demand of the contract, and the column that makes the demand."""

    clause: str
    value: str
    because: str


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Card):
    """Both outcomes, how they differ, and what the labels demand. Nothing was stored."""

    asked: Outcome
    narrowest: Outcome
    narrowings: tuple[Narrowing, ...]
    demands: tuple[Demand, ...]

    def _title(self) -> str:
        return "As asked for: " + ("it compiles" if self.asked.proposal else "refused")

    def _rows(self) -> Iterator[Row]:
        for refusal in self.asked.refusals:
            yield f"refused by {refusal.clause}", f"{refusal.message}. {refusal.remedy}"
        for each in self.narrowings:
            yield each.clause, f"{each.asked} -> {each.narrowest}: {each.why}"
        if not self.narrowings:
            yield "narrower", "nothing: what was asked for is the narrowest that would do"
        for demand in self.demands:
            yield f"labels demand {demand.clause}", f"{demand.value}: {demand.because}"
        for refusal in self.narrowest.refusals:
            yield f"still refused by {refusal.clause}", f"{refusal.message}. {refusal.remedy}"


def explanation(message: contract_pb2.ExplainContractResponse, suite: Suite) -> Explanation:
    """Return what the node explains.

    Raises:
        AnswerInvalidError: a plan or a leakage statement is not the one of its terms.

    """
    return Explanation(
        _outcome(message.asked, suite),
        _outcome(message.narrowest, suite),
        tuple(
            Narrowing(each.clause, each.asked, each.narrowest, each.why, each.why_zh)
            for each in message.narrowings
        ),
        tuple(Demand(each.clause, each.value, each.because) for each in message.demands),
    )


def _outcome(message: contract_pb2.Compilation, suite: Suite) -> Outcome:
    refusals = tuple(
        ClauseRefusal(each.reason, each.clause, each.message, each.remedy)
        for each in message.refusals
    )
    if refusals:
        return Outcome(None, refusals)
    terms = Terms.decode(message.terms)
    plan = Plan.from_json(canonical.decode(message.plan))
    leakage = Leakage.from_json(canonical.decode(message.leakage))
    if (terms.plan, terms.leakage) != (plan.digest(suite), leakage.digest(suite)):
        raise AnswerInvalidError(
            "the plan or the leakage statement is not the one of the terms",
            clause="plan",
            remedy="do not rely on it; show it to the operator",
        )
    return Outcome(Proposal(terms, plan, leakage), ())
