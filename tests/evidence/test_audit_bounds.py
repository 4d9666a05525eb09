"""What an audit holds contracts and releases to at the edge of what was signed."""

from typing import Any

import pytest
from tests.evidence.auditing import Case, case, event_of, hidden
from tests.evidence.governance import labelled_plan, make_template
from tests.evidence.test_audit_signed import Court, contracts, court

from unseen.bench.ledger import START
from unseen.evidence.audit.contracts import Standing
from unseen.evidence.audit.export import ContractRecord
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.template import sign_template
from unseen.evidence.registry.handover import File, Handover, sign_handover
from unseen.evidence.suite import INTL, signer_id

__all__ = ["case", "court"]


def test_a_template_s_signature_approves_the_contract_that_stays_within_it(court: Court) -> None:
    world = court.world
    loose: dict[str, Any] = {"consent": False, "latency_seconds": 0, "region": "", "order": False}
    template = make_template(world, approver="", declarations=(), **loose)
    court.read("template", template.encode().decode())
    token, plan = sign_template(world.operator, template), labelled_plan(world)
    terms = world.terms(template=template.id(), plan=plan.digest(world.suite))
    record = ContractRecord(3, terms, plan, world.leakage(), {"operator": token})
    standing, name = Standing.of(record), b64encode(record.id)
    found, leaf, _ = contracts(court)
    found.by_id[name.encode()] = standing
    digest = b64encode(world.suite.digest(token.encode()))
    leaf = leaf._replace(fields={**leaf.fields, "contract": name, "approval": digest})
    found.proposed(3, leaf)
    found.approved(4, leaf)
    assert court.rules == []
    assert standing.state is State.APPROVED


def test_a_release_under_no_mandate_is_found(case: Case) -> None:
    at = hidden(case)
    table = case.log[case.place("table.registered")]["table"]
    under = event_of(case, at, "table.mandated", table=table, required=True)
    case.insert(at, under, event_of(case, at, "table.mandated", table=table, required=False))
    assert case.rules() == set()
    log = case.log
    log[at + 1], log[at + 2] = log[at + 2], log[at + 1]
    case.write(log)
    found = {where for where, rule in case.rules() if rule == "release.mandate"}
    assert found == {at + 1}


@pytest.mark.parametrize(("bits", "rules"), [(0, set()), (1, {"review.bits"})])
def test_a_refusal_by_the_gate_is_of_a_contract(case: Case, bits: int, rules: set[str]) -> None:
    at = hidden(case)
    said = {
        "contract": case.log[at]["request"]["contract"],
        "request": "f" * 32,
        "verdict": "refuse",
        "rules": ["rule"],
        "bits": bits,
    }
    case.insert(at, event_of(case, at, "release.reviewed", **said))
    assert case.rules() == {(at, rule) for rule in rules}


@pytest.mark.parametrize(("origin", "rules"), [("other/log", set()), ("x", {"handover.document"})])
def test_a_takeover_is_read_where_it_stands(case: Case, origin: str, rules: set[str]) -> None:
    at, signers = len(case.log), case.ledger.signers
    found = Handover(
        suite=INTL.id,
        operator=signer_id(signers["rival"]),
        node=b64encode(bytes(32)),
        log="other/log",
        size=7,
        successor=signer_id(signers["operator"]),
        root=bytes(32),
        files=(File("quota.json", bytes(32)),),
        time=START,
    )
    name = case.document(at, "handover", sign_handover(signers["rival"], found))
    case.insert(at, event_of(case, at - 1, "node.takeover", document=name, origin=origin))
    assert case.rules() == {(at, rule) for rule in rules}


def test_a_leaf_of_before_documents_names_its_instance_by_its_key(case: Case) -> None:
    at, log = case.place("instance.registered"), case.log
    log[at] = {name: value for name, value in log[at].items() if name != "document"}
    case.write(log)
    assert case.rules() == set()
    log[at] |= {"key": b64encode(bytes(32))}
    case.write(log)
    assert (at, "document.missing") in case.rules()
