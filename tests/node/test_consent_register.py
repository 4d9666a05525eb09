"""The register of consents in a store of its own: rows, roots, what counts, and what is spent."""

import asyncio
import dataclasses
import random
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, insert, select
from tests.node.conftest import NOW, Store

from unseen.evidence.canonical import b64decode, b64encode, decode, format_time
from unseen.evidence.consents.consent import Use
from unseen.evidence.consents.consent_tree import ConsentRoot, set_commitment
from unseen.evidence.suite import INTL
from unseen.node.consent import nodes
from unseen.node.consent.changes import (
    DELEGATION,
    SPENT,
    EndConsents,
    EndDelegation,
    Entry,
    PutConsents,
    PutDelegation,
    end_consents,
)
from unseen.node.consent.charging import Consented, Consenting
from unseen.node.consent.nodes import Nodes, PastNodes
from unseen.node.consent.reading import Permit, find_permit, still_permitted, write_permitted
from unseen.node.consent.tree import (
    ChooseRoot,
    MakeTree,
    Root,
    TreeKeys,
    load_keys,
    newest_root,
    use_root,
)
from unseen.node.errors import ConsentReplayedError, ConsentScopeError, DelegationWithdrawnError
from unseen.node.identity.vault import Vault
from unseen.node.jobs import frames
from unseen.node.store.documents import find_document
from unseen.node.store.schema import metadata
from unseen.node.store.schema_consent import consent_nodes_past, consent_roots, consents
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.smt import (
    Branch,
    Edge,
    MemoryStore,
    Position,
    Shape,
    SparseTree,
    verify_absent,
    verify_present,
)

T = TypeVar("T")
VAULT = Vault(bytes(32))
NODE = b64encode(bytes([5]) * 32)
DAY = timedelta(days=1)
HERE = "B" * 43


@dataclasses.dataclass
class Register:
    store: Store
    tree: TreeKeys

    def submit(self, change: Change[T]) -> T:
        async def sent() -> T:
            return await self.store.writer.submit(change)

        return asyncio.run(sent())

    def put(self, *entries: Entry) -> Root:
        return self.submit(PutConsents(self.tree, entries))

    def end(self, *ids: str, cause: str = "withdrawn") -> Root | None:
        return self.submit(EndConsents(self.tree, dict.fromkeys(ids, "token"), cause))

    def permit(self, place: bytes, **changes: Any) -> Permit | None:
        with self.store.engine.connect() as connection:
            return find_permit(connection, place, use(**changes))

    def listed(self, number: int, path: Path, **changes: Any) -> list[str]:
        write_permitted(self.store.engine, path, number, use(**changes))
        data, found = path.read_bytes(), []
        while data:
            size = frames.frame_size(data[: frames.HEADER_BYTES])
            name, sealed = frames.unpack(data[frames.HEADER_BYTES :][:size])
            assert sealed == b"sealed"
            found.append(name.decode())
            data = data[frames.HEADER_BYTES + size :]
        assert path.stat().st_mode & 0o777 == 0o600
        path.unlink()
        return sorted(found)

    def leaves(self) -> list[Any]:
        log, engine = self.store.log, self.store.engine
        return [log.read_leaf(engine, index) for index in range(log.size)]


@pytest.fixture
def register(store: Store) -> Register:
    with store.engine.connect() as connection:
        assert load_keys(connection, VAULT, INTL, NODE) is None

    async def made() -> None:
        await store.writer.submit(MakeTree(VAULT, INTL, NODE))
        await store.writer.submit(MakeTree(VAULT, INTL, NODE))  # a second one changes nothing

    asyncio.run(made())
    with store.engine.connect() as connection:
        tree = load_keys(connection, VAULT, INTL, NODE)
    assert tree is not None
    return Register(store, tree)


def entry(place: bytes, **changes: Any) -> Entry:
    body = {
        "id": b64encode(secrets.token_bytes(32)),
        "place": b64encode(place),
        "recipient": HERE,
        "scenario": "credit",
        "table": "people",
        "products": [],
        "once": False,
        "given_at": format_time(NOW - DAY),
        "until": format_time(NOW + DAY),
        "chain": [],
        "columns": [],
        "sealed_subject": b64encode(b"sealed"),
        "sealed_token": b64encode(b"token"),
    }
    return Entry("hub", body | changes)


def use(**changes: Any) -> Use:
    fields: dict[str, Any] = {
        "recipient": HERE,
        "scenario": "credit",
        "table": "people",
        "product": "product",
        "at": NOW,
        "once": True,
    }
    return Use(**fields | changes)


def delegation(name: str, parent: str = "") -> PutDelegation:
    row = {"id": name, "parent": parent, "hub": "hub", "until": "x", "sealed_token": b"token"}
    return PutDelegation(row)


A, B = bytes(16), bytes(15) + b"\x01"


def test_each_change_is_a_root_that_the_log_names(register: Register) -> None:
    first = entry(A)
    one = register.put(first, entry(B))
    two = register.end(first.id)
    assert two is not None
    leaves = [leaf for leaf in register.leaves() if leaf["type"] == "consent.root"]
    assert [(leaf["number"], leaf["size"]) for leaf in leaves] == [(1, 0), (2, 2), (3, 2)]
    assert [leaf["root"] for leaf in leaves[1:]] == [b64encode(one.root), b64encode(two.root)]
    with register.store.engine.connect() as connection:
        assert newest_root(connection) == two
        document = ConsentRoot.from_json(decode(_document(register, two)))
    assert b64encode(document.id()) == two.document
    assert (document.number, document.root, document.time) == (3, two.root, NOW)
    assert document.shape() == register.tree.shape


def _document(register: Register, root: Root) -> bytes:
    with register.store.engine.connect() as connection:
        found = find_document(connection, root.document)
    assert found is not None
    return found


def proven(register: Register, place: bytes, root: Root, changed: int, *ids: str) -> None:
    """Check that the tree of `root` holds these consents at `place`."""
    with register.store.engine.connect() as connection:
        path = SparseTree(register.tree.shape, PastNodes(connection, root.number)).path(place)
    nonce = register.tree.nonce(place, changed)
    value = set_commitment(INTL, nonce, [b64decode(name) for name in ids])
    verify_present(register.tree.shape, root.root, place, value, path)


def test_a_used_root_is_proven_for_good(register: Register) -> None:
    first, second = entry(A), entry(B)
    one = register.put(first)
    register.submit(ChooseRoot("contract", 1))
    two = register.put(second)
    three = register.end(first.id)
    assert three is not None
    proven(register, A, one, one.number, first.id)
    proven(register, A, three, three.number)
    proven(register, B, three, two.number, second.id)
    with register.store.engine.connect() as connection:
        past = PastNodes(connection, one.number)
        verify_absent(
            register.tree.shape, one.root, B, SparseTree(register.tree.shape, past).path(B)
        )


def test_what_nobody_used_leaves_nothing_behind(register: Register) -> None:
    for _ in range(5):
        register.put(entry(secrets.token_bytes(16)))
    with register.store.engine.connect() as connection:
        count = select(func.count()).select_from(consent_nodes_past)
        assert connection.execute(count).scalar_one() == 0


def test_the_same_document_is_taken_once(register: Register) -> None:
    first = entry(A)
    register.put(first)
    for again in ((first,), (entry(B), first), (second := entry(B), second)):
        with pytest.raises(ConsentReplayedError):
            register.put(*again)
    register.end(first.id)
    with pytest.raises(ConsentReplayedError):
        register.put(first)
    assert register.permit(A) is None
    assert register.permit(B) is None


def test_a_withdrawal_counts_at_once_and_a_second_one_changes_nothing(register: Register) -> None:
    first = entry(A)
    register.put(first)
    assert register.permit(A) == Permit(first.id, once=False)
    assert register.end(first.id) is not None
    assert register.permit(A) is None
    size = register.store.log.size
    assert register.end(first.id, "unknown") is None
    assert register.store.log.size == size


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "other"},
        {"scenario": "other"},
        {"table": "other"},
        {"product": "other"},
        {"at": NOW + DAY},
        {"at": NOW - 2 * DAY},
    ],
    ids=str,
)
def test_a_consent_counts_for_what_it_says(
    register: Register, tmp_path: Path, changes: dict[str, Any]
) -> None:
    only = entry(A, products=["product"])
    root = register.put(only)
    assert register.permit(A)
    assert register.permit(A, **changes) is None
    assert register.permit(B) is None
    assert register.listed(root.number, tmp_path / "p") == [only.id]
    assert register.listed(root.number, tmp_path / "p", **changes) == []


def test_builds_see_the_root_that_they_chose(register: Register, tmp_path: Path) -> None:
    first, second, once = entry(A), entry(B), entry(B, once=True)
    one = register.put(first, once)
    two = register.put(second)
    three = register.end(first.id)
    assert three is not None
    found = [register.listed(root.number, tmp_path / "p") for root in (one, two, three)]
    assert found == [[first.id], sorted([first.id, second.id]), [second.id]]


def test_a_consent_for_more_than_one_use_is_taken_before_one_for_a_single_use(
    register: Register,
) -> None:
    once, lasting = entry(A, once=True), entry(A)
    register.put(once)
    assert register.permit(A) == Permit(once.id, once=True)
    assert register.permit(A, once=False) is None
    register.put(lasting)
    assert register.permit(A) == Permit(lasting.id, once=False)


def test_a_withdrawn_delegation_takes_no_more_and_ends_what_it_says(register: Register) -> None:
    register.submit(delegation("first"))
    register.submit(delegation("second", "first"))
    with pytest.raises(ConsentReplayedError):
        register.submit(delegation("first"))
    under = entry(A, chain=["first", "second"])
    register.put(under)
    ended = register.submit(EndDelegation("first", "token", consents=False))
    assert sorted(ended) == ["first", "second"]
    assert register.permit(A)
    with pytest.raises(DelegationWithdrawnError):
        register.put(entry(B, chain=["first", "second"]))
    with pytest.raises(DelegationWithdrawnError):
        register.submit(delegation("third", "second"))
    register.submit(EndDelegation("first", "token", consents=True))
    assert register.permit(A) is None  # at once, before the tree follows
    root = register.end(under.id, cause=DELEGATION)
    assert root is not None
    proven(register, A, root, root.number)


def test_one_subject_has_no_more_consents_than_a_proof_shows(register: Register) -> None:
    register.put(*(entry(A) for _ in range(200)))
    with pytest.raises(ConsentScopeError):
        register.put(*(entry(A) for _ in range(57)))
    register.put(*(entry(A) for _ in range(56)))


@dataclasses.dataclass(frozen=True)
class Charging(Change[list[bool]]):
    """A group of answers that rest on consents."""

    book: Register
    permits: tuple[Permit | None, ...]

    def apply(self, transaction: Transaction) -> list[bool]:
        asked = [Consented(self.book.tree, permit, None) for permit in self.permits]
        group = Consenting(transaction, [*asked, None])
        root = group.root()
        assert root == group.root() == newest_root(transaction.connection).root
        found = [permit is not None and group.answers(permit) for permit in self.permits]
        group.write()
        return found


def test_a_consent_for_one_use_is_used_up_in_its_transaction(register: Register) -> None:
    once, lasting = entry(A, once=True), entry(B)
    register.put(once, lasting)
    permit, other = Permit(once.id, once=True), Permit(lasting.id, once=False)
    group = Charging(register, (permit, other, permit, None, other))
    assert register.submit(group) == [True, True, False, False, True]
    assert register.submit(group) == [False, True, False, False, True]
    assert register.permit(A) is None
    with register.store.engine.connect() as connection:
        row = connection.execute(select(consents).where(consents.c.id == once.id)).one()
        assert (row.cause, row.ended) == (SPENT, newest_root(connection).number)


def test_what_is_withdrawn_between_work_and_charge_is_withheld(register: Register) -> None:
    lasting = entry(A)
    register.put(lasting)
    found = register.permit(A)
    register.end(lasting.id)
    assert register.submit(Charging(register, (found,))) == [False]


def test_a_charge_makes_its_root_provable(register: Register) -> None:
    first = entry(A)
    root = register.put(first)
    register.submit(Charging(register, (None,)))
    register.put(entry(B))
    proven(register, A, root, root.number, first.id)
    with register.store.engine.connect() as connection:
        assert newest_root(connection).used is False


def test_still_permitted_knows_time_and_end(register: Register) -> None:
    first, second = entry(A), entry(A)
    register.put(first, second)
    register.end(second.id)
    with register.store.engine.connect() as connection:
        ids = {first.id, second.id, "none"}
        assert still_permitted(connection, ids, NOW) == {first.id}
        assert still_permitted(connection, ids, NOW + DAY) == set()


positions = st.integers(0, 127).flatmap(
    lambda depth: st.integers(0, 2**depth - 1).map(lambda prefix: Position(depth, prefix))
)


@given(positions)
def test_positions_and_branches_survive_the_store(position: Position) -> None:
    chance = random.Random(position.prefix)
    edge = Edge(Position(128, chance.getrandbits(128)), chance.randbytes(32), bytes(32))
    branch = Branch(edge, edge._replace(to=position))
    assert nodes.branch_of(nodes.body_of(branch)) == branch
    assert len(nodes.body_of(branch)) == 162
    assert len(nodes.key_of(position)) == 17


updates = st.lists(
    st.tuples(st.sets(st.integers(0, 40), min_size=1, max_size=6), st.booleans()), max_size=8
)


@settings(max_examples=25, deadline=None)
@given(updates, st.integers())
def test_the_store_s_tree_is_memory_s_now_and_in_the_past(
    changes: list[tuple[set[int], bool]], seed: int
) -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    shape, chance = Shape(bytes(32)), random.Random(seed)
    places = [chance.randbytes(1) + bytes(14) + chance.randbytes(1) for _ in range(41)]
    memory, history = SparseTree(shape, MemoryStore()), []
    with engine.begin() as connection:
        for number, (picked, used) in enumerate(changes, 1):
            values = {places[n]: chance.randbytes(32) for n in picked}
            _note_root(connection, number)
            store = Nodes(connection, number)
            if used:
                store.near(values)
            root = SparseTree(shape, store).update(values)
            assert root == memory.update(values)
            if used:
                use_root(connection, Root(number, b"", 0, 0, "", used=False))
                history.append((number, root, {p: memory.path(p) for p in places}))
        for number, root, paths in history:
            past = SparseTree(shape, PastNodes(connection, number))
            assert past.root() == root
            for place, path in paths.items():
                assert past.path(place) == path


def _note_root(connection: Any, number: int) -> None:
    row = {"number": number, "root": str(number), "size": 0, "document": "", "leaf_index": 0}
    connection.execute(insert(consent_roots), [row | {"made_at": "", "used": 0}])


def test_the_past_is_not_written_to(register: Register) -> None:
    register.put(entry(A))
    with register.store.engine.connect() as connection:
        past = PastNodes(connection, 2)
        start = past.start()
        assert start is not None
        with pytest.raises(NotImplementedError):
            past.save(start, {})
        with pytest.raises(KeyError):
            past.load([Position(3, 1)])


def test_ending_within_a_transaction_returns_nothing_for_nobody(register: Register) -> None:
    @dataclasses.dataclass(frozen=True)
    class Nobody(Change[Root | None]):
        def apply(self, transaction: Transaction) -> Root | None:
            return end_consents(transaction, register.tree, {}, SPENT)

    assert register.submit(Nobody()) is None


def test_keys_are_sealed_and_said_by_no_repr(register: Register) -> None:
    shown = repr(register.tree)
    assert register.tree.key.scalar.hex() not in shown
    assert "sealer" not in shown
