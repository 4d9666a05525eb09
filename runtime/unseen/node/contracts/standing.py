"""Contracts in force under other labels, rules, rows or columns: suspended, or taken up again.

What is asked is what a new contract would be asked, by the clauses that look at labels and at the
table. Steps are computed before the change is made and written in one transaction with it, so that
no request is charged in between.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unseen.evidence import canonical
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import PARAMETER as ENCRYPTED
from unseen.evidence.contracts.joint import joint_of
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.training.clause import PARAMETER as TRAIN
from unseen.evidence.errors import TransitionError
from unseen.node.catalog.catalogue import Table
from unseen.node.context import Node
from unseen.node.contracts.builder import start_epoch
from unseen.node.contracts.clauses import CLAUSES
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.compile import against
from unseen.node.contracts.offering import offer_for
from unseen.node.contracts.register import Contract
from unseen.node.contracts.rules import Rules
from unseen.node.contracts.stops import Hold, Lift, Order
from unseen.node.kinds.kind import KINDS
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import UnseenError

_logger = logging.getLogger("unseen.node.contracts")
BY = "node:rules"  # whose stop it is: only labels and rules lift it
CAUSE = "no longer compiles: "
_MAX_CAUSE = 500
_AGAIN_SECONDS = 15.0
_IN_FORCE = (State.ACTIVE, State.SUSPENDED)
_STANDING = tuple(clause for clause in CLAUSES if clause.standing)


Steps = tuple[Hold | Lift, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """The ids of the contracts that a change has suspended or taken up again."""

    suspended: tuple[str, ...]
    resumed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move(Change[list[Contract]]):
    """Take `steps`, with nothing else changing."""

    steps: Steps

    def apply(self, transaction: Transaction) -> list[Contract]:
        """Write the contracts that move."""
        return take(transaction, self.steps)


def ask_of(terms: Terms) -> Ask:
    """Return what was asked for when `terms` were made. The template is not asked about again."""
    return Ask(
        scenario=terms.scenario,
        outputs=terms.outputs,
        quota=terms.quota,
        period=terms.period,
        openings=terms.openings,
        nonce=terms.nonce,
        order=terms.order,
        region=terms.region,
        group=terms.group,
        budget=terms.budget,
        declarations=terms.declarations,
        joint=_joint(terms),
        train=_clause(terms, TRAIN),
        encrypted=_clause(terms, ENCRYPTED),
        way=terms.protocol if len(KINDS[terms.kind].ways) > 1 else "",
        agreed=terms,
    )


def _joint(terms: Terms) -> bytes:
    clause = joint_of(terms.parameters)
    return b"" if clause is None else clause.encode()


def _clause(terms: Terms, name: str) -> bytes:
    return canonical.encode(terms.parameters[name]) if name in terms.parameters else b""


def offer_now(node: Node, contract: Contract) -> Offer:
    """Return what the contract's buyer can be offered now, but for this contract itself."""
    terms = contract.terms
    offer = offer_for(node, contract.buyer, terms.product, but=contract.id)
    signers = replace(offer.signers, holder=terms.holder, approver=terms.approver)
    return replace(offer, signers=signers)


def against_contract(
    node: Node, contract: Contract, table: Table | None = None, rules: Rules | None = None
) -> tuple[UnseenError, ...]:
    """Return what stands against a contract, under `table` and `rules` where these are given."""
    offer = offer_now(node, contract)
    if table is not None and table.name == contract.terms.table:
        offer = replace(offer, table=table)
    elif table is not None and table.name == offer.product.joined:
        offer = replace(offer, joined=table)
    if rules is not None:
        offer = replace(offer, rules=rules)
    return against(ask_of(contract.terms), offer, _STANDING)


def steps(node: Node, table: Table | None = None, rules: Rules | None = None) -> Steps:
    """Return the steps that contracts take when `table` or `rules` come into force."""
    found: list[Hold | Lift] = []
    for contract in node.contracts.all():
        if table is not None and not _reads(node, contract, table.name):
            continue
        if contract.state not in _IN_FORCE:
            continue
        ours = any(stop.by == BY for stop in node.stops.of(contract.id))
        errors = against_contract(node, contract, table, rules)
        if errors and not ours:
            order = Order(by=BY, cause=_cause(errors))
            found.append(Hold(node.suite, node.jobs.kinds, contract.id, order))
        elif ours and not errors:
            found.append(Lift(node.suite, contract.id, Order(by=BY, cause="compiles again")))
    return tuple(found)


def _reads(node: Node, contract: Contract, table: str) -> bool:
    product = node.catalogue.product(contract.terms.product)
    return table in (product.table, product.joined)


def take(transaction: Transaction, steps: Steps) -> list[Contract]:
    """Take each step that the contract's state still allows; return the contracts that moved."""
    moved = []
    for step in steps:
        try:
            moved.append(step.apply(transaction))
        except TransitionError:  # it has ended meanwhile
            continue
    return moved


def follow(node: Node, moved: Sequence[Contract]) -> Moved:
    """Follow the store after steps were taken; build the tables that contracts still miss."""
    if moved:
        node.stops.reload()
        node.jobs.look()
    for contract in moved:
        node.contracts.put(contract)
        if lacks_table(node, contract):
            start_epoch(node, contract)
    return Moved(
        tuple(each.id for each in moved if each.state is State.SUSPENDED),
        tuple(each.id for each in moved if each.state is State.ACTIVE),
    )


def lacks_table(node: Node, contract: Contract) -> bool:
    """Return whether a lookup in force has no epoch over the newest snapshot of its table."""
    if contract.state is not State.ACTIVE or contract.terms.kind != "lookup":
        return False
    newest = node.catalogue.table(contract.terms.table).snapshot.commitment
    return not node.epochs.answers(contract.id, over=newest)


async def settle(node: Node) -> None:
    """Suspend or take up whatever labels, rules and tables say now."""
    if steps_now := steps(node):
        follow(node, await node.writer.submit(Move(steps_now)))


def look_again(node: Node) -> None:
    """Settle in the background, for a contract that came into force while a table changed."""
    task = asyncio.create_task(_settle_between(node))
    node.background.add(task)
    task.add_done_callback(node.background.discard)


async def _settle_between(node: Node) -> None:
    while True:
        try:
            async with node.proposing:
                await settle(node)
        except UnseenError as error:  # nothing was written, as on a full disk
            _logger.error("contracts wait to be suspended or resumed: %s", error.reason)  # noqa: TRY400
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


def _cause(errors: Sequence[UnseenError]) -> str:
    return f"{CAUSE}{'; '.join(f'{error.clause}: {error}' for error in errors)}"[:_MAX_CAUSE]
