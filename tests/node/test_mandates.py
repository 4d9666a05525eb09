"""Mandates at the node: the clause over generated mandates, the book, the store, the charge."""

import dataclasses
import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.node.conftest import (
    NOW,
    START,
    UNTIL,
    Store,
    make_ask,
    make_offer,
    make_signers,
    put_epoch,
)
from tests.node.test_charge import apply, charge

from unseen.evidence.contracts.contract import MAX_MANDATES
from unseen.evidence.contracts.states import State
from unseen.evidence.jws import token_id
from unseen.evidence.log import decode_leaf
from unseen.evidence.registry.mandate import Mandate, sign_mandate, withdraw
from unseen.evidence.registry.mandated import FOREVER, Mandated
from unseen.evidence.registry.permission import check_terms
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.contracts.register import Contract
from unseen.node.errors import MandateEndedError, MandateNotFoundError, MandateRefusedError
from unseen.node.mandates.book import Book, Registered
from unseen.node.mandates.changes import Move, RegisterMandate, RequireMandate, WithdrawMandate
from unseen.node.mandates.register import Mandates
from unseen.node.store.schema import leaves
from unseen.node.store.schema_registry import mandated_tables, mandates

AUTHORITY = Ed25519Signer(b"\x20" * 32)
OPERATOR = make_signers().operator
DAY = dt.timedelta(days=1)
Maker = Callable[..., Contract]


def make_mandate(**changes: Any) -> Mandate:
    fields: dict[str, Any] = {
        "suite": "intl",
        "grantor": signer_id(AUTHORITY),
        "grantee": OPERATOR,
        "tier": "primary",
        "title": "a mandate",
        "tables": ("people",),
        "scenarios": ("tests",),
        "start": START - DAY,
        "until": UNTIL + DAY,
        "nonce": secrets.token_bytes(16),
    }
    return Mandate(**fields | changes)


def registered(**changes: Any) -> Registered:
    mandate = make_mandate(**changes)
    token = sign_mandate(AUTHORITY, mandate)
    return Registered(token_id(INTL, token), token, mandate, "2026-11-22T05:30:00Z")


def standing(*entries: Registered) -> Mandated:
    return Book({each.id: each for each in entries}).standing


def compiled(mandated: Mandated, **changes: Any) -> Compiled | Refusal:
    offer = dataclasses.replace(make_offer(), mandates=mandated.over("people"))
    return compile_contract(dataclasses.replace(make_ask(), **changes), offer)


class TestClause:
    def test_without_mandates_over_the_table_nothing_is_written(self) -> None:
        found = compiled(standing(registered(tables=("others",))))
        assert isinstance(found, Compiled)
        assert found.terms.mandates == ()

    def test_the_terms_name_what_they_lean_on(self) -> None:
        one = registered()
        found = compiled(standing(one))
        assert isinstance(found, Compiled)
        assert found.terms.mandates == (one.id,)
        assert check_terms(found.terms, {one.id: one.mandate}) == {signer_id(AUTHORITY)}

    @pytest.mark.parametrize(
        ("clause", "changes"),
        [
            ("grantee", {"grantee": make_signers().buyer}),
            ("grantee", {"tier": "authority"}),
            ("scenarios", {"scenarios": ("others",)}),
            ("kinds", {"kinds": ("verify",)}),
            ("period", {"until": UNTIL - dt.timedelta(seconds=1)}),
            ("period", {"start": START + dt.timedelta(seconds=1)}),
        ],
        ids=str,
    )
    def test_what_is_exceeded_is_named(self, clause: str, changes: dict[str, Any]) -> None:
        found = compiled(standing(registered(**changes)))
        assert isinstance(found, Refusal)
        (error,) = found.errors
        assert error.clause == f"mandates.{clause}"
        assert error.remedy

    def test_a_table_whose_mandates_are_gone_stays_closed(self) -> None:
        gone = dataclasses.replace(registered(), withdrawal="x")
        found = compiled(standing(gone))
        assert isinstance(found, Refusal)
        assert found.errors[0].clause == "mandates.tables"

    def test_more_in_a_row_than_terms_can_name_are_refused(self) -> None:
        step = (UNTIL - START) / (MAX_MANDATES + 1)
        step = dt.timedelta(seconds=int(step.total_seconds()) + 1)
        row = [
            registered(start=START + number * step, until=START + (number + 1) * step)
            for number in range(MAX_MANDATES + 1)
        ]
        found = compiled(standing(*row))
        assert isinstance(found, Refusal)
        assert "follow each other" in str(found.errors[0])
        assert isinstance(compiled(standing(*row, registered())), Compiled)

    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "tables": st.sampled_from([("people",), ("others",), ("people", "others")]),
                    "scenarios": st.sampled_from([("tests",), ("others",)]),
                    "kinds": st.sampled_from([(), ("lookup",), ("verify",)]),
                    "start": st.integers(-30, 30),
                    "hours": st.integers(1, 60),
                    "withdrawn": st.booleans(),
                }
            ),
            max_size=5,
        )
    )
    def test_nothing_outside_the_mandates_compiles(self, given_mandates: list[Any]) -> None:
        entries = []
        for fields in given_mandates:
            start = NOW + dt.timedelta(hours=fields.pop("start"))
            times = {"start": start, "until": start + dt.timedelta(hours=fields.pop("hours"))}
            withdrawal = "x" if fields.pop("withdrawn") else ""
            one = registered(**fields, **times)
            entries.append(dataclasses.replace(one, withdrawal=withdrawal))
        found = compiled(standing(*entries))
        known = {each.id: each.mandate for each in entries if not each.withdrawal}
        governed = any("people" in each.mandate.tables for each in entries)
        if isinstance(found, Refusal):
            assert governed
            assert all(error.reason == "MANDATE_REFUSED" for error in found.errors)
        elif governed:
            assert check_terms(found.terms, known)
        else:
            assert found.terms.mandates == ()


class TestBook:
    def test_is_a_value(self) -> None:
        one, empty = registered(), Book({})
        book = empty.having(one)
        assert empty.standing.governed == frozenset()
        assert book.get(one.id) == one
        assert book.requiring("others", required=True).standing.governed == {"people", "others"}
        same = book.requiring("others", required=True).requiring("others", required=False)
        assert same.standing.governed == {"people"}
        with pytest.raises(MandateNotFoundError):
            empty.get(one.id)


class TestStore:
    async def register(self, store: Store, one: Registered) -> None:
        await store.writer.submit(RegisterMandate(INTL, one.token, one.mandate))

    async def test_comes_back_with_its_withdrawal_and_its_leaves(self, store: Store) -> None:
        one = registered()
        await self.register(store, one)
        await store.writer.submit(RequireMandate(INTL, "others", True, "operator"))
        await store.writer.submit(RequireMandate(INTL, "others", True, "operator"))
        known = Mandates(store.engine)
        assert known.all() == [one]
        assert known.book.standing.governed == {"people", "others"}
        paper = withdraw(AUTHORITY, one.token, "over", NOW)
        await store.writer.submit(WithdrawMandate(INTL, one.id, paper))
        with pytest.raises(MandateEndedError):
            await store.writer.submit(WithdrawMandate(INTL, one.id, paper))
        await store.writer.submit(RequireMandate(INTL, "others", False, "operator"))
        await store.writer.submit(RequireMandate(INTL, "others", True, "operator"))
        await store.writer.submit(RequireMandate(INTL, "others", False, "operator"))
        known.reload()
        assert known.book.get(one.id).withdrawal == paper
        assert known.book.standing.governed == {"people"}
        with store.engine.connect() as connection:
            bodies = connection.scalars(select(leaves.c.body).order_by(leaves.c.leaf_index))
            kinds = [decode_leaf(body)["type"] for body in bodies]
            assert len(connection.execute(select(mandates)).all()) == 1
            assert len(connection.execute(select(mandated_tables)).all()) == 1
        assert kinds == [
            "mandate.registered",
            "table.mandated",
            "mandate.withdrawn",
            "table.mandated",
            "table.mandated",
            "table.mandated",
        ]

    async def test_no_step_is_no_change(self, store: Store) -> None:
        assert await store.writer.submit(Move(())) == []
        assert store.log.size == 0

    async def test_a_contract_is_checked_against_what_is_known_now(
        self, store: Store, contract_in: Maker
    ) -> None:
        contract, known = contract_in(), Mandates(store.engine)
        known.check(contract, NOW)
        assert known.covered_until(contract, NOW) == FOREVER
        until = NOW + dt.timedelta(hours=1)
        await self.register(store, registered(until=until))
        known.reload()
        known.check(contract, NOW)
        assert known.covered_until(contract, NOW) == until
        with pytest.raises(MandateRefusedError, match="mandate expired"):
            known.check(contract, until)
        known.check(dataclasses.replace(contract, state=State.REVOKED), until)
        await self.register(store, registered(start=until))
        known.reload()
        known.check(contract, until)

    async def test_a_charge_ends_with_the_last_mandate(
        self, store: Store, contract_in: Maker
    ) -> None:
        contract = contract_in()
        put_epoch(store.engine, contract)
        covered = dataclasses.replace(charge(contract), covered=NOW + DAY)
        late = dataclasses.replace(charge(contract, 1), covered=NOW)
        (first, second) = apply(store, [covered, late])
        assert first.total == 1
        assert second == "MANDATE_REFUSED"
