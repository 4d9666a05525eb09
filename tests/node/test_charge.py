"""The charge within one group: duplicates, reused ids, the last unit, what ended meanwhile."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from tests.node.conftest import NOW, UNTIL, Store, let_out, make_request, put_epoch

from unseen.evidence.contracts.states import State
from unseen.evidence.log import decode_leaf
from unseen.node.contracts.epochs import CLOSED
from unseen.node.contracts.register import Contract
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import Charged, digest_of, stored_charge
from unseen.node.store.schema import charges, contracts, epochs, instances, leaves, parties
from unseen.node.store.writer import Transaction, write_leaves

Maker = Callable[..., Contract]


@pytest.fixture
def contract_in(contract_in: Maker, store: Store) -> Maker:
    def make(*arguments: Any, **named: Any) -> Contract:
        contract = contract_in(*arguments, **named)
        put_epoch(store.engine, contract)
        return contract

    return make


def charge(contract: Contract, number: int = 0, units: int = 1, reply: bytes = b"r") -> Charge:
    request = make_request(contract.terms, units, number=number)
    return Charge(
        contract=contract,
        request=request,
        statement_digest=digest_of(request),
        signature=bytes(64),
        instance="A" * 42 + "A",
        snapshot=bytes(32),
        released=let_out(contract, request, (reply,)),
    )


def apply(store: Store, group: Sequence[Charge], now: dt.datetime = NOW) -> list[Any]:
    with store.engine.begin() as connection:
        transaction = Transaction(connection, now, store.log.size)
        found = Charge.apply_all(transaction, group)
        write_leaves(transaction)
    store.log.extend(transaction.bodies)
    return [each if isinstance(each, Charged) else each.reason for each in found]


def books(store: Store, contract: Contract) -> tuple[int, str, int, list[str]]:
    """Return units used, state, rows charged, and the log's leaf types."""
    with store.engine.connect() as connection:
        row = connection.execute(select(contracts).where(contracts.c.id == contract.id)).one()
        units = connection.execute(select(charges.c.units)).scalars().all()
        bodies = connection.execute(select(leaves.c.body).order_by(leaves.c.leaf_index)).scalars()
        types = [str(decode_leaf(body)["type"]) for body in bodies]
    assert row.units_used == sum(units)
    assert row.bits_used == contract.plan.bits_per_unit * row.units_used
    return row.units_used, row.state, len(units), types


def test_a_charge_is_a_row_a_leaf_and_a_stored_reply(store: Store, contract_in: Maker) -> None:
    contract = contract_in()
    operation = charge(contract, units=3, reply=b"the reply")
    (charged,) = apply(store, [operation])
    assert (charged.leaf_index, charged.total, charged.state) == (0, 3, State.ACTIVE)
    assert books(store, contract) == (3, "active", 1, ["release"])
    with store.engine.connect() as connection:
        arguments = contract.id, operation.request.request, operation.statement_digest
        stored = stored_charge(connection, *arguments)
    assert stored is not None
    assert stored.reply == (b"the reply",)
    assert "the reply" not in repr(stored)


def test_the_same_request_twice_in_a_group_is_one_charge(store: Store, contract_in: Maker) -> None:
    contract = contract_in()
    group = [charge(contract, reply=b"first"), charge(contract, reply=b"second")]
    first, second = apply(store, group)
    assert first.leaf_index == second.leaf_index
    assert second.reply == (b"first",)
    (later,) = apply(store, [charge(contract, reply=b"third")])
    assert later.reply == (b"first",)
    assert books(store, contract) == (1, "active", 1, ["release"])


def test_one_id_with_two_bodies_is_refused_within_a_group_and_after_it(
    store: Store, contract_in: Maker
) -> None:
    contract = contract_in()
    _, second = apply(store, [charge(contract, units=1), charge(contract, units=2)])
    assert second == "REQUEST_ID_REUSED"
    assert apply(store, [charge(contract, units=3)]) == ["REQUEST_ID_REUSED"]
    assert books(store, contract) == (1, "active", 1, ["release"])


@pytest.mark.parametrize("whose", ["party", "instance", "nobody"])
def test_nobody_who_was_revoked_meanwhile_is_charged(
    store: Store, contract_in: Maker, whose: str
) -> None:
    """An audit holds the log to it: after the leaf of a revocation there is no such release."""
    contract = contract_in()
    operation = charge(contract)
    gone = {whose: "2026-11-22T05:30:00Z"}
    key = {"suite": "intl", "evidence_key": bytes(32)}
    party = {
        "name": "lender",
        "role": "buyer",
        "key_id": "P",
        "certificate": b"",
        "enrolled_at": "",
    }
    with store.engine.begin() as connection:
        connection.execute(insert(parties), [{**party, **key, "revoked_at": gone.get("party")}])
        row = {"party": "lender", "name": "desk", "key_id": operation.instance, "until": ""}
        connection.execute(
            insert(instances),
            [
                {
                    **row,
                    "evidence_key": bytes(32),
                    "certification": "",
                    "revoked_at": gone.get("instance"),
                }
            ],
        )
    (outcome,) = apply(store, [operation])
    if whose == "nobody":
        assert outcome.total == 1
    else:
        assert outcome == "CERTIFICATE_REVOKED"
        assert books(store, contract) == (0, "active", 0, [])


def test_the_last_unit_is_given_once_and_exhausts(store: Store, contract_in: Maker) -> None:
    contract = contract_in(units=4)
    group = [charge(contract, number, units=2) for number in range(4)]
    one, two, *rest = apply(store, group)
    assert (one.total, two.total) == (2, 4)
    assert (one.state, two.state) == (State.ACTIVE, State.EXHAUSTED)
    assert rest == ["QUOTA_EXHAUSTED"] * 2
    wanted = (4, "exhausted", 2, ["release", "release", "contract.exhausted"])
    assert books(store, contract) == wanted
    (again,) = apply(store, [charge(contract, 1, units=2)])
    assert again.leaf_index == two.leaf_index


def test_a_smaller_request_still_fits_after_a_larger_was_refused(
    store: Store, contract_in: Maker
) -> None:
    contract = contract_in(units=4)
    group = [charge(contract, number, units=units) for number, units in enumerate((3, 2, 1))]
    found = apply(store, group)
    assert found[1] == "QUOTA_EXHAUSTED"
    assert found[2].total == 4


def test_two_contracts_in_a_group_do_not_touch(store: Store, contract_in: Maker) -> None:
    one, other = contract_in(units=1), contract_in(units=2)
    found = apply(store, [charge(one), charge(other), charge(one, 1), charge(other, 1)])
    assert found[2] == "QUOTA_EXHAUSTED"
    assert [found[0].total, found[1].total, found[3].total] == [1, 1, 2]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.PROPOSED, "CONTRACT_NOT_ACTIVE"),
        (State.APPROVED, "CONTRACT_NOT_ACTIVE"),
        (State.SUSPENDED, "CONTRACT_NOT_ACTIVE"),
        (State.REVOKED, "CONTRACT_NOT_ACTIVE"),
        (State.EXPIRED, "CONTRACT_EXPIRED"),
        (State.EXHAUSTED, "QUOTA_EXHAUSTED"),
    ],
)
def test_what_ended_while_the_work_ran_is_not_charged(
    store: Store, contract_in: Maker, state: State, reason: str
) -> None:
    contract = contract_in(state=state)
    assert apply(store, [charge(contract)]) == [reason]
    assert books(store, contract) == (0, state.value, 0, [])


def test_a_period_that_ended_while_the_work_ran_is_not_charged(
    store: Store, contract_in: Maker
) -> None:
    contract = contract_in()
    assert apply(store, [charge(contract)], now=UNTIL) == ["CONTRACT_EXPIRED"]
    assert books(store, contract) == (0, "active", 0, [])


asked = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=8)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(groups=st.lists(asked, min_size=1, max_size=4), units=st.integers(1, 12))
def test_the_books_follow_a_model(
    store: Store, contract_in: Maker, groups: list[list[tuple[int, int]]], units: int
) -> None:
    """Whatever is asked, in whatever groups: never over, once an id, totals in log order."""
    contract = contract_in(units=units)
    model: dict[int, int] = {}
    for group in groups:
        found = apply(store, [charge(contract, number, size) for number, size in group])
        for (number, size), each in zip(group, found, strict=True):
            if number in model:
                known = model[number] == size
                assert isinstance(each, Charged) if known else each == "REQUEST_ID_REUSED"
            elif sum(model.values()) + size > units:
                assert each == "QUOTA_EXHAUSTED"
            else:
                model[number] = size
                assert each.total == sum(model.values())
    with store.engine.connect() as connection:
        of_contract = charges.c.contract == contract.id
        rows = connection.execute(select(charges).where(of_contract)).all()
        row = connection.execute(select(contracts).where(contracts.c.id == contract.id)).one()
    assert {int(each.request, 16): each.units for each in rows} == model
    assert row.units_used == sum(model.values()) <= units
    assert (row.state == "exhausted") == (row.units_used == units)


def test_an_epoch_that_ended_while_the_work_ran_is_not_charged(
    store: Store, contract_in: Maker
) -> None:
    contract = contract_in()
    with store.engine.begin() as connection:
        connection.execute(update(epochs).values(state=CLOSED))
    assert apply(store, [charge(contract)]) == ["MANIFEST_STALE"]
    assert books(store, contract) == (0, "active", 0, [])
