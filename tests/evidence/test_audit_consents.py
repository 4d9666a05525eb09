"""An audit follows the roots of consents, and holds every use to the right one."""

from datetime import timedelta
from typing import Any

import pytest
from tests.evidence.conftest import NOW, World
from tests.evidence.test_audit_signed import Court, release

from unseen.evidence.audit.contracts import Epoch
from unseen.evidence.audit.leaves import Event
from unseen.evidence.canonical import b64encode
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.errors import EvidenceError
from unseen.evidence.suite import signer_id
from unseen.protocols.oprf import keys
from unseen.protocols.testing import seeded_rng

RULE = ConsentRule(scenario="credit", latency_seconds=60, once=True)


@pytest.fixture
def court(world: World) -> Court:
    return Court(world)


def make_root(world: World, **changes: Any) -> ConsentRoot:
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "node": signer_id(world.node),
        "public_key": keys.generate(seeded_rng(1)).public_key,
        "number": 1,
        "size": 3,
        "root": world.hash(f"root {changes.get('number', 1)}"),
        "time": NOW,
    }
    return ConsentRoot(**fields | changes)


def logged(court: Court, root: ConsentRoot, **changes: Any) -> Event:
    name = b64encode(court.read("consent-root", root.encode().decode()))
    return Event("consent.root", NOW, {**root.leaf_fields(), "document": name, **changes})


def text(court: Court, name: str) -> bytes:
    return b64encode(court.world.hash(name)).encode() if name else b""


def test_roots_of_consents_follow_each_other(court: Court) -> None:
    world, rooted = court.world, court.releases.consents.rooted
    rooted(4, logged(court, make_root(world)))
    rooted(5, logged(court, make_root(world, number=2)))
    assert court.rules == []
    rooted(6, logged(court, make_root(world, number=4)))
    assert court.rules == ["consent.number"]
    rooted(7, Event("consent.root", NOW, {"number": 4, "document": "*"}))
    assert len(court.rules) == 1
    with pytest.raises(EvidenceError, match="another node"):
        court.read("consent-root", make_root(world, node=signer_id(world.log)).encode().decode())


@pytest.mark.parametrize("fields", [{"size": 9}, {"size": True}, {"number": True}], ids=str)
def test_a_root_is_the_one_that_its_document_describes(
    court: Court, fields: dict[str, Any]
) -> None:
    court.releases.consents.rooted(4, logged(court, make_root(court.world, size=1), **fields))
    assert court.rules == ["consent.root"]


def test_a_root_is_of_its_leafs_time(court: Court) -> None:
    leaf = logged(court, make_root(court.world))
    late = Event(leaf.type, NOW + timedelta(seconds=1), leaf.fields)
    court.releases.consents.rooted(4, late)
    assert court.rules == ["consent.root"]


def test_no_root_stands_twice(court: Court) -> None:
    """Else a node would bring back, under a new number, a tree in which nobody had withdrawn."""
    first = make_root(court.world)
    court.releases.consents.rooted(4, logged(court, first))
    court.releases.consents.rooted(5, logged(court, make_root(court.world, number=2)))
    again = make_root(court.world, number=3, root=first.root)
    court.releases.consents.rooted(6, logged(court, again))
    assert court.rules == ["consent.again"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"size": 2}, "consent.size"),
        ({"public_key": keys.generate(seeded_rng(2)).public_key}, "consent.tree"),
    ],
)
def test_there_is_one_tree_and_it_never_shrinks(
    court: Court, changes: dict[str, Any], rule: str
) -> None:
    court.releases.consents.rooted(4, logged(court, make_root(court.world)))
    court.releases.consents.rooted(5, logged(court, make_root(court.world, number=2, **changes)))
    assert court.rules == [rule]


@pytest.mark.parametrize(
    ("kind", "asked", "given", "good"),
    [
        ("verify", True, "new", True),
        ("verify", True, "old", False),
        ("verify", True, "unknown", False),
        ("verify", True, "", False),
        ("verify", False, "", True),
        ("verify", False, "new", False),
        ("lookup", True, "old", True),
        ("lookup", True, "new", False),
        ("lookup", True, "unknown", False),
        ("lookup", False, "", True),
    ],
)
def test_a_release_names_the_root_that_it_has_to(
    court: Court, kind: str, asked: bool, given: str, good: bool
) -> None:
    world = court.world
    for number, name in enumerate(("old", "new"), 1):
        root = make_root(world, number=number, root=world.hash(name))
        court.releases.consents.rooted(number, logged(court, root))
    terms = world.terms(consent=RULE if asked else None)
    leaf = release(court, consent_root=text(court, given), kind=kind.encode())
    epoch = Epoch(b"", b"", text(court, "old")) if kind == "lookup" else None
    faults = list(court.releases.consents.faults(terms, leaf, epoch))
    assert (faults == []) is good


@pytest.mark.parametrize(
    ("given", "seconds", "good"),
    [("new", 10**6, True), ("old", 60, True), ("old", 61, False), ("strange", 0, False)],
)
def test_what_many_are_counted_by_is_not_older_than_the_latency(
    court: Court, given: str, seconds: int, good: bool
) -> None:
    world = court.world
    for number, name in enumerate(("old", "new"), 1):
        root = make_root(world, number=number, root=world.hash(name))
        court.releases.consents.rooted(number, logged(court, root))
    terms = world.terms(kind="statistics", consent=RULE)
    time = NOW + timedelta(seconds=seconds)
    leaf = release(court, consent_root=text(court, given), kind=b"statistics", time=time)
    assert (list(court.releases.consents.faults(terms, leaf, None)) == []) is good


@pytest.mark.parametrize(
    ("asked", "given", "good"),
    [
        (True, "root", True),
        (True, "unknown", False),
        (True, "", False),
        (False, "root", False),
        (False, "", True),
    ],
)
def test_a_table_is_of_the_rows_of_a_root(
    court: Court, asked: bool, given: str, good: bool
) -> None:
    world = court.world
    court.releases.consents.rooted(4, logged(court, make_root(world)))
    manifest = world.manifest(consent_root=world.hash(f"{given} 1") if given else b"")
    court.releases.consents.published(5, world.terms(consent=RULE if asked else None), manifest)
    assert court.rules == ([] if good else ["epoch.consent"])
