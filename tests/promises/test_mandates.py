"""Mandates: contracts stay within them, and stop with them."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.promises.stage import Stage, now, serving

from unseen.client import Client
from unseen.client.errors import RefusedError
from unseen.client.registry.mandates import MandateCard
from unseen.evidence.contracts.states import State
from unseen.evidence.errors import MandateInvalidError
from unseen.evidence.registry.mandate import verify_mandate
from unseen.evidence.registry.permission import check_terms

DAY = dt.timedelta(days=1)
Copy = Callable[[], Stage]


def enrol(stage: Stage, name: str, role: str) -> Client:
    invitation = stage.operator.invite(name, role)
    stage._clients[name] = Client.join(invitation, stage.party_home(name))
    return stage._clients[name]


def wish(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "title": "公共数据授权运营协议",
        "grantee": "operator",
        "tables": ["people"],
        "scenarios": ["tests"],
        "from": now() - DAY,
        "until": now() + 30 * DAY,
    }
    return fields | changes


def grant(stage: Stage, **changes: Any) -> MandateCard:
    token = stage.client("authority").sign_mandate(wish(**changes))
    return stage.operator.add_mandate(token)


@pytest.fixture
def own(copy: Copy) -> Iterator[Stage]:
    """Return a serving stage of the test's own, with a data authority."""
    with serving(copy()) as stage:
        enrol(stage, "authority", "authority")
        yield stage


def state(stage: Stage, contract: str) -> State:
    return stage.operator.contract(contract).state


def ask(stage: Stage, contract: str) -> dict[str, str]:
    answers = stage.lender.verify(contract, stage.people[0].subject).answers
    return {name: answer.value for name, answer in answers.items()}


def causes(stage: Stage, kind: str) -> list[str]:
    leaves = stage.operator.leaves()
    return [str(leaf.fields.get("cause")) for leaf in leaves if leaf.type == kind]


def test_a_contract_names_the_mandates_that_it_stays_within(own: Stage) -> None:
    card = grant(own)
    assert card.in_force
    assert own.operator.mandated_tables() == ("people",)
    contract = own.contract("clear")
    found = own.lender.contract(contract)
    assert [card.id] == [
        each.id for each in own.lender.mandates() if bytes_of(each) in found.terms.mandates
    ]
    # Offline, with nothing but the terms, the signed mandate and the authority's key:
    mandate = verify_mandate(card.token, own.client("authority").profile.key)
    check_terms(found.terms, {found.terms.mandates[0]: mandate})
    assert ask(own, contract) == own.people[0].answers


def bytes_of(card: MandateCard) -> bytes:
    from unseen.evidence.canonical import b64decode

    return b64decode(card.id)


def test_a_contract_outside_every_mandate_is_refused_with_the_nearest_clause(own: Stage) -> None:
    for clause, changes in (
        ("grantee", {"grantee": "A" * 43}),
        ("scenarios", {"scenarios": ["another"]}),
        ("kinds", {"kinds": ["lookup"]}),
        ("period", {"until": now() + dt.timedelta(hours=1)}),
    ):
        grant(own, **changes)
        with pytest.raises(RefusedError) as caught:
            own.propose("clear")
        assert caught.value.reason == "MANDATE_REFUSED"
        assert caught.value.clause == f"mandates.{clause}"
        assert "unseen mandate list" in caught.value.remedy


def test_a_withdrawal_suspends_at_once_and_a_renewal_takes_up(own: Stage) -> None:
    first = grant(own)
    contract = own.contract("clear")
    assert ask(own, contract) == own.people[0].answers
    taken = own.client("authority").withdraw_mandate(first.id, "评估不合格")
    assert taken.state == "withdrawn"
    assert state(own, contract) is State.SUSPENDED
    with pytest.raises(RefusedError) as caught:
        ask(own, contract)
    assert caught.value.reason == "MANDATE_REFUSED"
    assert not caught.value.charged
    with pytest.raises(RefusedError, match="none in force permits"):
        own.propose("clear")  # the table stays under mandates
    assert causes(own, "contract.suspended") == ["mandate withdrawn"]
    grant(own, title="renewed")
    assert state(own, contract) is State.ACTIVE
    assert causes(own, "contract.resumed") == ["mandate renewed"]
    assert ask(own, contract) == own.people[0].answers
    with pytest.raises(RefusedError) as again:
        own.client("authority").withdraw_mandate(first.id, "twice")
    assert again.value.reason == "MANDATE_ENDED"


def test_another_authority_does_not_renew_what_the_first_withdrew(own: Stage) -> None:
    first = grant(own)
    contract = own.contract("clear")
    other = enrol(own, "other-authority", "authority")
    own.client("authority").withdraw_mandate(first.id, "over")
    own.operator.add_mandate(other.sign_mandate(wish()))
    assert state(own, contract) is State.SUSPENDED
    assert own.contract("clear")  # a new contract may lean on the new authority


def test_a_table_put_under_mandates_stops_what_has_none(own: Stage) -> None:
    contract = own.contract("clear")
    assert own.operator.require_mandate("people") == ("people",)
    assert state(own, contract) is State.SUSPENDED
    assert causes(own, "contract.suspended") == ["mandate missing"]
    assert own.operator.require_mandate("people", required=False) == ()
    assert state(own, contract) is State.ACTIVE
    card = grant(own)
    with pytest.raises(RefusedError, match="stays under mandates"):
        own.operator.require_mandate("people", required=False)
    own.client("authority").withdraw_mandate(card.id, "over")
    assert state(own, contract) is State.SUSPENDED
    assert own.operator.mandated_tables() == ("people",)


def test_a_signature_given_after_the_withdrawal_counts_for_nothing(own: Stage) -> None:
    card = grant(own)
    contract = own.propose("clear")
    own.operator.approve(contract)
    own.client("authority").withdraw_mandate(card.id, "over")
    with pytest.raises(RefusedError) as caught:
        own.lender.sign(contract)
    assert caught.value.reason == "MANDATE_REFUSED"
    assert state(own, contract) is State.APPROVED


def test_expiry_stops_the_next_request_and_then_the_contract(copy: Copy) -> None:
    stage = copy()
    with serving(stage):
        enrol(stage, "authority", "authority")
        contract = stage.contract("clear")  # from before the table came under mandates
        grant(stage, until=now() + dt.timedelta(seconds=200))
        assert ask(stage, contract) == stage.people[0].answers
        stage.stop()
    stage.start_skewed(280)  # within what a fresh server certificate is dated back
    try:
        assert state_soon(stage, contract) is State.SUSPENDED
        assert causes(stage, "contract.suspended") == ["mandate expired"]
        grant(stage, title="renewed")
        assert state(stage, contract) is State.ACTIVE
    finally:
        stage.kill()


def state_soon(stage: Stage, contract: str) -> State:
    from tests.promises.stage import wait_until

    wait_until(lambda: state(stage, contract) is not State.ACTIVE)
    return state(stage, contract)


@pytest.fixture(scope="module")
def shared(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return one serving stage with a data authority, for what changes no contract."""
    with serving(template.copy(tmp_path_factory.mktemp("mandates") / "stage")) as stage:
        enrol(stage, "authority", "authority")
        yield stage


class TestBadMandates:
    def test_expired(self, shared: Stage) -> None:
        with pytest.raises(RefusedError) as caught:
            grant(shared, until=now() - dt.timedelta(hours=1))
        assert caught.value.reason == "MANDATE_ENDED"

    def test_by_somebody_who_is_no_authority(self, shared: Stage) -> None:
        token = shared.lender.sign_mandate(wish())
        with pytest.raises(RefusedError, match="no data authority") as caught:
            shared.operator.add_mandate(token)
        assert (caught.value.reason, caught.value.clause) == ("MANDATE_INVALID", "grantor")

    def test_by_nobody_known(self, shared: Stage, copy: Copy) -> None:
        with serving(copy()) as elsewhere:
            stranger = enrol(elsewhere, "authority", "authority")
            token = stranger.sign_mandate(wish(grantee=shared.operator.profile.key_id))
        with pytest.raises(RefusedError, match="nobody that this node has enrolled"):
            shared.operator.add_mandate(token)

    def test_edited_after_signing(self, shared: Stage) -> None:
        one, two = (
            shared.client("authority").sign_mandate(wish(tables=[table])) for table in ("a", "b")
        )
        head, payload, _ = one.split(".")
        forged = f"{head}.{payload}.{two.rpartition('.')[2]}"
        with pytest.raises(RefusedError) as caught:
            shared.operator.add_mandate(forged)
        assert caught.value.reason == "SIGNATURE_INVALID"

    def test_wider_than_its_parent(self, shared: Stage) -> None:
        card = grant(shared, kinds=["verify"])
        child = wish(grantee="A" * 43, tier="secondary", parent=card.id, kinds=["verify"])
        fitting = shared.operator.sign_mandate(child)
        assert shared.operator.add_mandate(fitting).in_force
        for clause, change in (
            ("tables", {"tables": ["people", "more"]}),
            ("kinds", {"kinds": ["lookup"]}),
            ("period", {"until": now() + 60 * DAY}),
        ):
            token = shared.operator.sign_mandate(child | change)
            with pytest.raises(RefusedError) as caught:
                shared.operator.add_mandate(token)
            assert (caught.value.reason, caught.value.clause) == ("MANDATE_INVALID", clause)
        shared.client("authority").withdraw_mandate(card.id, "over")
        assert not any(each.in_force for each in shared.operator.mandates())
        with pytest.raises(RefusedError) as caught:
            shared.operator.add_mandate(shared.operator.sign_mandate(child | {"title": "later"}))
        assert caught.value.reason == "MANDATE_ENDED"

    def test_withdrawn_by_somebody_else(self, shared: Stage) -> None:
        card = grant(shared)
        with pytest.raises(MandateInvalidError, match="grantor"):
            shared.operator.withdraw_mandate(card.id, "no")
        assert shared.operator.mandate(card.id).in_force

    def test_unknown(self, shared: Stage) -> None:
        with pytest.raises(RefusedError) as caught:
            shared.lender.mandate("A" * 43)
        assert caught.value.reason == "MANDATE_NOT_FOUND"
