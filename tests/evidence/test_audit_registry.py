"""An audit follows certificates and handovers: what was certified, whose it is, who left."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.evidence.conftest import NOW, ORIGIN, World
from tests.evidence.registry import Registry
from tests.evidence.test_audit_signed import Court as Signed

from unseen.evidence import jws
from unseen.evidence.audit.certificates import Certificates
from unseen.evidence.audit.handovers import Handovers
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.parties import Enrolled, Parties
from unseen.evidence.audit.tables import Tables
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.registry.certificate import (
    Certificate,
    Held,
    issued_leaf,
    sign_certificate,
    transferred_leaf,
)
from unseen.evidence.registry.handover import Handover, sign_deletion, sign_handover
from unseen.evidence.suite import Signer, signer_id

FRAME = ("v", "suite", "type", "time")


class Court(Signed):
    """A log's registry: one product, one table, one contract."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.registry, self.index = Registry(world), 9
        self.tables = Tables(self.context)
        contracts: Any = SimpleNamespace(by_id={b64encode(self.terms.id()).encode(): self.terms})
        registered = {"product": "p", "digest": b64encode(world.hash("p"))}
        self.tables.offered(1, Event("product.registered", NOW, dict(registered)))
        rows: dict[str, Json] = {"table": "t", "version": 1, "snapshot": b64encode(world.hash("t"))}
        self.tables.registered(2, Event("table.registered", NOW, rows))
        self.certificates = Certificates(self.context, ORIGIN, self.tables, contracts)
        self.parties = Parties(self.context)
        self.handovers = Handovers(self.context, ORIGIN, self.parties)
        party = Enrolled("operator", "operator", signer_id(world.operator), 0)
        self.parties.by_key[party.key] = party

    def certificate(self, **changes: Any) -> tuple[str, Certificate]:
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "object": "product",
            "name": "p",
            "digest": self.world.hash("p"),
            "holder": self.world.operator.public_key,
            "node": signer_id(self.world.node),
            "log": ORIGIN,
            "issued_at": NOW,
        }
        found = Certificate(**fields | changes)
        return sign_certificate(self.world.node, found), found

    def issue(self, said: dict[str, Json] | None = None, **changes: Any) -> Held:
        token, found = self.certificate(**changes)
        self.read("certificate", token)
        leaf = issued_leaf(token, found, NOW) | (said or {})
        self.certificates.issued(self.index, event(leaf))
        self.index += 1
        return Held.first(token, found)

    def transfer(self, held: Held, by: Signer, to: Signer, **said: Json) -> Held:
        token = held.sign_transfer(by, to.public_key, NOW)
        after = held.take(token)
        self.read("certificate-transfer", token)
        leaf = transferred_leaf(token, after, NOW) | said
        self.certificates.transferred(self.index, event(leaf))
        self.index += 1
        return after

    def hand(self, step: str, kind: str, token: str, **fields: Json) -> str:
        name = b64encode(self.read(kind, token))
        handler = getattr(self.handovers, step)
        handler(self.index, Event(f"x.{step}", NOW, {"document": name, **fields}))
        return name


def event(leaf: dict[str, Any]) -> Event:
    own = {name: value for name, value in leaf.items() if name not in FRAME}
    return Event(str(leaf["type"]), NOW, own)


@pytest.fixture
def court(world: World) -> Court:
    return Court(world)


def test_certificates_of_what_is_registered_hold(court: Court) -> None:
    table = court.registry.certificate(name="t", digest=court.world.hash("t"))
    court.issue()
    court.issue(object="table", name="t", digest=table.digest, rows=table.rows)
    contract = court.terms.id()
    court.issue(object="contract", name=b64encode(contract), digest=contract)
    assert court.rules == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"digest": bytes(32)}, "certificate.object"),
        ({"name": "q"}, "certificate.object"),
        ({"log": "other/log"}, "certificate.log"),
        ({"object": "contract", "name": "A" * 43, "digest": bytes(32)}, "certificate.object"),
    ],
    ids=str,
)
def test_what_was_not_registered_here_is_found(
    court: Court, changes: dict[str, Any], rule: str
) -> None:
    court.issue(**changes)
    assert court.rules == [rule]


@pytest.mark.parametrize(
    "said", [{"name": "q"}, {"digest": "x"}, {"holder": "x"}, {"object": "table"}, {"more": 1}]
)
def test_a_leaf_says_what_the_certificate_says(court: Court, said: dict[str, Json]) -> None:
    court.issue(said)
    assert court.rules == ["certificate.leaf"]


def test_a_certificate_is_issued_once(court: Court) -> None:
    court.issue()
    court.issue()
    assert court.rules == ["certificate.again"]


def test_a_chain_goes_from_holder_to_holder(court: Court) -> None:
    world, registry = court.world, court.registry
    held = court.transfer(court.issue(), world.operator, registry.second)
    court.transfer(held, registry.second, registry.heir)
    assert court.rules == []


def test_nobody_hands_one_certificate_to_two(court: Court) -> None:
    """Each of the two bundles would verify: only the log shows that there are two."""
    held = court.issue()
    court.transfer(held, court.world.operator, court.registry.second)
    court.transfer(held, court.world.operator, court.registry.heir)
    assert court.rules == ["certificate.chain"]


def test_a_leaf_says_what_the_transfer_says(court: Court) -> None:
    court.transfer(court.issue(), court.world.operator, court.registry.second, holder="x")
    assert court.rules == ["certificate.leaf"]


def test_a_chain_from_elsewhere_comes_with_a_node_taken_over(court: Court) -> None:
    world, registry = court.world, court.registry
    token, found = court.certificate(log="other/log")
    held = Held.first(token, found)
    after = held.take(held.sign_transfer(world.operator, registry.second.public_key, NOW))
    court.read("handover", sign_handover(world.operator, registry.handover()))
    court.transfer(held, world.operator, registry.second)
    assert court.rules == ["certificate.chain"]
    court.certificates.inherited(8, Event("node.takeover", NOW, {}))
    court.transfer(held, world.operator, registry.second)
    court.transfer(after, registry.second, registry.heir)
    assert len(court.rules) == 1
    court.transfer(after, registry.second, registry.successor)
    assert court.rules == ["certificate.chain"] * 2


def test_what_is_not_in_the_export_is_noted_elsewhere(court: Court) -> None:
    for document in ("*", "AAAA"):
        leaf = Event("x", NOW, {"document": document})
        court.certificates.issued(3, leaf)
        court.certificates.transferred(3, leaf)
        court.handovers.left(3, leaf)
        court.handovers.taken(3, leaf)
        court.handovers.deleted(3, leaf)
    assert court.rules == []


def handover(court: Court, **changes: Any) -> Handover:
    fields: dict[str, Any] = {"log": ORIGIN, "size": court.index}
    fields |= {"successor": signer_id(court.registry.successor)}
    return court.registry.handover(**fields | changes)


def test_a_node_is_left_by_its_operator(court: Court) -> None:
    found = handover(court)
    token = sign_handover(court.world.operator, found)
    court.hand("left", "handover", token, successor=found.successor)
    deletion = court.registry.deletion(handover=jws.token_id(court.world.suite, token))
    court.hand("deleted", "deletion", sign_deletion(court.world.operator, deletion))
    assert court.rules == []
    for number, amiss in enumerate((bytes(32), b"\xff" * 32), 1):
        other = court.registry.deletion(handover=amiss)
        court.hand("deleted", "deletion", sign_deletion(court.world.operator, other))
        assert court.rules == ["handover.document"] * number


@pytest.mark.parametrize(
    "changes", [{"log": "other/log"}, {"node": "A" * 43}, {"size": 3}, {"successor": "A" * 43}]
)
def test_a_handover_is_of_this_log_as_it_stands(court: Court, changes: dict[str, Any]) -> None:
    token = sign_handover(court.world.operator, handover(court, **changes))
    court.hand("left", "handover", token, successor=signer_id(court.registry.successor))
    assert court.rules == ["handover.document"]


def test_nobody_else_hands_a_node_over(court: Court) -> None:
    """A buyer is trusted too, and its signature verifies: it is not the node's operator."""
    buyer = court.world.buyer
    found = handover(court, operator=signer_id(buyer))
    token = sign_handover(buyer, found)
    court.hand("left", "handover", token, successor=found.successor)
    deletion = court.registry.deletion(
        operator=signer_id(buyer), handover=jws.token_id(court.world.suite, token)
    )
    court.hand("deleted", "deletion", sign_deletion(buyer, deletion))
    assert court.rules == ["handover.document"] * 2


def test_a_node_takes_over_what_was_handed_to_its_operator(court: Court) -> None:
    found = handover(court, operator=signer_id(court.world.buyer), log="other/log")
    for successor, origin, good in (
        (signer_id(court.world.operator), "other/log", True),
        (signer_id(court.world.operator), ORIGIN, False),
        (found.successor, "other/log", False),
    ):
        count = len(court.rules)
        own = handover(
            court, operator=signer_id(court.world.buyer), log="other/log", successor=successor
        )
        court.hand("taken", "handover", sign_handover(court.world.buyer, own), origin=origin)
        assert court.rules[count:] == ["handover.document"] * (not good)
