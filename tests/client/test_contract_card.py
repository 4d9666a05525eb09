"""The card of a contract: every clause that is signed, who has signed and whom it waits for."""

from dataclasses import replace
from typing import Any

import pytest
from tests.evidence.conftest import World
from tests.evidence.test_exports import plain_terms, whole_terms
from tests.evidence.test_joint import make

from unseen.cli import words
from unseen.client.agreements.contracts import Contract
from unseen.client.cards import text
from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.template import TYP
from unseen.evidence.suite import INTL, key_id


@pytest.fixture
def world() -> World:
    return World(INTL)


def card(made: Any, signed: dict[str, str], **changes: Any) -> dict[str, str]:
    terms, plan, leakage = made
    fields: dict[str, Any] = {
        "id": b64encode(terms.id()),
        "state": State.PROPOSED,
        "terms": terms,
        "plan": plan,
        "leakage": leakage,
        "approvals": signed,
        "units_used": 0,
        "buyer": "bank",
    }
    return {name: text(value) for name, value in Contract(**fields | changes)._rows()}


def test_it_says_every_clause(world: World) -> None:
    made = whole_terms(world)
    terms, plan, leakage = made
    rows = card(made, {"operator": sign_terms(world.operator, terms)})
    assert rows["mandates"].split(", ") == [b64encode(one) for one in terms.mandates]
    assert rows["template"] == b64encode(terms.template)
    assert rows["rules"] == b64encode(terms.rules)
    assert rows["plan"] == b64encode(plan.digest(INTL))
    assert rows["leakage"] == b64encode(leakage.digest(INTL))
    assert rows["reads"] == ", ".join(plan.columns_read)
    assert rows["asked by"] == ", ".join(column.name for column in plan.subject_columns)
    assert rows["bits"] == "4 for each unit at most, 4,000 in all"
    assert rows["consent"] == (
        "needed, to 贷前核验, once for each; withdrawals act within 86,400 s"
    )
    assert rows["table"] == terms.table
    assert rows["holds if"] == terms.threat_model
    assert {"order", "region", "group", "budget", "declarations", "billed"} <= rows.keys()
    assert rows["signed by"] == "operator"
    assert rows["waits for"] == "holder, approver, buyer"
    assert rows.keys() <= words.WORDS.keys() | words.PHRASES.keys()


def test_a_plan_that_reads_the_subject_alone_says_by_what_it_asks(world: World) -> None:
    plan = replace(world.plan(), columns_read=())
    rows = card((world.terms(plan=plan.digest(INTL)), plan, world.leakage()), {})
    assert "reads" not in rows
    assert rows["asked by"]


def test_it_names_the_nodes_of_a_joint_contract_by_their_keys(world: World) -> None:
    joint = make()
    stranger = replace(joint.nodes[1], key=world.stranger.public_key)
    swapped = replace(joint, nodes=(joint.nodes[0], stranger, joint.nodes[2]))
    said = []
    for clause in (joint, swapped):
        terms = world.terms(parameters={"joint": clause.to_json()})
        rows = card((terms, world.plan(), world.leakage()), {})
        for place in clause.nodes:
            assert f"{place.name} (key {key_id(INTL, place.key)})" in rows["together with"]
        assert rows["joint clause"] == b64encode(clause.digest(INTL))
        assert rows.keys() <= words.WORDS.keys() | words.PHRASES.keys()
        said.append((rows["together with"], rows["joint clause"]))
    assert said[0][0] != said[1][0]
    assert said[0][1] != said[1][1]


def test_it_names_the_template_and_who_has_signed_by_it(world: World) -> None:
    made = whole_terms(world)
    standing = jws.sign(world.operator, TYP, {})
    rows = card(made, {"operator": standing}, template_name="licence-check")
    assert rows["template"] == f"licence-check ({b64encode(made[0].template)})"
    assert rows["signed by"] == "operator (by the template)"


@pytest.mark.parametrize(
    ("state", "cause", "row"),
    [
        (State.ACTIVE, "compiles again", "goes on because"),
        (State.REVOKED, "the purpose has ended", "because"),
        (State.ACTIVE, "", None),
    ],
)
def test_a_cause_is_of_the_state_it_led_to(
    world: World, state: State, cause: str, row: str | None
) -> None:
    made = plain_terms(world)
    rows = card(made, {}, state=state, cause=cause)
    assert {name for name in rows if "because" in name} == ({row} if row else set())
    assert "waits for" not in rows
    assert not {"mandates", "template", "rules", "consent", "billed"} & rows.keys()
