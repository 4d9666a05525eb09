"""The privacy ledger as its operator and its auditors see it."""

from collections.abc import Iterator
from dataclasses import dataclass

from unseen.client.cards import Card, Row, Said
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.contracts.privacy import epsilon_text
from unseen.evidence.decimals import as_written, plain, shortest
from unseen.v1 import privacy_pb2, privacy_pb2_grpc


@dataclass(frozen=True, slots=True)
class ContractSpend:
    """What one contract has spent on a table, and its own budget. Units are 10^-12 of rho."""

    contract: str
    buyer: str
    spent: int
    limit: int
    epsilon: str
    delta: str
    spent_epsilon: str

    def __str__(self) -> str:
        """Return who spent how much of what, in one line."""
        return str(self.said())

    def said(self) -> Said:
        """Return who spent how much of what."""
        return Said(
            "{}: {} of epsilon {} at delta {} ({})",
            self.buyer,
            self.spent_epsilon,
            self.epsilon or "0",
            self.delta,
            self.contract,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Ledger(Card):
    """What may be spent on a table's people in all, and what is. Units are 10^-12 of rho.

    `epsilon` and `delta` are the budget, empty where none is set: then nothing with noise leaves.
    `spent_epsilon` is the epsilon at that delta of what is spent, rounded up.
    """

    table: str
    epsilon: str
    delta: str
    limit: int
    spent: int
    spent_epsilon: str
    set_at: str
    set_by: str
    contracts: tuple[ContractSpend, ...] = ()
    partition: str = ""
    version: int = 0

    @property
    def left(self) -> int:
        """Units that are left."""
        return max(self.limit - self.spent, 0)

    @property
    def left_rho(self) -> str:
        """What is left, as rho."""
        return _rho(self.left)

    @property
    def left_epsilon(self) -> str:
        """The epsilon at `delta` of one answer that takes all that is left; empty without budget.

        About 50 ms, once.
        """
        return epsilon_text(self.left, self.delta) if self.epsilon else ""

    @property
    def spent_said(self) -> Said:
        """What is spent, in both measures."""
        return Said("epsilon {} (rho {})", self.spent_epsilon, _rho(self.spent))

    @property
    def left_said(self) -> Said:
        """What is left, of how much."""
        return Said("rho {} of {}", self.left_rho, _rho(self.limit))

    @property
    def budget_said(self) -> Said:
        """The budget, in both measures."""
        return Said("epsilon {} at delta {} (rho {})", self.epsilon, self.delta, _rho(self.limit))

    def rows(self) -> Iterator[Row]:
        """Yield what a table's card says of its ledger."""
        if not self.epsilon:
            yield (
                "privacy budget",
                Said("none: unseen table budget {} --epsilon E --delta D", self.table),
            )
        else:
            yield "privacy budget", Said("{}, for ever", self.budget_said)
            yield "spent", self.spent_said
            left = Said("{}; as one answer an epsilon of {}", self.left_said, self.left_epsilon)
            yield "left", left
            honest = Said(
                "any buyer; intersections, encrypted trainings: only those that follow the protocol"
            )
            yield "holds for", honest
        if self.partition:
            yield "shown exactly", Said("{} (version {})", self.partition, self.version)

    def _title(self) -> str:
        return f"Privacy ledger of table {self.table}"

    def _rows(self) -> Iterator[Row]:
        yield from self.rows()
        if self.set_by:
            yield "set by", f"{self.set_by}, {self.set_at}"
        for spend in self.contracts:
            yield "contract", spend.said()


class PrivacyCalls:
    """The privacy ledger of one node."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = privacy_pb2_grpc.PrivacyServiceStub(session.channel.grpc)

    def set_budget(self, table: str, *, epsilon: str, delta: str, raised: bool) -> Ledger:
        """Set a table's budget; see `Client.set_privacy_budget`."""
        request = privacy_pb2.SetBudgetRequest(
            table=f"tables/{table}",
            epsilon=_shortest(epsilon),
            delta=_shortest(delta),
            raised=raised,
        )
        return _ledger(self._session.call(self._stub.SetBudget, request).ledger)

    def ledgers(self, table: str = "") -> list[Ledger]:
        """Return the ledgers of all tables that have one, or of one table."""
        request = privacy_pb2.ListLedgersRequest(table=f"tables/{table}" if table else "")
        answer = self._session.call(self._stub.ListLedgers, request)
        return [_ledger(each) for each in answer.ledgers]


def _shortest(text: str) -> str:
    """Return a decimal number in the form that is signed; what is none the node refuses."""
    number = as_written(text)
    return plain(number) if number.is_finite() else text


def _rho(units: int) -> str:
    """Return units as rho, to twelve places."""
    return shortest(units, 12)


def _ledger(message: privacy_pb2.Ledger) -> Ledger:
    return Ledger(
        table=short(message.table),
        epsilon=message.epsilon,
        delta=message.delta,
        limit=message.limit,
        spent=message.spent,
        spent_epsilon=message.spent_epsilon,
        set_at=message.set_at,
        set_by=message.set_by,
        contracts=tuple(
            ContractSpend(
                contract=short(each.contract),
                buyer=each.buyer,
                spent=each.spent,
                limit=each.limit,
                epsilon=each.epsilon,
                delta=each.delta,
                spent_epsilon=each.spent_epsilon,
            )
            for each in message.contracts
        ),
        partition=message.partition,
        version=message.version,
    )
