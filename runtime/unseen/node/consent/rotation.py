"""When a lookup's table has to be built anew because somebody who is in it has withdrawn.

Withdrawals are gathered: the new epoch begins as late as the contract's latency allows, less what
a build takes, and serves all of them at once. If it is not ready in time the old one stops
answering. Consents that were given, or whose time is over, follow the same clock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from unseen.evidence.canonical import format_time, parse_time
from unseen.evidence.contracts.states import State
from unseen.node.context import Node
from unseen.node.contracts.epochs import Epoch
from unseen.node.contracts.register import Contract
from unseen.node.errors import EpochNotReadyError
from unseen.node.store.schema_consent import consent_epochs, consents, delegations

BUILD = "build"  # the kind of job that builds a table
SWEEP = timedelta(seconds=15)  # how often anybody looks
_LEAST_BUILD = timedelta(seconds=5)

_OF_USE = and_(
    consents.c.recipient == bindparam("recipient"),
    consents.c.scenario == bindparam("scenario"),
    consents.c.table_name == bindparam("table"),
    consents.c.once == 0,
)
_HELD = and_(
    consents.c.added <= bindparam("number"),
    or_(consents.c.ended.is_(None), consents.c.ended > bindparam("number")),
    consents.c.until > bindparam("since"),
)
_FIRST_ENDED = select(func.min(consents.c.ended_at)).where(_OF_USE, _HELD)
_FIRST_OVER = select(func.min(consents.c.until)).where(
    _OF_USE, _HELD, consents.c.ended.is_(None), consents.c.until <= bindparam("now")
)
_FIRST_GIVEN = select(func.min(consents.c.added_at)).where(
    _OF_USE,
    consents.c.added > bindparam("number"),
    consents.c.ended.is_(None),
    consents.c.until > bindparam("now"),
)
# Given under a delegation that was taken back with all of it: they count no more, and end one chunk
# after the other.
_ENDING = (
    select(consents.c.id)
    .join(delegations, consents.c.delegation == delegations.c.id)
    .where(_OF_USE, consents.c.ended.is_(None), delegations.c.ends_consents == 1)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Lag:
    """Since when an epoch lacks what has changed: somebody who left, somebody who came."""

    left: datetime | None
    came: datetime | None


def note_ended(node: Node, uses: set[tuple[str, str, str]]) -> None:
    """See to the tables that hold rows whose consents have just ended, whoever may ask them now."""
    now = node.clock.now()
    for contract, _ in _serving(node):
        rule = contract.terms.consent
        if rule and (contract.terms.buyer, rule.scenario, contract.terms.table) in uses:
            deadline = now + timedelta(seconds=rule.latency_seconds)
            known = node.consents.deadlines.get(contract.id, deadline)
            node.consents.deadlines[contract.id] = min(known, deadline)
            if timedelta(seconds=rule.latency_seconds) <= _reserve(node, contract):
                node.consents.hurry.set()


def look_again(node: Node, contract: str) -> None:
    """Set the deadline of a contract whose table was just built, by what has changed meanwhile."""
    node.consents.deadlines.pop(contract, None)
    for serving, epoch in _serving(node):
        rule = serving.terms.consent
        if serving.id == contract and rule is not None:
            with node.engine.connect() as connection:
                lag = lag_of(connection, serving, epoch, node.clock.now())
            _set_deadline(node, serving.id, lag, timedelta(seconds=rule.latency_seconds))


def check_deadline(node: Node, contract: str) -> None:
    """Return if the contract's present table may still answer.

    Raises:
        EpochNotReadyError: it holds somebody who withdrew longer ago than the contract allows.

    """
    deadline = node.consents.deadlines.get(contract)
    if deadline is None or node.clock.now() < deadline:
        return
    if failure := node.epochs.newest_failure(contract):
        raise EpochNotReadyError(
            f"consents were withdrawn, and the table without them could not be built ({failure})",
            clause="epoch.failed",
            remedy="ask again later; the operator finds the cause in the node's log",
        )
    raise EpochNotReadyError(
        "consents were withdrawn, and the table without them is not built yet",
        clause="consent.latency_seconds",
        remedy="ask again in a moment",
    )


def due(node: Node) -> list[Contract]:
    """Return the contracts whose next epoch has to begin now; sets the deadlines anew."""
    now, found = node.clock.now(), []
    with node.engine.connect() as connection:
        for contract, epoch in _serving(node):
            rule = contract.terms.consent
            if rule is None:
                continue
            lag = lag_of(connection, contract, epoch, now)
            latency = timedelta(seconds=rule.latency_seconds)
            _set_deadline(node, contract.id, lag, latency)
            if contract.state is not State.ACTIVE:
                continue  # it builds nothing now; its deadline counts all the same
            first = min((time for time in (lag.left, lag.came) if time), default=None)
            if first is not None and now >= first + max(latency - _reserve(node, contract), _ZERO):
                found.append(contract)
    return [contract for contract in found if _may_begin(node, contract)]


def over(node: Node) -> list[Contract]:
    """Return the contracts whose epochs end now: their units are used up, so nothing is built anew.

    Left as they are, their tables and stored replies would outlive whoever withdrew.
    """
    now, deadlines = node.clock.now(), node.consents.deadlines
    return [
        contract
        for contract, _ in _serving(node)
        if contract.state is State.EXHAUSTED and now >= deadlines.get(contract.id, _NEVER)
    ]


def _may_begin(node: Node, contract: Contract) -> bool:
    """Return whether no build is under way, nor has failed: then the operator has to act."""
    failed = node.epochs.newest_failure(contract.id) is not None
    return not failed and not node.jobs.live(BUILD, contract.id)


def lag_of(connection: Connection, contract: Contract, epoch: Epoch, now: datetime) -> Lag:
    """Return what has changed for a contract since the rows of its epoch were chosen."""
    rule = contract.terms.consent
    chosen = connection.execute(
        select(consent_epochs).where(
            consent_epochs.c.contract == contract.id, consent_epochs.c.epoch == epoch.number
        )
    ).one_or_none()
    if rule is None or chosen is None:
        return Lag(None, None)
    asked = {
        "recipient": contract.terms.buyer,
        "scenario": rule.scenario,
        "table": contract.terms.table,
        "number": chosen.root,
        "since": chosen.chosen_at,
        "now": format_time(now),
    }
    first = [
        connection.execute(query, asked).scalar_one()
        for query in (_FIRST_ENDED, _FIRST_OVER, _FIRST_GIVEN)
    ]
    left = min((parse_time(time) for time in first[:2] if time), default=None)
    return Lag(left, parse_time(first[2]) if first[2] else None)


def same_people(connection: Connection, contract: Contract, epoch: Epoch, now: datetime) -> bool:
    """Return whether nobody has come or gone since the rows of a contract's epoch were chosen."""
    rule = contract.terms.consent
    if rule is None:
        return True
    use = {
        "recipient": contract.terms.buyer,
        "scenario": rule.scenario,
        "table": contract.terms.table,
    }
    ending = connection.execute(_ENDING, use).first()
    return ending is None and lag_of(connection, contract, epoch, now) == Lag(None, None)


_ZERO = timedelta(0)
_NEVER = datetime.max.replace(tzinfo=UTC)


def _set_deadline(node: Node, contract: str, lag: Lag, latency: timedelta) -> None:
    if lag.left is None:
        node.consents.deadlines.pop(contract, None)
    else:
        node.consents.deadlines[contract] = lag.left + latency


def _reserve(node: Node, contract: Contract) -> timedelta:
    """Return how long before the deadline a build begins: twice its time, and two looks."""
    last = timedelta(seconds=node.consents.seconds.get(contract.id, 0.0))
    return 2 * max(last, _LEAST_BUILD) + 2 * SWEEP


def _serving(node: Node) -> list[tuple[Contract, Epoch]]:
    """Return the contracts with consent that have a table, also while they stand still."""
    return [
        (contract, epoch)
        for epoch in node.epochs.serving()
        for contract in [node.contracts.get(epoch.contract)]
        if contract.terms.consent is not None
    ]
