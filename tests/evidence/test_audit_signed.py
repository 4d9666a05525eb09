"""An audit reads stops and decisions on held releases."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.evidence.conftest import NOW, ORIGIN, World
from tests.evidence.menus import MENU

from unseen.evidence import jws
from unseen.evidence.audit.context import Context, Read
from unseen.evidence.audit.contracts import Contracts, Standing
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import ContractRecord, Document
from unseen.evidence.audit.findings import Findings
from unseen.evidence.audit.leaves import Event, Release
from unseen.evidence.audit.mandates import Mandates
from unseen.evidence.audit.releases import Releases
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.stop import StopOrder, sign_stop
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.review import Review, sign_review
from unseen.evidence.suite import signer_id


class Court:
    """What an audit knows, with a document read into it."""

    def __init__(self, world: World) -> None:
        self.world, self.findings = world, Findings()
        self.context = Context.of(world.trust, ORIGIN, self.findings)
        self.terms = world.terms()
        self.context.terms[self.terms.id()] = self.terms
        contracts: Any = SimpleNamespace(by_id={}, of=lambda index, leaf: None)
        parties: Any = SimpleNamespace(instances={})
        tables: Any = SimpleNamespace(has=lambda table, snapshot: True)
        self.releases = Releases(self.context, contracts, parties, tables)

    def read(self, kind: str, body: str, *, named: bool = True) -> bytes:
        document = Document(3, self.world.suite.digest(body.encode()), kind, body)
        read = self.context.documents[document.id] = Read(document, 1, named=named)
        read.facts = VERIFIERS[kind](document, self.context)
        return document.id

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings.sorted()]


@pytest.fixture
def court(world: World) -> Court:
    return Court(world)


def make_stop(world: World, **changes: Any) -> StopOrder:
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "action": "stop",
        "node": signer_id(world.node),
        "contract": b"",
        "cause": "an investigation",
        "issued_at": NOW,
        "nonce": bytes(16),
    }
    return StopOrder(**fields | changes)


def test_a_stop_is_a_partys_and_for_this_node(court: Court) -> None:
    world = court.world
    assert court.read("stop", sign_stop(world.operator, make_stop(world)))
    other = make_stop(world, node=signer_id(world.log))
    for token in (
        sign_stop(world.operator, other),
        sign_stop(world.stranger, make_stop(world)),
        "x.y.z",
    ):
        with pytest.raises(EvidenceError):
            court.read("stop", token)


def make_review(court: Court, **changes: Any) -> Review:
    fields: dict[str, Any] = {
        "suite": court.world.suite.id,
        "contract": court.terms.id(),
        "request": f"{1:032x}",
        "release": bytes(32),
        "bits": 4,
        "rules": ("rule",),
        "decision": "pass",
        "role": "operator",
        "time": NOW,
    }
    return Review(**fields | changes)


def decided(court: Court, **changes: Any) -> str:
    return sign_review(court.world.operator, make_review(court, **changes), court.terms)


def test_a_decision_is_by_who_may_decide_under_the_contract(court: Court) -> None:
    token = decided(court)
    assert court.read("review", token)
    del court.context.terms[court.terms.id()]
    with pytest.raises(EvidenceError, match="not in the export"):
        court.read("review", token)
    with pytest.raises(EvidenceError):
        court.read("review", jws.sign(court.world.operator, "unseen-review", []))


def release(court: Court, **changes: Any) -> Release:
    leaf = court.world.leaf()
    fields: dict[str, Any] = dict.fromkeys(Release._fields, b"")
    fields |= {"time": leaf.time, "issued_at": leaf.request.issued_at, "since": 0, "billed": None}
    fields["privacy"] = 0
    fields |= {"contract": b64encode(court.terms.id()).encode(), "request": b"%032x" % 1}
    return Release(**fields | changes)


def test_the_whole_node_stops_and_goes_on(court: Court) -> None:
    for kind, stopped in (("node.stopped", 9), ("node.resumed", None)):
        court.releases.halted(9, Event(kind, NOW + timedelta(1), {}))
        assert court.releases.stopped == stopped


def contracts(court: Court, **changes: Any) -> tuple[Contracts, Event, Standing]:
    """Return contracts with one under review, and the leaf of its operator's signature."""
    world = court.world
    terms = world.terms(**changes)
    token = sign_terms(world.operator, terms)
    record = ContractRecord(3, terms, world.plan(), world.leakage(), {"operator": token})
    parties: Any = SimpleNamespace(holds=lambda key, role: True)
    tables: Any = SimpleNamespace(offers=lambda terms: True)
    mandates = Mandates(court.context)
    found, standing = Contracts(court.context, parties, tables, mandates), Standing.of(record)
    name = b64encode(record.id)
    found.by_id[name.encode()] = standing
    fields: dict[str, Any] = {"contract": name, "by": "operator", "role": "operator"}
    approval = b64encode(world.suite.digest(token.encode()))
    return found, Event("contract.approved", NOW, fields | {"approval": approval}), standing


def test_a_contract_waits_for_everybody(court: Court) -> None:
    holder = signer_id(court.world.stranger)
    signers = ("operator", "holder", "buyer")
    found, leaf, standing = contracts(court, holder=holder, approvals=signers)
    found.proposed(3, leaf)
    found.approved(4, leaf)
    assert standing.state is State.PROPOSED
    assert court.rules == []
    found, leaf, standing = contracts(court)
    found.proposed(3, leaf)
    found.approved(4, leaf)
    assert standing.state is State.APPROVED


def test_statistics_without_the_menu_that_they_are_over_are_found(court: Court) -> None:
    for changes in ({}, {"parameters": {"menu": MENU.to_json()}}):
        found, leaf, _ = contracts(court, kind="statistics", **changes)
        found.proposed(3, leaf)
    assert court.rules == ["contract.menu", "contract.menu"]
    found, leaf, _ = contracts(court, parameters={"menu": MENU.to_json()})
    found.proposed(3, leaf)
    assert court.rules == ["contract.menu"] * 3


def test_what_terms_rest_on_stands_in_the_log_before_them(court: Court) -> None:
    rules = court.world.suite.digest(b"rules")
    found, leaf, _ = contracts(court, rules=rules)
    found.proposed(3, leaf)
    assert court.rules == ["contract.document", "contract.rules"]
    document = Document(1, rules, "rules", "rules")
    court.context.documents[rules] = Read(document, 1, named=True)
    found, leaf, _ = contracts(court, rules=rules)
    found.rulebook.loaded(2, Event("rules.loaded", NOW, {"document": b64encode(rules)}))
    found.proposed(3, leaf)
    assert len(court.rules) == 2
