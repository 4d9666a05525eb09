"""The joint clause as a node compiles it: whose roster, how much noise, and what is said of it."""

from dataclasses import replace
from typing import Any

import pytest
from tests.evidence.menus import DEFINITION
from tests.node.conftest import make_ask, make_offer, make_product, make_signers, offering
from tests.node.test_statistics_contracts import ask_of, offer_of

from unseen.evidence.contracts.joint import Joint, Place, honest_range
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.statistics import Partition
from unseen.evidence.contracts.statistics.jointly import task_of
from unseen.evidence.suite import INTL, Ed25519Signer, key_id
from unseen.node.contracts.clauses.clause import Ask, Offer, Reading
from unseen.node.contracts.clauses.joint import JOINT, statements, threat_model
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract
from unseen.node.kinds import statistics_plan
from unseen.protocols.errors import UnseenError

KEYS = {f"node-{number}": Ed25519Signer(bytes([number]) * 32).public_key for number in range(1, 8)}


def clause(count: int = 3, **changes: Any) -> Joint:
    nodes = tuple(Place(name=name, key=key) for name, key in list(KEYS.items())[:count])
    fields: dict[str, Any] = {
        "nodes": nodes,
        "honest": honest_range(count)[0],
        "ring": 64,
        "bound": 1 << 40,
        "task": bytes(32),
    }
    return Joint(**fields | changes)


def offer(name: str = "node-2", key: str = "node-2") -> Offer:
    signers = replace(make_signers(), node=key_id(INTL, KEYS[key]))
    product = replace(make_product("verify"), kind="statistics")
    return replace(make_offer(product), signers=signers, node=name)


def against(ask: Ask, given: Offer | None = None) -> list[UnseenError]:
    return list(JOINT.check(ask, given or offer(), Reading(())))


def asked(joint: Joint, **changes: Any) -> Ask:
    return replace(make_ask(), joint=joint.encode(), **changes)


def test_nothing_is_asked_of_a_contract_over_one_node() -> None:
    assert against(make_ask()) == []
    assert JOINT.terms(make_ask(), offer(), Reading(())) == {}


def test_a_node_that_stands_in_the_roster_signs_the_clause_as_it_is() -> None:
    ask = asked(clause())
    assert against(ask) == []
    assert JOINT.terms(ask, offer(), Reading(())) == {"parameters": {"joint": clause().to_json()}}


@pytest.mark.parametrize(
    ("ask", "given", "refused"),
    [
        (asked(clause()), offer(name="node-1"), "joint.nodes"),
        (asked(clause()), offer(key="node-3"), "joint.nodes"),
        (asked(clause()), offer(name="node-5", key="node-5"), "joint.nodes"),
        (asked(clause(), template="credit"), None, "joint"),
        (asked(clause(lead="node-1")), None, "joint.lead"),
        (asked(clause(sigma2="0.1")), None, "joint.sigma2"),
        (asked(clause(sigma2="1", bound=11)), None, "joint.bound"),
        (asked(clause(sigma2="1"), budget="0.01"), None, "joint.sigma2"),
        (replace(make_ask(), joint=b"{}"), None, "joint.nodes"),
        (replace(make_ask(), joint=b"no JSON"), None, "joint"),
    ],
)
def test_what_a_node_refuses_names_the_clause(ask: Ask, given: Offer | None, refused: str) -> None:
    first = against(ask, given)[0]
    assert first.clause == refused
    assert first.remedy


def test_verdicts_are_not_added_up() -> None:
    verdicts = replace(offer(), product=make_product("verify"))
    assert "adds nothing up" in str(against(asked(clause()), verdicts)[0])


def test_enough_fixed_noise_is_accepted() -> None:
    assert against(asked(clause(sigma2="400"), budget="0.5")) == []


@pytest.mark.parametrize("count", [3, 4, 5, 7])
def test_the_statement_says_who_learns_what_in_both_languages(count: int) -> None:
    joint = clause(count)
    lines = {line.what: line for line in statements(joint)}
    whole = Leakage(suite="intl", statements=tuple(lines.values()), ciphertext_leaves=False)
    assert Leakage.from_json(whole.to_json()) == whole
    assert lines["joint-sum"].party == "buyer"
    assert f"at least {joint.honest} nodes" in lines["joint-sum"].text
    assert f"{joint.colluding} of those left may collude" in lines["joint-sum"].bound
    assert str(joint.honest) in lines["joint-sum"].text_zh
    assert "garbage" in lines["joint-garbage"].text
    assert all(line.text_zh and line.bound_zh for line in lines.values())
    said, said_zh = threat_model(joint)
    assert f"{joint.honest} of those left are honest" in said
    assert f"{joint.honest} 个诚实" in said_zh
    assert len(said.encode()) <= 256


@pytest.mark.parametrize("count", [3, 5, 7])
def test_of_a_lead_the_statement_says_that_it_learns_the_sums(count: int) -> None:
    joint = clause(count, lead="node-2", honest=count)
    lines = {line.what: line for line in statements(joint)}
    whole = Leakage(suite="intl", statements=tuple(lines.values()), ciphertext_leaves=False)
    assert Leakage.from_json(whole.to_json()) == whole
    assert lines["joint-sum"].party == "operator"
    for words in (f"sums of the other {count - 1} nodes", "node-2", "exact, before its gate"):
        assert words in lines["joint-sum"].text
    assert f"其余 {count - 1} 个节点之和" in lines["joint-sum"].text_zh
    assert lines["joint-relay"].party == "buyer"
    assert "sealed to the lead" in lines["joint-relay"].text
    said, said_zh = threat_model(joint)
    assert f"all {count} nodes are honest" in said
    assert "node-2" in said_zh
    assert len(said.encode()) <= 256


EXACT = Partition(by=("region",), where=("adult",), measures=("cost",))


def led_offer(partition: Partition | None = EXACT, **changes: Any) -> Offer:
    menu = replace(DEFINITION.menu, partition=partition)
    product = offering(replace(DEFINITION, menu=menu))
    return replace(offer(), product=replace(product, **changes))


def test_a_lead_receives_the_exact_table_that_the_outputs_have() -> None:
    joint = clause(lead="node-1", honest=3)
    whole = ("region", "adult", "cost")
    assert against(asked(joint, outputs=whole), led_offer()) == []
    assert against(asked(joint), led_offer()) == []  # all that is offered
    for ask, given in (
        (asked(joint, outputs=("region", "cost")), led_offer()),
        (asked(joint, outputs=whole), led_offer(None)),
        (asked(joint, outputs=whole), led_offer(kind="train")),
    ):
        first = against(ask, given)[0]
        assert first.clause == "joint.lead"
        assert first.remedy


def compiled(*outputs: str, lead: str = "") -> Compiled | Refusal:
    """Return what a node makes of `outputs` under a clause over region, adult and cost."""
    given = offer_of()
    signers = replace(given.signers, node=key_id(INTL, KEYS["node-2"]))
    menu = DEFINITION.only(("region", "adult", "cost"))
    joint = clause(task=task_of(menu, INTL), lead=lead, bound=1 << 50)
    ask = replace(ask_of(*outputs), joint=joint.encode())
    return compile_contract(ask, replace(given, signers=signers, node="node-2"))


def test_of_joint_statistics_an_operator_is_said_to_learn_its_own_numbers() -> None:
    found = compiled("region", "adult", "cost")
    assert isinstance(found, Compiled), found
    lines = {(line.party, line.what): line for line in found.leakage.statements}
    own = lines["operator", "answers"]
    assert own.text == "this node's own numbers before noise, not the sum"
    assert own.text_zh == "本节点加噪前的数值；不含总和"
    assert "another node's" in own.bound
    assert own.amount is not None
    assert "with noise" in lines["buyer", "answers"].text
    said = {what for _, what in lines}
    assert said.isdisjoint({"partition", "refusals"})  # only a lead makes one
    assert "joint-sum" in said
    assert found.plan.retention == statistics_plan.JOINT_RETENTION
    assert found.plan.retention_zh == statistics_plan.JOINT_RETENTION_ZH
    assert "again" not in found.plan.retention


def test_of_one_node_alone_the_statement_is_as_it_was() -> None:
    found = compile_contract(ask_of(), offer_of())
    assert isinstance(found, Compiled)
    lines = {(line.party, line.what): line for line in found.leakage.statements}
    assert lines["operator", "answers"].text.startswith("the answer to each request")
    assert ("buyer", "partition") in lines
    assert found.plan.retention == statistics_plan.RETENTION


def test_of_a_lead_s_table_it_is_said_what_is_kept() -> None:
    found = compiled("region", "adult", "cost", lead="node-1")
    assert isinstance(found, Compiled), found
    assert found.plan.retention == statistics_plan.LED_RETENTION
    assert "牵头节点" in found.plan.retention_zh


def test_fewer_outputs_than_the_clause_s_are_told_where_to_find_them() -> None:
    found = compiled("region")
    assert isinstance(found, Refusal)
    (error,) = found.errors
    assert error.clause == "joint.task"
    assert error.remedy.startswith("ask with the outputs of the clause: unseen statistics joint")
