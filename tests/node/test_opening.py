"""What opens the receipt of a request in the clear, kept sealed beside the charge."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests.node.conftest import Store, make_request

from unseen.node.contracts.register import Contract
from unseen.node.errors import FieldInvalidError, ReleaseNotFoundError, ReplyNotFoundError
from unseen.node.identity.vault import Vault
from unseen.node.jobs import frames
from unseen.node.metering import opening
from unseen.node.metering.charged import digest_of
from unseen.node.metering.opening import open_release, seal_opening
from unseen.node.store.reader import Reader
from unseen.node.store.schema import charges

PARTS = (b'["somebody"]',)


@pytest.fixture
def node(
    store: Store, contract_in: Callable[..., Contract], monkeypatch: pytest.MonkeyPatch
) -> Any:
    contract = contract_in()
    request = make_request(contract.terms)
    vault = Vault(bytes(32))
    row = {
        "contract": contract.id,
        "request": request.request,
        "statement_digest": digest_of(request),
        "epoch": 0,
        "units": 1,
        "bits": 2,
        "leaf_index": 0,
        "instance": "A" * 43,
        "release_nonce": bytes(32),
        "reply": frames.pack((b'["yes"]',)),
        "opening": seal_opening(vault, request, b"\1" * 32, PARTS),
    }
    with store.engine.begin() as connection:
        connection.execute(insert(charges), [row])
    told: list[Any] = []

    def answer(*arguments: Any) -> str:
        told.append(arguments)
        return "answer"

    monkeypatch.setattr(opening, "answer", answer)
    contracts = SimpleNamespace(get=lambda _: contract)
    return SimpleNamespace(
        reader=Reader(store.engine), vault=vault, contracts=contracts, told=told, request=request
    )


def test_what_was_asked_is_opened_with_its_answer(node: Any) -> None:
    found: Any = open_release(node, node.request.request)
    assert (found.nonce, found.parts) == (b"\1" * 32, PARTS)
    assert found.answer == "answer"
    ((_, buyer, charged),) = node.told
    assert (buyer, charged.reply) == ("lender", (b'["yes"]',))
    assert "somebody" not in repr(found)


@pytest.mark.parametrize("gone", ["opening", "reply"])
def test_what_is_not_kept_any_more_is_not_opened(node: Any, store: Store, gone: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(update(charges).values({gone: None}))
    with pytest.raises(ReplyNotFoundError) as caught:
        open_release(node, node.request.request)
    assert caught.value.clause == "request.id"
    assert caught.value.remedy


def test_what_was_never_asked_is_not_opened(node: Any) -> None:
    with pytest.raises(ReleaseNotFoundError):
        open_release(node, "f" * 32)


def test_one_id_under_two_contracts_is_opened_by_naming_one(node: Any, store: Store) -> None:
    with store.engine.begin() as connection:
        (row,) = connection.execute(select(charges)).mappings().all()
        again = {**row, "contract": "B" * 43, "leaf_index": 1}  # a buyer chooses its ids
        connection.execute(insert(charges), [again])
    with pytest.raises(FieldInvalidError) as caught:
        open_release(node, node.request.request)
    assert caught.value.clause == "contract"
    assert caught.value.remedy
    found: Any = open_release(node, node.request.request, row["contract"])
    assert (found.contract, found.parts) == (row["contract"], PARTS)
    with pytest.raises(ReplyNotFoundError):
        open_release(node, node.request.request, "C" * 43)


def test_it_is_sealed_for_its_place(node: Any) -> None:
    other = make_request(SimpleNamespace(id=lambda: bytes(32)), number=9)  # type: ignore[arg-type]
    sealed = seal_opening(node.vault, other, bytes(32), PARTS)
    assert PARTS[0] not in sealed
    with pytest.raises(Exception, match="does not open"):
        node.vault.open(f"opening/x/{node.request.request}", sealed)
