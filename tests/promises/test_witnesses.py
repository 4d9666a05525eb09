"""A home that demands witnesses asks nothing without them, nor a node that shows it another log."""

import datetime as dt
import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.promises.stage import Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import demanding
from unseen.client.errors import HomeError, WitnessesMissingError
from unseen.evidence.errors import LogForkedError
from unseen.protocols.errors import InputInvalidError

Copy = Callable[[], Stage]


@pytest.fixture
def stage(copy: Copy) -> Stage:
    """Return a serving stage with two witnesses whom the lender trusts."""
    made = copy()
    made.start()
    for name in ("wit", "nis"):
        made.join(name, "witness")
    made.lender.keys(accept=True)
    return made


def missing(call: Callable[[], object]) -> str:
    with pytest.raises(WitnessesMissingError) as caught:
        call()
    assert caught.value.clause == "log.witnesses"
    assert "unseen audit" in caught.value.remedy
    return str(caught.value)


def test_nothing_is_asked_before_as_many_have_cosigned_as_are_demanded(stage: Stage) -> None:
    clear, hidden = stage.contract("clear"), stage.contract("hidden")
    first, second = (person.subject for person in stage.people[:2])
    assert stage.lender.demand.needed == 0
    stage.lender.verify(clear, first)
    stage.lender.demand_witnesses(2)
    said = missing(lambda: stage.lender.verify(clear, second))
    assert said.startswith("0 of the 2 witnesses")
    stage.client("wit").cosign()
    stage.client("wit").cosign()  # twice the same is one
    said = missing(lambda: stage.lender.lookup(hidden, second))
    assert said.startswith("1 of the 2 witnesses")
    for contract, used in ((clear, 1), (hidden, 0)):
        assert stage.lender.usage(contract).units_used == used
        assert stage.lender.unanswered(contract) == []
    stage.client("nis").cosign()
    assert stage.lender.verify(clear, second).found
    assert stage.lender.lookup(hidden, second).found
    assert stage.rival.demand.needed == 0  # another's home, another demand


def later(seconds: int) -> dict[str, SimpleNamespace]:
    """Return both clocks that a client's demand goes by, so many seconds on."""
    ahead = dt.timedelta(seconds=seconds)
    date = SimpleNamespace(now=lambda zone: dt.datetime.now(zone) + ahead)
    return {
        "dt": SimpleNamespace(UTC=dt.UTC, datetime=date, timedelta=dt.timedelta),
        "time": SimpleNamespace(monotonic=lambda: time.monotonic() + seconds),
    }


def test_what_is_demanded_outlives_the_client_and_what_witnesses_signed_does_not_last(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = stage.contract("clear")
    subject = stage.people[1].subject
    stage.client("wit").cosign()
    stage.lender.demand_witnesses(1, within=600)
    asked = stage.lender.verify(clear, subject).request_id
    for name, clock in later(601).items():
        monkeypatch.setattr(demanding, name, clock)
    missing(lambda: stage.lender.verify(clear, subject))
    assert stage.lender.fetch(asked).id == asked  # what was asked before is fetched
    stage.close_clients()
    assert (stage.lender.demand.needed, stage.lender.demand.within) == (1, 600)
    missing(lambda: stage.lender.verify(clear, subject))
    stage.lender.demand_witnesses(0)
    assert stage.lender.verify(clear, subject).found


def test_a_log_that_is_not_the_one_the_witness_saw_is_a_fork(copy: Copy, tmp_path: Path) -> None:
    stage = copy()
    with serving(stage):
        stage.join("wit", "witness")
        contract = stage.contract("clear")
        stage.lender.keys(accept=True)
        stage.lender.demand_witnesses(1)
    stage.stop()
    shutil.copytree(stage.root, tmp_path / "other")
    other = Stage(tmp_path / "other", stage.port, stage.table, stage.people)  # in its place
    with serving(other):  # the history that everybody else sees
        other.contract("clear")
        other.client("wit").cosign()
    other.stop()
    with sqlite3.connect(other.home / "state.db") as theirs:
        rows = theirs.execute(
            "SELECT witness, size, note, cosigned_at FROM cosignatures"
        ).fetchall()
    theirs.close()
    assert rows
    with sqlite3.connect(stage.home / "state.db") as ours:
        ours.executemany("INSERT INTO cosignatures VALUES (?, ?, ?, ?)", rows)
    ours.close()
    with serving(stage):  # the one that is made for the lender alone
        for _ in range(8):
            stage.rival.products()
            stage.contract("hidden", buyer="rival")
        with pytest.raises(LogForkedError) as caught:
            stage.lender.verify(contract, stage.people[1].subject)
        assert caught.value.clause == "log.consistency"
        assert list((stage.party_home("lender") / "evidence").glob("fork-*.json"))
        assert stage.lender.usage(contract).units_used == 0


def test_the_command_says_and_shows_what_is_demanded(stage: Stage) -> None:
    home = ["--home", str(stage.party_home("lender"))]
    runner = CliRunner()

    def run(*arguments: str) -> str:
        done = runner.invoke(app, ["audit", "demand", *arguments, *home])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert run().splitlines()[1].split() == ["witnesses", "0"]
    assert run("2", "--within", "60").split()[-5:] == ["witnesses", "2", "within", "60", "s"]
    assert json.loads(run("--format", "json")) == {"witnesses": 2, "within": 60}
    assert run("0", "--lang", "zh").split()[-2:] == ["见证方数", "0"]
    contract = stage.contract("clear")
    run("1")
    asked = [stage.people[0].subject, *home, "--format", "json"]
    done = runner.invoke(app, ["verify", contract, *asked])
    assert done.exit_code == 5
    assert json.loads(done.stderr.splitlines()[-1])["reason"] == "WITNESSES_MISSING"


@pytest.mark.parametrize(("needed", "within"), [(-1, 1), (15, 1), (1, 0), (1, 10**9)])
def test_numbers_out_of_range_are_refused(stage: Stage, needed: int, within: int) -> None:
    before = stage.lender.demand
    with pytest.raises(InputInvalidError):
        stage.lender.demand_witnesses(needed, within)
    assert stage.lender.demand == before


def test_a_file_that_says_nonsense_is_an_error(stage: Stage) -> None:
    path = stage.party_home("lender") / "demand.json"
    for text in ('{"type":"demand","v":1,"within":1,"witnesses":99}', '{"v":1}', "no"):
        path.write_text(text)
        stage.close_clients()
        with pytest.raises(HomeError):
            _ = stage.lender.demand
    path.unlink()
