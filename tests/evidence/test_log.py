"""Leaves, request statements and certifications of instances."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unseen.evidence import canonical, jws
from unseen.evidence.errors import (
    CanonicalError,
    InstanceInvalidError,
    LeafInvalidError,
    RequestInvalidError,
    SignatureInvalidError,
    SuiteUnknownError,
)
from unseen.evidence.log import (
    EVENTS,
    MAX_LEAF_BYTES,
    ReleaseLeaf,
    decode_leaf,
    encode_leaf,
    event_leaf,
)
from unseen.evidence.releases import instance
from unseen.evidence.releases.instance import certify, verify_instance
from unseen.evidence.releases.request import Request, sign_request, verify_request
from unseen.evidence.suite import signer_id

NOW = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_event_leaves_come_back_from_their_bytes(suite: Any, kind: str) -> None:
    leaf = event_leaf(suite, kind, NOW, {"party": "x", "count": 3, "names": ["a"]})
    assert leaf["suite"] == suite.id
    assert leaf["time"] == "2026-11-22T05:30:00Z"
    assert decode_leaf(encode_leaf(leaf)) == leaf


def test_release_leaf_comes_back_from_its_bytes(world: Any) -> None:
    leaf = world.leaf()
    data = encode_leaf(leaf.to_json())
    assert ReleaseLeaf.from_json(decode_leaf(data)) == leaf
    assert leaf.encode() == data


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("release", {}),
        ("log.stopped", {}),
        ("", {}),
        (None, {}),
        ("node.started", {"v": 2}),
        ("node.started", {"time": "x"}),
        ("node.started", {"suite": "x"}),
        ("node.started", {"type": "x"}),
        ("node.started", {"Upper": 1}),
        ("node.started", {"": 1}),
        ("node.started", {"a b": 1}),
        ("node.started", {"x" * 33: 1}),
        ("node.started", {"text": "x" * 4096}),
    ],
    ids=str,
)
def test_event_leaf_refuses_other_types_and_names(
    suite: Any, kind: Any, fields: dict[str, Any]
) -> None:
    with pytest.raises(LeafInvalidError):
        event_leaf(suite, kind, NOW, fields)


def test_event_leaf_refuses_floats_and_times_without_a_zone(suite: Any) -> None:
    with pytest.raises(CanonicalError):
        event_leaf(suite, "node.started", NOW, {"x": 1.5})  # type: ignore[dict-item]
    with pytest.raises(CanonicalError):
        event_leaf(suite, "node.started", NOW.replace(tzinfo=None), {})


def test_a_leaf_has_at_most_4095_bytes(suite: Any) -> None:
    room = MAX_LEAF_BYTES - len(encode_leaf(event_leaf(suite, "node.started", NOW, {"x": ""})))
    leaf = event_leaf(suite, "node.started", NOW, {"x": "a" * room})
    assert len(encode_leaf(leaf)) == MAX_LEAF_BYTES
    with pytest.raises(LeafInvalidError):
        event_leaf(suite, "node.started", NOW, {"x": "a" * (room + 1)})
    with pytest.raises(LeafInvalidError):
        decode_leaf(b"x" * (MAX_LEAF_BYTES + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"type": "x"},
        {"type": 1},
        {"time": "now"},
        {"Upper": 1},
        {"time": None},
        {"v": True},
    ],
    ids=str,
)
def test_decode_leaf_refuses_a_malformed_frame(suite: Any, change: dict[str, Any]) -> None:
    leaf = event_leaf(suite, "node.started", NOW, {})
    with pytest.raises(LeafInvalidError):
        decode_leaf(canonical.encode(leaf | change))


def test_decode_leaf_refuses_what_is_no_leaf(world: Any) -> None:
    for data, error in (
        (b"[]", LeafInvalidError),
        (b"{}", LeafInvalidError),
        (b"{ }", CanonicalError),
        (
            canonical.encode(event_leaf(world.suite, "node.started", NOW, {}) | {"suite": "sm"}),
            SuiteUnknownError,
        ),
        (canonical.encode(world.leaf().to_json() | {"total": 0}), LeafInvalidError),
    ):
        with pytest.raises(error):
            decode_leaf(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("job", ""),
        ("job", "a/b"),
        ("total", 0),
        ("total", 2**53),
        ("privacy", "00"),
        ("privacy", "1.0"),
        ("privacy", "1."),
        ("privacy", ".5"),
        ("privacy", "-1"),
        ("privacy", "1e3"),
        ("privacy", ""),
        ("privacy", 0),
        ("signature", b""),
        ("instance", "x"),
        ("snapshot", b""),
        ("time", datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ],
    ids=str,
)
def test_release_leaf_names_the_field_out_of_range(world: Any, field: str, value: Any) -> None:
    with pytest.raises(LeafInvalidError) as caught:
        world.leaf(**{field: value})
    assert caught.value.clause == field


@pytest.mark.parametrize("privacy", ["0", "1", "0.5", "12.25", "123456789.123456789"])
def test_privacy_is_a_decimal_in_its_shortest_form(world: Any, privacy: str) -> None:
    assert world.leaf(privacy=privacy).to_json()["privacy"] == privacy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contract", b""),
        ("request", "F" * 32),
        ("request", "0" * 31),
        ("request", "0" * 33),
        ("kind", "steal"),
        ("units", 0),
        ("units", 1_000_001),
        ("units", True),
        ("commitment", bytes(33)),
        ("manifest", bytes(31)),
        ("epoch", 0),
        ("epoch", -1),
        ("issued_at", None),
    ],
    ids=str,
)
def test_request_names_the_field_out_of_range(world: Any, field: str, value: Any) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        world.request(**{field: value})
    assert caught.value.clause == field


def test_request_without_a_manifest_has_no_epoch(world: Any) -> None:
    request = world.request(kind="verify", manifest=b"", epoch=0)
    assert request.to_json()["manifest"] == ""
    assert Request.decode(request.bytes()) == request
    with pytest.raises(RequestInvalidError, match="epoch"):
        world.request(kind="verify", manifest=b"", epoch=1)


def test_request_signature_holds_for_one_statement_and_one_key(world: Any) -> None:
    request = world.request()
    signature = sign_request(world.client, request)
    key = world.client.public_key
    verify_request(request, signature, world.suite, key)
    assert Request.decode(request.bytes()) == request
    for statement, public_key in ((world.request(2), key), (request, world.buyer.public_key)):
        with pytest.raises(SignatureInvalidError):
            verify_request(statement, signature, world.suite, public_key)


def test_request_signature_is_not_one_over_the_bare_bytes(world: Any) -> None:
    request = world.request()
    bare = world.client.sign(request.bytes())
    with pytest.raises(SignatureInvalidError):
        verify_request(request, bare, world.suite, world.client.public_key)


def test_request_of_an_unknown_suite_is_refused(world: Any) -> None:
    with pytest.raises(SuiteUnknownError):
        world.request(suite="sm")


def test_request_of_another_suite_is_refused(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        with pytest.raises(RequestInvalidError, match="suite"):
            sign_request(world.client, intl.request())
        with pytest.raises(RequestInvalidError, match="suite"):
            verify_request(intl.request(), b"", world.suite, world.client.public_key)


def test_instance_is_certified_by_its_party(world: Any) -> None:
    found = verify_instance(world.instance, world.buyer.public_key, NOW)
    assert found.key == world.client.public_key
    assert (found.party, found.name) == (signer_id(world.buyer), "desk 7")
    assert found.key_id == signer_id(world.client)
    assert verify_instance(world.instance, world.buyer.public_key, NOW, suite=world.suite) == found


def test_instance_ends_by_itself(world: Any) -> None:
    key, until = world.buyer.public_key, NOW + timedelta(days=30)
    last = until - timedelta(seconds=1)
    assert verify_instance(world.instance, key, last).until == until
    with pytest.raises(InstanceInvalidError, match="has passed"):
        verify_instance(world.instance, key, until)


def test_instance_of_another_party_is_refused(world: Any) -> None:
    with pytest.raises(InstanceInvalidError, match="party"):
        verify_instance(world.instance, world.operator.public_key, NOW)
    payload = jws.peek(world.instance).payload
    forged = jws.sign(world.operator, instance.TYP, payload)
    for key in (world.buyer.public_key, world.operator.public_key):
        with pytest.raises((InstanceInvalidError, SignatureInvalidError)):
            verify_instance(forged, key, NOW)


def test_instance_of_another_suite_than_asked_for_is_refused(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        with pytest.raises(InstanceInvalidError, match="suite"):
            verify_instance(intl.instance, intl.buyer.public_key, NOW, suite=world.suite)


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", " a"])
def test_certify_refuses_a_malformed_name_and_key(world: Any, name: str) -> None:
    with pytest.raises(InstanceInvalidError):
        certify(world.buyer, name, world.client.public_key, NOW)
    with pytest.raises(InstanceInvalidError):
        certify(world.buyer, "desk", world.client.public_key[:-1], NOW)


def test_instance_names_its_party_by_a_key_and_its_end_in_seconds(world: Any) -> None:
    good = verify_instance(world.instance, world.buyer.public_key, NOW)
    changes: tuple[dict[str, Any], ...] = ({"party": "x"}, {"until": NOW.replace(microsecond=1)})
    for change in changes:
        with pytest.raises(InstanceInvalidError):
            dataclasses.replace(good, **change)
