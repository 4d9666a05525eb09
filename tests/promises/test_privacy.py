"""The privacy ledger on a real node: set once, in the log, kept by everything that happens."""

import json
from collections.abc import Callable

import pytest
from tests.promises.stage import Stage
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import RefusedError
from unseen.evidence.contracts.privacy import limit_of

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
