"""Manifests: what they must agree with, who signs them, and that the log announces them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import ManifestInvalidError, SignatureInvalidError
from unseen.evidence.log import decode_leaf, encode_leaf
from unseen.evidence.releases import manifest
from unseen.evidence.releases.manifest import published_leaf, sign_manifest, verify_manifest
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.oprf_table import epoch_domain

NOW = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
HINT_ROW = 16 + 32 + 9 * 1472 * 2  # nonce, digest, and words of 16 bits: of a label of one byte
HIDDEN: dict[str, Any] = {
    "protocol": "lwe_pir",
    "width": 4096,
    "rows": 3,
    "row_bytes": HINT_ROW,
}


def test_comes_back_from_the_nodes_token(world: Any) -> None:
    own = world.manifest()
    token = sign_manifest(world.node, own)
    assert verify_manifest(token, world.suite, world.node.public_key) == own
    assert own.parameters().row_bytes == own.row_bytes
    assert own.parameters().domain == epoch_domain(own.contract, 1)
    assert own.id() == world.suite.digest(canonical.encode(own.to_json()))


def test_another_signer_or_type_is_refused(world: Any) -> None:
    own = world.manifest()
    for token in (
        sign_manifest(world.buyer, own),
        jws.sign(world.node, "unseen-receipt", own.to_json()),
    ):
        with pytest.raises(SignatureInvalidError):
            verify_manifest(token, world.suite, world.node.public_key)


def test_another_suite_is_refused(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        with pytest.raises(ManifestInvalidError, match="suite"):
            sign_manifest(world.node, intl.manifest())
        token = jws.sign(world.node, manifest.TYP, intl.manifest().to_json())
        with pytest.raises(ManifestInvalidError, match="suite"):
            verify_manifest(token, world.suite, world.node.public_key)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("contract", {"contract": b""}),
        ("epoch", {"epoch": 0}),
        ("protocol", {"protocol": "clear"}),
        ("ciphersuite", {"ciphersuite": "P256-SHA256"}),
        ("public_key", {"public_key": bytes(32)}),
        ("public_key", {"public_key": b"\xff" * 32}),
        ("public_key", {"public_key": bytes(31)}),
        ("rows", {"rows": -1}),
        ("rows", {"rows": 2**40 + 1}),
        ("root", {"root": bytes(32)}),
        ("root", {"digest": bytes(32)}),
        ("label_bytes", {"label_bytes": 8, "row_bytes": 24}),
        ("row_bytes", {"row_bytes": 24}),
        ("outputs", {"outputs": ()}),
        ("outputs", {"outputs": ("a", "a")}),
        ("outputs", {"outputs": ("a b",)}),
        ("subject", {"subject": ()}),
        ("nonce", {"nonce": bytes(31)}),
        ("snapshot", {"snapshot": None}),
        ("snapshot_at", {"snapshot_at": "2026-11-22T05:30:00Z"}),
        ("until", {"until": None}),
    ],
    ids=str,
)
def test_a_field_out_of_range_is_named(world: Any, field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        world.manifest(**changes)
    assert caught.value.clause == field


def test_the_log_announces_a_manifest_by_its_hash(world: Any) -> None:
    own = world.manifest()
    leaf = published_leaf(own, NOW)
    assert decode_leaf(encode_leaf(leaf)) == leaf
    assert leaf == {
        "v": 1,
        "suite": world.suite.id,
        "type": "manifest.published",
        "time": "2026-11-22T05:30:00Z",
        "contract": b64encode(own.contract),
        "epoch": 1,
        "manifest": b64encode(own.id()),
        "snapshot": b64encode(own.snapshot),
        "root": b64encode(own.root),
    }


def test_a_hidden_table_says_its_shape_and_a_sent_one_does_not(world: Any) -> None:
    sent, hidden = world.manifest(), world.manifest(**HIDDEN)
    assert hidden.shape() == Shape(blocks=3, width=4096, label_bytes=1)
    assert hidden.shape().hint_row_bytes == HINT_ROW
    assert hidden.domain() == sent.domain() == epoch_domain(sent.contract, 1)
    assert "width" not in sent.to_json()
    assert hidden.to_json()["width"] == 4096
    token = sign_manifest(world.node, hidden)
    assert verify_manifest(token, world.suite, world.node.public_key) == hidden
    for wrong in (sent.shape, hidden.parameters):
        with pytest.raises(ManifestInvalidError) as caught:
            wrong()
        assert caught.value.clause == "protocol"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("width", {"width": 0}),
        ("width", {"width": 4095}),
        ("width", {"width": 1 << 18}),
        ("width", {"width": True}),
        ("width", {"width": "4096"}),
        ("width", {"width": 4096.0}),
        ("width", {"protocol": "oprf_table"}),
        ("rows", {"rows": 0}),
        ("rows", {"rows": 1 << 32}),
        ("row_bytes", {"row_bytes": 17}),
        ("row_bytes", {"row_bytes": HINT_ROW + 1}),
        ("label_bytes", {"label_bytes": 8}),
    ],
    ids=str,
)
def test_a_hidden_table_has_a_shape_that_it_can_have(
    world: Any, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ManifestInvalidError) as caught:
        world.manifest(**HIDDEN | changes)
    assert caught.value.clause == field


def test_a_width_is_written_in_one_way_or_not_at_all(world: Any) -> None:
    for body in (
        world.manifest().to_json() | {"width": 0},
        world.manifest(**HIDDEN).to_json() | {"width": None},
        world.manifest(**HIDDEN).to_json() | {"width": False},
    ):
        with pytest.raises(ManifestInvalidError) as caught:
            manifest.Manifest.from_json(body)
        assert caught.value.clause == "width"
