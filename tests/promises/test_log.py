"""Promise 4: a node that drops, edits or forks its history is caught by whoever asks next."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.promises.stage import Stage

from unseen.evidence.errors import LogForkedError


def _save_state(stage: Stage, place: Path) -> None:
    place.mkdir()
    for path in stage.home.glob("state.db*"):
        shutil.copy2(path, place)


def _restore_state(stage: Stage, place: Path) -> None:
    for path in stage.home.glob("state.db*"):
        path.unlink()
    for path in place.iterdir():
        shutil.copy2(path, stage.home)


def _verify(stage: Stage, contract: str, count: int = 3, buyer: str = "lender") -> None:
    for person in stage.people[:count]:
        stage.client(buyer).verify(contract, person.subject)


@pytest.mark.parametrize("others", [0, 8], ids=["rolled back", "forked"])
def test_a_node_restored_from_an_old_copy_is_caught_by_the_next_request(
    copy: Callable[[], Stage], tmp_path: Path, others: int
) -> None:
    stage = copy()
    stage.start()
    contract, other = stage.contract("clear"), stage.contract("clear", buyer="rival")
    stage.stop()
    _save_state(stage, tmp_path / "old")
    stage.start()
    _verify(stage, contract)
    stage.stop()
    _restore_state(stage, tmp_path / "old")
    stage.start()
    _verify(stage, other, others, "rival")  # the rival has seen nothing that contradicts it
    with pytest.raises(LogForkedError) as caught:
        stage.lender.usage(contract)
    assert caught.value.clause == "log.consistency"
    assert caught.value.remedy
    (proof,) = (stage.party_home("lender") / "evidence").iterdir()
    kept = json.loads(proof.read_text())
    assert kept["before"] != kept["after"]
    with pytest.raises(LogForkedError):  # and from then on, also after a restart of the client
        stage.lender.verify(contract, stage.people[5].subject)
    stage.close_clients()
    with pytest.raises(LogForkedError):
        stage.lender.contracts()


def test_a_node_does_not_start_on_an_edited_log(copy: Callable[[], Stage]) -> None:
    """Every kind of edit is in `tests/node/test_log.py`; here the process is seen to give up."""
    stage = copy()
    for _ in range(2):  # starts that nobody called must not weaken what is compared
        stage.start()
        stage.kill()
    with sqlite3.connect(stage.home / "state.db") as state:
        state.execute("UPDATE leaves SET body = CAST(body || ' ' AS BLOB) WHERE leaf_index = 0")
    state.close()
    assert stage.refuses_to_start() == "LOG_MISMATCH"


def test_a_state_that_is_no_database_is_one_clear_error(copy: Callable[[], Stage]) -> None:
    stage = copy()
    (stage.home / "state.db").write_bytes(b"\x00not a database" * 1000)
    assert stage.refuses_to_start() == "LOG_MISMATCH"


def test_what_a_buyer_was_shown_is_what_the_log_holds(stage: Stage) -> None:
    contract = stage.contract("clear")
    before = stage.lender.log_size()
    verdict = stage.lender.verify(contract, stage.people[0].subject)
    leaves = [leaf for leaf in stage.operator.leaves(before) if leaf.type == "release"]
    (own,) = [leaf for leaf in leaves if leaf.fields["job"] == verdict.request_id]
    facts = stage.lender.receipt(verdict.request_id).facts
    assert own.index == facts.index
    assert own.fields["request"] == facts.leaf.request.to_json()
    assert stage.operator.operator_settle(contract) == stage.lender.settle(contract)
