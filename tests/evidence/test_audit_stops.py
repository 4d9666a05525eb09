"""An audit holds every stop, and what lifts it, to the order of whoever may give it."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.evidence.auditing import Case, case, event_of
from tests.evidence.conftest import NOW, ORIGIN, World
from tests.evidence.test_audit_signed import make_stop

from unseen.bench.ledger import START
from unseen.evidence.audit.context import Context, Read
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import Document
from unseen.evidence.audit.findings import Findings
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.parties import Enrolled, Parties
from unseen.evidence.audit.stops import Stops
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.stop import StopOrder, sign_stop
from unseen.evidence.suite import INTL, signer_id
from unseen.evidence.trust import Trust, TrustedParty

__all__ = ["case"]
CAUSE = "an investigation"


class Court:
    """A log with one contract, whose regulator and approver may stop it beside the operator."""

    def __init__(self, world: World) -> None:
        self.world, self.findings, self.index = world, Findings(), 9
        self.signers = {
            "operator": world.operator,
            "bank": world.buyer,
            "regulator": world.stranger,
            "approver": world.log,
        }
        listed = [
            TrustedParty(name, "regulator", world.suite.id, self.signers[name].public_key)
            for name in ("regulator", "approver")
        ]
        trust = Trust.of([*world.trust.parties.values(), *listed], world.trust.logs.items())
        self.context = Context.of(trust, ORIGIN, self.findings)
        self.terms = world.terms(
            regulator=signer_id(world.stranger),
            approver=signer_id(world.log),
            approvals=("operator", "approver", "buyer"),
        )
        self.name = b64encode(self.terms.id())
        self.parties = Parties(self.context)
        for number, (name, signer) in enumerate(self.signers.items()):
            role = {"bank": "buyer"}.get(name, name)
            party = Enrolled(name, role, signer_id(signer), number)
            self.parties.by_name[name] = self.parties.by_key[party.key] = party
        contracts: Any = SimpleNamespace(by_id={self.name.encode(): self})
        self.stops = Stops(self.context, contracts, self.parties)

    def keep(self, token: str) -> str:
        identifier = self.world.suite.digest(token.encode())
        document = Document(self.index, identifier, "stop", token)
        read = self.context.documents[identifier] = Read(document, 1, named=True)
        read.facts = VERIFIERS["stop"](document, self.context)
        return b64encode(identifier)

    def order(self, by: str, action: str, **changes: Any) -> str:
        fields: dict[str, Any] = {"action": action, "contract": self.terms.id(), "cause": CAUSE}
        fields |= {"nonce": self.index.to_bytes(16, "big")}
        order = make_stop(self.world, **fields | changes)
        return self.keep(sign_stop(self.signers[by], order))

    def take(self, kind: str, by: str, document: str = "", **fields: Any) -> None:
        own = {"by": by, "cause": CAUSE, **fields}
        if not kind.startswith("node."):
            own["contract"] = self.name
        if document:
            own["document"] = document
        stops = kind.endswith(("suspended", "stopped"))
        handler = self.stops.stopped if stops else self.stops.lifted
        handler(self.index, Event(kind, NOW + timedelta(minutes=1), own))
        self.index += 1

    def stop(self, by: str, **changes: Any) -> None:
        self.take("contract.suspended", by, self.order(by, "stop", **changes))

    def lift(self, by: str, kind: str = "contract.resumed", **fields: Any) -> None:
        self.take(kind, by, self.order(by, "resume"), **fields)

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings.sorted()]


@pytest.fixture
def court(world: World) -> Court:
    return Court(world)


def test_stops_of_several_stand_until_the_last_is_lifted(court: Court) -> None:
    court.stop("regulator")
    court.stop("operator")
    court.stop("approver")
    court.take("contract.suspended", "node:rules")
    court.lift("operator", "stop.lifted", left=3)
    court.take("stop.lifted", "node:rules", left=2)
    court.lift("regulator", "stop.lifted", left=1)
    court.lift("approver")
    court.stop("operator")
    assert court.rules == []


def test_the_whole_node_is_stopped_by_its_operator_alone(court: Court) -> None:
    for kind, action in (("node.stopped", "stop"), ("node.resumed", "resume")):
        court.take(kind, "operator", court.order("operator", action, contract=b""))
    assert court.rules == []
    for kind, action in (("node.stopped", "stop"), ("node.resumed", "resume")):
        court.take(kind, "regulator", court.order("regulator", action, contract=b""))
    assert court.rules == ["stop.right"] * 2
    court.take("node.stopped", "node")
    court.take("node.stopped", "operator", court.order("operator", "stop", contract=b""))
    assert court.rules[2:] == ["stop.by", "stop.again"]


def test_nobody_lifts_what_another_has_stopped(court: Court) -> None:
    court.stop("regulator")
    court.lift("operator")
    assert court.rules == ["stop.left", "stop.other"]
    court.take("contract.resumed", "node:rules")
    assert court.rules[2:] == ["stop.left", "stop.other"]


def test_nobody_stops_twice(court: Court) -> None:
    court.stop("operator")
    court.stop("operator")
    assert court.rules == ["stop.again"]


@pytest.mark.parametrize("by", ["bank", "gone"])
def test_who_has_no_right_is_named(court: Court, by: str) -> None:
    if by == "gone":
        court.parties.by_name["approver"].revoked = 5
        by = "approver"
    court.stop(by)
    assert court.rules == ["stop.right"]


def test_nobody_has_a_right_to_what_is_not_there(court: Court) -> None:
    court.name = "A" * 43
    court.stop("regulator", contract=b64decode(court.name))
    assert court.rules == ["stop.right"]


def test_who_is_not_enrolled_stops_nothing(court: Court) -> None:
    court.take("contract.suspended", "nobody")
    assert court.rules == ["stop.by"]


def test_a_party_signs_for_it(court: Court) -> None:
    """Else a node stops a contract at its buyer's cost and says that a regulator did."""
    court.take("contract.suspended", "regulator")
    court.take("stop.lifted", "regulator", "*")
    assert court.rules == ["stop.document"]


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "resume"},
        {"contract": bytes(32)},
        {"contract": b""},
        {"cause": "another cause"},
    ],
    ids=str,
)
def test_an_order_for_something_else_stops_nothing(court: Court, changes: dict[str, Any]) -> None:
    court.take(
        "contract.suspended", "operator", court.order("operator", **{"action": "stop"} | changes)
    )
    assert court.rules == ["stop.document"]


def test_an_order_of_another_party_stops_nothing(court: Court) -> None:
    court.take("contract.suspended", "operator", court.order("regulator", "stop"))
    assert court.rules == ["stop.document"]


def test_an_order_serves_once_and_in_its_time(court: Court) -> None:
    document = court.order("operator", "stop")
    court.take("contract.suspended", "operator", document)
    court.lift("operator")
    court.take("contract.suspended", "operator", document)
    assert court.rules == ["stop.document"]
    court.lift("operator")
    court.stop("operator", issued_at=NOW - timedelta(hours=1))
    assert court.rules[1:] == ["stop.time"]


def test_a_log_with_stops_holds_and_one_with_replayed_orders_does_not(case: Case) -> None:
    states = {item.contract: item.state for item in case.check().contracts}
    active, ended = (
        next(name for name, state in states.items() if state == wanted.value)
        for wanted in (State.ACTIVE, State.REVOKED)
    )
    signer = case.ledger.signers["operator"]

    def put(kind: str, action: Any, contract: str) -> int:
        at, last = len(case.log), case.log[-1]
        order = StopOrder(
            suite=INTL.id,
            action=action,
            node=signer_id(case.ledger.node),
            contract=b64decode(contract),
            cause=CAUSE,
            issued_at=START,
            nonce=at.to_bytes(16, "big"),
        )
        name = case.document(at, "stop", sign_stop(signer, order))
        fields = {"contract": active, "by": "operator", "cause": CAUSE, "document": name}
        leaf = event_of(case, at - 1, kind, **fields)
        assert leaf["time"] == last["time"]
        case.insert(at, leaf)
        return at

    put("contract.suspended", "stop", active)
    put("contract.resumed", "resume", active)
    assert case.rules() == set()
    at = put("contract.suspended", "stop", ended)
    assert case.rules() == {(at, "stop.document")}
