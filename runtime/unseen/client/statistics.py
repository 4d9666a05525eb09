"""`client.statistics(contract)`: what may be asked of many people, as typed methods.

    answers = client.statistics(contract)
    print(answers.menu())
    print(answers.mean("cost", by="region", where="adult", epsilon=0.2))

Each question says what it may cost: `epsilon` at the delta of the contract's menu, or `rho` (zCDP),
which adds up. Without noise there is one table alone, the one that the contract fixes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict, Unpack

from unseen.client.evidence import Evidence
from unseen.client.menu_card import BudgetCard, MenuCard
from unseen.client.queries.questions import Questions
from unseen.client.statistic import Statistic
from unseen.client.wording import Amount, Names, cost_of, make_question, rho_at
from unseen.evidence.contracts.privacy import delta_of, granted, units_of
from unseen.evidence.contracts.statistics.question import Question

USUAL = "0.1"
"""Epsilon at which a menu shows noise unless told."""


class How(TypedDict, total=False):
    """How a question is narrowed, and what its answer may cost: keywords of every method.

    `by` names dimensions to group by, `where` filters that all must hold. `epsilon` or `rho`, one
    of the two, is what it costs in privacy. `again` sends what this home has an answer to.
    """

    by: Names
    where: Names
    epsilon: Amount | None
    rho: Amount | None
    again: bool


@dataclass(frozen=True, slots=True)
class Statistics:
    """The questions that one contract allows. Thread-safe, as its client is.

    What all of them take, as keywords: `by`, `where`, `epsilon` or `rho`, and `again`; see `How`.
    """

    contract: str
    _questions: Questions
    _evidence: Evidence

    def __repr__(self) -> str:
        """Return the menu as a card."""
        return repr(self.menu())

    def menu(self, epsilon: Amount = USUAL) -> MenuCard:
        """Return what may be asked, and how far noise moves it at an `epsilon`."""
        menu, terms = self._questions.menu(self.contract), self._questions.terms(self.contract)
        rho = rho_at(epsilon, menu.delta)
        return MenuCard(self.contract, menu, rho, terms.budget, terms.group)

    def budget(self) -> BudgetCard:
        """Return what the contract may spend on privacy, and what is left, by the node's log.

        The table has a ledger of its own, over all who ask: it may be spent before.
        """
        terms = self._questions.terms(self.contract)
        spent = sum(units_of(leaf.privacy) for leaf in self._evidence.releases(self.contract))
        return BudgetCard(self.contract, terms.budget, delta_of(terms), granted(terms), spent)

    def count(self, **how: Unpack[How]) -> Statistic:
        """Return how many people (rows) there are, by groups, among those that pass filters."""
        return self._ask("count", "", how)

    def sum(self, of: str, **how: Unpack[How]) -> Statistic:
        """Return the sum of a measure; values are first moved into its limits."""
        return self._ask("sum", of, how)

    def mean(self, of: str, **how: Unpack[How]) -> Statistic:
        """Return the mean of a measure, and of how many."""
        return self._ask("mean", of, how)

    def variance(self, of: str, **how: Unpack[How]) -> Statistic:
        """Return the variance of a measure, with its mean and of how many."""
        return self._ask("variance", of, how)

    def histogram(self, of: str, **how: Unpack[How]) -> Statistic:
        """Return how many there are in each bin of a measure."""
        return self._ask("histogram", of, how)

    def quantile(
        self, of: str, *, at: Amount | Iterable[Amount] = "0.5", **how: Unpack[How]
    ) -> Statistic:
        """Return quantiles of a measure, to the edge of a bin; `at` are places from 0 to 1."""
        return self._ask("quantile", of, how, at)

    def partition(self, *, again: bool = False) -> Statistic:
        """Return the one exact table that the contract fixes; it costs no privacy budget."""
        return self.ask(Question(what="partition"), again=again)

    def ask(self, question: Question, *, again: bool = False) -> Statistic:
        """Return the answer to a question as it is signed.

        The same question over the same rows gets the same answer. One that this home has is not
        asked for again: `again` sends it, for a unit, and for privacy too if rows have changed.

        Raises:
            InputInvalidError: the menu does not offer it; nothing was sent.
            RefusedError: the node does not answer it.

        """
        return self._questions.ask(self.contract, question, again=again)

    def _ask(self, what: str, of: str, how: How, at: Amount | Iterable[Amount] = ()) -> Statistic:
        if unknown := how.keys() - How.__annotations__.keys():
            raise TypeError(f"{what}() got an unexpected keyword argument {min(unknown)!r}")
        menu = self._questions.menu(self.contract)
        question = make_question(
            menu,
            what,
            of,
            by=how.get("by", ()),
            where=how.get("where", ()),
            at=at,
            cost=cost_of(menu, how.get("epsilon"), how.get("rho")),
        )
        return self.ask(question, again=how.get("again", False))
