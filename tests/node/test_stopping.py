"""Contracts without units left: held, let go on, and ended; no unit more for any of it."""

import dataclasses
from typing import Any

import pytest
from tests.node.conftest import NOW, Store
from tests.node.gating import GOOD, Gatehouse, made
from tests.node.holding import log_of

from unseen.evidence.contracts.states import Event, State
from unseen.evidence.errors import TransitionError
from unseen.evidence.suite import INTL
from unseen.node.contracts.decide import Deny, Usage, decide
from unseen.node.contracts.register import Contract, Step
from unseen.node.contracts.stops import Hold, Lift, Order
from unseen.node.errors import ContractNotActiveError, QuotaExhaustedError, ReplyHeldError
from unseen.node.metering.metered import check_held
from unseen.node.store.writer import Change
from unseen.protocols.errors import UnseenError


@pytest.fixture
async def house(store: Store) -> Gatehouse:
    """Return a node whose one contract has no unit left."""
    serving = Gatehouse(store, made("verify", units=1))
    vars(serving.node)["stopped"] = None
    await serving.pay(*GOOD["verify"], number=0)
    assert serving.contract.state is State.EXHAUSTED
    return serving


async def taken(house: Gatehouse, change: Change[Contract]) -> Contract:
    return house.node.contracts.put(await house.store.writer.submit(change))


def hold(house: Gatehouse, by: str) -> Hold:
    return Hold(INTL, {}, house.identifier, Order(by=by, cause="looked into"))


def lift(house: Gatehouse, by: str) -> Lift:
    return Lift(INTL, house.identifier, Order(by=by, cause="unfounded"))


def steps(house: Gatehouse) -> list[Any]:
    kinds = [leaf["type"] for leaf in log_of(house.store)]
    return [kind for kind in kinds if kind.startswith(("contract.", "stop."))]


async def test_its_replies_are_held_until_it_goes_on(house: Gatehouse) -> None:
    check_held(house.node, house.contract)
    held = await taken(house, hold(house, "operator"))
    assert (held.state, held.cause) == (State.SUSPENDED, "looked into")
    with pytest.raises(ReplyHeldError):
        check_held(house.node, held)
    again = await taken(house, lift(house, "operator"))
    assert (again.state, again.cause, again.units_used) == (State.EXHAUSTED, "", 1)
    check_held(house.node, again)
    assert house.start().contracts.get(house.identifier) == again
    assert steps(house) == [
        "contract.exhausted",
        "contract.suspended",
        "contract.resumed",
        "contract.exhausted",
    ]


async def test_it_goes_on_when_the_last_who_held_it_says_so(house: Gatehouse) -> None:
    for by in ("operator", "ministry"):
        await taken(house, hold(house, by))
    assert (await taken(house, lift(house, "operator"))).state is State.SUSPENDED
    assert (await taken(house, lift(house, "ministry"))).state is State.EXHAUSTED


async def test_no_unit_is_allowed_for_having_been_held(house: Gatehouse) -> None:
    held = await taken(house, hold(house, "operator"))
    assert isinstance(denied(house, held), ContractNotActiveError)
    again = await taken(house, lift(house, "operator"))
    assert isinstance(denied(house, again), QuotaExhaustedError)
    one_active = dataclasses.replace(again, state=State.ACTIVE)
    assert isinstance(denied(house, one_active), QuotaExhaustedError)


def denied(house: Gatehouse, contract: Contract) -> UnseenError:
    request, usage = house.request(1), Usage(contract.units_used)
    verdict = decide(contract.terms, contract.state, request, usage, NOW)
    assert isinstance(verdict, Deny)
    return verdict.error


async def test_it_is_ended_for_good(house: Gatehouse) -> None:
    ended = await taken(house, Step(house.identifier, Event.REVOKE, "operator", "a leak"))
    assert ended.state is State.REVOKED
    with pytest.raises(TransitionError):
        await taken(house, hold(house, "operator"))


async def test_one_with_units_left_goes_on_as_before(store: Store) -> None:
    serving = Gatehouse(store, made("verify", units=2))
    await serving.pay(*GOOD["verify"], number=0)
    await taken(serving, hold(serving, "operator"))
    after = await taken(serving, lift(serving, "operator"))
    assert (after.state, after.cause) == (State.ACTIVE, "unfounded")
    assert steps(serving) == ["contract.suspended", "contract.resumed"]
