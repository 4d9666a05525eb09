"""Which contract of each node a joint command takes, and what it says where there is none."""

from typing import Any

import pytest
from tests.evidence.conftest import World
from tests.evidence.test_joint import make

from unseen.cli.choosing import only, under_clause
from unseen.cli.failures import UsageError
from unseen.client.agreements.contracts import Contract
from unseen.client.joint.seats import check_roster
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.contracts.states import State
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError

CLAUSE = make()


def contract(state: State, *, approved: bool = False, joint: bool = True) -> Contract:
    """Return a contract with the clause, signed by the operator if `approved`."""
    world = World(INTL)
    parameters: dict[str, Any] = {"joint": CLAUSE.to_json()} if joint else {}
    terms = world.terms(parameters=parameters)
    return Contract(
        id=b64encode(terms.id()),
        state=state,
        terms=terms,
        plan=world.plan(),
        leakage=world.leakage(),
        approvals={"operator": sign_terms(world.operator, terms)} if approved else {},
        units_used=0,
        buyer="bank",
    )


def taken(wanted: str, *own: Contract) -> str:
    return only("bank-b", under_clause(own, [wanted], CLAUSE), [wanted], done=False)


def refused(*own: Contract) -> UsageError:
    with pytest.raises(UsageError) as caught:
        taken("another", *own)
    assert caught.value.remedy
    return caught.value


def test_the_one_in_force_is_taken_beside_one_that_waits() -> None:
    old, active = contract(State.PROPOSED), contract(State.ACTIVE)
    assert taken("another", old, active) == active.id
    assert taken(old.id, old) == old.id  # the node says its state


@pytest.mark.parametrize(
    ("state", "approved", "lacking"),
    [(State.PROPOSED, False, "operator, buyer"), (State.APPROVED, True, "buyer")],
)
def test_one_that_waits_for_signatures_is_named(
    state: State, lacking: str, *, approved: bool
) -> None:
    waiting = contract(state, approved=approved)
    said = refused(waiting)
    assert f"{waiting.id} with bank-b" in str(said)
    assert str(said).endswith(f"is {state.value}, and waits for: {lacking}")
    signing = "sign" if lacking == "buyer" else "approve"
    assert said.remedy.endswith(f"unseen contract {signing} {waiting.id}")


@pytest.mark.parametrize("state", [State.SUSPENDED, State.EXPIRED, State.REVOKED])
def test_one_that_ended_is_named_with_its_state(state: State) -> None:
    ended = contract(state, approved=True)
    said = refused(ended)
    assert f"{ended.id} is {state.value}" in str(said)
    assert "contract request" in said.remedy


def test_where_there_is_none_it_is_asked_for() -> None:
    for own in ([], [contract(State.ACTIVE, joint=False)], [contract(State.PROPOSED, joint=False)]):
        said = refused(*own)
        assert str(said) == "no contract in force with bank-b has the same joint clause"
        assert "--joint FILE" in said.remedy


def test_a_node_without_a_home_is_named_and_so_is_one_with_two() -> None:
    names = list(CLAUSE.names)
    check_roster(CLAUSE, names[::-1])
    with pytest.raises(InputInvalidError, match=f"no home at {names[-1]} was named") as caught:
        check_roster(CLAUSE, names[:-1])
    assert caught.value.clause == "joint.nodes"
    with pytest.raises(InputInvalidError, match=f"two homes at {names[0]} were named") as caught:
        check_roster(CLAUSE, [*names, names[0]])
    assert caught.value.remedy == "name a home at each node of the roster, once"
    with pytest.raises(InputInvalidError, match="no node of the joint clause: bank-z"):
        check_roster(CLAUSE, [*names, "bank-z"])
    with pytest.raises(InputInvalidError, match=f"no home at {names[1]} was named"):
        check_roster(CLAUSE, [names[0], names[0], *names[2:]])
