"""The log in memory against the log in the store, and against a writer on another thread."""

import sys
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, insert, text
from tests.node.conftest import NOW, Store

from unseen.evidence.log import event_leaf
from unseen.evidence.suite import INTL, Ed25519Signer
from unseen.node.audit.log import Head, NodeLog
from unseen.node.errors import LogMismatchError
from unseen.node.store.schema import leaves
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.tlog.note import verify_note
from unseen.protocols.tlog.proofs import verify_consistency, verify_inclusion
from unseen.protocols.tlog.tree import Tree, leaf_hash

COUNT = 20


class Note(Change[int]):
    """Append one leaf."""

    def apply(self, transaction: Transaction) -> int:
        return transaction.append(event_leaf(INTL, "node.started", NOW, {"version": "1"}))


def root_of(head: Head, signer: Ed25519Signer) -> bytes:
    suite = signer.suite
    origin = "node.test/log"
    return verify_note(head.note, origin, suite.note_type, signer.public_key, suite.verify).root


def filled(engine: Engine, signer: Ed25519Signer) -> NodeLog:
    log = NodeLog("node.test/log", signer)
    bodies = [b'{"leaf":%d}' % number for number in range(COUNT)]
    rows = [{"leaf_index": number, "body": body} for number, body in enumerate(bodies)]
    log.extend(bodies)
    log.head()
    with engine.begin() as connection:
        connection.execute(insert(leaves), rows)
        log.save_head(connection)
    return log


def loaded(engine: Engine, signer: Ed25519Signer) -> NodeLog:
    log = NodeLog("node.test/log", signer)
    log.load(engine)
    return log


def test_what_is_stored_is_what_is_loaded(engine: Engine, signer: Ed25519Signer) -> None:
    log, again = filled(engine, signer), loaded(engine, signer)
    assert again.head() == log.head()
    assert again.size == COUNT


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE leaves SET body = CAST('x' AS BLOB) WHERE leaf_index = 0",
        "UPDATE leaves SET body = CAST('x' AS BLOB) WHERE leaf_index = 7",
        "UPDATE leaves SET body = CAST('x' AS BLOB) WHERE leaf_index = 19",
        "DELETE FROM leaves WHERE leaf_index = 0",
        "DELETE FROM leaves WHERE leaf_index = 7",
        "DELETE FROM leaves WHERE leaf_index = 19",
        "UPDATE leaves SET body = 'text' WHERE leaf_index = 7",
        "DELETE FROM leaves",
        "DELETE FROM checkpoint",
        "DELETE FROM leaves; DELETE FROM checkpoint",
        "UPDATE checkpoint SET size = size - 1",
        "UPDATE checkpoint SET size = 0, note = ''",
        "UPDATE checkpoint SET note = replace(note, 'node.test', 'node.tost')",
        (
            "UPDATE leaves SET leaf_index = -1 WHERE leaf_index = 3;"
            "UPDATE leaves SET leaf_index = 3 WHERE leaf_index = 4;"
            "UPDATE leaves SET leaf_index = 4 WHERE leaf_index = -1"
        ),
    ],
)
def test_an_edited_store_is_refused(engine: Engine, signer: Ed25519Signer, edit: str) -> None:
    filled(engine, signer)
    with engine.begin() as connection:
        for statement in edit.split(";"):
            connection.execute(text(statement))
    with pytest.raises(LogMismatchError) as caught:
        loaded(engine, signer)
    assert caught.value.clause
    assert caught.value.remedy


def test_another_key_is_refused(engine: Engine, signer: Ed25519Signer) -> None:
    filled(engine, signer)
    with pytest.raises(LogMismatchError):
        loaded(engine, Ed25519Signer(b"\x08" * 32))


def test_a_start_keeps_the_stored_head(engine: Engine, signer: Ed25519Signer) -> None:
    filled(engine, signer)
    log = loaded(engine, signer)
    with engine.begin() as connection:
        log.save_head(connection)
        (size,) = connection.execute(text("SELECT size FROM checkpoint")).one()
    assert size == COUNT


async def test_the_last_commit_of_a_stopped_node_is_covered_too(
    store: Store, signer: Ed25519Signer
) -> None:
    await store.writer.submit(Note())
    await store.writer.submit(Note())
    store.writer.close()
    with store.engine.begin() as connection:
        (size,) = connection.execute(text("SELECT size FROM checkpoint")).one()
    assert size == 2
    assert loaded(store.engine, signer).head() == store.log.head()
    store.writer._thread = threading.Thread(target=int)  # closed here, and again by the fixture
    store.writer._thread.start()


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_heads_and_proofs_hold_while_another_thread_appends(
    signer: Ed25519Signer, hasty: None
) -> None:
    log, total = NodeLog("node.test/log", signer), 6000
    bodies = [b"%d" % number for number in range(total)]
    whole = Tree()
    for body in bodies:
        whole.append(leaf_hash(body))

    def append() -> None:
        for start in range(0, total, 100):
            log.extend(bodies[start : start + 100])

    writer = threading.Thread(target=append)
    writer.start()
    heads = []
    while writer.is_alive():
        head = log.head()
        heads.append(head)
        if head.size:
            proof = log.consistency_proof(1, head)
            root = whole.root(head.size)
            verify_consistency(1, whole.root(1), head.size, root, proof)
            index = head.size - 1
            path = log.inclusion_proof(index, head)
            verify_inclusion(leaf_hash(bodies[index]), index, head.size, path, root)
    writer.join()
    for head in {head.size: head for head in heads}.values():
        assert root_of(head, signer) == whole.root(head.size)
    assert log.head().size == total
