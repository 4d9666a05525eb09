"""A table's further snapshot over a node's stores: what other rows and columns do to contracts."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import pytest
from tests.node.conftest import Store
from tests.node.governed import KEYS, Governed, approval, ask

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Quota
from unseen.evidence.contracts.states import State
from unseen.node.catalog import snapshots
from unseen.node.catalog.changes import NewSnapshot, relabelled
from unseen.node.catalog.labels import UNLABELLED, Label
from unseen.node.contracts import governing, lifecycle, standing
from unseen.node.contracts.compile import Refusal
from unseen.node.contracts.explain import explain_ask
from unseen.node.contracts.narrow import narrowest
from unseen.node.contracts.offering import offer_for
from unseen.node.contracts.register import Contract, Contracts
from unseen.node.errors import ColumnUnknownError, StorageFullError, TableChangedError
from unseen.node.identity.vault import Vault
from unseen.node.registration.issue import Issuer

BEFORE = [{"name": name, "type": "VARCHAR"} for name in ("id", "a", "b")]


@pytest.fixture
async def governed(store: Store, monkeypatch: pytest.MonkeyPatch) -> Governed:
    made = await Governed(store).start()
    for module in (lifecycle, standing):
        monkeypatch.setattr(module, "start_epoch", lambda _node, each: made.built.append(each.id))
    node = cast("Any", made.node)
    node.issuer = lambda **_parts: Issuer(
        KEYS["node"], "node.test/log", KEYS["operator"].public_key
    )
    node.vault = Vault(bytes(32))
    return made


async def active(governed: Governed, kind: str = "verify", **changes: Any) -> Contract:
    node = governed.node
    proposed = await lifecycle.propose(node, "lender", kind, ask(**changes))
    await lifecycle.approve(node, proposed, "operator", approval(proposed, "operator"))
    found = governed.contract(proposed.id)
    return await lifecycle.activate(node, found, approval(proposed, "lender"))


def computed(
    governed: Governed, columns: Sequence[dict[str, str]] = BEFORE, rows: int = 1000
) -> snapshots.Refresh:
    """Return what a pass over the table leads to, not yet written."""
    fingerprint = {"sha256": "00", "size": 1, "mtime_ns": "1"}
    found = NewSnapshot(b64encode(b"\x07" * 32), rows, cast("Any", fingerprint), b"")
    after = snapshots.refreshed(governed.node.catalogue.table("people"), columns, found)
    return snapshots.refresh_of(governed.node, after, columns, found)


async def refresh(
    governed: Governed, columns: Sequence[dict[str, str]] = BEFORE, rows: int = 1000
) -> tuple[str, ...]:
    """Refresh the table; return the contracts whose tables are built anew."""
    done = await governed.store.writer.submit(computed(governed, columns, rows))
    snapshots.follow_refresh(governed.node, done)
    await asyncio.gather(*governed.node.background)
    return done.builds


async def test_with_the_same_columns_and_rows_enough_nothing_moves(governed: Governed) -> None:
    hidden, clear = await active(governed, "lookup"), await active(governed)
    assert await refresh(governed) == (hidden.id,)
    for contract in (hidden, clear):
        assert governed.contract(contract.id).state is State.ACTIVE
    assert "contract.suspended" not in governed.events()
    assert "table.labelled" not in governed.events()
    table = governed.node.catalogue.table("people")
    assert (table.snapshot.version, table.columns[0].label) == (2, Label("enterprise", "1"))


async def test_with_too_few_rows_a_contract_is_suspended_and_goes_on_with_more(
    governed: Governed,
) -> None:
    contract = await active(governed, "lookup", quota=Quota(units=100, per_minute=10))
    built = len(governed.built)
    assert await refresh(governed, rows=900) == ()
    held = governed.contract(contract.id)
    assert held.state is State.SUSPENDED
    assert held.cause.startswith(f"{standing.CAUSE}quota.units: ")
    assert [stop.by for stop in governed.node.stops.of(contract.id)] == [standing.BY]
    leaf = next(each for each in governed.leaves() if each["type"] == "contract.suspended")
    assert (leaf["by"], leaf["cause"]) == (standing.BY, held.cause)
    assert "table.registered" in governed.events()
    assert await refresh(governed, rows=1000) == ()
    assert governed.contract(contract.id).state is State.ACTIVE
    assert governed.built[built:] == [contract.id]  # over the new rows


async def test_a_column_that_is_gone_suspends_what_reads_it(governed: Governed) -> None:
    of_a, of_b = await active(governed), await active(governed, outputs=("p_b",))
    await refresh(governed, BEFORE[::2])
    assert governed.contract(of_b.id).state is State.ACTIVE
    held = governed.contract(of_a.id)
    assert held.state is State.SUSPENDED
    assert "outputs.p_a: 'p_a' reads column 'a'" in held.cause
    assert [column.name for column in governed.node.catalogue.table("people").columns] == [
        "id",
        "b",
    ]
    await refresh(governed)  # the column is back, and nobody has labelled it
    assert governed.contract(of_a.id).state is State.SUSPENDED
    await governing.relabel(governed.node, "people", {"a": Label("enterprise", "1")}, "operator")
    assert governed.contract(of_a.id).state is State.ACTIVE


async def test_no_contract_is_made_over_a_column_that_is_gone(governed: Governed) -> None:
    await refresh(governed, BEFORE[::2])
    with pytest.raises(ColumnUnknownError) as caught:
        await lifecycle.propose(governed.node, "lender", "verify", ask())
    assert caught.value.clause == "outputs.p_a"
    assert caught.value.remedy
    found = explain_ask(governed.node, "lender", "verify", ask(outputs=("p_a", "p_b")))
    assert isinstance(found.asked, Refusal)
    offer = offer_for(governed.node, "lender", "verify")
    assert narrowest(ask(outputs=("p_a", "p_b")), offer).ask.outputs == ("p_b",)


async def test_a_column_of_another_type_has_lost_its_label(governed: Governed) -> None:
    contract = await active(governed)
    other = [{**each, "type": "BIGINT"} if each["name"] == "a" else each for each in BEFORE]
    await refresh(governed, [*other, {"name": "new", "type": "DATE"}])
    held = governed.contract(contract.id)
    assert held.state is State.SUSPENDED
    assert "labels.personal.core" in held.cause
    labels = {each.name: each.label for each in governed.node.catalogue.table("people").columns}
    assert labels == {
        "id": Label("enterprise", "1"),
        "a": UNLABELLED,
        "b": Label("enterprise", "1"),
        "new": UNLABELLED,
    }


async def test_what_came_into_force_while_the_rows_were_read_is_held_after_all(
    governed: Governed,
) -> None:
    change = computed(governed, BEFORE[::2])
    contract = await active(governed)
    done = await governed.store.writer.submit(change)
    assert done.moved == ()
    snapshots.follow_refresh(governed.node, done)
    await asyncio.gather(*governed.node.background)
    assert governed.contract(contract.id).state is State.SUSPENDED
    stored = Contracts(governed.node.engine).get(contract.id)
    assert stored.state is State.SUSPENDED


async def test_what_cannot_be_written_then_is_tried_again(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_AGAIN_SECONDS", 0.0)
    full = [StorageFullError("full"), StorageFullError("full")]
    settle = standing.settle

    async def fails_first(node: Any) -> None:
        if full:
            raise full.pop()
        await settle(node)

    monkeypatch.setattr(standing, "settle", fails_first)
    change = computed(governed, BEFORE[::2])
    contract = await active(governed)
    snapshots.follow_refresh(governed.node, await governed.store.writer.submit(change))
    await asyncio.gather(*governed.node.background)
    assert full == []
    assert governed.contract(contract.id).state is State.SUSPENDED


async def test_labels_given_while_the_rows_were_read_stay(governed: Governed) -> None:
    change = computed(governed, BEFORE[:2])
    await governing.relabel(governed.node, "people", {"a": Label("enterprise", "2")}, "operator")
    await governed.store.writer.submit(change)
    with pytest.raises(TableChangedError):  # memory has not followed yet
        await governing.relabel(
            governed.node, "people", {"a": Label("enterprise", "1")}, "operator"
        )
    governed.node.catalogue.reload()
    columns = governed.node.catalogue.table("people").columns
    assert [(each.name, each.label.level) for each in columns] == [("id", "1"), ("a", "2")]


def test_a_column_keeps_its_label_under_its_name_and_type() -> None:
    before = [{"name": "a", "type": "BIGINT", "category": "public", "level": "2"}]
    found = [{"name": "b", "type": "BIGINT"}, {"name": "a", "type": "BIGINT"}]
    strictest = dataclasses.asdict(UNLABELLED)
    assert relabelled(before, found) == [{"name": "b", "type": "BIGINT", **strictest}, *before]
