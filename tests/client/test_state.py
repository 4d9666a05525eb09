"""The client's memory: sealed, crash-safe, shared by threads."""

import sqlite3
import threading
from collections.abc import Iterator

import pytest

from unseen.client.errors import HomeError
from unseen.client.local.database import Database
from unseen.client.local.home import Home
from unseen.client.local.sealing import make_local_key
from unseen.client.local.state import Opening, State


@pytest.fixture
def state(home: Home) -> Iterator[State]:
    make_local_key(home)
    opened = State(home)
    yield opened
    opened.close()


def opening(number: int = 0) -> Opening:
    return Opening(
        id=f"{number:032x}",
        contract="c",
        kind="lookup",
        units=1,
        manifest="m",
        created="2026-11-22T05:30:00Z",
        wire=b"wire of the secret subject",
        secret={"subjects": [["secret subject"]], "blinds": "00"},
    )


def test_a_request_is_on_disk_before_save_returns(state: State, home: Home) -> None:
    state.save_request(opening())
    other = State(home)  # as another process would after this one was killed
    found = other.request(opening().id)
    other.close()
    assert found == opening()
    assert state.requests("c", "sent") == [opening().id]


def test_a_reply_and_a_refusal_change_the_state_once(state: State) -> None:
    state.save_request(opening(1))
    state.save_request(opening(2))
    state.save_reply(opening(1).id, b"reply")
    state.save_refusal(opening(1).id)
    state.save_refusal(opening(2).id)
    answered = state.request(opening(1).id)
    assert answered is not None
    assert (answered.state, answered.reply) == ("answered", b"reply")
    assert state.requests(None, "refused") == [opening(2).id]
    assert state.requests("other", "answered") == []


def test_nothing_secret_is_readable_on_disk(state: State, home: Home) -> None:
    state.save_request(opening())
    state.save_reply(opening().id, b"reply to the secret subject")
    state.save_label("m", b"secret subject", b"secret label")
    state.flush()
    for path in home.root.rglob("state.db*"):
        data = path.read_bytes()
        assert b"secret" not in data.replace(b"secret BLOB", b"")
    assert home.state.stat().st_mode & 0o077 == 0


def test_labels_belong_to_their_manifest(state: State, home: Home) -> None:
    state.save_label("m", b"subject", b"label")
    assert state.label("m", b"subject") == b"label"
    assert state.label("n", b"subject") is None
    state.flush()
    other = State(home)
    assert other.label("m", b"subject") == b"label"
    other.close()


def test_an_epoch_only_goes_forward_and_keeps_its_manifest(state: State, home: Home) -> None:
    assert state.epoch("c") is None
    assert state.save_epoch("c", 2, "m") == (2, "m")
    assert state.save_epoch("c", 2, "n") == (2, "m")
    assert state.save_epoch("c", 1, "l") == (2, "m")
    other = State(home)
    assert other.epoch("c") == (2, "m")
    assert other.save_epoch("c", 3, "o") == (3, "o")
    other.close()
    assert state.epoch("c") == (3, "o")
    assert state.epoch("d") is None
    assert state.save_epoch("c", 3, "p", over="n") == (3, "o")
    assert state.save_epoch("c", 3, "p", over="o") == (3, "p")
    assert state.save_epoch("c", 2, "q", over="p") == (3, "p")


def test_a_sealed_value_moved_to_another_row_does_not_open(state: State, home: Home) -> None:
    state.save_request(opening(1))
    state.save_request(opening(2))
    with sqlite3.connect(home.state) as connection:
        connection.execute(
            "UPDATE request SET wire = (SELECT wire FROM request WHERE id = ?)", (opening(1).id,)
        )
    connection.close()
    with pytest.raises(HomeError, match="does not open"):
        state.request(opening(2).id)


def test_heads_stay_until_a_larger_one_is_proven(state: State) -> None:
    for size in (5, 9, 7, 9):
        state.save_head("log", f"note {size}")
    state.drop_head("log", "note 5")
    state.drop_head("other", "note 7")
    state.flush()
    assert sorted(state.heads("log")) == ["note 7", "note 9"]
    assert state.heads("other") == []


def test_lost_and_void_requests_are_told_apart(state: State) -> None:
    for number in range(4):
        state.save_request(opening(number))
    state.save_refusal(opening(1).id)
    state.save_void(opening(1).id)
    state.save_void(opening(2).id)  # it was never refused
    state.save_reply(opening(3).id, b"reply")
    for number in (0, 3):
        state.save_lost(opening(number).id)
    found = {word: state.requests("c", word) for word in ("sent", "answered", "void", "lost")}
    assert found == {
        "sent": [opening(2).id],
        "answered": [opening(3).id],
        "void": [opening(1).id],
        "lost": [opening(0).id],
    }


def test_threads_share_commits_and_lose_nothing(state: State) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 20):
            state.save_request(opening(number))

    threads = [threading.Thread(target=work, args=(base * 100,)) for base in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(state.requests("c", "sent")) == 160


def test_a_failed_commit_keeps_what_was_queued(home: Home) -> None:
    database = Database(home.state)
    database.write("INSERT INTO no_such_table VALUES (?)", (1,))
    with pytest.raises(HomeError):
        database.flush()
    database._pending.clear()
    database.write("INSERT INTO head VALUES (?, ?)", ("log", "note"), wait=True)
    assert database.read("SELECT note FROM head") == [("note",)]
    database.close()
    database.close()


def test_a_database_of_another_version_is_refused(home: Home) -> None:
    with sqlite3.connect(home.state) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(HomeError, match="another version"):
        Database(home.state)


@pytest.mark.parametrize("content", ["", "zz", "00" * 31])
def test_a_damaged_local_key_is_one_clear_error(home: Home, content: str) -> None:
    make_local_key(home)
    home.key("local").write_text(content)
    with pytest.raises(HomeError, match=r"local\.key"):
        State(home)


def test_how_far_a_training_is_replaces_what_was_kept_and_is_sealed(
    state: State, home: Home
) -> None:
    assert state.training("c") is None
    state.save_training("c", b"secret weights")
    state.save_training("c", b"secret weights, later")
    state.save_training("d", b"secret of another")
    other = State(home)  # as another process would after this one was killed
    assert other.training("c") == b"secret weights, later"
    other.close()
    for path in home.root.rglob("state.db*"):
        assert b"secret" not in path.read_bytes().replace(b"secret BLOB", b"")


def test_a_sealed_file_opens_in_its_place_alone(state: State) -> None:
    sealed = state.seal("rows/0", b"secret rows")
    assert b"secret" not in sealed
    assert state.unseal("rows/0", sealed) == b"secret rows"
    for place, data in (("rows/1", sealed), ("rows/0", sealed[:-1]), ("rows/0", b"")):
        with pytest.raises(HomeError):
            state.unseal(place, data)
