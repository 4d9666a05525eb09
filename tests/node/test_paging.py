"""Lists that a buyer makes long come in pages that a client can take."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import insert
from tests.node.conftest import Store
from tests.node.gating import OPERATOR, caller
from tests.node.governed import Governed, ask

from unseen.node.contracts import lifecycle
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.objections import conduct, register
from unseen.node.resources import PAGE_BYTES, page_after
from unseen.node.services import contract as contract_service
from unseen.node.services import objection as objection_service
from unseen.node.store.schema_openings import objections
from unseen.node.wire import objection as wire
from unseen.v1 import contract_pb2, objection_pb2

LENDER, RIVAL = caller("lender", Role.BUYER), caller("rival", Role.BUYER)
HUB = caller("consent-hub", Role.HUB)
WORDY = tuple(f"{number}{'x' * 1000}" for number in range(16))


async def contracts(node: Any, who: Caller, size: int = 0) -> list[list[str]]:
    service = contract_service.ContractService(node)
    found, token = [], ""
    while True:
        request = contract_pb2.ListContractsRequest(page_size=size, page_token=token)
        page = await service.ListContracts(request, cast("Any", None))
        assert page.ByteSize() < PAGE_BYTES + (64 << 10)
        found.append([each.name for each in page.contracts])
        if not page.next_page_token:
            return found
        token = page.next_page_token


async def test_contracts_of_many_words_come_in_several_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    governed = await Governed(store).start()
    for number in range(40):
        nonce = number.to_bytes(16, "big")
        asked = ask(nonce=nonce, declarations=WORDY)
        await lifecycle.propose(governed.node, "lender", "verify", asked)
    await lifecycle.propose(governed.node, "rival", "verify", ask())
    names = [f"contracts/{each.id}" for each in governed.node.contracts.all()]
    monkeypatch.setattr(contract_service, "caller", lambda: OPERATOR)
    pages = await contracts(governed.node, OPERATOR)
    assert len(pages) > 1
    assert [name for page in pages for name in page] == names
    assert [len(page) for page in await contracts(governed.node, OPERATOR, 20)] == [20, 20, 1]
    monkeypatch.setattr(contract_service, "caller", lambda: RIVAL)
    ((own,),) = await contracts(governed.node, RIVAL)
    assert own in names


def put_objections(store: Store, rows: list[tuple[str, str, str]]) -> None:
    """Put objections by id, contract and opener into the store, without their documents."""
    empty: dict[str, Any] = {"answer": "", "close": "", "opened_words": b"", "answered_words": b""}
    made = [{"id": i, "contract": contract, "by": by, **empty} for i, contract, by in rows]
    with store.engine.begin() as connection:
        connection.execute(insert(objections), made)


async def listed(node: Any, contract: str = "", size: int = 0) -> list[list[str]]:
    service = objection_service.ObjectionService(node)
    found, token = [], ""
    while True:
        request = objection_pb2.ListObjectionsRequest(
            contract=f"contracts/{contract}" if contract else "", page_size=size, page_token=token
        )
        page = await service.ListObjections(request, cast("Any", None))
        found.append([each.name.removeprefix("objections/")[0] for each in page.objections])
        if not page.next_page_token:
            return found
        token = page.next_page_token


async def test_objections_come_in_pages_and_each_sees_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    governed = await Governed(store).start()
    node = governed.node
    mine = await lifecycle.propose(node, "lender", "verify", ask())
    theirs = await lifecycle.propose(node, "rival", "verify", ask(nonce=bytes(15) + b"\1"))
    opener = dict.fromkeys(("consent-hub", "other-hub"), Role.HUB)
    for name, role in opener.items():
        governed.parties.by_name[name] = cast("Any", SimpleNamespace(name=name, role=role))
    rows = [
        ("a", mine.id, "lender"),
        ("b", theirs.id, "rival"),
        ("c", mine.id, "consent-hub"),
        ("d", mine.id, "operator"),
        ("e", theirs.id, "other-hub"),
    ]
    put_objections(store, [(name * 43, contract, by) for name, contract, by in rows])

    def message(_node: Any, standing: Any) -> objection_pb2.Objection:
        return objection_pb2.Objection(name=f"objections/{standing.id}", opened="x" * 200_000)

    monkeypatch.setattr(wire, "objection_message", message)
    for who, contract, size, pages in (
        (OPERATOR, "", 0, ["abc", "de"]),
        (OPERATOR, "", 2, ["ab", "cd", "e"]),
        (OPERATOR, theirs.id, 0, ["be"]),
        (LENDER, "", 1, ["a", "d"]),
        (LENDER, theirs.id, 0, [""]),
        (HUB, "", 0, ["c"]),
    ):
        monkeypatch.setattr(objection_service, "caller", lambda: who)  # noqa: B023
        assert await listed(node, contract, size) == [list(page) for page in pages]


async def test_an_objection_is_read_when_its_page_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    governed = await Governed(store).start()
    found = await lifecycle.propose(governed.node, "lender", "verify", ask())
    put_objections(store, [(f"{number:043d}", found.id, "lender") for number in range(50)])
    read: list[str] = []
    real = register._find

    def counted(connection: Any, identifier: str) -> Any:
        read.append(identifier)
        return real(connection, identifier)

    monkeypatch.setattr(register, "_find", counted)
    page = conduct.listed(governed.node, LENDER, "", f"{9:043d}")
    assert next(iter(page)).id == f"{10:043d}"
    assert len(read) == 1


@pytest.mark.parametrize("token", ["x", "a" * 44, "a" * 42 + "/", "a" * 43 + "\n"])
def test_a_token_is_one_of_this_node(token: str) -> None:
    with pytest.raises(FieldInvalidError):
        page_after(token)
    assert page_after("") == ""
    assert page_after("a" * 43) == "a" * 43
