"""Exports of a real node: what a person gets from the commands, and what a stranger can check."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.promises.stage import Stage
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import HomeError
from unseen.evidence import jws
from unseen.evidence.exports.credential import read_credential
from unseen.protocols.errors import InputInvalidError


def run(home: Path, *words: str, code: int = 0) -> str:
    runner = CliRunner()
    result = runner.invoke(app, [*words, "--home", str(home)], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_buyer_exports_its_contract_and_a_form_to_sign(stage: Stage, tmp_path: Path) -> None:
    contract = stage.contract("hidden")
    home, name = stage.party_home("lender"), f"contracts/{contract}"
    agreement: Any = json.loads(run(home, "contract", "export", name, "--format", "odrl"))
    assert agreement["@type"] == "odrl:Agreement"
    assert agreement["unseen:terms"] == contract
    assert agreement == stage.lender.export_contract(contract)
    page = tmp_path / "form.html"
    run(home, "contract", "form", name, "-o", str(page), "--lang", "both")
    text = page.read_text(encoding="utf-8")
    assert text == stage.lender.contract_form(contract)
    assert contract in text
    assert "数据合约审批单" in text
    assert text.count("not yet") == 0
    told = json.loads(run(home, "contract", "form", name, "-o", str(page), "--format", "json"))
    assert told == {"contract": contract, "file": str(page)}
    for row in stage.people:  # nothing of the table is in any of it
        assert row.subject not in text
        assert row.note not in json.dumps(agreement)


def test_everybody_exports_the_catalogue(stage: Stage, tmp_path: Path) -> None:
    written = tmp_path / "catalog.jsonld"
    run(stage.party_home("lender"), "catalog", "export", "--output", str(written))
    catalog: Any = json.loads(written.read_text(encoding="utf-8"))
    assert catalog["@type"] == "dcat:Catalog"
    titles = {service["dcterms:identifier"] for service in catalog["dcat:service"]}
    assert {"hidden", "clear"} <= titles
    assert stage.operator.export_catalog() == catalog
    product: Any = json.loads(run(stage.home, "product", "export", "hidden"))
    assert product["@type"] == "dcat:DataService"
    assert f":{stage.port}" in product["dcat:endpointURL"]["@id"]
    with pytest.raises(InputInvalidError):
        stage.lender.export_product("nothing")
    assert "expression" not in json.dumps(catalog)
    assert "earnings >=" not in json.dumps(catalog)


def test_a_receipt_leaves_as_a_credential_that_a_stranger_checks(
    stage: Stage, tmp_path: Path
) -> None:
    contract, home = stage.contract("clear"), stage.party_home("lender")
    verdict = stage.lender.verify(contract, stage.people[2].subject)
    exported = tmp_path / "receipt.jwt"
    run(home, "receipt", "export", verdict.request_id, "--format", "vc", "-o", str(exported))
    token = exported.read_text().strip()
    assert jws.peek(token).typ == "vc+jwt"
    facts = read_credential(token, stage.lender._session.trust)
    assert facts.request == verdict.request_id
    trust = str(stage.lender.home.trust)
    told = run(tmp_path, "receipt", "verify", str(exported), "--trust", trust)
    assert f"Receipt {verdict.request_id} is valid" in told
    exported.write_text(token[:-4] + "AAAA\n")
    run(tmp_path, "receipt", "verify", str(exported), "--trust", trust, code=5)
    exported.write_text("not a token\n")
    run(tmp_path, "receipt", "verify", str(exported), "--trust", trust, code=5)


def test_only_the_instance_that_asked_makes_a_credential(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = stage.lender.verify(stage.contract("clear"), stage.people[2].subject)
    session = stage.lender._session
    monkeypatch.setitem(vars(session), "instance_key_id", "A" * 43)
    with pytest.raises(HomeError):
        stage.lender._exports.receipt(verdict.request_id)
