"""A model over three real hospitals: fitted by noisy sums, each step charged at each of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.promises.jointly import Consortium, consortium
from tests.promises.oversight import audit
from tests.promises.test_joint_statistics import MENU, ROWS, furnish, patients
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.catalog import Prices
from unseen.client.errors import RefusedError
from unseen.client.joint.training import JointTraining, make_clause, make_training
from unseen.evidence.contracts.joint import Joint
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.training import clause as training
from unseen.protocols.train import Model
from unseen.protocols.train.card import Card

FILE = """
family = "logistic"
features = ["ward", "stay"]
label = "long"

[steps]
rounds = 3
norm = 2
clip = 2

[privacy]
epsilon = 40
most_rows = 1000
"""
# A label that the features do tell: whoever stayed long. The wards say nothing of it.
LABELLED = (
    MENU
    + """
[[filter]]
name = "long"
text = "Stayed for more than 20 days"
expression = "stay > 20"
"""
)
STEPS = 5  # curvature, three gradients, and the one that measures
runner = CliRunner()


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with consortium(tmp_path_factory.mktemp("hospitals"), 3) as made:
        for number in (1, 2, 3):
            furnish(made, number, MENU)
            made.stages[number - 1].operator.register_product(
                "model",
                table="care",
                kind="train",
                title="Long stays",
                predicates=parse_definition(LABELLED.encode()),
                prices=Prices("CNY", 1_000_000, 500_000),
            )
        yield made


def clause_of(made: Consortium) -> Joint:
    places = made.clause([1, 2, 3]).nodes
    return make_clause(places, FILE.encode(), parse_definition(LABELLED.encode()).menu)


def contract(made: Consortium, number: int, joint: Joint, **changes: Any) -> str:
    stage = made.stages[number - 1]
    spec = make_training(FILE.encode(), parse_definition(LABELLED.encode()).menu, joint)
    fields: dict[str, Any] = {
        "outputs": training.names_of(spec),
        "scenario": "tests",
        "units": 20,
        "days": 1,
        "budget": "40",
        "joint": joint,
        "train": spec,
    }
    found = stage.lender.request_contract("model", **fields | changes)
    stage.operator.approve(found.id)
    stage.lender.sign(found.id)
    return found.id


@pytest.fixture(scope="module")
def contracts(hospitals: Consortium) -> dict[int, str]:
    joint = clause_of(hospitals)
    return {number: contract(hospitals, number, joint) for number in (1, 2, 3)}


def trained(made: Consortium, contracts: dict[int, str]) -> JointTraining:
    seats = [made.stages[n - 1].lender.seat(one) for n, one in contracts.items()]
    return JointTraining(seats, step_seconds=30)


def test_a_training_ended_midway_goes_on_and_every_step_is_charged_once_at_each_node(
    hospitals: Consortium, contracts: dict[int, str], tmp_path: Path
) -> None:
    one = trained(hospitals, contracts)
    taken = one._cohort.sum
    calls: list[int] = []

    def ended(payload: bytes, dimension: int) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(dimension)
        return taken(payload, dimension)

    one._cohort.sum = ended  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        one.fit()
    assert hospitals.used(contracts) == {1: 2, 2: 2, 3: 2}
    hospitals.restart(2)

    homes = [str(stage.party_home("lender")) for stage in hospitals.stages]
    options = [part for home in homes for part in ("--home", home)]
    folder = tmp_path / "model"
    done = runner.invoke(
        app,
        [*("train", "fit", contracts[1], *options, "--output", str(folder)), "--format", "json"],
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["resumed"], found["units"]) == (2, 3 * STEPS)
    assert hospitals.used(contracts) == {1: STEPS, 2: STEPS, 3: STEPS}
    assert (
        found["metrics"]["auc"] > 0.7
    )  # with noise of its own; the model orders every row rightly
    model = Model.decode((folder / "model.json").read_bytes())
    assert list(model.numbers) == found["numbers"]
    rows = [row for number in (1, 2, 3) for row in patients(number)]
    features = np.array([[("heart", "hip").index(row[1]), row[2]] for row in rows], float)
    scores, long = model.predict(features), np.array([row[2] > 20 for row in rows])
    assert ((scores > 0.5) == long).mean() > 0.8
    for number, one_id in contracts.items():
        receipts = hospitals.stages[number - 1].lender.receipts(one_id)
        spent = sum(float(receipt.facts.privacy) for receipt in receipts)
        assert spent == pytest.approx(training.total_of(model.spec) / 10**12)
        stage = hospitals.stages[number - 1]
        assert audit(stage, tmp_path / f"log-{number}").findings == ()


def test_a_finished_training_is_shown_and_not_paid_again(
    hospitals: Consortium, contracts: dict[int, str], tmp_path: Path
) -> None:
    again = trained(hospitals, contracts)
    assert again.state().done == STEPS
    again.fit()
    assert hospitals.used(contracts) == {1: STEPS, 2: STEPS, 3: STEPS}
    folder = tmp_path / "model"
    homes = [f"--home={stage.party_home('lender')}" for stage in hospitals.stages]
    done = runner.invoke(app, ["train", "fit", contracts[1], *homes, "--output", str(folder)])
    assert f"{STEPS} steps were done before" in done.stderr
    assert f"unseen train release {contracts[1]} --model {folder / 'model.json'}" in done.stderr
    assert hospitals.used(contracts) == {1: STEPS, 2: STEPS, 3: STEPS}


def test_a_clause_is_written_with_the_request_that_each_node_is_sent(
    hospitals: Consortium, tmp_path: Path
) -> None:
    file, clause = tmp_path / "training.toml", tmp_path / "clause.json"
    file.write_text(FILE, encoding="utf-8")
    homes = [stage.party_home("lender") for stage in hospitals.stages]
    options = [f"--home={home}" for home in homes]
    done = runner.invoke(app, ["train", "clause", "model", str(file), *options, "-o", str(clause)])
    assert done.exit_code == 0, done.output
    joint = clause_of(hospitals)
    assert json.loads(clause.read_text()) == joint.to_json()
    spec = make_training(FILE.encode(), parse_definition(LABELLED.encode()).menu, joint)
    said = done.stderr.splitlines()[1:]
    for home, line in zip(homes, said, strict=True):
        assert line.endswith(f"--scenario NAME --home {home}")
        assert f"--units {STEPS + 2} " in line
        (budget,) = re.findall(r"--budget ([\d.]+) ", line)
        assert training.within(spec, budget, "0.000001")
        assert float(budget) <= 40


def test_more_than_the_budget_is_refused_by_name_and_costs_nothing(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    one = trained(hospitals, contracts)
    one.fit()  # what another test has done of it is not paid again
    step = training.steps_of(one.spec)[0]
    from unseen.protocols.train import Coordinator

    with pytest.raises(RefusedError) as caught:
        one._cohort.sum(Coordinator(one.spec).payload(), step.dimension)
    assert caught.value.reason == "PRIVACY_BUDGET_SPENT"
    assert str(caught.value).startswith("node-")
    assert hospitals.used(contracts) == {1: STEPS, 2: STEPS, 3: STEPS}


def test_every_node_lets_the_model_out_past_a_person_for_a_unit_and_no_privacy(
    hospitals: Consortium, contracts: dict[int, str], tmp_path: Path
) -> None:
    one = trained(hospitals, contracts)
    model = one.fit().model
    assert one.release(model).held == ("node-1", "node-2", "node-3")
    assert hospitals.used(contracts) == {1: STEPS, 2: STEPS, 3: STEPS}
    measured = []
    for stage in hospitals.stages:
        (listed,) = stage.operator.reviews(waiting=True)
        review = stage.operator.review(listed.id)
        assert review.type == "model"
        attack = review.attack
        assert attack is not None
        assert attack.bound is not None
        if attack.measured:
            assert attack.least < attack.low <= attack.area <= attack.high
            assert attack.least < attack.bar == 6000
            assert attack.members + 2 * attack.others in {ROWS - 1, ROWS}
            assert "成员推断攻击" in str(review)
        else:
            assert attack.members + attack.others == ROWS
            assert attack.others < 80
            assert "数据过少" in str(review)
        measured.append(attack.measured)
        stage.operator.approve_release(review.id)
        assert stage.operator.review(listed.id).attack == attack
    assert any(measured)
    lenders = [str(stage.party_home("lender")) for stage in hospitals.stages]
    homes = [part for home in lenders for part in ("--home", home)]
    folder = tmp_path / "model"
    for command in (
        ["fit", "--output", str(folder)],
        ["release", "--model", str(folder / "model.json")],
    ):
        done = runner.invoke(app, ["train", command[0], contracts[1], *homes, *command[1:]])
        assert done.exit_code == 0, done.output
    card = Card.decode((folder / "card.json").read_bytes())
    assert [each.party for each in card.endorsed] == ["node-1", "node-2", "node-3"]
    for number, each in enumerate(card.endorsed, 1):
        last = hospitals.stages[number - 1].lender.receipts(contracts[number])[-1]
        assert each.request == last.facts.request
        assert (each.leaf, each.bar) == (last.facts.index, 6000)
    assert card.digest.encode() in (folder / "model.onnx").read_bytes()
    assert (folder / "picture.svg").read_text(encoding="utf-8").count("<circle") > 3
    found = one.release(model)
    assert found.complete
    assert (sorted(found.receipts), found.held) == (["node-1", "node-2", "node-3"], ())
    assert hospitals.used(contracts) == {1: STEPS + 1, 2: STEPS + 1, 3: STEPS + 1}
    for number, one_id in contracts.items():
        stage = hospitals.stages[number - 1]
        assert stage.lender.receipts(one_id)[-1].facts.privacy == "0"
        assert audit(stage, tmp_path / f"after-{number}").findings == ()
