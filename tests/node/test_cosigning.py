"""Cosignatures are taken from witnesses only over heads of this log, and served together."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from tests.node.conftest import NOW, Store

from unseen.evidence.errors import CosignatureInvalidError
from unseen.evidence.log import encode_leaf, event_leaf
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.node.audit.cosigning import Keep, check, served
from unseen.node.store.writer import Transaction
from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import cosign, cosignatures
from unseen.protocols.tlog.note import sign_note

KEYS = [Ed25519Signer(bytes([number]) * 32) for number in (11, 12)]


def party(number: int = 0) -> Any:
    key = KEYS[number]
    return SimpleNamespace(suite="intl", key=key.public_key, key_id=signer_id(key))


def grow(store: Store, count: int = 1) -> None:
    leaf = encode_leaf(event_leaf(INTL, "node.started", NOW, {"version": "1"}))
    store.log.extend([leaf] * count)


def signed(note: str, number: int = 0, at: dt.datetime = NOW) -> str:
    key = KEYS[number]
    time = int(at.timestamp())
    return cosign(note, f"w{number}", INTL.cosign_type, key.public_key, key.sign, time=time)


def keep(store: Store, note: str, number: int = 0, at: dt.datetime = NOW) -> str:
    with store.engine.begin() as connection:
        operation = Keep(check(store.log, party(number), note, at))
        return operation.apply(Transaction(connection, at, store.log.size))


def kept(store: Store) -> list[tuple[int, str]]:
    with store.engine.connect() as connection:
        return served(connection)


def test_witnesses_sign_one_head_together(store: Store) -> None:
    grow(store, 3)
    note = store.log.head().note
    keep(store, signed(note))
    # What others put beside it is not taken over.
    both = keep(store, signed(signed(signed(note), 1, NOW - dt.timedelta(minutes=1)), 1), 1)
    assert kept(store) == [(3, both)]
    for number in (0, 1):
        key = KEYS[number].public_key
        (found,) = cosignatures(both, INTL.cosign_type, key, INTL.verify)
        assert (found.name, found.time) == (f"w{number}", int(NOW.timestamp()))


def test_of_a_witness_the_newest_is_served(store: Store) -> None:
    grow(store)
    old = store.log.head().note
    keep(store, signed(old))
    grow(store)
    keep(store, signed(store.log.head().note))
    assert [size for size, _ in kept(store)] == [2]
    keep(store, signed(old, 1), 1)
    assert [size for size, _ in kept(store)] == [2, 1]
    with pytest.raises(CosignatureInvalidError) as caught:
        keep(store, signed(old))
    assert caught.value.clause == "checkpoint.size"
    later = NOW + dt.timedelta(seconds=5)
    keep(store, signed(store.log.head().note, 0, later), 0, later)
    with pytest.raises(CosignatureInvalidError):
        keep(store, signed(store.log.head().note))  # an earlier one of the same head


def test_only_a_head_of_this_log_is_cosigned(store: Store) -> None:
    grow(store, 2)
    key = store.log._signer

    def head(size: int, root: bytes, signer: Any = key) -> str:
        body = Checkpoint(store.log.origin, size, root).body()
        return sign_note(body, store.log.origin, INTL.note_type, signer.public_key, signer.sign)

    own = head(2, store.log.root(2))
    assert check(store.log, party(), signed(own), NOW).size == 2
    for note, error in (
        (head(2, bytes(32)), CosignatureInvalidError),
        (head(3, bytes(32)), CosignatureInvalidError),
        (head(2, store.log.root(2), KEYS[1]), CheckpointInvalidError),
    ):
        with pytest.raises(error):
            check(store.log, party(), signed(note), NOW)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_cosignature_is_of_the_present(store: Store, minutes: int) -> None:
    at = NOW + dt.timedelta(minutes=minutes)
    with pytest.raises(CosignatureInvalidError) as caught:
        check(store.log, party(), signed(store.log.head().note, 0, at), NOW)
    assert caught.value.clause == "cosignature.time"


def test_a_cosignature_holds_and_is_the_callers(store: Store) -> None:
    note, key = store.log.head().note, KEYS[0]
    beyond = cosign(note, "w", INTL.cosign_type, key.public_key, key.sign, time=2**63 - 1)
    broken = cosign(note, "w", INTL.cosign_type, key.public_key, lambda _: bytes(64), time=0)
    for text, clause in (
        (note, "cosignature"),
        (signed(note, 1), "cosignature"),
        (broken, "cosignature"),
        (beyond, "cosignature.time"),
    ):
        with pytest.raises(CosignatureInvalidError) as caught:
            check(store.log, party(), text, NOW)
        assert caught.value.clause == clause
        assert caught.value.remedy
