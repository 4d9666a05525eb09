"""Who sees which leaf of the log."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from unseen.evidence.log import EVENTS
from unseen.node.audit.keys import trust_file
from unseen.node.audit.redaction import shows, whole
from unseen.node.errors import ContractNotFoundError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.store.schema_openings import objections

OWN, OTHER = "o" * 43, "x" * 43


def _node() -> Any:
    def get(identifier: str) -> Any:
        if identifier not in (OWN, OTHER):
            raise ContractNotFoundError("none")
        own = identifier == OWN
        holder, regulator = ("H", "S") if own else ("", "")
        terms = SimpleNamespace(
            buyer="L" if own else "R", holder=holder, approver="", regulator=regulator
        )
        return SimpleNamespace(buyer="lender" if own else "rival", terms=terms)

    names = {"operator": Role.OPERATOR, "lender": Role.BUYER, "rival": Role.BUYER}
    hub = SimpleNamespace(name="consent-hub", role=Role.HUB, key_id="C", suite="intl")
    listed = {
        name: SimpleNamespace(name=name, role=role, key_id=name[0].upper(), suite="intl")
        for name, role in names.items()
    }
    for name, role, key in (
        ("keeper", Role.HOLDER, "H"),
        ("supervisor", Role.REGULATOR, "S"),
        ("other", Role.REGULATOR, "T"),
    ):
        listed[name] = SimpleNamespace(name=name, role=role, key_id=key, suite="intl")
    get_party = (listed | {"consent-hub": hub}).get
    parties = SimpleNamespace(get=get_party, all=lambda: list(listed.values()))
    contracts = SimpleNamespace(get=get, all=lambda: [get(OWN), get(OTHER)])
    return SimpleNamespace(contracts=contracts, parties=parties)


NODE = _node()


def sees(role: Role, party: str, leaf: dict[str, Any]) -> bool:
    return shows(NODE, Caller(role, party, "default"), leaf)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AUDITOR, Role.REGULATOR])
@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_who_supervises_sees_all(role: Role, kind: str) -> None:
    assert whole(Caller(role, "x", "default"))
    assert sees(role, "x", {"type": kind, "contract": OTHER, "party": "rival"})


@pytest.mark.parametrize(
    ("leaf", "seen"),
    [
        ({"type": "node.started"}, True),
        ({"type": "table.registered"}, True),
        ({"type": "privacy.budget"}, True),
        ({"type": "product.registered"}, True),
        ({"type": "rules.loaded"}, True),
        ({"type": "contract.proposed", "contract": OWN}, True),
        ({"type": "contract.proposed", "contract": OTHER}, False),
        ({"type": "contract.proposed", "contract": "gone"}, False),
        ({"type": "release", "request": {"contract": OWN}}, True),
        ({"type": "release", "request": {"contract": OTHER}}, False),
        ({"type": "objection.opened", "contract": OTHER}, False),
        ({"type": "objection.opened", "contract": OWN, "by": "lender"}, True),
        ({"type": "objection.opened", "contract": OWN, "by": "operator"}, True),
        ({"type": "objection.opened", "contract": OWN, "by": "consent-hub"}, False),
        ({"type": "objection.opened", "contract": OWN, "by": "nobody"}, False),
        ({"type": "party.enrolled", "party": "lender"}, True),
        ({"type": "party.enrolled", "party": "operator"}, True),
        ({"type": "party.enrolled", "party": "rival"}, False),
        ({"type": "party.enrolled", "party": "nobody"}, False),
        ({"type": "party.enrolled", "party": "keeper"}, True),
        ({"type": "party.enrolled", "party": "supervisor"}, True),
        ({"type": "party.revoked", "party": "supervisor"}, True),
        ({"type": "instance.registered", "party": "supervisor"}, False),
        ({"type": "party.enrolled", "party": "other"}, False),
        ({"type": "certificate.issued", "object": "table", "name": "people"}, True),
        ({"type": "certificate.issued", "object": "contract", "name": OWN}, True),
        ({"type": "certificate.issued", "object": "contract", "name": OTHER}, False),
        ({"type": "certificate.transferred"}, False),
        ({"type": "something.new"}, False),
    ],
)
def test_a_buyer_sees_its_own_and_nobodys(leaf: dict[str, Any], seen: bool) -> None:
    assert sees(Role.BUYER, "lender", leaf) is seen


def test_what_follows_a_persons_objection_is_hidden_from_the_buyer_too(engine: Engine) -> None:
    node = _node()
    node.engine = engine
    rows = [
        {
            "id": name,
            "contract": OWN,
            "by": by,
            "answer": "",
            "close": "",
            "opened_words": b"",
            "answered_words": b"",
        }
        for name, by in (("person", "consent-hub"), ("own", "lender"))
    ]
    with engine.begin() as connection:
        connection.execute(insert(objections), rows)
    for kind, by in (("objection.answered", "operator"), ("objection.closed", "consent-hub")):
        leaf: dict[str, Any] = {"type": kind, "contract": OWN, "by": by, "objection": "person"}
        assert not shows(node, Caller(Role.BUYER, "lender", "default"), leaf)
        assert shows(node, Caller(Role.HOLDER, "keeper", "default"), leaf)
        assert shows(node, Caller(Role.AUDITOR, "eva", "default"), leaf)
        assert shows(node, Caller(Role.BUYER, "lender", "default"), leaf | {"objection": "own"})
        assert not shows(node, Caller(Role.BUYER, "lender", "default"), leaf | {"objection": "-"})


def test_a_holder_sees_the_contracts_that_it_signs() -> None:
    assert sees(Role.HOLDER, "keeper", {"type": "contract.proposed", "contract": OWN})
    assert not sees(Role.HOLDER, "keeper", {"type": "contract.proposed", "contract": OTHER})
    for kind in ("party.enrolled", "instance.registered"):  # who asks under them
        assert sees(Role.HOLDER, "keeper", {"type": kind, "party": "lender"})
        assert not sees(Role.HOLDER, "keeper", {"type": kind, "party": "rival"})


def test_keys_are_told_to_those_who_see_their_parties() -> None:
    from unseen.evidence.suite import INTL, Ed25519Signer, signer_id

    node = _node()
    for number, party in enumerate(node.parties.all()):
        party.key = Ed25519Signer(bytes([number]) * 32).public_key
    signer = Ed25519Signer(bytes([99]) * 32)
    node.suite, node.signer, node.key_id = INTL, signer, signer_id(signer)
    node.log = SimpleNamespace(origin="registry.unseen/log", public_key=signer.public_key)
    told = trust_file(node, Caller(Role.BUYER, "lender", "default"))
    named = {"registry", "operator", "lender", "keeper", "supervisor"}
    assert {party.name for party in told.parties.values()} == named
    told = trust_file(node, Caller(Role.AUDITOR, "eva", "default"))
    assert {"rival", "keeper"} <= {party.name for party in told.parties.values()}
    told = trust_file(node, Caller(Role.HUB, "hub", "default"))
    assert {p.name for p in told.parties.values()} == {"registry", "operator", "lender", "rival"}
    assert told.logs["registry.unseen/log"].node == signer_id(signer)
