"""The privacy ledger on a real node: set once, in the log, kept by everything that happens."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.promises.counting import TABLE, Counting
from tests.promises.oversight import audit
from tests.promises.stage import Stage
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import RefusedError
from unseen.evidence.contracts.privacy import limit_of, units_of
from unseen.evidence.errors import LogForkedError

runner = CliRunner()


def run(stage: Stage, *words: str, home: str = "operator") -> str:
    result = runner.invoke(app, [*words, "--home", str(stage.party_home(home))])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def failed(stage: Stage, *words: str, home: str = "operator") -> str:
    arguments = [*words, "--home", str(stage.party_home(home)), "--format", "json"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 3
    error = json.loads(result.stderr)
    return f"{error['reason']} {error['clause']}"


def test_a_budget_is_set_shown_and_kept(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    (table,) = (each.name for each in stage.operator.tables())
    budget = ("table", "budget", table, "--epsilon")
    assert "unseen table budget" in run(stage, "privacy", "show")
    told = run(stage, *budget, "1.0", "--delta", "1e-6", "--format", "json")
    assert json.loads(told)["limit"] == limit_of("1", "0.000001")
    assert "epsilon 1 at delta 0.000001" in run(stage, "table", "show", table)
    assert "rho 0.024" in run(stage, "table", "list")
    assert "剩余隐私预算" in run(stage, "table", "list", "--lang", "zh")
    assert "隐私预算台账" in run(stage, "privacy", "show", table, "--lang", "zh")

    assert failed(stage, *budget, "2", "--delta", "0.000001") == "FIELD_INVALID budget.raise"
    assert failed(stage, *budget, "1", "--delta", "0.00001") == "FIELD_INVALID budget.delta"
    assert failed(stage, *budget, "0", "--delta", "0.000001") == "CONTRACT_INVALID budget"
    run(stage, *budget, "2", "--delta", "0.000001", "--raise")

    stage.operator.refresh_table(table)
    stage.operator.label_table(table, {"*": ("public", "1")})
    before = stage.operator.privacy_ledgers()
    stage.stop()
    stage.start()
    assert stage.operator.privacy_ledgers(table) == before
    assert (before[0].epsilon, before[0].limit) == ("2", limit_of("2", "0.000001"))
    types = [leaf.type for leaf in stage.operator.leaves() if leaf.type.startswith("privacy.")]
    assert types == ["privacy.budget", "privacy.raised"]

    folder, parties = str(stage.root / "export"), str(stage.party_home("operator") / "parties.json")
    run(stage, "audit", "export", folder)
    words = ["audit", "check", folder, "--trust", parties, "--format", "json"]
    report = json.loads(runner.invoke(app, words).stdout)
    assert [ledger["epsilon"] for ledger in report["privacy"]] == ["2"]
    rules = {finding["rule"] for finding in report["findings"]}
    assert rules == {"trust.missing"}  # an operator's trust file does not list the buyers


def test_a_buyer_neither_sets_nor_sees_it(stage: Stage) -> None:
    lender = stage.client("lender")
    with pytest.raises(RefusedError) as caught:
        lender.privacy_ledgers()
    assert caught.value.reason == "RIGHT_MISSING"
    with pytest.raises(RefusedError) as caught:
        lender.set_privacy_budget("people", epsilon="1", delta="0.000001")
    assert caught.value.reason == "RIGHT_MISSING"


def test_a_ledger_that_was_set_back_in_secret_is_found_by_an_audit(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    """An operator who edits its own state has a node that overspends, and a log that says so."""
    stage = copy()
    stage.start()
    counting = Counting.on(stage, epsilon="1")
    rho = "0.02"  # of 0.0243
    counting.answers().count(by="region", rho=rho)
    assert audit(stage, tmp_path / "honest").ok
    with pytest.raises(RefusedError) as caught:
        counting.answers("rival").count(by="age", rho=rho)
    assert (caught.value.reason, caught.value.clause) == ("PRIVACY_BUDGET_SPENT", "table.budget")

    stage.stop()
    with sqlite3.connect(stage.home / "state.db") as state:
        state.execute("UPDATE privacy_budgets SET spent = 0")
    state.close()
    stage.start()
    answers = counting.answers("rival")
    answers.count(by="age", rho=rho)
    report = audit(stage, tmp_path / "edited")
    (finding,) = report.findings
    assert (finding.rule, finding.party) == ("release.privacy_table", "test-node")
    assert f"table {TABLE} has spent 0.04 of rho" in finding.what
    assert {total.table: total.spent for total in report.privacy} == {TABLE: 2 * units_of(rho)}


def test_a_backup_that_forgets_what_was_spent_is_caught_by_whoever_was_answered(
    copy: Callable[[], Stage], tmp_path: Path
) -> None:
    stage = copy()
    stage.start()
    counting = Counting.on(stage, epsilon="1")
    contract = counting.contract()
    stage.stop()
    shutil.copy(stage.home / "state.db", tmp_path / "state.db")
    stage.start()
    stage.lender.statistics(contract).count(by="region", rho="0.001")
    stage.stop()
    shutil.copy(tmp_path / "state.db", stage.home / "state.db")
    stage.start()
    with pytest.raises(LogForkedError):
        stage.lender.statistics(contract).count(by="age", rho="0.001")
