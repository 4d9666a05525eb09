"""A further build as a job: what it is lent, what it leaves, what follows where it fails."""

import dataclasses
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.node.gating import made
from tests.node.test_kept_keys import hidden, manifest_of

from unseen.evidence.contracts.states import State
from unseen.node.contracts import builder, further
from unseen.node.data.spec import BEFORE, files_of, matrix_path
from unseen.node.errors import EpochNotReadyError
from unseen.node.jobs.states import State as JobState

JOB = "0" * 32


class Node:
    """As much of a node as the end of a build touches; `begun` are contracts with a new epoch."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.contract = hidden(made("lookup"))
        self.home, self.begun = home, list[str]()
        self.contracts = SimpleNamespace(get=lambda _id: self.contract)
        self.epochs = SimpleNamespace(reload=lambda: None, current=lambda _id: self.epoch)
        self.catalogue = SimpleNamespace(table=lambda _name: None)
        self.epoch: Any = SimpleNamespace(
            number=1, build=1, manifest=manifest_of(self.contract, 1), manifest_id=b"1"
        )
        self.kept = 1
        monkeypatch.setattr(builder, "start_epoch", lambda _node, each: self.begun.append(each.id))
        monkeypatch.setattr(builder, "sweep_matrices", lambda *_: None)
        monkeypatch.setattr("unseen.node.consent.rotation.look_again", lambda *_: None)
        monkeypatch.setattr(further, "kept_epoch", lambda *_: self.kept)

    def spool_path(self, name: str) -> Path:
        return self.home / "spool" / name

    def table_path(self, contract: str, epoch: int, build: int = 1) -> Path:
        return self.home / f"{contract}-{epoch}{f'.{build}' if build > 1 else ''}.table"

    def put(self, build: int) -> tuple[Path, ...]:
        found = files_of(self.table_path(self.contract.id, 1, build))
        for path in found:
            path.write_bytes(b"%d" % build)
        return found

    def end(self, state: JobState, build: int = 2) -> None:
        ask = {"epoch": 1, "build": build} if build > 1 else {"epoch": 1}
        job: Any = SimpleNamespace(id=JOB, contract=self.contract.id, ask=ask, state=state)
        node: Any = self
        builder.ended(node, job)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path, monkeypatch)


def test_a_build_that_failed_leaves_the_one_before_and_a_new_epoch_begins(node: Node) -> None:
    before, after = node.put(1), node.put(2)
    node.end(JobState.FAILED)
    assert all(path.exists() for path in before)
    assert not any(path.exists() for path in after)
    assert node.begun == [node.contract.id]


def test_nothing_begins_by_itself_where_the_operator_or_the_contract_ended_it(node: Node) -> None:
    before = node.put(1)
    node.end(JobState.CANCELLED)
    node.contract = dataclasses.replace(node.contract, state=State.REVOKED)
    node.end(JobState.FAILED)
    assert (node.begun, all(path.exists() for path in before)) == ([], True)


def test_a_new_key_that_failed_is_the_operator_s_to_see_to(node: Node) -> None:
    node.end(JobState.FAILED, build=1)
    assert node.begun == []


def test_a_build_that_answers_takes_the_files_of_the_one_before_along(node: Node) -> None:
    before, after = node.put(1), node.put(2)
    node.end(JobState.DONE)
    assert not any(path.exists() for path in before)
    assert all(path.read_bytes() == b"2" for path in after)
    assert node.begun == []


class TestLending:
    @pytest.fixture
    def spool(self, node: Node) -> Path:
        path = node.spool_path(JOB)
        path.mkdir(parents=True)
        return path

    def test_takes_no_space_where_links_can_be_made(self, node: Node, spool: Path) -> None:
        own = node.put(1)
        further.lend(own[0], spool)
        for path, lent in zip(own, files_of(spool / BEFORE), strict=True):
            assert lent.samefile(path)

    def test_copies_where_they_cannot(
        self, node: Node, spool: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object) -> None:
            raise OSError(18, "cross-device link")

        monkeypatch.setattr(os, "link", refused)
        own = node.put(1)
        further.lend(own[0], spool)
        for path, lent in zip(own, files_of(spool / BEFORE), strict=True):
            assert (lent.read_bytes(), lent.samefile(path)) == (path.read_bytes(), False)

    def test_follows_the_link_to_a_matrix_that_lies_elsewhere(
        self, node: Node, spool: Path
    ) -> None:
        own, shared = node.put(1), node.home / "shared.matrix"
        matrix_path(own[0]).rename(shared)
        matrix_path(own[0]).symlink_to(shared)
        further.lend(own[0], spool)
        lent = matrix_path(spool / BEFORE)
        assert (lent.is_symlink(), lent.samefile(shared)) == (False, True)
        matrix_path(own[0]).unlink()
        shared.unlink()
        assert lent.read_bytes() == b"1"

    def test_leaves_out_what_is_not_there(self, node: Node, spool: Path) -> None:
        own = node.put(1)
        own[2].unlink()
        further.lend(own[0], spool)
        assert [path.exists() for path in files_of(spool / BEFORE)] == [True, True, False] + [
            True
        ] * (len(own) - 3)


class TestWhatIsAnnounced:
    """Before it is, everything that let the key stay is asked again."""

    def check(self, node: Node, **changes: Any) -> None:
        fields = {"snapshot": b"s" * 32, "nonce": b"n" * 32} | changes
        found: Any = node
        manifest = manifest_of(node.contract, 2, **fields)
        further._check(found, node.contract, node.epoch, manifest)

    def test_is_a_build_that_verifiers_take(self, node: Node) -> None:
        self.check(node)
        assert node.kept == 1

    @pytest.mark.parametrize("changes", [{"rows": 4}, {"nonce": b"\x01" * 32}, {"epoch": 2}])
    def test_is_none_that_they_refuse(self, node: Node, changes: dict[str, Any]) -> None:
        with pytest.raises(EpochNotReadyError):
            self.check(node, **changes)

    def test_is_nothing_once_somebody_has_withdrawn(self, node: Node) -> None:
        node.kept = 0
        with pytest.raises(EpochNotReadyError) as caught:
            self.check(node)
        assert caught.value.clause == "epoch.build"

    def test_is_nothing_once_another_build_or_epoch_answers(self, node: Node) -> None:
        before = node.epoch
        for changes in ({"build": 2}, {"number": 2}):
            node.epoch = SimpleNamespace(**vars(before) | changes)
            with pytest.raises(EpochNotReadyError):
                self.check(node)
