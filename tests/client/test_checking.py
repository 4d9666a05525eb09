"""Heads, exports and bundles from files, without a node: what is found, and what is refused."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from unseen.bench.ledger import ORIGIN, Ledger, write_ledger
from unseen.client import check_file, check_folder, compare
from unseen.client.audit.checking import notes_of
from unseen.client.errors import HomeError
from unseen.client.exported import Folder, open_export
from unseen.evidence.audit import Policy
from unseen.evidence.errors import BundleInvalidError, ExportInvalidError
from unseen.evidence.suite import INTL
from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    folder = tmp_path_factory.mktemp("export")

    def put(name: str, lines: Iterable[bytes]) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"".join(lines))

    return folder, write_ledger(put, 200)


def forged(ledger: Ledger, size: int) -> str:
    body = Checkpoint(ORIGIN, size, bytes(32)).body()
    key = ledger.log
    return sign_note(body, ORIGIN, INTL.note_type, key.public_key, key.sign)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_folder_is_checked(made: tuple[Path, Ledger], processes: int) -> None:
    folder, ledger = made
    report = check_folder(folder, ledger.trust, Policy(witnesses=1), processes=processes)
    assert report.ok
    assert report.signatures == report.releases > 100


def test_what_is_no_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExportInvalidError) as caught:
        open_export(tmp_path)
    assert caught.value.remedy
    with pytest.raises(HomeError):
        list(Folder(tmp_path).lines("missing"))


def test_heads_are_found_wherever_they_stand(made: tuple[Path, Ledger], tmp_path: Path) -> None:
    folder, ledger = made
    assert notes_of(folder) == [ledger.earlier, ledger.head]
    note, wrapped = tmp_path / "head.note", tmp_path / "fork.json"
    note.write_text(ledger.head)
    wrapped.write_text(json.dumps({"before": ledger.earlier, "after": [ledger.head], "n": 1}))
    assert notes_of(note) == [ledger.head]
    assert notes_of(wrapped) == [ledger.earlier, ledger.head]
    home = tmp_path / "home"
    (home / "receipts").mkdir(parents=True)
    (home / "profile.json").write_text("{}")
    with sqlite3.connect(home / "state.db") as database:
        database.execute("CREATE TABLE head (origin TEXT, note TEXT)")
        database.execute("INSERT INTO head VALUES (?, ?)", (ORIGIN, ledger.head))
    database.close()
    assert notes_of(home) == [ledger.head]


@pytest.mark.parametrize("text", ["", "{", "{}", "no head", "a.b.c", "[]"])
def test_where_there_is_no_head_that_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(HomeError, match="no signed head"):
        notes_of(path)


def test_an_empty_folder_holds_no_head(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no signed head"):
        notes_of(tmp_path)


def test_two_histories_are_told_apart(made: tuple[Path, Ledger], tmp_path: Path) -> None:
    folder, ledger = made
    mine, theirs, later = (tmp_path / name for name in ("mine", "theirs", "later"))
    mine.write_text(ledger.head)
    theirs.write_text(forged(ledger, 200))
    later.write_text(forged(ledger, 300))
    found = compare([mine, mine], ledger.trust)
    assert (found.forks, found.apart) == ((), ())
    found = compare([mine, theirs, folder], ledger.trust)
    assert [(one.source, other.source) for one, other in found.forks] == [(str(mine), str(theirs))]
    found = compare([mine, later], ledger.trust)
    assert found.forks == ()
    assert {head.checkpoint.size for head in found.apart} == {200, 300}
    # Only the leaves can tell of those.
    report = check_folder(folder, ledger.trust, Policy(heads=[("later", later.read_text())]))
    assert [finding.rule for finding in report.findings] == ["log.rolled_back", "log.truncated"]


def test_a_head_by_another_key_is_no_head(made: tuple[Path, Ledger], tmp_path: Path) -> None:
    _, ledger = made
    body = Checkpoint(ORIGIN, 3, bytes(32)).body()
    key = ledger.instance
    path = tmp_path / "note"
    path.write_text(sign_note(body, ORIGIN, INTL.note_type, key.public_key, key.sign))
    with pytest.raises(CheckpointInvalidError):
        compare([path], ledger.trust)


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'{"a": 1}'])
def test_a_file_that_is_no_bundle_is_one_error(
    made: tuple[Path, Ledger], tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(data)
    with pytest.raises(BundleInvalidError):
        check_file(path, made[1].trust)
