"""An audit follows orders, samples, responses and objections."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.evidence.conftest import NOW, ORIGIN
from tests.evidence.test_objection import Case as Objecting
from tests.evidence.test_order import IDS, SALT
from tests.evidence.test_order import Case as Ordering

from unseen.evidence.audit.context import Context, Read
from unseen.evidence.audit.documents import VERIFIERS
from unseen.evidence.audit.export import Document
from unseen.evidence.audit.findings import Findings
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.oversight import Oversight
from unseen.evidence.audit.parties import Certified, Enrolled, Parties
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import EvidenceError
from unseen.evidence.oversight.objection import Credit, objection_id
from unseen.evidence.oversight.order import draw, sign_draw
from unseen.evidence.oversight.response import Parts, Response, sign_response
from unseen.evidence.suite import signer_id
from unseen.evidence.trust import Trust, TrustedParty

ROOT = bytes([7]) * 32
NONCE = b64encode(bytes(16))


@dataclass
class Court:
    """A log's oversight, fed leaf by leaf."""

    world: Any
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        world = self.world
        self.ordering, self.objecting = Ordering(world), Objecting(world)
        self.terms = self.ordering.terms
        self.objecting.terms = self.terms
        regulator = TrustedParty(
            "supervisor", "regulator", world.suite.id, world.stranger.public_key
        )
        trust = Trust.of([*world.trust.parties.values(), regulator], world.trust.logs.items())
        self.context = Context.of(trust, ORIGIN, self.findings)
        standing = SimpleNamespace(
            terms=self.terms, requests={one.encode() for one in IDS}, used=len(IDS)
        )
        self.contract = standing
        contracts: Any = SimpleNamespace(of=lambda _index, leaf: self._of(leaf))
        self.parties = Parties(self.context)
        buyer = Enrolled("bank", "buyer", signer_id(world.buyer), 1)
        key = signer_id(world.client).encode()
        self.certified = Certified(buyer, "desk 7", world.client.public_key, world.ends)
        self.parties.instances[key] = self.certified
        self.oversight = Oversight(self.context, contracts, self.parties, lambda: ROOT)
        self.index = 20

    def _of(self, leaf: Event) -> Any:
        return self.contract if leaf.fields.get("contract") == b64encode(self.terms.id()) else None

    def put(self, kind: str, token: str) -> str:
        """Add a document as the export's reader does, and return its name."""
        identifier = self.world.suite.digest(token.encode())
        document = Document(id=identifier, type=kind, body=token, index=self.index)
        read = Read(document, 1)
        try:
            read.facts = VERIFIERS[kind](document, self.context)
        except EvidenceError as error:
            read.error = error
        self.context.documents[identifier] = read
        return b64encode(identifier)

    def take(
        self, handler: Callable[[int, Event], None], name: str, kind: str = "x", **fields: Any
    ) -> None:
        own = {"contract": b64encode(self.terms.id()), "document": name, **fields}
        handler(self.index, Event(kind, NOW + timedelta(minutes=self.index), own))
        self.index += 1

    def order(self, token: str, nonce: str = NONCE) -> str:
        name = self.put("order", token)
        self.take(self.oversight.ordered, name, nonce=nonce)
        return name

    def object(self, step: str, token: str) -> None:
        name = self.put("objection", token)
        self.take(self.oversight.objected, name, f"objection.{step}")

    def sampled(self) -> str:
        return self.order(self.ordering.sampled)

    def drawn(self, **changes: Any) -> str:
        fields: dict[str, Any] = {"root": ROOT, "size": 21}
        fields["requests"] = draw(self.ordering.sampled_id, SALT, ROOT, IDS, 3, self.world.suite)
        found = self.ordering.drawn(**fields | changes)
        return self.put("draw", sign_draw(self.ordering.regulator, found))

    def response(self, order: str, **changes: Any) -> tuple[str, dict[str, Any]]:
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "order": b64decode(order),
            "certification": self.world.instance,
            "issued_at": NOW,
            "opened": (Parts(IDS[0], (bytes(32),)),),
            "unknown": (IDS[1],),
        }
        token = sign_response(self.world.client, Response(**fields | changes))
        said = {"order": order, "instance": signer_id(self.world.client)}
        return self.put("response", token), said | {"opened": 1, "unknown": 1, "lost": 0}

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings.sorted()]


@pytest.fixture
def court(world: Any) -> Court:
    return Court(world)


def test_an_order_its_sample_and_its_responses_hold(court: Court) -> None:
    named = court.order(court.ordering.token)
    sampled = court.sampled()
    assert court.rules == []
    court.index = 21
    court.oversight.orders[sampled].index = 20
    court.take(court.oversight.drawn, court.drawn(), order=sampled)
    name, said = court.response(named)
    court.take(court.oversight.answered, name, **said)
    assert court.rules == []
    assert court.oversight.orders[sampled].wanted


def test_an_order_that_its_contract_does_not_allow_is_found(court: Court) -> None:
    court.contract.terms = court.world.terms()
    court.order(court.ordering.token)
    assert court.rules == ["document.invalid"]
    assert not court.oversight.orders


def test_an_order_over_what_was_not_released_is_found(court: Court) -> None:
    court.contract.requests = {IDS[0].encode()}
    court.order(court.ordering.token)
    assert court.rules == ["order.request"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"requests": IDS[:3]}, "document.invalid"),
        ({"size": 22}, "draw.root"),
        ({"salt": bytes(32)}, "document.invalid"),
    ],
)
def test_a_sample_that_was_chosen_is_found(
    court: Court, changes: dict[str, Any], rule: str
) -> None:
    order = court.sampled()
    court.take(court.oversight.drawn, court.drawn(**changes), order=order)
    assert court.rules == [rule]


def test_a_sample_under_another_root_is_found(court: Court) -> None:
    order = court.sampled()
    court.oversight.orders[order].root = bytes(32)
    court.take(court.oversight.drawn, court.drawn(), order=order)
    assert court.rules == ["draw.root"]


def test_a_draw_that_was_not_due_is_found(court: Court) -> None:
    named, sampled = court.order(court.ordering.token), court.sampled()
    court.oversight.orders[sampled].index = 20
    name = court.drawn()
    court.take(court.oversight.drawn, name, order=named)
    court.take(court.oversight.drawn, name, order=sampled)
    court.take(court.oversight.drawn, name, order=sampled)
    court.take(court.oversight.drawn, name, order="x")
    assert court.rules == ["draw.order", "draw.order", "order.missing"]


def test_a_response_that_is_none_is_found(court: Court) -> None:
    order = court.order(court.ordering.token)
    name, said = court.response(order)
    court.take(court.oversight.answered, name, **said | {"opened": 2})
    court.take(court.oversight.answered, name, **said | {"order": "x"})
    foreign, said = court.response(order, unknown=(IDS[9],))
    court.take(court.oversight.answered, foreign, **said)
    late = court.response(order, issued_at=court.world.ends + timedelta(days=1))
    court.take(court.oversight.answered, late[0], **late[1])
    assert court.rules == [
        "response.leaf",
        "order.missing",
        "response.request",
        "document.invalid",
    ]


def test_a_buyer_who_is_not_trusted_is_named(court: Court) -> None:
    order = court.order(court.ordering.token)
    parties = [one for one in court.context.trust.parties.values() if one.role != "buyer"]
    court.context.trust = Trust.of(parties, court.context.trust.logs.items())
    name, said = court.response(order)
    court.take(court.oversight.answered, name, **said)
    assert court.rules == ["trust.missing"]


def test_an_objection_is_followed(court: Court) -> None:
    case = court.objecting
    first = case.open()
    case.id = objection_id(court.world.suite, first)
    tokens = (first, case.answer(), case.close())
    for step, token in zip(("opened", "answered", "closed"), tokens, strict=True):
        court.object(step, token)
    assert court.rules == []


def test_an_objection_out_of_turn_or_over_nothing_is_found(court: Court) -> None:
    case = court.objecting
    court.object("answered", case.answer())
    foreign = case.open(request="f" * 32)
    court.object("opened", foreign)
    case.id = objection_id(court.world.suite, foreign)
    court.object("closed", case.close(agreed=False))
    by_nobody = case.open(court.world.node, by=signer_id(court.world.node))
    court.object("opened", by_nobody)
    assert court.rules == [
        "objection.order",
        "objection.request",
        "document.invalid",
        "document.invalid",
    ]


def test_documents_of_another_type_missing_or_misplaced_are_found(court: Court) -> None:
    order = court.put("order", court.ordering.token)
    court.take(court.oversight.drawn, order, order="x")
    court.take(court.oversight.ordered, "AA")
    court.take(court.oversight.ordered, "!")
    court.take(court.oversight.ordered, order, contract="x")
    court.take(court.oversight.objected, order)
    assert court.rules == [
        "document.type",
        "order.missing",
        "document.missing",
        "document.missing",
        "document.type",
    ]
    assert not court.oversight.orders


def test_a_sample_needs_a_nonce_of_the_nodes(court: Court) -> None:
    """Else whoever orders, and reads the log, computes the root and tries out salts."""
    for nonce in ("", "AAAA", "*" * 22):
        court.oversight.orders.clear()
        court.order(court.ordering.sampled, nonce)
    assert court.rules == ["order.nonce"] * 3
    court.order(court.ordering.token, "")  # one that names its requests draws nothing
    assert len(court.rules) == 3


def test_an_order_stands_once(court: Court) -> None:
    """Taken again, it would have a second root, and a second sample."""
    name = court.sampled()
    first = court.oversight.orders[name]
    court.take(court.oversight.ordered, name, nonce=NONCE)
    assert court.rules == ["order.again"]
    assert court.oversight.orders[name] is first


@pytest.mark.parametrize("case", ["unknown", "revoked", "its party revoked", "ended"])
def test_who_may_not_ask_any_more_does_not_answer_either(court: Court, case: str) -> None:
    """An instance dates its response itself, so that one that was cut off may say what it likes."""
    order = court.order(court.ordering.token)
    certified = court.certified
    if case == "unknown":
        court.parties.instances.clear()
    elif case == "revoked":
        certified.revoked = 3
    elif case == "its party revoked":
        certified.party.revoked = 3
    else:
        certified.until = NOW + timedelta(minutes=court.index)
    name, said = court.response(order)
    court.take(court.oversight.answered, name, **said)
    assert court.rules == ["response.instance"]


def test_nobody_credits_more_than_was_used(court: Court) -> None:
    """Buyer and operator could else agree on a bill of nothing, and a holder gets a share of it."""
    court.contract.used = 1
    case = court.objecting
    first = case.open()
    case.id = objection_id(court.world.suite, first)
    court.object("opened", first)
    court.object("answered", case.answer(credit=Credit(units=1, amount=60_001)))
    court.object("answered", case.answer(credit=Credit(units=2, amount=60_000)))
    assert court.rules == ["document.invalid"] * 2
    court.object("answered", case.answer(accepted=False, credit=None, correction=None))
    assert len(court.rules) == 2


def test_an_objection_is_opened_once(court: Court) -> None:
    """Opened again, it could be answered again, and what was credited be taken back."""
    case = court.objecting
    first = case.open()
    case.id = objection_id(court.world.suite, first)
    court.object("opened", first)
    court.object("answered", case.answer())
    court.object("opened", first)
    assert court.rules == ["objection.again"]
    assert court.oversight.objections[b64encode(case.id)].answered


def test_an_objection_for_a_person_is_a_hubs(court: Court) -> None:
    stranger = court.world.stranger  # whom the trust file calls a regulator
    court.object("opened", court.objecting.open(stranger, by=signer_id(stranger), role="hub"))
    assert court.rules == ["objection.role"]
    assert not court.oversight.objections or court.rules


def test_a_leaf_names_the_document_of_its_step(court: Court) -> None:
    first = court.objecting.open()
    court.object("closed", first)
    court.object("other", first)
    assert court.rules == ["objection.leaf"] * 2
