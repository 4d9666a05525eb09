"""Following the log: growth is accepted, forks and rollbacks are caught and kept as evidence."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from unseen.client.errors import AnswerInvalidError
from unseen.client.follow import Follower
from unseen.client.local.home import Home
from unseen.client.local.profile import Node
from unseen.evidence.errors import LogForkedError
from unseen.evidence.suite import INTL, Ed25519Signer
from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog import Checkpoint, Tree, leaf_hash, sign_note

ORIGIN = "node.test/log"


@dataclass
class FakeLog:
    """A log that can be appended to, forked and rolled back."""

    signer: Ed25519Signer
    tree: Tree = field(default_factory=Tree)

    def append(self, *entries: bytes) -> None:
        for entry in entries:
            self.tree.append(leaf_hash(entry))

    def note(self, size: int | None = None) -> str:
        at = self.tree.size if size is None else size
        body = Checkpoint(ORIGIN, at, self.tree.root(at)).body()
        key = self.signer.public_key
        return sign_note(body, ORIGIN, INTL.note_type, key, self.signer.sign)

    def proof(self, old: int, size: int | None = None) -> bytes:
        return b"".join(self.tree.consistency_proof(old, size))


@pytest.fixture
def log() -> FakeLog:
    return FakeLog(Ed25519Signer(b"\x07" * 32))


class Kept:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def heads(self, origin: str) -> list[str]:
        assert origin == ORIGIN
        return list(self.notes)

    def save_head(self, origin: str, note: str) -> None:
        self.notes.append(note)

    def drop_head(self, origin: str, note: str) -> None:
        self.notes.remove(note)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def follower(node: Node, home: Home, kept: Kept) -> Follower:
    return Follower(node, INTL, home, kept)


def test_the_first_head_is_taken_and_kept(follower: Follower, log: FakeLog, kept: Kept) -> None:
    log.append(b"a", b"b")
    assert follower.accept(None, log.note(), b"").size == 2
    assert kept.notes == [log.note()]


def test_growth_with_its_proof_is_accepted(follower: Follower, log: FakeLog) -> None:
    log.append(b"a", b"b", b"c")
    base = follower.accept(None, log.note(), b"")
    log.append(b"d", b"e", b"f")
    assert follower.accept(base, log.note(), log.proof(3)).size == 6
    assert follower.newest is not None
    assert follower.newest.size == 6


def test_a_kept_head_survives_a_restart_and_convicts(
    follower: Follower, log: FakeLog, node: Node, home: Home, kept: Kept
) -> None:
    log.append(b"a", b"b", b"c")
    follower.accept(None, log.note(), b"")
    again = Follower(node, INTL, home, kept)
    log.tree = Tree()
    log.append(b"x", b"b", b"c", b"d")
    with pytest.raises(LogForkedError):
        again.accept(again.newest, log.note(), log.proof(3))


def test_a_fork_is_refused_and_both_heads_are_kept(
    follower: Follower, log: FakeLog, home: Home
) -> None:
    log.append(b"a", b"b", b"c")
    before = log.note()
    base = follower.accept(None, before, b"")
    log.tree = Tree()
    log.append(b"a", b"changed", b"c", b"d")
    with pytest.raises(LogForkedError) as caught:
        follower.accept(base, log.note(), log.proof(3))
    (path,) = (home.root / "evidence").iterdir()
    evidence = json.loads(path.read_text())
    assert (evidence["before"], evidence["after"]) == (before, log.note())
    assert str(path) in caught.value.remedy
    assert caught.value.clause == "log.consistency"


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_rollback_is_refused(follower: Follower, log: FakeLog, size: int) -> None:
    log.append(b"a", b"b", b"c")
    base = follower.accept(None, log.note(), b"")
    with pytest.raises(LogForkedError, match="smaller"):
        follower.accept(base, log.note(size), b"")


@pytest.mark.parametrize("proof", [b"", b"\x00" * 31, b"\x00" * 32, b"\x00" * 320])
def test_growth_without_a_right_proof_is_refused(
    follower: Follower, log: FakeLog, proof: bytes
) -> None:
    log.append(b"a", b"b", b"c")
    base = follower.accept(None, log.note(), b"")
    log.append(b"d", b"e")
    with pytest.raises(LogForkedError):
        follower.accept(base, log.note(), proof)


def test_the_same_size_with_another_root_is_a_fork(follower: Follower, log: FakeLog) -> None:
    log.append(b"a", b"b")
    follower.accept(None, log.note(), b"")
    log.tree = Tree()
    log.append(b"a", b"c")
    with pytest.raises(LogForkedError):
        follower.accept(None, log.note(), b"")


def test_a_head_by_another_key_or_of_another_log_is_refused(
    follower: Follower, log: FakeLog
) -> None:
    log.append(b"a")
    stranger = Ed25519Signer(b"\x09" * 32)
    body = Checkpoint(ORIGIN, 1, log.tree.root()).body()
    note = sign_note(body, ORIGIN, INTL.note_type, stranger.public_key, stranger.sign)
    with pytest.raises(CheckpointInvalidError):
        follower.accept(None, note, b"")
    other = Checkpoint("other/log", 1, log.tree.root()).body()
    key = log.signer.public_key
    note = sign_note(other, ORIGIN, INTL.note_type, key, log.signer.sign)
    with pytest.raises(LogForkedError):
        follower.accept(None, note, b"")


def test_answers_out_of_order_are_accepted_and_compared_later(
    follower: Follower, log: FakeLog
) -> None:
    log.append(b"a", b"b")
    base = follower.accept(None, log.note(), b"")
    log.append(b"c", b"d", b"e")
    follower.accept(base, log.note(5), log.proof(2, 5))
    late = follower.accept(base, log.note(4), log.proof(2, 4))
    assert follower.newest is not None
    assert follower.newest.size == 5
    assert follower.unlinked() == (late,)
    assert follower.accept(late, log.note(5), log.proof(4, 5)).size == 5
    assert follower.unlinked() == ()


def test_two_branches_from_one_base_are_caught_when_compared(
    follower: Follower, log: FakeLog
) -> None:
    log.append(b"a", b"b")
    base = follower.accept(None, log.note(), b"")
    log.append(b"c")
    branch_note, branch_proof = log.note(), log.proof(2)
    log.tree = Tree()
    log.append(b"a", b"b", b"x", b"y")
    follower.accept(base, log.note(), log.proof(2))
    follower.accept(base, branch_note, branch_proof)
    (late,) = follower.unlinked()
    with pytest.raises(LogForkedError):
        follower.accept(late, log.note(), log.proof(3))


def test_a_receipts_head_must_be_one_that_was_proven(follower: Follower, log: FakeLog) -> None:
    log.append(b"a", b"b")
    follower.accept(None, log.note(), b"")
    follower.require(2, log.tree.root(), "receipt")
    with pytest.raises(LogForkedError):
        follower.require(2, leaf_hash(b"other"), "receipt")
    with pytest.raises(AnswerInvalidError, match="did not come with it"):
        follower.require(3, log.tree.root(), "receipt")


def test_a_known_older_head_is_no_answer_to_a_larger_base(follower: Follower, log: FakeLog) -> None:
    log.append(*(b"%d" % entry for entry in range(50)))
    old = log.note()
    base = follower.accept(None, old, b"")
    log.append(*(b"%d" % entry for entry in range(50, 100)))
    base = follower.accept(base, log.note(), log.proof(50))
    with pytest.raises(LogForkedError, match="smaller"):
        follower.accept(base, old, b"")


def test_calls_at_once_start_from_different_ends(follower: Follower, log: FakeLog) -> None:
    log.append(b"a")
    first = follower.accept(None, log.note(), b"")
    one, two = follower.begin(), follower.begin()
    assert one == two == first  # there is no other
    log.append(b"b")
    second = follower.accept(one, log.note(2), log.proof(1, 2))
    follower.end(one)
    log.append(b"c")
    third = follower.accept(two, log.note(3), log.proof(1, 3))
    follower.end(two)
    assert follower.unlinked() == (second,)
    assert [follower.begin(), follower.begin(), follower.begin()] == [third, second, third]
    assert follower.begin(shared=True) == third


@pytest.mark.parametrize("calls", [1, 2, 7])
def test_ends_are_never_more_than_calls_and_one(
    follower: Follower, log: FakeLog, kept: Kept, calls: int
) -> None:
    order = random.Random(calls)
    log.append(b"first")
    follower.accept(None, log.note(), b"")
    flying = [follower.begin() for _ in range(calls)]
    for entry in range(300):
        log.append(b"%d" % entry)
        base = flying.pop(order.randrange(calls))
        assert base is not None
        follower.accept(base, log.note(), log.proof(base.size))
        follower.end(base)
        flying.append(follower.begin())
        assert len(follower.unlinked()) <= calls
        assert len(kept.notes) == len(follower.unlinked()) + 1
    for end in follower.unlinked():
        follower.accept(end, log.note(), log.proof(end.size))
    assert follower.unlinked() == ()


def test_open_ends_outlive_the_process_and_convict(
    follower: Follower, log: FakeLog, node: Node, home: Home, kept: Kept
) -> None:
    log.append(b"a", b"b")
    base = follower.accept(None, log.note(), b"")
    branch = FakeLog(log.signer)
    branch.append(b"a", b"b", b"for this buyer alone")
    follower.accept(base, branch.note(), branch.proof(2))
    log.append(b"c", b"d")
    follower.accept(base, log.note(), log.proof(2))
    again = Follower(node, INTL, home, kept)
    (end,) = again.unlinked()
    assert end.note == branch.note()
    with pytest.raises(LogForkedError):
        again.accept(end, log.note(), log.proof(3))


def test_ends_are_due_once_a_second(
    follower: Follower, log: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = follower._linked
    monkeypatch.setattr("unseen.client.follow.time.monotonic", lambda: now)
    log.append(b"a", b"b", b"c")
    base = follower.accept(None, log.note(1), b"")
    follower.accept(base, log.note(3), log.proof(1, 3))
    now += 2
    assert follower.due() == ()
    late = follower.accept(base, log.note(2), log.proof(1, 2))
    assert follower.due() == (late,)
    assert follower.due() == ()
    now += 2
    assert follower.due() == (late,)


def test_a_node_that_will_not_link_an_end_is_refused(
    follower: Follower, log: FakeLog, home: Home
) -> None:
    log.append(b"a", b"b", b"c")
    base = follower.accept(None, log.note(1), b"")
    follower.accept(base, log.note(3), log.proof(1, 3))
    late = follower.accept(base, log.note(2), log.proof(1, 2))
    assert "does not show" in str(follower.refused(late))
    (path,) = (home.root / "evidence").iterdir()
    evidence = json.loads(path.read_text())
    assert (evidence["before"], evidence["after"]) == (log.note(2), log.note(3))


def test_evidence_is_written_where_the_home_says(
    follower: Follower, log: FakeLog, home: Home, tmp_path: Path
) -> None:
    log.append(b"a", b"b")
    base = follower.accept(None, log.note(), b"")
    with pytest.raises(LogForkedError):
        follower.accept(base, log.note(1), b"")
    assert [path.parent for path in tmp_path.rglob("fork-*.json")] == [home.root / "evidence"]
