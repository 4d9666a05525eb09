"""Bills and books: what was used and what is owed, from the log or from this home's receipts.

The buyer's side rests on receipts, which are fetched again by their ids where they are missing;
`offline` uses what the home has. The operator's rests on the log's leaves, each held to the
signature of the instance that asked.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from unseen.client.agreements.billing import bill_rows, billing_rows, money
from unseen.client.agreements.contracts import Contract, Contracts
from unseen.client.bills.bills import check_signatures, settle_without
from unseen.client.cards import Card, Row
from unseen.client.evidence import Evidence, read_receipt
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.bills import settlement
from unseen.evidence.bills.billing import Bill
from unseen.evidence.bills.reconcile import Match, Sheet, Side, make_sheet, reconcile
from unseen.evidence.bills.settlement import Day
from unseen.evidence.bills.statement import sign_statement
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.suite import key_id
from unseen.evidence.verify import VerifiedReceipt, verify_receipt, verify_terms
from unseen.v1 import identity_pb2, identity_pb2_grpc


class CreditOf(Protocol):
    """What the operator credits under a contract; `offline`, as this home has it."""

    def __call__(self, contract: str, *, offline: bool = False) -> Credit | None:
        """Return it, or None."""
        ...


def nothing_credited(contract: str, *, offline: bool = False) -> Credit | None:
    """Return no credit: nobody has objected."""
    del contract, offline
    return None


@dataclass(frozen=True, slots=True, repr=False)
class Spending(Card):
    """What was used under a contract so far, and what it comes to."""

    contract: Contract
    requests: int
    units: int
    bill: Bill
    days: tuple[Day, ...]

    def _title(self) -> str:
        return f"Usage of contract {self.contract.id}"

    def _rows(self) -> Iterator[Row]:
        terms, bill = self.contract.terms, self.bill
        quota, currency = terms.quota.units, terms.prices.currency
        yield "buyer", self.contract.buyer
        yield "product", terms.product
        yield "used", f"{self.units:,} of {quota:,} units"
        yield "left", f"{quota - self.units:,}"
        yield "requests", f"{self.requests:,}"
        yield from billing_rows(terms.billing, currency)
        if terms.billing is not None:
            yield "counted", f"{bill.billed:,} billed, {bill.free:,} of them free"
        yield from bill_rows(bill, terms.billing.cap if terms.billing else 0, currency)
        before = " before credits" if bill.credited else ""
        for day in self.days:
            said = f"{day.requests:,} requests, {day.units:,} units"
            yield day.day.isoformat(), f"{said}, {money(day.amount)} {currency}{before}"


class Settling:
    """The bills of one client home."""

    def __init__(
        self,
        session: Session,
        contracts: Contracts,
        evidence: Evidence,
        credit: CreditOf = nothing_credited,
    ) -> None:
        """Use the other parts of the client for terms, receipts, leaves and credits."""
        self._session = session
        self._contracts = contracts
        self._evidence = evidence
        self._credit = credit
        self._identity = identity_pb2_grpc.IdentityServiceStub(session.channel.grpc)

    @property
    def side(self) -> Side:
        """What this party's bills rest on."""
        return "receipts" if self._session.profile.role == "buyer" else "log"

    def settle(self, contract: str, more: Iterable[Path] = (), *, offline: bool = False) -> bytes:
        """Return the bill from the receipts here, and those at `more` of other instances."""
        if not offline:
            self._evidence.fetch_all(contract)
            self._session.channel.link()
        terms = self._contracts.terms(contract)
        receipts = self._evidence.kept_receipts if offline else self._evidence.receipts
        found = [receipt.facts for receipt in receipts(contract)]
        found += self._others(contract, more)
        for facts in found:
            verify_terms(facts, terms)
        leaves = [facts.leaf for facts in found]
        lost = {
            request: self._evidence.written(request).units
            for request in self._evidence.lost(contract)
        }
        credit = self._credit(contract, offline=offline)
        if lost:
            return settle_without(terms, leaves, lost, credit)
        return settlement.settle(terms, leaves, credit)

    def operator_settle(self, contract: str) -> bytes:
        """Return the bill from the log's leaves; see `Client.operator_settle`."""
        terms = self._contracts.terms(contract)
        releases = list(self._evidence.releases(contract))
        call = identity_pb2.ListPartiesRequest()
        answer = self._session.call(self._identity.ListParties, call)
        suite = self._session.suite
        buyers = [p for p in answer.parties if key_id(suite, p.evidence_key) == terms.buyer]
        keys = {
            key_id(suite, instance.evidence_key): instance.evidence_key
            for party in buyers
            for instance in party.instances
        }
        names = {short(party.name) for party in buyers}
        check_signatures(terms, releases, keys, cache(lambda: self._registered(names)))
        self._session.channel.link()
        return settlement.settle(terms, releases, self._credit(contract))

    def sign(self, statement: bytes) -> str:
        """Return a statement signed by this party."""
        return sign_statement(self._session.party_signer, statement)

    def spending(self, contract: Contract, *, offline: bool = False) -> Spending:
        """Return what was used under a contract; `offline`, as the receipts here show it."""
        terms = contract.terms
        leaves = self._held(contract.id) if offline else self._evidence.releases(contract.id)
        ordered, _ = settlement.arrange(terms, leaves)
        return Spending(
            contract=contract,
            requests=len(ordered),
            units=sum(leaf.request.units for leaf in ordered),
            bill=settlement.bill(terms, ordered, self._credit(contract.id, offline=offline)),
            days=settlement.by_day(terms, ordered),
        )

    def sheet(self, day: dt.date, contracts: Iterable[str], more: Iterable[Path] = ()) -> Sheet:
        """Return this side's releases of a day: the buyer's from receipts, else from the log."""
        leaves: list[ReleaseLeaf] = []
        paths = list(more)
        for contract in contracts:
            if self.side == "receipts":
                leaves += self._held(contract)
                leaves += [facts.leaf for facts in self._others(contract, paths)]
            else:
                leaves += self._evidence.releases(contract)
        return self._sheet(self.side, self._session.profile.key_id, day, leaves)

    def reconcile(
        self,
        day: dt.date,
        contracts: Collection[str],
        theirs: Sheet | None = None,
        more: Iterable[Path] = (),
    ) -> tuple[Match, ...]:
        """Return every request of the day, on this side and the other, with what is wrong.

        Without `theirs`, a buyer's receipts are held against the node's log.
        """
        ours = self.sheet(day, contracts, more)
        if theirs is None:
            leaves = [leaf for name in contracts for leaf in self._evidence.releases(name)]
            operator = key_id(self._session.suite, self._session.profile.node.operator_key)
            theirs = self._sheet("log", operator, day, leaves)
        return reconcile(ours, theirs, [b64decode(contract) for contract in contracts])

    def _sheet(self, side: Side, party: str, day: dt.date, leaves: list[ReleaseLeaf]) -> Sheet:
        return make_sheet(self._session.suite.id, side, party, day, leaves)

    def _held(self, contract: str) -> list[ReleaseLeaf]:
        return [receipt.facts.leaf for receipt in self._evidence.kept_receipts(contract)]

    def _others(self, contract: str, more: Iterable[Path]) -> list[VerifiedReceipt]:
        found = [verify_receipt(read_receipt(path), self._session.trust) for path in more]
        return [facts for facts in found if b64encode(facts.contract) == contract]

    def _registered(self, parties: Collection[str]) -> frozenset[str]:
        """Return the names of all instance keys that the log says were these parties'."""
        leaves = (leaf for leaf in self._evidence.leaves() if leaf.type == "instance.registered")
        return frozenset(
            str(leaf.fields.get("key")) for leaf in leaves if leaf.fields.get("party") in parties
        )
