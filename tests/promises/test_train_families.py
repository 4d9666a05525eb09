"""Every family over three real nodes, its file run elsewhere; who withdraws between two steps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from tests.promises.consenting import make
from tests.promises.jointly import Consortium, consortium
from tests.promises.oversight import audit
from tests.promises.stage import make_people, write_table
from tests.promises.test_joint_statistics import MENU, furnish, patients
from tests.promises.test_train import LABELLED

from unseen.client.catalog import Prices
from unseen.client.joint.training import JointTraining, make_clause, make_training
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.training import clause as training

NUMBERS = (1, 2, 3)
STEPS = """
[steps]
rounds = 2
norm = 2
clip = 2
"""
TREES = """
[steps]
objective = "{objective}"
trees = {trees}
depth = {depth}
bins = {bins}
columns = {columns}
rate = 1
leaf = 10
"""
PRIVACY = """
[privacy]
epsilon = 20
most_rows = 1000
"""
WARD, BOTH = '["ward"]', '["ward", "stay"]'
FAMILIES = {
    "linear": ("stay", WARD, STEPS),
    "logistic": ("long", BOTH, STEPS),
    "poisson": (
        "stay",
        WARD,
        STEPS.replace("rounds = 2", "rounds = 6").replace("clip = 2", "clip = 60"),
    ),
    "boosting": (
        "long",
        BOTH,
        TREES.format(objective="logistic", trees=2, depth=2, bins=8, columns=3),
    ),
}
CONSENTED = """
delta = "0.000001"

[[measure]]
name = "pay"
text = "Earnings of a year"
column = "earnings"
unit = "CNY"
decimals = 0
low = 0
high = 100000

[[measure]]
name = "number"
text = "A number that is everybody's"
column = "serial"
unit = "one"
decimals = 0
low = 0
high = 1000
"""
PEOPLE, GIVEN, WITHDRAWN = 160, 150, 140
EPSILON = "3.9"  # personal rows allow 4


def text_of(family: str) -> str:
    label, features, steps = FAMILIES[family]
    return f'family = "{family}"\nfeatures = {features}\nlabel = "{label}"\n{steps}{PRIVACY}'


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with consortium(tmp_path_factory.mktemp("families"), 3) as made:
        for number in NUMBERS:
            furnish(made, number, MENU)
            offer(made, number, "model", "care", LABELLED)
        yield made


def offer(made: Consortium, number: int, name: str, table: str, menu: str) -> None:
    made.stages[number - 1].operator.register_product(
        name,
        table=table,
        kind="train",
        title="Stays",
        predicates=parse_definition(menu.encode()),
        prices=Prices("CNY", 1_000_000, 500_000),
    )


def trained(
    made: Consortium,
    text: str,
    menu_text: str,
    products: dict[int, str],
    budget: str = "21",
    **options: Any,
) -> tuple[JointTraining, dict[int, str]]:
    """Return a training under fresh contracts in force, and the contracts."""
    menu, data = parse_definition(menu_text.encode()).menu, text.encode()
    joint = make_clause(made.clause(NUMBERS).nodes, data, menu)
    spec = make_training(data, menu, joint)
    contracts = {}
    for number, product in products.items():
        stage = made.stages[number - 1]
        found = stage.lender.request_contract(
            product,
            outputs=training.names_of(spec),
            scenario="tests",
            units=10,
            days=1,
            budget=budget,
            joint=joint,
            train=spec,
        )
        stage.operator.approve(found.id)
        stage.lender.sign(found.id)
        contracts[number] = found.id
    seats = [made.stages[n - 1].lender.seat(one) for n, one in contracts.items()]
    return JointTraining(seats, step_seconds=60, **options), contracts


@pytest.mark.sampled
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_trained_over_three_nodes_and_says_the_same_elsewhere(
    hospitals: Consortium, family: str
) -> None:
    one, contracts = trained(hospitals, text_of(family), LABELLED, dict.fromkeys(NUMBERS, "model"))
    found = one.fit()
    steps = len(training.steps_of(one.spec))
    assert hospitals.used(contracts) == dict.fromkeys(NUMBERS, steps)
    rows = [row for number in NUMBERS for row in patients(number)]
    wards = np.array([("heart", "hip").index(row[1]) for row in rows], float)
    stays = np.array([row[2] for row in rows], float)
    features = np.stack([wards, stays][: len(one.spec.features)], axis=1)
    guess = found.model.predict(features)
    if one.spec.label.name == "long":
        assert ((guess > 0.5) == (stays > 20)).mean() > 0.75
    else:
        assert abs(guess - stays).mean() < 9  # stays go from 10 to 40
        assert abs(guess.mean() - stays.mean()) < 4
    files = found.files(("to try it", "用于试验"))
    session = onnxruntime.InferenceSession(files["model.onnx"], providers=["CPUExecutionProvider"])
    chance = np.random.default_rng(1)
    strange = np.stack(
        [chance.integers(-2, 5, 500), chance.uniform(-100, 200, 500)][: features.shape[1]], axis=1
    ).astype(float)
    for given in (features, strange):
        (said,) = session.run(None, {"rows": given})
        assert np.abs(said[:, 0] - found.model.predict(given)).max() < 1e-5


def test_who_withdraws_between_two_steps_is_not_in_the_next(
    hospitals: Consortium, tmp_path: Path
) -> None:
    stage = hospitals.stages[0]
    stage.people, stage.table = make_people(PEOPLE), stage.root / "many.parquet"
    write_table(stage.table, stage.people)
    here = make(stage)
    for number, table in ((1, "persons"), (2, "people"), (3, "people")):
        offer(hospitals, number, "pay", table, CONSENTED)
        operator = hospitals.stages[number - 1].operator
        operator.set_privacy_budget(table, epsilon="100", delta="0.000001")
    given = here.give(*range(GIVEN))
    steps = TREES.format(objective="squared", trees=2, depth=1, bins=2, columns=1)
    text = f'family = "boosting"\nfeatures = ["number"]\nlabel = "pay"\n{steps}{PRIVACY}'
    text = text.replace("epsilon = 20", f"epsilon = {EPSILON}")

    def progress(what: str, done: int, _total: int) -> None:
        if (what, done) == ("training", 1):
            for one_of in given[:WITHDRAWN]:
                here.hub.withdraw_consent(one_of)

    one, _ = trained(
        hospitals, text, CONSENTED, dict.fromkeys(NUMBERS, "pay"), "4", progress=progress
    )
    one.fit()
    counted = [served(one, number) for number in (0, 1)]
    # A quarter of them have no earnings, and a fifth is held out: 84 are gone. Noise is of 6.3.
    assert 40 < counted[0] - counted[1] < 130
    releases = [
        str(leaf.fields["consent_root"])
        for leaf in stage.operator.leaves()
        if leaf.type == "release" and "consent_root" in leaf.fields
    ]
    assert len(releases) == len(training.steps_of(one.spec))
    assert releases[0] not in releases[1:]
    assert len({*releases[1:]}) == 1
    assert audit(stage, tmp_path / "log").findings == ()


def served(one: JointTraining, number: int) -> float:
    """Return how many rows a step of trees has counted, by its noisy sum."""
    step = training.steps_of(one.spec)[number]
    kept = one._steps.read(step.number, step.dimension)
    assert kept is not None
    return float(kept.total[1::2].sum()) / (1 << one.spec.privacy.bits)
