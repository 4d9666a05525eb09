"""What a regulator and a buyer do about an order, each step checked before it is written down."""

import asyncio
from datetime import datetime

from sqlalchemy import select

from unseen.evidence.oversight.order import check_draw, verify_draw, verify_order
from unseen.evidence.oversight.response import Parts, item_bytes, max_parts, verify_response
from unseen.evidence.releases.request import MAX_REQUEST_AGE
from unseen.evidence.suite import suite_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.contracts.viewing import visible
from unseen.node.errors import (
    FieldInvalidError,
    InstanceUnknownError,
    OrderStateError,
    OverloadedError,
    PartyNotFoundError,
    ReleaseNotFoundError,
    RequestOutdatedError,
)
from unseen.node.identity.parties import Caller, Instance, Party
from unseen.node.identity.rights import Role
from unseen.node.openings.parts import put_part, read_part
from unseen.node.openings.register import (
    PutDraw,
    PutOrder,
    PutResponse,
    Standing,
    no_order,
)
from unseen.node.store.schema import charges

_MAX_ORDERS = 1000  # under one contract
_MAX_RESPONSES = 16  # of one instance to one order
_MAX_OF_ORDER = 512  # of all the buyer's instances
_MAX_BYTES = 2 << 20


def seen(node: Node, who: Caller, identifier: str) -> Standing:
    """Return an order that the caller may see: under a contract that it may see.

    Raises:
        OrderNotFoundError: none of this id, or one the caller may not see: these look the same.

    """
    standing = node.orders.get(identifier)
    if not visible(node, who, node.contracts.get(standing.contract)):
        raise no_order()
    return standing


def listed(node: Node, who: Caller, contract: str) -> list[Standing]:
    """Return the orders that the caller may see, oldest first; of one contract if given."""
    found = node.orders.of(contract) if contract else node.orders.all()
    return [one for one in found if visible(node, who, node.contracts.get(one.contract))]


def waiting(node: Node, who: Caller) -> int:
    """Return how many orders wait for the caller's instance."""
    if who.role is not Role.BUYER or not node.orders:
        return 0
    instance = _known_instance(node, who)
    if instance is None:
        return 0
    return node.orders.waiting(
        who.party, instance.key_id, lambda contract: node.contracts.get(contract).buyer
    )


async def submit(node: Node, who: Caller, contract: Contract, token: str) -> Standing:
    """Take a regulator's order.

    Raises:
        OrderInvalidError, SignatureInvalidError: it is not one under this contract.
        RequestOutdatedError: it was signed too long ago, or its deadline has passed.
        ReleaseNotFoundError: it names a request that was never released under the contract.

    """
    order = verify_order(token, contract.terms)
    party = _party(node, who.party)
    if party.key_id != order.regulator:
        raise FieldInvalidError("another party's order", clause="order.regulator")
    now = node.clock.now()
    if abs(now - order.issued_at) > MAX_REQUEST_AGE or order.deadline <= now:
        raise RequestOutdatedError(
            "the order was signed too long before, or after, the node's time",
            clause="order.issued_at",
            remedy="set the clock right and give the order anew: unseen audit order",
        )
    if len(node.orders.of(contract.id)) >= _MAX_ORDERS:
        raise OverloadedError(
            f"{_MAX_ORDERS} orders stand under this contract",
            clause="orders",
            remedy="order under another contract, or have the log read: unseen audit export",
        )
    known = _units(node, contract, order.requests)
    for request in order.requests:
        if request not in known:
            raise _no_release(request)
    change = PutOrder(suite_of(order.suite), contract.id, who.party, token, order)
    return node.orders.put(await node.writer.submit(change))


async def draw(node: Node, who: Caller, standing: Standing, token: str) -> Standing:
    """Take the draw of an order's sample, if it is the one that order, salt and log lead to.

    Raises:
        OrderInvalidError, SignatureInvalidError: it is another one, or not the regulator's.
        OrderStateError: the order names its requests, or another draw stands.

    """
    if standing.order.sample is None:
        raise OrderStateError("the order names its requests", clause="order.sample")
    if standing.by != who.party:
        raise no_order()
    found = verify_draw(token, standing.order, standing.id_bytes)
    size = standing.index + 1
    if (found.size, found.root) != (size, node.log.root(size)):
        raise FieldInvalidError(
            "the draw is not under the log's head right after the order",
            clause="draw.root",
            remedy="draw anew: unseen audit draw ORDER",
        )
    check_draw(found, standing.order.sample.count, _population(node, standing))
    suite = suite_of(standing.order.suite)
    change = PutDraw(suite, standing.id, token, found.requests)
    return node.orders.put(await node.writer.submit(change))


async def take_part(
    node: Node, who: Caller, standing: Standing, request: str, number: int, ciphertext: bytes
) -> None:
    """Keep one part of what the caller's instance opens.

    Raises:
        ReleaseNotFoundError: the order does not want this request.
        OrderStateError: this instance has opened it already.

    """
    instance = _instance(node, who)
    if request not in standing.wanted:
        raise _no_release(request)
    if request not in standing.open_by(instance.key_id):
        raise OrderStateError(
            "this request is opened already, or this instance has said that it is not its own",
            clause="response.opened",
            remedy="see what is missing: unseen audit orders",
        )
    contract = _contract(node, standing)
    (units,) = _units(node, contract, (request,)).values()
    if not 0 <= number < _max_parts(contract, units):
        raise FieldInvalidError("the request has not that many parts", clause="number")
    place = (instance.key_id, request, number)
    # On a thread: it waits for the disk, and others must not wait for that.
    await asyncio.to_thread(put_part, node.home, standing.id, place, ciphertext)


async def respond(node: Node, who: Caller, standing: Standing, token: str) -> Standing:
    """Take an instance's response, whose parts are in place. One that is late is taken and shows.

    Raises:
        ResponseInvalidError, SignatureInvalidError, InstanceInvalidError: not this instance's.
        ReleaseNotFoundError: it is about a request that the order does not want.
        PartNotFoundError: a part is missing.

    """
    if any(one.token == token for one in standing.responses):
        return standing
    contract, instance = _contract(node, standing), _instance(node, who)
    buyer = _party(node, contract.buyer)
    found = verify_response(token, standing.id_bytes, contract.terms, buyer.key)
    if found.instance.key_id != instance.key_id:
        raise InstanceUnknownError(
            "the response is by another instance than the one that hands it over",
            clause="response.certification",
            remedy="respond in the home that asked: unseen audit answer ORDER",
        )
    _check_time(node.clock.now(), found.response.issued_at)
    _check_room(standing, instance.key_id, token)
    for request in found.response.requests:
        if request not in standing.open_by(instance.key_id):
            raise _no_release(request)
    units = _units(node, contract, tuple(parts.request for parts in found.response.opened))
    for parts in found.response.opened:
        await asyncio.to_thread(
            _check_parts,
            node,
            standing,
            instance.key_id,
            parts,
            _max_parts(contract, units[parts.request]),
        )
    change = PutResponse(
        suite_of(contract.terms.suite),
        standing.id,
        who.party,
        instance.key_id,
        token,
        found.response,
    )
    return node.orders.put(await node.writer.submit(change))


def fetch_part(node: Node, who: Caller, standing: Standing, place: tuple[str, str, int]) -> bytes:
    """Return a part to the party that gave the order.

    Raises:
        OrderNotFoundError: it is another party's order.
        PartNotFoundError: there is none at this place.

    """
    if standing.by != who.party:
        raise no_order()
    return read_part(node.home, standing.id, place)


def _check_room(standing: Standing, instance: str, token: str) -> None:
    """Refuse what would make the order too long for its regulator to fetch."""
    own = sum(one.instance == instance for one in standing.responses)
    size = sum(len(one.token) for one in standing.responses) + len(token)
    for found, most, what in (
        (own + 1, _MAX_RESPONSES, "responses of this instance"),
        (len(standing.responses) + 1, _MAX_OF_ORDER, "responses"),
        (size, _MAX_BYTES, "bytes of responses"),
    ):
        if found > most:
            raise OverloadedError(
                f"an order takes at most {most} {what}",
                clause="responses",
                remedy="nothing more can be said to this order",
            )


def _check_parts(node: Node, standing: Standing, instance: str, parts: Parts, most: int) -> None:
    if len(parts.digests) > most:
        raise FieldInvalidError("a request has not that many parts", clause="response.opened")
    suite = suite_of(standing.order.suite)
    for number, digest in enumerate(parts.digests):
        data = read_part(node.home, standing.id, (instance, parts.request, number))
        if suite.digest(data) != digest:
            raise FieldInvalidError(
                f"part {number} of request {parts.request} is another one than was handed over",
                clause="response.opened",
                remedy="hand it over again: unseen audit answer ORDER",
            )


def _check_time(now: datetime, signed: datetime) -> None:
    if abs(now - signed) > MAX_REQUEST_AGE:
        raise RequestOutdatedError(
            "the response was signed too long before, or after, the node's time",
            clause="response.issued_at",
            remedy="set the clock right and answer anew: unseen audit answer ORDER",
        )


def _population(node: Node, standing: Standing) -> list[str]:
    """Return the ids of the releases under the order's contract that came before it."""
    with node.engine.connect() as connection:
        return list(
            connection.execute(
                select(charges.c.request).where(
                    charges.c.contract == standing.contract,
                    charges.c.leaf_index < standing.index,
                )
            ).scalars()
        )


def _max_parts(contract: Contract, units: int) -> int:
    """Return how many parts open a request of so many units."""
    plan = contract.plan
    return max_parts(units, item_bytes(plan), plan.evaluations)


def _units(node: Node, contract: Contract, requests: tuple[str, ...]) -> dict[str, int]:
    """Return the units of those of `requests` that were released under the contract."""
    with node.engine.connect() as connection:
        rows = connection.execute(
            select(charges.c.request, charges.c.units).where(
                charges.c.contract == contract.id, charges.c.request.in_(requests)
            )
        )
        return {row.request: row.units for row in rows}


def _contract(node: Node, standing: Standing) -> Contract:
    return node.contracts.get(standing.contract)


def _party(node: Node, name: str) -> Party:
    party = node.parties.get(name)
    if party is None:
        raise PartyNotFoundError("the party is not enrolled", clause="party")
    return party


def _known_instance(node: Node, who: Caller) -> Instance | None:
    party = node.parties.get(who.party)
    return None if party is None else party.instances.get(who.instance)


def _instance(node: Node, who: Caller) -> Instance:
    instance = _known_instance(node, who)
    if instance is None:
        raise InstanceUnknownError(
            "this client instance has shown no certification by its party",
            clause="identity.instance",
            remedy="certify it again: unseen instance add NAME",
        )
    return instance


def _no_release(request: str) -> ReleaseNotFoundError:
    return ReleaseNotFoundError(
        f"no release of request {request} that could be opened here",
        clause="request",
        remedy="see what was released under the contract: unseen audit tail",
    )
