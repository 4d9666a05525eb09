"""Further builds under one key: what their manifests may differ in, and how the log is checked."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.auditing import Case, case, event_of, hidden, made
from tests.evidence.test_audit_releases import _publish
from tests.evidence.test_manifest import HIDDEN

from unseen.bench.ledger import START
from unseen.evidence.canonical import format_time, parse_time
from unseen.evidence.errors import ManifestInvalidError
from unseen.evidence.releases.manifest import (
    MAX_BUILD_AGE,
    MAX_BUILDS,
    Manifest,
    build_fault,
    sign_manifest,
    verify_manifest,
)
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys
from unseen.protocols.testing import seeded_rng

__all__ = ["case"]
FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_built_again.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
OTHER_KEY = keys.generate(seeded_rng(77)).public_key


def first(world: Any) -> Manifest:
    found: Manifest = world.manifest(**HIDDEN)
    return found


def further(world: Any, **changes: Any) -> Manifest:
    """Return what an honest node says of the second build."""
    before = first(world)
    fields: dict[str, Any] = {
        "build": 2,
        "nonce": world.hash("another nonce"),
        "snapshot": world.hash("another snapshot"),
        "snapshot_at": before.snapshot_at + timedelta(hours=1),
        "root": world.hash("another root"),
        "digest": world.hash("another digest"),
    }
    return replace(before, **fields | changes)


def frozen(world: Any) -> dict[str, str]:
    return {"manifest_built_again": sign_manifest(world.node, further(world))}


def test_the_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]
    token = VECTORS[world.suite.id]["manifest_built_again"]
    assert verify_manifest(token, world.suite, world.node.public_key) == further(world)


def test_a_build_is_written_from_the_second_on(world: Any) -> None:
    assert "build" not in first(world).to_json()
    assert further(world).to_json()["build"] == 2
    assert further(world, build=MAX_BUILDS).build == MAX_BUILDS


@pytest.mark.parametrize("build", [0, 1, -1, MAX_BUILDS + 1, True, False, "2", 2.0, None])
def test_another_number_is_none(world: Any, build: Any) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        Manifest.from_json(further(world).to_json() | {"build": build})
    assert caught.value.clause == "build"


def test_a_table_that_is_sent_has_one_build(world: Any) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        world.manifest(build=2)
    assert caught.value.clause == "build"


def test_a_further_build_differs_in_what_it_must(world: Any) -> None:
    assert build_fault(first(world), further(world)) == ""
    same_rows = {"root": first(world).root, "digest": first(world).digest}
    assert build_fault(first(world), further(world, **same_rows)) == ""
    assert build_fault(further(world), further(world, build=4)) == "snapshot"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("build", {"build": 1}),
        ("epoch", {"epoch": 2}),
        ("contract", {"contract": bytes(31) + b"\x01"}),
        ("public_key", {"public_key": OTHER_KEY}),
        ("rows", {"rows": 4}),
        ("width", {"width": 8192}),
        ("subject", {"subject": (SubjectColumn("name", "string"),)}),
        ("outputs", {"outputs": ("overdue", "others")}),
        ("consent_root", {"consent_root": bytes(32)}),
    ],
)
def test_and_in_nothing_else(world: Any, field: str, changes: dict[str, Any]) -> None:
    assert build_fault(first(world), further(world, **changes)) == field


def test_its_rows_are_newer_and_its_nonce_is_its_own(world: Any) -> None:
    before = first(world)
    same, earlier = before.snapshot, before.snapshot_at - timedelta(seconds=1)
    assert build_fault(before, further(world, snapshot=same)) == "snapshot"
    assert build_fault(before, further(world, snapshot_at=earlier)) == "snapshot"
    assert build_fault(before, further(world, nonce=before.nonce)) == "nonce"
    until = before.until + timedelta(seconds=1)
    assert build_fault(before, further(world, until=until)) == "until"


def test_a_lower_build_takes_no_place(world: Any) -> None:
    second = further(world)
    assert build_fault(second, first(world)) == "build"
    assert build_fault(second, second) == "build"


# In an export: the contract of the ledger has its table sent, which is a finding of its own, and
# only one snapshot of its table is registered.
BUILT: dict[str, Any] = {"build": 2, "nonce": bytes(32), "snapshot": bytes(32)}
OWN = {"epoch.terms", "epoch.snapshot"}


def rules(case: Case, *builds: dict[str, Any], closed: bool = False) -> list[set[str]]:
    """Have the log announce a hidden table and further builds of it; return what each breaks."""
    at = case.place("manifest.published")
    _publish(case, at, **HIDDEN)
    for number, changes in enumerate(builds):
        _publish(case, at + number, insert=True, **changes)
    if closed:
        leaf = case.log[at]
        ended = event_of(case, at, "epoch.closed", contract=leaf["contract"], epoch=1)
        case.insert(at + 1, ended)
    found = case.rules()
    places = range(at + 1 + closed, at + 1 + closed + len(builds))
    return [{rule for where, rule in found if where == place} - OWN for place in places]


def test_builds_follow_each_other(case: Case) -> None:
    third = BUILT | {"build": 3, "nonce": b"n" * 32, "snapshot": b"s" * 32}
    assert rules(case, BUILT, third) == [set(), set()]


@pytest.mark.parametrize(
    "changes",
    [
        {"build": 3},
        {"public_key": OTHER_KEY},
        {"rows": 4},
        {"width": 8192},
        {"consent_root": bytes(32)},
        {"until": START},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_build_that_is_none_is_found(case: Case, changes: dict[str, Any]) -> None:
    (found,) = rules(case, BUILT | changes)
    assert "epoch.build" in found


def test_an_older_build_does_not_come_back(case: Case) -> None:
    """Neither as it was, nor the first one under its own number, which would begin the epoch."""
    second = BUILT | {"nonce": b"n" * 32, "snapshot": b"s" * 32}
    assert rules(case, BUILT, second)[1] == {"epoch.build"}
    case.files |= made()[0]
    assert {"epoch.number", "epoch.open"} <= rules(case, BUILT, {"build": 1})[1]


def test_nothing_is_built_in_an_epoch_that_is_over_or_never_began(case: Case) -> None:
    assert "epoch.build" in rules(case, BUILT, closed=True)[0]
    case.files |= made()[0]
    assert "epoch.build" in rules(case, BUILT | {"epoch": 9})[0]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
def test_a_key_serves_so_long(case: Case, late: timedelta) -> None:
    at = case.place("manifest.published")
    _publish(case, at, **HIDDEN)
    _publish(case, at, insert=True, **BUILT)
    since = parse_time(case.log[at]["time"])
    case.edit(at + 1, time=format_time(since + MAX_BUILD_AGE + late))
    assert ((at + 1, "epoch.age") in case.rules()) == bool(late)


def test_what_is_asked_under_a_build_that_was_replaced_is_found(case: Case) -> None:
    at = hidden(case)
    asked = case.log[at]["request"]
    begun = case.place("manifest.published", contract=asked["contract"])
    _publish(case, begun, **HIDDEN)
    _publish(case, begun, insert=True, **BUILT)
    assert (at + 1, "release.manifest") in case.rules()
