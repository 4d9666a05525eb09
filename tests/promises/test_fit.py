"""Models trained unseen at a real node, by commands: paid once, gone on with, near the clear."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.promises.encrypted import SECRET, TABLE, VERTICAL, Caring
from tests.promises.stage import Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import Client
from unseen.evidence.contracts.encrypted import Encrypted, encrypted_in
from unseen.evidence.contracts.intersection import ITEMS, Offered
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.descent import Descent
from unseen.protocols.he.training.rows import kept

STRANGERS = 40


@pytest.fixture(scope="module")
def caring(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caring]:
    """Return a serving stage that offers trainings, and which patients there are."""
    folder = tmp_path_factory.mktemp("fit")
    with serving(template.copy(folder / "stage")) as stage:
        found = Caring.on(stage)
        stage.operator.register_product(
            "patients",
            table=TABLE,
            kind="intersect",
            title="Patients",
            predicates=Offered(outputs=(ITEMS,), most=1_000),
        )
        yield found


def run(caring: Caring, *words: str) -> Any:
    """Run a command of the lender's, and return what it printed as JSON."""
    home = str(caring.stage.party_home("lender"))
    done = CliRunner().invoke(app, [*words, "--home", home, "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def clause_of(client: Client, contract: str) -> Encrypted:
    return encrypted_in(client._contracts.terms(contract).parameters)


def expected(clause: Encrypted, theirs: Any, own: Any, labels: Any) -> Any:
    """Return the weights of the same steps in the clear, without noise."""
    task = clause.task()
    values = kept(np.array(theirs), task.columns, task.norm)
    if own is not None:
        values = np.concatenate([values, kept(own, task.own_columns, task.own_norm)], axis=1)
    return clear.trained(values, np.array(labels, float), Descent(task))


def test_a_secret_model_is_trained_paid_once_and_shown_again(
    caring: Caring, tmp_path: Path
) -> None:
    contract = caring.contract(SECRET)
    assert run(caring, "train", "show", contract)["done"] == 0
    folder = tmp_path / "model"
    found = run(caring, "train", "fit", contract, "-o", str(folder))
    assert (found["iterations"], found["resumed"], found["units"]) == (3, 0, 3)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("card.json", "card.md", "card.zh.md", "model.json", "model.onnx")
    ]
    again = run(caring, "train", "fit", contract)
    assert (again["weights"], again["resumed"]) == (found["weights"], 3)
    assert (caring.used(contract), run(caring, "train", "show", contract)["done"]) == ((3, 3), 3)
    for request in found["requests"]:
        fetched = run(caring, "receipt", "fetch", request)
        assert fetched["answers"][0]["done"] == 3
    bill = json.loads(caring.stage.lender.settle(contract))
    assert (bill["requests"], bill["units"], bill["amount"]) == (3, 3, 3 * 1_500_000)

    lender = caring.stage.lender
    people = [one for one in caring.people if one.stay is not None]
    wanted = expected(
        clause_of(lender, contract), [one.seen for one in people], None, [p.acute for p in people]
    )
    assert np.abs(lender.fit(contract).weights - wanted).max() < 0.05


@pytest.mark.long
def test_a_vertical_training_of_a_file_is_aligned_and_goes_on_after_a_kill(
    caring: Caring, tmp_path: Path
) -> None:
    stage, contract = caring.stage, caring.contract(VERTICAL)
    members = stage.lender.request_contract(
        "patients", outputs=[ITEMS], scenario="tests", units=1_000, days=1
    ).id
    stage.operator.approve(members)
    stage.lender.sign(members)
    source = np.random.default_rng(5)
    ids = [one.id for one in caring.people[::-1]] + [f"stranger {n}" for n in range(STRANGERS)]
    ages, sick = source.integers(0, 101, len(ids)), source.integers(0, 2, len(ids))
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["readmitted", "id", "age", "else"])
        writer.writerows(zip(sick, ids, ages, ids, strict=True))

    home = str(stage.party_home("lender"))
    words = ["train", "fit", contract, "--rows", str(file), "--aligned-by", members]
    stage.close_clients()
    process = subprocess.Popen(
        [sys.executable, "-m", "unseen.cli", *words, "--home", home], stdout=subprocess.DEVNULL
    )
    with Client(stage.party_home("lender")) as client:
        while client.usage(contract).units_used == 0 and process.poll() is None:
            pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    found = run(caring, *words)
    assert (found["rows"], caring.used(contract)[1]) == (len(caring.people), 3)
    assert caring.used(members)[1] == len(ids)
    people = caring.people[::-1]
    own = (2 * ages[: len(people), None] - 100) / 100
    seen = [one.seen for one in people]
    wanted = expected(clause_of(stage.lender, contract), seen, own, sick[: len(people)])
    assert np.abs(stage.lender.fit(contract).weights - wanted).max() < 0.05
