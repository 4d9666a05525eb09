"""The trust file: laid out by hand, strict otherwise."""

import json
from typing import Any

import pytest

from unseen.evidence import canonical, trust
from unseen.evidence.errors import (
    CanonicalError,
    EvidenceError,
    TrustInvalidError,
    TrustMissingError,
)
from unseen.evidence.suite import signer_id


def test_comes_back_from_a_file_laid_out_by_hand(world: Any) -> None:
    text = json.dumps(world.trust.to_json(), indent=4, ensure_ascii=True)
    assert trust.parse(text.encode()) == world.trust
    assert trust.parse(canonical.encode(world.trust.to_json())) == world.trust


def test_finds_a_party_in_its_role_only(world: Any) -> None:
    name = signer_id(world.buyer)
    assert world.trust.party(name, "buyer").name == "示范银行"
    for role in ("node", "operator"):
        with pytest.raises(TrustMissingError) as caught:
            world.trust.party(name, role)
        assert caught.value.remedy
    with pytest.raises(TrustMissingError):
        world.trust.party(signer_id(world.stranger), "buyer")


def test_finds_a_log_by_its_origin(world: Any) -> None:
    assert world.trust.log("node.example.org/log").key == world.log.public_key
    with pytest.raises(TrustMissingError):
        world.trust.log("node.example.org/other")


def test_refuses_a_key_or_an_origin_listed_twice(world: Any) -> None:
    whole = world.trust.to_json()
    for field in ("parties", "logs"):
        twice = whole | {field: [*whole[field], whole[field][0]]}
        with pytest.raises(TrustInvalidError, match="repeats"):
            trust.parse(canonical.encode(twice))


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "x" * 65, " a", None, 1], ids=str)
def test_refuses_an_origin_that_no_checkpoint_can_have(world: Any, origin: Any) -> None:
    whole = world.trust.to_json()
    whole["logs"][0]["origin"] = origin
    with pytest.raises(TrustInvalidError):
        trust.parse(canonical.encode(whole))


@pytest.mark.parametrize("node", ["", "AA", "node-1", "A" * 44, None, 1, []], ids=str)
def test_refuses_a_log_that_does_not_name_its_nodes_key(world: Any, node: Any) -> None:
    whole = world.trust.to_json()
    assert whole["logs"][0]["node"] == signer_id(world.node)
    whole["logs"][0]["node"] = node
    with pytest.raises(TrustInvalidError, match=r"logs\.node"):
        trust.parse(canonical.encode(whole))
    del whole["logs"][0]["node"]
    with pytest.raises(TrustInvalidError, match=r"logs\.node"):
        trust.parse(canonical.encode(whole))


def test_refuses_duplicate_names_and_what_is_no_json(world: Any) -> None:
    for data in (b"", b"{", b'{"v":1,"v":1}', b"\xff", b"[1.5]"):
        with pytest.raises(CanonicalError):
            trust.parse(data)
    with pytest.raises(EvidenceError):
        trust.parse(b"[]")


def test_an_empty_file_trusts_nobody(world: Any) -> None:
    nobody = trust.parse(b'{"v": 1, "type": "trust", "parties": [], "logs": []}')
    with pytest.raises(TrustMissingError):
        nobody.party(signer_id(world.buyer), "buyer")


def test_a_file_of_more_than_4096_entries_is_refused(world: Any) -> None:
    whole = world.trust.to_json()
    many = whole | {"parties": whole["parties"][:1] * 4097}
    with pytest.raises(TrustInvalidError, match="exceed 4096"):
        trust.parse(canonical.encode(many))
