"""Mandates shown to a node and withdrawn, and what follows for its contracts at that moment."""

import asyncio
import dataclasses
import datetime as dt
import secrets
from typing import Any, cast

import pytest
from tests.evidence.conftest import DUMMY
from tests.node.conftest import NOW, START, UNTIL, Store
from tests.node.governed import DAY, KEYS, Governed, approval, ask

from unseen.evidence.contracts.states import Event, State
from unseen.evidence.errors import MandateInvalidError, SignatureInvalidError
from unseen.evidence.registry.mandate import Mandate, sign_mandate, withdraw
from unseen.evidence.suite import INTL, Ed25519Signer, Signer, signer_id
from unseen.node.contracts import lifecycle, standing
from unseen.node.contracts.register import Contract, Step
from unseen.node.contracts.stops import Hold, Order
from unseen.node.errors import (
    FieldInvalidError,
    MandateEndedError,
    MandateNotFoundError,
    MandateRefusedError,
    TableNotFoundError,
)
from unseen.node.identity.parties import Party
from unseen.node.identity.rights import Role
from unseen.node.mandates import showing
from unseen.node.mandates.showing import BY, RENEWED

AUTHORITY = Ed25519Signer(b"\x51" * 32)
BUREAU = Ed25519Signer(b"\x52" * 32)  # operates for the authority, and gives on
OPERATOR = KEYS["operator"]


def party(name: str, role: Role, signer: Signer) -> Party:
    key = signer.public_key
    return Party(name, role, INTL.id, signer_id(signer), key, cast("Any", None), revoked=False)


@pytest.fixture
async def governed(store: Store, monkeypatch: pytest.MonkeyPatch) -> Governed:
    made = await Governed(store).start()
    for module in (lifecycle, standing):
        monkeypatch.setattr(module, "start_epoch", lambda _node, each: made.built.append(each.id))
    cast("Any", made.node).issuer = lambda **_parts: None
    made.parties.by_name |= {
        "authority": party("authority", Role.AUTHORITY, AUTHORITY),
        "bureau": party("bureau", Role.HOLDER, BUREAU),
    }
    return made


async def active(governed: Governed, kind: str = "verify", **changes: Any) -> Contract:
    """Return a contract in force."""
    node = governed.node
    asked = ask(nonce=secrets.token_bytes(16), **changes)
    made = await lifecycle.propose(node, "lender", kind, asked)
    await lifecycle.approve(node, made, "operator", approval(made, "operator"))
    found = governed.contract(made.id)
    return await lifecycle.activate(node, found, approval(made, "lender"))


def mandate(by: Signer = AUTHORITY, **changes: Any) -> str:
    """Return a signed mandate over the table for the operator; valid around now."""
    fields: dict[str, Any] = {
        "suite": "intl",
        "grantor": signer_id(by),
        "grantee": signer_id(OPERATOR),
        "tier": "primary",
        "title": "a mandate",
        "tables": ("people",),
        "scenarios": ("tests",),
        "start": START - DAY,
        "until": UNTIL + DAY,
        "nonce": secrets.token_bytes(16),
    }
    return sign_mandate(by, Mandate(**fields | changes))


def state(governed: Governed, contract: Contract) -> State:
    return governed.contract(contract.id).state


def events(governed: Governed, kind: str) -> list[dict[str, Any]]:
    return [leaf for leaf in governed.leaves() if str(leaf["type"]).startswith(kind)]


class TestShowing:
    async def test_a_table_named_for_the_first_time_comes_under_mandates(
        self, governed: Governed
    ) -> None:
        covered = await active(governed)
        beyond = await active(governed, scenario="research")
        found = await showing.show_mandate(governed.node, mandate())
        assert found == governed.node.mandates.book.get(found.id)
        assert found.registered_at == "2026-11-22T05:30:00Z"
        assert (state(governed, covered), state(governed, beyond)) == (
            State.ACTIVE,
            State.SUSPENDED,
        )
        (stop,) = governed.node.stops.of(beyond.id)
        assert stop.by == BY
        assert stop.cause == "mandate missing"
        with pytest.raises(MandateRefusedError):
            await active(governed, scenario="research")
        assert state(governed, await active(governed)) is State.ACTIVE

    async def test_shown_twice_it_is_registered_once(self, governed: Governed) -> None:
        token = mandate()
        both = await asyncio.gather(*(showing.show_mandate(governed.node, token) for _ in "ab"))
        assert both[0] == both[1] == await showing.show_mandate(governed.node, token)
        assert len(events(governed, "mandate.registered")) == 1

    async def test_a_later_one_takes_up_what_waited_for_it_and_nothing_else(
        self, governed: Governed
    ) -> None:
        node, contract = governed.node, await active(governed)
        hidden = await active(governed, "lookup")
        governed.built.clear()
        token = mandate()
        await showing.show_mandate(node, token)
        also = await active(governed)
        await lifecycle.suspend(node, also, "operator", "complaint 17")
        await showing.withdraw_mandate(node, withdraw(AUTHORITY, token, "over", NOW))
        suspended = {state(governed, each) for each in (contract, hidden, also)}
        assert suspended == {State.SUSPENDED}
        await showing.show_mandate(node, mandate())
        assert state(governed, contract) is State.ACTIVE
        assert state(governed, hidden) is State.ACTIVE
        assert governed.built == [hidden.id]  # its table is made anew
        assert state(governed, also) is State.SUSPENDED  # the operator's stop still stands
        (left,) = node.stops.of(also.id)
        assert left.by == "operator"
        causes = {leaf["cause"] for leaf in events(governed, "contract.resumed")}
        assert causes == {RENEWED}

    async def test_what_has_ended_stays_as_it_ended(self, governed: Governed) -> None:
        node, contract = governed.node, await active(governed)
        ended = await governed.store.writer.submit(Step(contract.id, Event.REVOKE, "lender"))
        node.contracts.put(ended)
        await showing.show_mandate(node, mandate(scenarios=("others",)))
        assert state(governed, contract) is State.REVOKED
        assert node.stops.of(contract.id) == ()

    async def test_one_that_ends_while_it_is_written_is_left_alone(
        self, governed: Governed
    ) -> None:
        # Memory still says ACTIVE; the store, which decides, knows better.
        node, contract = governed.node, await active(governed)
        await governed.store.writer.submit(Step(contract.id, Event.REVOKE, "lender"))
        await showing.show_mandate(node, mandate(scenarios=("others",)))
        assert len(events(governed, "contract.suspended")) == 0
        assert len(events(governed, "mandate.registered")) == 1

    @pytest.mark.parametrize(
        ("token", "clause"),
        [
            (lambda: mandate(KEYS["ministry"]), "grantor"),  # is no authority
            (lambda: mandate(Ed25519Signer(b"\x53" * 32)), "grantor"),  # nobody here
        ],
        ids=["no authority", "nobody"],
    )
    async def test_who_may_not_grant(self, governed: Governed, token: Any, clause: str) -> None:
        with pytest.raises(MandateInvalidError) as caught:
            await showing.show_mandate(governed.node, token())
        assert caught.value.clause == clause
        assert caught.value.remedy
        assert events(governed, "mandate.") == []

    async def test_a_grantor_that_was_cut_off_grants_no_more(self, governed: Governed) -> None:
        governed.parties.revoke("authority")
        with pytest.raises(MandateInvalidError) as caught:
            await showing.show_mandate(governed.node, mandate())
        assert caught.value.clause == "grantor"

    async def test_a_signature_by_another_key_than_the_grantors(self, governed: Governed) -> None:
        # The party is enrolled by this name of a key, and holds another key.
        own = governed.parties.by_name["authority"]
        stranger = Ed25519Signer(b"\x53" * 32).public_key
        governed.parties.by_name["authority"] = dataclasses.replace(own, key=stranger)
        with pytest.raises((SignatureInvalidError, MandateInvalidError)):
            await showing.show_mandate(governed.node, mandate())
        assert events(governed, "mandate.") == []

    async def test_another_suite_than_the_nodes(self, governed: Governed) -> None:
        cast("Any", governed.node).suite = DUMMY
        with pytest.raises(MandateInvalidError) as caught:
            await showing.show_mandate(governed.node, mandate())
        assert caught.value.clause == "suite"

    async def test_one_that_has_expired(self, governed: Governed) -> None:
        with pytest.raises(MandateEndedError) as caught:
            await showing.show_mandate(governed.node, mandate(until=NOW))
        assert caught.value.clause == "period.until"
        second = dt.timedelta(seconds=1)
        await showing.show_mandate(governed.node, mandate(until=NOW + second))

    async def test_a_chain_holds_within_its_parent_and_falls_with_it(
        self, governed: Governed
    ) -> None:
        node = governed.node
        top = mandate(grantee=signer_id(BUREAU), tier="authority")
        below = {"parent": (await showing.show_mandate(node, top)).id, "tier": "secondary"}
        wider = mandate(BUREAU, scenarios=("tests", "research"), **below)
        with pytest.raises(MandateInvalidError):
            await showing.show_mandate(node, wider)
        with pytest.raises(MandateInvalidError):  # the grantee of the parent gives on, nobody else
            await showing.show_mandate(node, mandate(KEYS["ministry"], **below))
        with pytest.raises(MandateInvalidError):
            await showing.show_mandate(node, mandate(BUREAU, **below | {"parent": bytes(32)}))
        await showing.show_mandate(node, mandate(BUREAU, **below))
        contract = await active(governed)
        await showing.withdraw_mandate(node, withdraw(AUTHORITY, top, "over", NOW))
        assert state(governed, contract) is State.SUSPENDED
        with pytest.raises(MandateEndedError) as caught:
            await showing.show_mandate(node, mandate(BUREAU, **below))
        assert caught.value.clause == "parent"


class TestWithdrawing:
    async def test_it_counts_once_and_by_its_grantor(self, governed: Governed) -> None:
        node, contract = governed.node, await active(governed)
        token = mandate()
        found = await showing.show_mandate(node, token)
        with pytest.raises((MandateInvalidError, SignatureInvalidError)):
            await showing.withdraw_mandate(node, withdraw(BUREAU, token, "mine", NOW))
        assert state(governed, contract) is State.ACTIVE
        paper = withdraw(AUTHORITY, token, "over", NOW)
        gone = await showing.withdraw_mandate(node, paper)
        assert (gone.id, gone.withdrawal) == (found.id, paper)
        assert state(governed, contract) is State.SUSPENDED
        with pytest.raises(MandateEndedError):
            await showing.withdraw_mandate(node, paper)
        assert len(events(governed, "mandate.withdrawn")) == 1
        assert len(events(governed, "contract.suspended")) == 1

    async def test_of_one_that_nobody_has_shown(self, governed: Governed) -> None:
        with pytest.raises(MandateNotFoundError):
            await showing.withdraw_mandate(
                governed.node, withdraw(AUTHORITY, mandate(), "over", NOW)
            )

    async def test_also_by_a_grantor_that_was_cut_off_since(self, governed: Governed) -> None:
        node, contract = governed.node, await active(governed)
        token = mandate()
        await showing.show_mandate(node, token)
        governed.parties.revoke("authority")
        await showing.withdraw_mandate(node, withdraw(AUTHORITY, token, "over", NOW))
        assert state(governed, contract) is State.SUSPENDED


class TestRequiring:
    async def test_a_table_under_none_stands_still_until_that_is_lifted(
        self, governed: Governed
    ) -> None:
        node, contract = governed.node, await active(governed)
        await showing.require_mandate(node, "people", "operator", required=True)
        assert state(governed, contract) is State.SUSPENDED
        await showing.require_mandate(node, "people", "operator", required=True)
        await showing.require_mandate(node, "people", "operator", required=False)
        assert state(governed, contract) is State.ACTIVE
        await showing.require_mandate(node, "people", "operator", required=False)
        said = [leaf["required"] for leaf in events(governed, "table.mandated")]
        assert said == [True, False]

    async def test_what_a_mandate_has_named_is_set_free_by_nobody(self, governed: Governed) -> None:
        node, token = governed.node, mandate()
        await showing.show_mandate(node, token)
        await showing.withdraw_mandate(node, withdraw(AUTHORITY, token, "over", NOW))
        with pytest.raises(FieldInvalidError) as caught:
            await showing.require_mandate(node, "people", "operator", required=False)
        assert caught.value.clause == "table.mandates"
        await showing.require_mandate(node, "people", "operator", required=True)

    async def test_a_table_that_is_none(self, governed: Governed) -> None:
        with pytest.raises(TableNotFoundError):
            await showing.require_mandate(governed.node, "others", "operator", required=True)


class TestReconciling:
    async def test_time_ends_a_mandate_and_nothing_is_said_twice(self, governed: Governed) -> None:
        node, contract = governed.node, await active(governed)
        await showing.show_mandate(node, mandate(until=NOW + dt.timedelta(hours=1)))
        assert state(governed, contract) is State.ACTIVE
        size = governed.store.log.size
        await showing.reconcile(node)
        assert governed.store.log.size == size
        governed.store.clock._now = lambda: NOW + dt.timedelta(hours=1)
        await showing.reconcile(node)
        assert state(governed, contract) is State.SUSPENDED
        size = governed.store.log.size
        await showing.reconcile(node)
        assert governed.store.log.size == size
        (stop,) = node.stops.of(contract.id)
        assert (stop.by, stop.cause != "") == (BY, True)

    async def test_a_clock_set_back_brings_no_mandate_back(self, governed: Governed) -> None:
        node, contract = governed.node, await active(governed)
        await showing.show_mandate(node, mandate(until=NOW + dt.timedelta(hours=1)))
        governed.store.clock._now = lambda: NOW + dt.timedelta(hours=1)
        await showing.reconcile(node)
        governed.store.clock._now = lambda: NOW + dt.timedelta(minutes=59, seconds=57)
        await showing.reconcile(node)  # within the tolerance the log's own time counts
        assert state(governed, contract) is State.SUSPENDED

    async def test_the_stop_of_somebody_else_is_not_lifted(self, governed: Governed) -> None:
        node, contract = governed.node, await active(governed)
        stop = Hold(INTL, {}, contract.id, Order(by="operator", cause="complaint 17"))
        node.contracts.put(await governed.store.writer.submit(stop))
        node.stops.reload()
        await showing.show_mandate(node, mandate())
        await showing.reconcile(node)
        assert state(governed, contract) is State.SUSPENDED
        assert [each.by for each in node.stops.of(contract.id)] == ["operator"]
