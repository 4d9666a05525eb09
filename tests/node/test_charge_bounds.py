"""A charge at its edges: bits, the window of a held request, consents that end meanwhile."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests.node.conftest import NOW, UNTIL, Store, let_out
from tests.node.test_charge import apply, books, charge, contract_in
from tests.node.test_consent_register import A, Register, entry, register

from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.states import State
from unseen.evidence.log import decode_leaf
from unseen.evidence.registry.mandated import FOREVER
from unseen.evidence.releases.request import MAX_HELD_AGE, MAX_REQUEST_AGE
from unseen.node.consent.charging import Consented
from unseen.node.consent.reading import Permit
from unseen.node.contracts.register import Contract, Contracts
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import Charged, find_charge, stored_charge
from unseen.node.release import gate
from unseen.node.release.gate import Released
from unseen.node.store.schema import charges, contracts, leaves
from unseen.node.store.schema_jobs import stops

Maker = Callable[..., Contract]
SECOND = dt.timedelta(seconds=1)
__all__ = ["contract_in", "register"]


def let_out_as(operation: Charge, **changes: Any) -> Charge:
    """Return the charge of what the gate let out with `changes`."""
    released = operation.released
    fields = {name: getattr(released, name) for name in Released.__slots__}
    return dataclasses.replace(operation, released=Released(gate._SEAL, **fields | changes))


def leaf_at(store: Store, index: int) -> dict[str, Any]:
    with store.engine.connect() as connection:
        query = select(leaves.c.body).where(leaves.c.leaf_index == index)
        return dict(decode_leaf(connection.execute(query).scalar_one()))


@pytest.mark.parametrize("window", [MAX_REQUEST_AGE, MAX_HELD_AGE])
def test_a_request_is_charged_within_its_window_and_a_held_one_within_a_longer(
    store: Store, contract_in: Maker, window: dt.timedelta
) -> None:
    contract, longer = contract_in(), window is MAX_HELD_AGE
    terms = contract.terms
    start, until = NOW - 2 * MAX_HELD_AGE, NOW + 2 * MAX_HELD_AGE
    wide = dataclasses.replace(
        terms, period=dataclasses.replace(terms.period, start=start, until=until)
    )
    contract = dataclasses.replace(contract, terms=wide)
    late, due = (charge(contract, number) for number in range(2))
    if longer:
        late, due = let_out_as(late, since=3), let_out_as(due, since=3)
    assert apply(store, [late], NOW + window + SECOND) == ["REQUEST_OUTDATED"]
    (charged,) = apply(store, [due], NOW + window)
    assert charged.total == 1
    assert leaf_at(store, charged.leaf_index).get("since", 0) == (3 if longer else 0)


def test_bits_are_said_up_to_the_last_one_that_the_plan_allows(
    store: Store, contract_in: Maker
) -> None:
    contract = contract_in(units=2)
    assert contract.plan.release is not None
    most, each = contract.plan.release.bits_in_all, contract.plan.bits_per_unit
    assert most == 2 * each
    with store.engine.begin() as connection:
        connection.execute(update(contracts).values(bits_used=most - each + 1))
    assert apply(store, [charge(contract)]) == ["BITS_EXHAUSTED"]
    with store.engine.begin() as connection:
        connection.execute(update(contracts).values(bits_used=most - each))
    first, second = apply(store, [charge(contract), charge(contract, 1)])
    assert (first.bits_used, second) == (most, "BITS_EXHAUSTED")


def test_a_mandate_covers_a_charge_until_the_moment_it_ends(
    store: Store, contract_in: Maker
) -> None:
    contract = contract_in()
    operation = charge(contract)
    assert operation.covered == FOREVER
    ended = dataclasses.replace(operation, covered=NOW)
    assert apply(store, [ended]) == ["MANDATE_REFUSED"]
    (charged,) = apply(store, [dataclasses.replace(operation, covered=NOW + SECOND)])
    assert charged.total == 1


def test_nothing_is_charged_while_the_node_is_stopped(store: Store, contract_in: Maker) -> None:
    contract = contract_in()
    row = dict.fromkeys(("by", "cause", "document", "stopped_at", "lifted_at"), "")
    with store.engine.begin() as connection:
        others = [row | {"target": target, "cause": "not the node's"} for target in ("A", "z")]
        connection.execute(insert(stops), others)
    (charged,) = apply(store, [charge(contract, 1)])
    with store.engine.begin() as connection:
        connection.execute(insert(stops), [row | {"target": "node", "cause": "a fire"}])
    assert apply(store, [charge(contract)]) == ["NODE_STOPPED"]
    with store.engine.begin() as connection:
        connection.execute(update(stops).values(lifted_at="2026-11-22T05:31:00Z"))
    (after,) = apply(store, [charge(contract)])
    assert (charged.total, after.total) == (1, 2)


@pytest.mark.parametrize("other", ["contract", "request"])
def test_what_the_gate_let_out_for_another_run_is_not_charged(
    store: Store, contract_in: Maker, other: str
) -> None:
    contract = contract_in()
    operation = charge(contract)
    assert apply(store, [let_out_as(operation, **{other: "x"})]) == ["INTERNAL"]
    assert books(store, contract) == (0, "active", 0, [])
    forged: Any = operation.released.parts
    assert apply(store, [dataclasses.replace(operation, released=forged)]) == ["INTERNAL"]


def test_a_reply_that_is_kept_elsewhere_is_not_kept_twice(store: Store, contract_in: Maker) -> None:
    contract = contract_in()
    operation = dataclasses.replace(charge(contract), kept=False)
    (charged,) = apply(store, [operation])
    assert charged.reply == ()
    with store.engine.connect() as connection:
        row = find_charge(connection, contract.id, operation.request.request)
        assert row is not None
        assert (row.reply, row.units, row.epoch, row.instance) == (None, 1, 1, operation.instance)
        assert row.leaf_index == charged.leaf_index
        again = stored_charge(
            connection, contract.id, operation.request.request, operation.statement_digest
        )
        assert stored_charge(connection, contract.id, "f" * 32, "") is None
    assert again is not None
    assert (again.reply, again.leaf, again.total, again.state) == ((), None, None, None)


def test_contracts_in_memory_follow_a_new_charge_alone(store: Store, contract_in: Maker) -> None:
    contract = contract_in(units=2)
    register = Contracts(store.engine)
    (charged,) = apply(store, [charge(contract, units=2)])
    (again,) = apply(store, [charge(contract, units=2)])
    again.follow(register, contract.id)
    assert register.get(contract.id).units_used == 0
    charged.follow(register, contract.id)
    found = register.get(contract.id)
    assert (found.units_used, found.state) == (2, State.EXHAUSTED)
    assert found.bits_used == charged.bits_used == 2 * contract.plan.bits_per_unit
    for missing in ("total", "state"):
        half = dataclasses.replace(charged, **{missing: None}, bits_used=999)
        half.follow(register, contract.id)
    assert register.get(contract.id) == found


class TestConsent:
    def test_the_root_in_force_stands_in_the_leaf(
        self, store: Store, contract_in: Maker, register: Register
    ) -> None:
        contract = contract_in()
        root = register.put(entry(A))
        asked = Consented(register.tree, None, None)
        (charged,) = apply(store, [dataclasses.replace(charge(contract), consent=asked)])
        leaf = leaf_at(store, charged.leaf_index)
        assert b64decode(leaf["consent_root"]) == root.root

    def test_who_still_consents_is_answered(
        self, store: Store, contract_in: Maker, register: Register
    ) -> None:
        contract, lasting = contract_in(), entry(A)
        register.put(lasting)
        permit = Permit(lasting.id, once=False)
        operation = charge(contract, reply=b"found")
        withheld = let_out(contract, operation.request, (b"nothing",))
        asked = Consented(register.tree, permit, withheld)
        (charged,) = apply(store, [dataclasses.replace(operation, consent=asked, billed=1)])
        assert charged.reply == (b"found",)
        assert leaf_at(store, charged.leaf_index)["billed"] == 1

    @pytest.mark.parametrize("billed", [None, 1])
    def test_who_withdrew_meanwhile_is_answered_as_if_nobody_had_been_found(
        self, store: Store, contract_in: Maker, register: Register, billed: int | None
    ) -> None:
        contract, gone = contract_in(), entry(A)
        register.put(gone)
        register.end(gone.id)
        operation = charge(contract, reply=b"found")
        withheld = let_out(contract, operation.request, (b"nothing",))
        asked = Consented(register.tree, Permit(gone.id, once=False), withheld)
        (charged,) = apply(store, [dataclasses.replace(operation, consent=asked, billed=billed)])
        assert charged.reply == (b"nothing",)
        assert charged.total == 1
        leaf = leaf_at(store, charged.leaf_index)
        assert leaf.get("billed") == (None if billed is None else 0)
        with store.engine.connect() as connection:
            row = connection.execute(select(charges)).one()
        assert b"nothing" in row.reply
        assert b"found" not in row.reply

    def test_a_held_reply_of_who_withdrew_is_not_charged(
        self, store: Store, contract_in: Maker, register: Register
    ) -> None:
        contract, gone = contract_in(), entry(A)
        register.put(gone)
        register.end(gone.id)
        asked = Consented(register.tree, Permit(gone.id, once=False), None)
        operation = dataclasses.replace(charge(contract), consent=asked)
        assert apply(store, [operation]) == ["CONSENT_NOT_FOUND"]
        assert books(store, contract)[:3] == (0, "active", 0)

    def test_a_consent_for_one_use_answers_one_of_a_group(
        self, store: Store, contract_in: Maker, register: Register
    ) -> None:
        contract, once = contract_in(), entry(A, once=True)
        register.put(once)
        permit = Permit(once.id, once=True)
        group = []
        for number in range(2):
            operation = charge(contract, number, reply=b"found")
            withheld = let_out(contract, operation.request, (b"nothing",))
            asked = Consented(register.tree, permit, withheld)
            group.append(dataclasses.replace(operation, consent=asked))
        first, second = apply(store, group)
        assert (first.reply, second.reply) == ((b"found",), (b"nothing",))
        assert (first.total, second.total) == (1, 2)


def test_the_period_s_last_second_is_charged(store: Store, contract_in: Maker) -> None:
    contract = contract_in()
    last = UNTIL - SECOND
    operation = charge(contract)
    request = dataclasses.replace(operation.request, issued_at=last)
    (charged,) = apply(store, [dataclasses.replace(operation, request=request)], last)
    assert isinstance(charged, Charged)


def test_a_charge_does_not_show_what_it_paid_for(store: Store, contract_in: Maker) -> None:
    (charged,) = apply(store, [charge(contract_in(), reply=b"the reply")])
    assert charged.leaf
    for hidden in ("the reply", "leaf="):
        assert hidden not in repr(charged)
