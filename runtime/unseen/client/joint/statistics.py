"""Questions about many over several nodes: one answer, of which each node has a part.

    answers = JointStatistics([a.seat(A), b.seat(B), c.seat(C)])
    print(answers.ask_for("mean", "stay", by="ward", epsilon=0.5))

The buyer receives the noisy sum of what the nodes count and makes the answer of it, as one node
would. Nothing is stored to be given again: asking twice is paid twice, a unit and privacy.

Where the clause names a lead, there is one thing to ask, and it has no noise:

    print(answers.partition())

The lead receives the sums, and lets the exact table out through its gate.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unseen.client.cards import Row, Said
from unseen.client.errors import AnswerInvalidError
from unseen.client.joint.rounds import STEP_SECONDS, Cohort, naming
from unseen.client.session import Progress, no_progress
from unseen.client.statistic import EXACT, Statistic, privacy_text
from unseen.client.wording import Amount, Names, cost_of, make_question
from unseen.evidence import canonical
from unseen.evidence.canonical import MAX_INTEGER, format_time
from unseen.evidence.contracts.joint import Joint, Place, honest_range, most_bound
from unseen.evidence.contracts.statistics import Menu, Question, menu_of, noisy, shape_of
from unseen.evidence.contracts.statistics.jointly import dimension_of, parts_of, split, task_of
from unseen.evidence.contracts.statistics.summed import summed_dimension
from unseen.evidence.contracts.typed import decode
from unseen.evidence.errors import QuestionInvalidError
from unseen.evidence.suite import Suite
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    from unseen.client.joint.seats import Contributed, LetOut, Seat

RING: Final = 64  # sums of squares do not fit into 32 bits


@dataclass(frozen=True, repr=False)
class JointStatistic(Statistic):
    """The answer to one question over several nodes; what `Statistic` says, and whose it is.

    `nodes` are those in the sum, `gone` those that dropped out before they were charged for it.
    `receipts` are one of each node that was charged, by its name. The noise is that of all nodes
    in the sum: more than one node alone would add, since only some are vouched for. `lead` is the
    node that has let out an exact table: that one's receipt is `receipt_path`.
    """

    nodes: tuple[str, ...]
    gone: tuple[str, ...]
    honest: int
    receipts: Mapping[str, Path] = field(compare=False)
    lead: str = ""

    @cached_property
    def noise(self) -> tuple[tuple[float | None, ...], ...]:
        """The standard deviations of the numbers, row by row."""
        wider = sqrt(len(self.nodes) / self.honest)
        return tuple(
            tuple(None if each is None else each * wider for each in row) for row in super().noise
        )

    def _rows(self) -> Iterator[Row]:
        measure = self.menu.measure(self.question.of) if self.question.of else None
        if measure is not None and measure.unit:
            yield "unit", measure.unit
        yield "nodes", self.nodes
        if self.gone:
            yield "dropped out", self.gone
        if self.lead:
            yield "led by", self.lead
            yield "noise", EXACT
        else:
            yield (
                "noise",
                Said(
                    "{} is one standard deviation; {} nodes' noise is vouched for", "±", self.honest
                ),
            )
            yield "privacy", Said("at each node {}", privacy_text(self.privacy, self.menu))
        yield "answered at", self.answered_at
        yield (
            "paid for",
            Said(
                "now, one unit at each node, one more at the lead"
                if self.lead
                else "now, one unit at each node"
            ),
        )
        if self.lead:
            yield "receipt", self.receipt_path
        yield "receipts", tuple(str(path) for path in self.receipts.values())


class JointStatistics:
    """The questions that the contracts of a joint clause allow. Used by one thread."""

    def __init__(
        self,
        seats: "Sequence[Seat]",
        *,
        progress: Progress = no_progress,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        """Take the seats of all nodes of the clause.

        Raises:
            PlanMismatchError: contracts hold different clauses.
            AnswerInvalidError: the clause is over another menu than a contract's; or as `Cohort`.
            InputInvalidError: a contract is for another kind, or a node of the roster is missing.

        """
        self._cohort = Cohort(seats, progress=progress, step_seconds=step_seconds)
        self._first = seats[0]
        self._lead = next((seat for seat in seats if seat.name == self.clause.lead), seats[0])
        self.menu = _menu(seats)
        self.group = max(seat.terms.group for seat in seats)

    @property
    def clause(self) -> Joint:
        """The joint clause that all contracts hold."""
        return self._cohort.clause

    def ask_for(
        self,
        what: str,
        of: str = "",
        *,
        by: Names = (),
        where: Names = (),
        at: Amount | Iterable[Amount] = (),
        epsilon: Amount | None = None,
        rho: Amount | None = None,
    ) -> JointStatistic:
        """Ask for a count, sum, mean, variance, histogram or quantile; raises as `ask`.

        It may cost an `epsilon` at the menu's delta, or a `rho`, at each node.
        """
        cost = cost_of(self.menu, epsilon, rho)
        return self.ask(make_question(self.menu, what, of, by=by, where=where, at=at, cost=cost))

    def ask(self, question: Question) -> JointStatistic:
        """Return the answer over all nodes that do not drop out.

        Raises:
            InputInvalidError: the menu does not offer it, or not over several nodes.
            RefusedError, SurvivorsTooFewError, PeerError: as `Cohort.sum`; each names a node.
            AnswerInvalidError: a node charged another privacy than the question agreed to.

        """
        if self.clause.lead:
            return self._led(question)
        try:
            parts = parts_of(self.menu, question, self.clause.honest)
        except QuestionInvalidError as error:
            raise InputInvalidError(
                str(error),
                clause=f"question.{error.clause}",
                remedy=error.remedy or "see what may be asked: unseen statistics menu ID",
            ) from None
        found = self._cohort.sum(question.encode(), dimension_of(parts))
        _check_privacy(found.contributed, question)
        tables = split(parts, found.vector.tolist())
        rows = noisy.answer(self.menu, question, tables, self.group)
        value = decode(shape_of(self.menu, question), canonical.encode(rows))
        receipts = {name: one.path for name, one in found.contributed.items()}
        last = max(found.contributed.values(), key=lambda one: one.receipt.time)
        return JointStatistic(
            contract=self._first.contract,
            question=question,
            menu=self.menu,
            value=value,
            privacy=last.receipt.privacy,
            answered_at=format_time(last.receipt.time),
            cached=False,
            request_id=last.request,
            receipt_path=last.path,
            nodes=found.survivors,
            gone=tuple(name for name in found.gone if name not in found.survivors),
            honest=self.clause.honest,
            receipts=receipts,
        )

    def partition(self) -> JointStatistic:
        """Return the one exact table over all nodes, as the clause's lead lets it out.

        Raises as `ask`.
        """
        return self.ask(Question(what="partition"))

    def _led(self, question: Question) -> JointStatistic:
        if not question.exact:
            raise InputInvalidError(
                "a clause with a lead is over the exact table, which has no noise",
                clause="question.what",
                remedy="ask for it: unseen statistics joint ask CONTRACT --what partition",
            )
        found = self._cohort.led(question.encode(), summed_dimension(self.menu))
        _check_privacy({**found.contributed, self.clause.lead: found.released}, question)
        with naming(self.clause.lead):
            value = decode(shape_of(self.menu, question), found.value)
        last = found.released
        return JointStatistic(
            contract=self._lead.contract,
            question=question,
            menu=self.menu,
            value=value,
            privacy=last.receipt.privacy,
            answered_at=format_time(last.receipt.time),
            cached=False,
            request_id=last.request,
            receipt_path=last.path,
            nodes=found.survivors,
            gone=(),
            honest=self.clause.honest,
            receipts={name: one.path for name, one in found.contributed.items()},
            lead=self.clause.lead,
        )


def make_clause(
    nodes: Sequence[Place],
    menu: Menu,
    suite: Suite,
    *,
    honest: int | None = None,
    lead: str = "",
) -> Joint:
    """Return a clause over `menu` for these nodes, in a ring of 64 bits.

    `honest` of those left are vouched for; without it as many as may be: all that have to be left.
    With a `lead`, which receives the exact table, all of them are.

    Raises:
        ContractInvalidError: too few nodes, one twice, or a number out of range.

    """
    ordered = tuple(sorted(nodes, key=lambda place: place.name))
    most = len(ordered) if lead else honest_range(len(ordered))[1]
    return Joint(
        nodes=ordered,
        honest=honest if honest is not None else most,
        lead=lead,
        ring=RING,
        bound=min(most_bound(max(len(ordered), 1), RING), MAX_INTEGER),
        task=task_of(menu, suite),
    )


def _menu(seats: "Sequence[Seat]") -> Menu:
    for seat in seats:
        if seat.terms.kind != "statistics":
            raise InputInvalidError(
                f"{seat.name}: the contract is for kind {seat.terms.kind}",
                clause="kind",
                remedy="name contracts over products of the kind statistics",
            )
        if seat.clause.task != task_of(menu_of(seat.terms.parameters), seat.suite):
            raise AnswerInvalidError(
                f"{seat.name}: the joint clause is over another menu than its contract's",
                clause="joint.task",
                remedy="do not ask under it; ask its operator for the same menu as the others'",
            )
    return menu_of(seats[0].terms.parameters)


def _check_privacy(charged: "Mapping[str, Contributed | LetOut]", question: Question) -> None:
    """Refuse an answer for which a node charged another privacy than was agreed to."""
    for name, one in charged.items():
        if one.receipt.privacy != question.rho:
            raise AnswerInvalidError(
                f"{name}: the receipt says that the answer cost a rho of {one.receipt.privacy},"
                f" and the question agreed to {question.rho}",
                clause="receipt.privacy",
                remedy="keep the receipt and show it to the operator",
            )
