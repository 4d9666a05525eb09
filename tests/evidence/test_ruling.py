"""Terms and plans held to the rules of their labels, as an audit does it."""

import dataclasses
from typing import Any

import pytest
from tests.evidence.conftest import NOW, World
from tests.evidence.governance import (
    LABELS,
    labelled_plan,
    make_denial,
    make_rule,
    make_rules,
    make_template,
)
from tests.evidence.test_audit_signed import Court, contracts, court

from unseen.evidence import jws
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import ContractRecord, Document
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.templates import Rulebook, check_standing
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.contracts.ruling import Label, RuleSet, breaches, least_budget
from unseen.evidence.contracts.template import TYP, sign_template
from unseen.evidence.errors import EvidenceError, TemplateInvalidError, TrustMissingError
from unseen.evidence.suite import signer_id
from unseen.evidence.trust import Trust, TrustedParty

__all__ = ["court"]


def rules(world: World, **changes: Any) -> RuleSet:
    """Return rules under which the world's contract stands, but for `changes` of one of them."""
    plain: dict[str, Any] = {
        "approvals": ("operator",),
        "order": False,
        "region": "",
        "budget": "",
        "group": 1,
    }
    public = make_rule(category="public", levels=("1",), **plain)
    enterprise = make_rule(**plain | changes)
    return RuleSet(make_rules(world, rules=(enterprise, public)))


def found(world: World, ruled: RuleSet, plan: Any = None, **changes: Any) -> list[str]:
    plan = labelled_plan(world) if plan is None else plan
    terms = world.terms(**{"plan": plan.digest(world.suite)} | changes)
    return [breach.clause for breach in breaches(ruled, terms, plan, world.leakage())]


def test_what_the_rules_allow_is_no_breach(world: World) -> None:
    assert found(world, rules(world)) == []


@pytest.mark.parametrize(
    ("rule", "met", "clause"),
    [
        ({"kinds": ("verify",)}, None, "labels.enterprise.2"),
        ({"levels": ("1",)}, None, "labels.enterprise.2"),
        ({"ciphertext": False}, None, "labels.enterprise.2"),
        ({"order": True}, {"order": "EX-1"}, "order"),
        ({"region": "CN"}, {"region": "CN-44"}, "region"),
        ({"template": True}, {"template": bytes(32)}, "template"),
        (
            {"approvals": ("operator", "holder")},
            {"holder": b64encode(bytes(32)), "approvals": ("operator", "holder", "buyer")},
            "approvals.holder",
        ),
        ({"consent": True}, None, "consent"),
        ({"group": 5, "budget": "2"}, None, ""),  # a lookup has neither
    ],
)
def test_each_demand_that_is_not_met_is_named(
    world: World, rule: dict[str, Any], met: dict[str, Any] | None, clause: str
) -> None:
    ruled = rules(world, **rule)
    assert found(world, ruled) == ([clause] if clause else [])
    if met is not None:
        assert found(world, ruled, **met) == []


@pytest.mark.parametrize(
    ("group", "budget", "clauses"),
    [
        (5, "2", []),
        (9, "0.5", []),
        (4, "2", ["group"]),
        (5, "2.5", ["budget"]),
        (5, "", ["budget"]),
    ],
)
def test_aggregates_have_groups_and_a_budget(
    world: World, group: int, budget: str, clauses: list[str]
) -> None:
    ruled = rules(world, kinds=("statistics",), group=5, budget="2", ciphertext=True)
    loose = RuleSet(
        make_rules(
            world,
            rules=tuple(
                dataclasses.replace(rule, kinds=("statistics",)) for rule in ruled.file.rules
            ),
        )
    )
    plan = dataclasses.replace(labelled_plan(world), kind="statistics")
    terms: dict[str, Any] = {"kind": "statistics", "group": group, "budget": budget}
    assert found(world, loose, plan, **terms) == clauses


def test_a_purpose_that_the_deny_list_names_is_a_breach(world: World) -> None:
    denial = make_denial(categories=("enterprise",), levels=("2",), purposes=("贷前核验",))
    ruled = RuleSet(dataclasses.replace(rules(world).file, deny=(denial,)))
    assert found(world, ruled) == ["deny.personal-marketing"]


def test_a_plan_tells_the_labels_of_what_it_reads(world: World) -> None:
    assert found(world, rules(world), world.plan()) == ["labels"]
    assert found(world, rules(world), labelled_plan(world, LABELS[:2])) == ["labels"]


def test_a_weak_protocol_is_refused_where_it_is_asked_about(world: World) -> None:
    ruled = rules(world)
    label = [("debt", Label("enterprise", "1"))]
    assert ruled.refused("lookup", label, ciphertext=True) == []
    (refused,) = ruled.refused("lookup", label, ciphertext=True, threat_model="semi-honest")
    assert (refused.columns, str(refused.label)) == (("debt",), "enterprise, level 1")
    assert least_budget("", "1") == "1"


def loaded(court: Court, ruled: RuleSet, *, known: bool = True) -> Rulebook:
    """Return a book of rules that the log has loaded."""
    book = Rulebook(court.context)
    if known:
        court.read("rules", ruled.file.encode().decode())
    book.loaded(2, Event("rules.loaded", NOW, {"document": b64encode(ruled.digest)}))
    return book


def record(world: World, **changes: Any) -> ContractRecord:
    plan = labelled_plan(world)
    terms = world.terms(**{"plan": plan.digest(world.suite)} | changes)
    return ContractRecord(3, terms, plan, world.leakage(), {})


class TestAudit:
    def test_a_contract_is_held_to_the_rules_in_force(self, court: Court) -> None:
        world = court.world
        fine, strict = rules(world), rules(world, order=True)
        loaded(court, fine).check(3, record(world, rules=fine.digest))
        assert court.rules == []
        loaded(court, strict).check(3, record(world, rules=strict.digest))
        assert court.rules == ["contract.rules"]
        assert "order" in court.findings.sorted()[0].what
        loaded(court, strict).check(3, record(world, rules=fine.digest))
        assert len(court.rules) == 2
        loaded(court, strict, known=False)

    def test_rules_that_the_export_lacks_are_the_leafs_to_answer_for(
        self,
        court: Court,
    ) -> None:
        ruled = rules(court.world, order=True)
        book = loaded(court, ruled, known=False)
        book.check(3, record(court.world, rules=ruled.digest))
        assert court.rules == []
        book.loaded(4, Event("rules.loaded", NOW, {"document": "!"}))
        book.withdrawn(4, Event("template.withdrawn", NOW, {"document": "!"}))
        assert court.rules == ["rules.loaded", "template.withdrawn"]

    def test_a_withdrawn_template_is_followed_no_more(self, court: Court) -> None:
        template = make_template(court.world)
        book = Rulebook(court.context)
        name = b64encode(template.id())
        book.check(3, record(court.world, template=template.id()))
        book.withdrawn(4, Event("template.withdrawn", NOW, {"document": name}))
        assert court.rules == []
        book.check(5, record(court.world, template=template.id()))
        assert court.rules == ["contract.template"]

    def test_a_template_and_its_signatures_are_documents(self, court: Court) -> None:
        world = court.world
        template = make_template(world, approver="")
        token = sign_template(world.operator, template)
        with pytest.raises(TemplateInvalidError, match="not in the export"):
            court.read("template-approval", token)
        court.read("template", template.encode().decode())
        court.read("template-approval", token)
        forged = jws.sign(world.buyer, TYP, jws.peek(token).payload)
        with pytest.raises(EvidenceError):
            court.read("template-approval", forged)
        with pytest.raises(EvidenceError):
            court.read("template-approval", jws.sign(world.operator, TYP, []))
        other = sign_template(world.stranger, make_template(world))
        with pytest.raises(EvidenceError):
            court.read("template-approval", other)
        with pytest.raises(EvidenceError):
            VERIFIERS["template"](Document(1, bytes(32), "template", "{}"), court.context)

    def test_a_template_s_signature_counts_for_its_contract(self, court: Court) -> None:
        world = court.world
        loose: dict[str, Any] = {
            "approver": "",
            "consent": False,
            "latency_seconds": 0,
            "region": "",
            "order": False,
            "declarations": (),
        }
        template = make_template(world, **loose)
        token, plan = sign_template(world.operator, template), labelled_plan(world)
        terms = world.terms(template=template.id(), plan=plan.digest(world.suite))
        with pytest.raises(TemplateInvalidError, match="not in the export"):
            check_standing(court.context, token, terms, plan, "operator")
        court.read("template", template.encode().decode())
        check_standing(court.context, token, terms, plan, "operator")
        court.context.trust = Trust.of(
            [TrustedParty("a", "buyer", world.suite.id, world.buyer.public_key)], []
        )
        with pytest.raises(TrustMissingError):
            check_standing(court.context, token, terms, plan, "operator")

    def test_it_is_asked_where_the_contract_is_approved(self, court: Court) -> None:
        world = court.world
        template = make_template(world, approver="", order=True)
        court.read("template", template.encode().decode())
        contract, leaf, standing = contracts(court, template=template.id())
        contract.proposed(3, leaf)
        token = sign_template(world.operator, template)
        digest = b64encode(world.suite.digest(token.encode()))
        standing.approvals = {"operator": token}
        contract.approved(4, leaf._replace(fields={**leaf.fields, "approval": digest}))
        assert court.rules == ["document.invalid"]  # it does not stay within the template
        plain = sign_terms(world.operator, standing.terms)
        assert signer_id(world.operator) == standing.terms.operator
        assert plain != token
