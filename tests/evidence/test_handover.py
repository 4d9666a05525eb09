"""Handovers and deletion certificates: the leaving operator's word; the quota is the log's."""

from typing import Any

import pytest
from tests.evidence.conftest import World
from tests.evidence.registry import Registry

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import HandoverInvalidError, SignatureInvalidError
from unseen.evidence.registry.handover import (
    ATTESTED,
    CAUSE,
    File,
    Item,
    Unused,
    sign_deletion,
    sign_handover,
    unused_quota,
    verify_deletion,
    verify_handover,
)
from unseen.evidence.suite import signer_id


@pytest.fixture
def registry(world: World) -> Registry:
    return Registry(world)


@pytest.mark.parametrize("kind", ["handover", "deletion"])
def test_is_signed_by_the_operator_that_leaves(registry: Registry, kind: str) -> None:
    world = registry.world
    sign: Any = {"handover": sign_handover, "deletion": sign_deletion}[kind]
    verify: Any = {"handover": verify_handover, "deletion": verify_deletion}[kind]
    document = getattr(registry, kind)()
    token = sign(world.operator, document)
    assert verify(token, world.suite, world.operator.public_key) == document
    with pytest.raises(HandoverInvalidError, match="operator"):
        sign(registry.successor, document)
    with pytest.raises(SignatureInvalidError):
        verify(token, world.suite, registry.successor.public_key)
    claimed = jws.sign(registry.successor, f"unseen-{kind}", document.to_json())
    with pytest.raises(HandoverInvalidError, match="operator"):
        verify(claimed, world.suite, registry.successor.public_key)


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("operator", {"operator": "x"}),
        ("node", {"node": ""}),
        ("successor", {"successor": None}),
        ("log", {"log": "a b"}),
        ("size", {"size": 0}),
        ("root", {"root": b""}),
        ("files", {"files": [1]}),
        ("files", {"files": (File("a", bytes(32)),) * 2}),
        ("time", {"time": "now"}),
        ("suite", {"suite": 1}),
    ],
    ids=str,
)
def test_a_field_of_a_handover_out_of_range_is_named(
    registry: Registry, clause: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(HandoverInvalidError) as caught:
        registry.handover(**changes)
    assert caught.value.clause == clause


def test_nobody_succeeds_himself(registry: Registry) -> None:
    for signer in (registry.world.operator, registry.world.node):
        with pytest.raises(HandoverInvalidError, match="successor"):
            registry.handover(successor=signer_id(signer))


@pytest.mark.parametrize("name", ["../keys", "a/b", "", ".hidden"])
def test_a_file_lies_in_the_folder_and_nowhere_else(name: str) -> None:
    with pytest.raises(HandoverInvalidError, match=r"files\.name"):
        File(name, bytes(32))


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("operator", {"operator": "x"}),
        ("node", {"node": "x"}),
        ("handover", {"handover": b""}),
        ("items", {"items": ["x"]}),
        ("time", {"time": None}),
        ("text", {"text": "All copies are gone."}),
        ("text_zh", {"text_zh": ATTESTED}),
        ("suite", {"suite": 1}),
    ],
    ids=str,
)
def test_a_field_of_a_deletion_out_of_range_is_named(
    registry: Registry, clause: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(HandoverInvalidError) as caught:
        registry.deletion(**changes)
    assert caught.value.clause == clause


@pytest.mark.parametrize(
    "fields",
    [("house", "x", 1, True), ("salt", "", 1, True), ("salt", "x", -1, True), ("salt", "x", 1, 1)],
    ids=str,
)
def test_an_item_out_of_range_is_refused(fields: Any) -> None:
    with pytest.raises(HandoverInvalidError, match="items"):
        Item(*fields)


def test_says_itself_that_it_proves_no_deletion(registry: Registry) -> None:
    body = registry.deletion().to_json()
    assert "No signature can prove" in str(body["text"])
    assert "不能证明" in str(body["text_zh"])


class TestQuota:
    def leaves(self, world: World, *, cause: str = CAUSE) -> list[dict[str, Any]]:
        contract = b64encode(world.terms().id())
        more = [world.leaf(world.request(number, units=3), total=3 * number) for number in (2, 1)]
        return [
            {"type": "contract.revoked", "contract": "never signed", "cause": CAUSE},
            {"type": "contract.activated", "contract": contract},
            *(leaf.to_json() for leaf in more),
            {"type": "node.started"},
            {"type": "contract.revoked", "contract": contract, "cause": cause},
        ]

    def test_is_what_the_log_leaves(self, registry: Registry) -> None:
        world, terms = registry.world, registry.world.terms()
        (line,) = unused_quota({b64encode(terms.id()): terms}, self.leaves(world))
        assert (line.units, line.used, line.left) == (1000, 6, 994)
        assert (line.buyer, line.product, line.kind) == (terms.buyer, "overdue-check", "lookup")
        assert Unused.from_json(line.to_json()) == line

    def test_what_ended_otherwise_leaves_none(self, registry: Registry) -> None:
        world, terms = registry.world, registry.world.terms()
        leaves = self.leaves(world, cause="buyer")
        assert unused_quota({b64encode(terms.id()): terms}, leaves) == ()

    def test_an_unused_contract_leaves_all_of_it(self, registry: Registry) -> None:
        world, terms = registry.world, registry.world.terms()
        leaves = [leaf for leaf in self.leaves(world) if leaf["type"] != "release"]
        (line,) = unused_quota({b64encode(terms.id()): terms}, leaves)
        assert line.left == 1000

    def test_missing_terms_are_noticed(self, registry: Registry) -> None:
        with pytest.raises(HandoverInvalidError, match="contract"):
            unused_quota({}, self.leaves(registry.world))

    @pytest.mark.parametrize(
        "changes",
        [
            {"contract": "x"},
            {"buyer": ""},
            {"product": ""},
            {"kind": "-"},
            {"units": 0},
            {"used": -1},
            {"used": 6},
        ],
        ids=str,
    )
    def test_a_line_out_of_range_is_refused(self, changes: dict[str, Any]) -> None:
        key = b64encode(bytes(32))
        fields: dict[str, Any] = {"contract": key, "buyer": key, "product": "p", "kind": "verify"}
        fields |= {"units": 5, "used": 5}
        assert Unused(**fields).left == 0
        with pytest.raises(HandoverInvalidError):
            Unused(**fields | changes)
