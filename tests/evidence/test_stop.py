"""Orders to stop and to resume: whose they are, what they say, and their frozen bytes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.conftest import NOW

from unseen.evidence import jws
from unseen.evidence.contracts.stop import MAX_CAUSE_BYTES, TYP, StopOrder, sign_stop, verify_stop
from unseen.evidence.errors import SignatureInvalidError, StopInvalidError
from unseen.evidence.suite import INTL, key_id, signer_id

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/formats_v1_stop.json").read_text(
        encoding="utf-8"
    )
)


def make(world: Any, **changes: Any) -> StopOrder:
    fields: dict[str, Any] = {
        "suite": world.suite.id,
        "action": "stop",
        "node": key_id(world.suite, world.node.public_key),
        "contract": world.terms().id(),
        "cause": "数据泄露嫌疑 under investigation",
        "issued_at": NOW,
        "nonce": bytes(range(16)),
    }
    return StopOrder(**fields | changes)


def frozen(world: Any) -> dict[str, str]:
    return {
        "stop_contract": sign_stop(world.operator, make(world)),
        "resume_node": sign_stop(world.operator, make(world, action="resume", contract=b"")),
    }


def test_every_order_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


@pytest.mark.parametrize("name", ["stop_contract", "resume_node"])
def test_a_frozen_order_verifies(world: Any, name: str) -> None:
    token = VECTORS[world.suite.id][name]
    found = verify_stop(token, world.suite, world.operator.public_key)
    assert found.cause.endswith("investigation")
    assert (found.action, bool(found.contract)) == (name.partition("_")[0], "contract" in name)


def test_another_key_has_not_signed_it(world: Any) -> None:
    token = sign_stop(world.operator, make(world))
    with pytest.raises(SignatureInvalidError):
        verify_stop(token, world.suite, world.buyer.public_key)


def test_another_document_is_no_order(world: Any) -> None:
    token = jws.sign(world.operator, "unseen-contract", make(world).to_json())
    with pytest.raises(SignatureInvalidError):
        verify_stop(token, world.suite, world.operator.public_key)


def test_an_order_is_of_its_signers_suite(world: Any, suite: Any) -> None:
    other = next(name for name in VECTORS if name != suite.id)
    with pytest.raises(StopInvalidError, match="suite"):
        sign_stop(world.operator, make(world, suite=other))
    token = jws.sign(world.operator, TYP, make(world, suite=other).to_json())
    with pytest.raises(StopInvalidError, match="suite"):
        verify_stop(token, world.suite, world.operator.public_key)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("action", "pause"),
        ("node", "x"),
        ("contract", b"short"),
        ("contract", ""),
        ("cause", ""),
        ("cause", "two\nlines"),
        ("cause", "x" * (MAX_CAUSE_BYTES + 1)),
        ("issued_at", "now"),
        ("nonce", bytes(15)),
    ],
)
def test_what_it_may_say(world: Any, field: str, wrong: Any) -> None:
    with pytest.raises(StopInvalidError) as caught:
        replace(make(world), **{field: wrong})
    assert caught.value.clause == field


def test_keys_are_named_as_everywhere(world: Any) -> None:
    assert make(world).node == signer_id(world.node)
    assert INTL.id in VECTORS
