"""Contracts over encrypted trainings at a real node: asked for by a file, not above level 2."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.encrypted import BUDGET, MENU, SECRET, VERTICAL, Caring
from tests.promises.stage import Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import RefusedError
from unseen.evidence.contracts.encrypted import encrypted_in
from unseen.evidence.contracts.states import State
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.training.encrypted_file import parse_encrypted


@pytest.fixture(scope="module")
def caring(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caring]:
    """Return a serving stage that offers trainings."""
    with serving(template.copy(tmp_path_factory.mktemp("training") / "stage")) as found:
        yield Caring.on(found)


def call(caring: Caring, *arguments: str) -> dict[str, Any]:
    home = str(caring.stage.lender.home.root)
    done = CliRunner().invoke(app, [*arguments, "--home", home, "--format", "json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_label_above_level_two_suspends_it_and_what_is_asked_for_then_is_refused(
    caring: Caring,
) -> None:
    contract, operator = caring.contract(), caring.stage.operator
    # By the rules alone level 3 of public columns may be trained on, also for such buyers.
    done = operator.label_table(caring.table, {"ward": ("public", "3")})
    assert contract in done.suspended
    found = caring.stage.lender.contract(contract)
    assert found.state is State.SUSPENDED
    assert "labels.public.3" in found.cause
    with pytest.raises(RefusedError) as late:
        caring.asking(contract).run()
    assert (late.value.reason, late.value.charged) == ("CONTRACT_NOT_ACTIVE", False)
    with pytest.raises(RefusedError) as caught:
        caring.contract()
    assert (caught.value.reason, caught.value.clause) == ("LABEL_REFUSED", "labels.public.3")
    back = operator.label_table(caring.table, {"ward": ("public", "2")})
    assert contract in back.resumed
    assert caring.used(contract) == (0, 0)


@pytest.mark.parametrize("text", [SECRET, VERTICAL])
def test_a_file_is_all_that_the_command_needs(caring: Caring, tmp_path: Path, text: str) -> None:
    wanted = parse_encrypted(text.encode(), parse_definition(MENU.encode()).menu)
    path = tmp_path / "training.toml"
    path.write_text(text, encoding="utf-8")
    said = ["--train", str(path), "--scenario", "tests", "--units", "3", "--budget", BUDGET]
    before = call(caring, "contract", "explain", caring.product, *said)
    assert before["asked"]["compiles"]
    made = call(caring, "contract", "request", caring.product, *said)
    identifier = str(made["id"])
    terms = caring.stage.lender.contract(identifier).terms
    assert encrypted_in(terms.parameters) == wanted
    assert (terms.protocol, terms.outputs) == ("ckks", wanted.names)
    shown = CliRunner().invoke(
        app, ["contract", "explain", identifier, "--home", str(caring.stage.lender.home.root)]
    )
    assert shown.exit_code == 0, shown.output
    assert "ckks" in shown.output


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("rho = 1", "rho = 9", "budget"),
        ("iterations = 3", "iterations = 4", "quota.units"),
        ("most_rows = 1000", "most_rows = 399", "parameters.encrypted.most_rows"),
        ("most_rows = 1000", "most_rows = 1000\nleast_rows = 401", "encrypted.least_rows"),
    ],
)
def test_what_could_not_be_trained_is_refused_before_anybody_signs(
    caring: Caring, old: str, new: str, clause: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        caring.contract(SECRET.replace(old, new), units=3)
    assert caught.value.clause.endswith(clause)
    assert caught.value.remedy
    assert not caught.value.charged


def test_what_no_person_can_read_is_refused_before_it_is_computed(caring: Caring) -> None:
    contract, operator = caring.contract(), caring.stage.operator
    operator.set_release_mode("aggregate", "review")
    try:
        with pytest.raises(RefusedError) as caught:
            caring.asking(contract).run()
    finally:
        operator.set_release_mode("aggregate", "pass")
    assert (caught.value.reason, caught.value.charged) == ("RELEASE_OFF", False)
    assert caring.used(contract) == (0, 0)
