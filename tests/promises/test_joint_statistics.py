"""A question about many over three real hospitals: one noisy answer, charged at each of them."""

import json
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from statistics import mean
from typing import Any

import duckdb
import pytest
from tests.promises.jointly import Consortium, consortium
from tests.promises.oversight import audit
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.catalog import Prices
from unseen.client.errors import RefusedError
from unseen.client.joint.statistics import JointStatistics, make_clause
from unseen.evidence.contracts.joint import Joint
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError

MENU = """
delta = "0.000001"

[[dimension]]
name = "ward"
text = "Ward"
column = "ward"
values = ["heart", "hip"]

[[measure]]
name = "stay"
text = "Days in hospital"
column = "stay"
unit = "day"
decimals = 0
low = 0
high = 60
edges = [0, 7, 14, 60]

[[filter]]
name = "acute"
text = "Came as an emergency"
expression = "acute"
"""
OUTPUTS = ["ward", "stay", "acute"]
EPSILON = "4"
ROWS = 400
SIGMA = 5.0  # of a count at a rho of 0.02


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with consortium(tmp_path_factory.mktemp("hospitals"), 3) as made:
        for number in (1, 2, 3):
            furnish(made, number, MENU)
        yield made


def patients(number: int) -> list[tuple[str, str, int, bool]]:
    chance = random.Random(number)
    return [
        (
            f"h{number}-{row}",
            "heart" if row % 3 else "hip",
            min(chance.randrange(5, 25) + 5 * number, 60),
            chance.random() < 0.5,
        )
        for row in range(ROWS)
    ]


def furnish(made: Consortium, number: int, menu: str, product: str = "care") -> None:
    stage = made.stages[number - 1]
    path = stage.root / f"{product}.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (id VARCHAR, ward VARCHAR, stay INTEGER, acute BOOLEAN)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", patients(number))
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    labels = {"*": ("public", "1")}
    stage.operator.register_table(product, str(path), subject=["id"], labels=labels)
    stage.operator.register_product(
        product,
        table=product,
        kind="statistics",
        title="Stays",
        predicates=parse_definition(menu.encode()),
        prices=Prices("CNY", 1_000_000, 500_000),
    )
    stage.operator.set_privacy_budget(product, epsilon="100", delta="0.000001")


def clause(made: Consortium) -> Joint:
    places = made.clause([1, 2, 3]).nodes
    return make_clause(places, parse_definition(MENU.encode()).menu, INTL)


def contract(
    made: Consortium, number: int, joint: Joint, product: str = "care", **changes: Any
) -> str:
    stage = made.stages[number - 1]
    fields: dict[str, Any] = {
        "outputs": OUTPUTS,
        "scenario": "tests",
        "units": 50,
        "days": 1,
        "budget": EPSILON,
        "joint": joint,
    }
    found = stage.lender.request_contract(product, **fields | changes)
    stage.operator.approve(found.id)
    stage.lender.sign(found.id)
    return found.id


@pytest.fixture(scope="module")
def contracts(hospitals: Consortium) -> dict[int, str]:
    return {number: contract(hospitals, number, clause(hospitals)) for number in (1, 2, 3)}


@pytest.fixture
def answers(hospitals: Consortium, contracts: dict[int, str]) -> JointStatistics:
    seats = [hospitals.stages[n - 1].lender.seat(one) for n, one in contracts.items()]
    return JointStatistics(seats, step_seconds=20)


def everybody() -> list[tuple[str, str, int, bool]]:
    return [row for number in (1, 2, 3) for row in patients(number)]


def test_a_node_of_a_joint_contract_answers_nothing_alone(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    before = hospitals.used(contracts)
    with pytest.raises(RefusedError) as caught:
        hospitals.stages[0].lender.statistics(contracts[1]).count(rho="0.01")
    assert caught.value.reason == "JOINT_REFUSED", caught.value
    assert hospitals.used(contracts) == before


def test_a_mean_over_three_hospitals_is_that_of_all_their_patients(
    hospitals: Consortium, contracts: dict[int, str], answers: JointStatistics
) -> None:
    before = hospitals.used(contracts)
    found = answers.ask(Question(what="mean", of="stay", by=("ward",), rho="0.01"))
    for (ward, count, average), noise in zip(found.rows, found.noise, strict=True):
        rows = [row[2] for row in everybody() if row[1] == ward]
        assert noise[0]
        assert abs(Fraction(str(count)) - len(rows)) < 7 * noise[0]
        assert abs(float(str(average)) - mean(rows)) < 7 * (noise[1] or 0)
    assert found.nodes == ("node-1", "node-2", "node-3")
    assert set(found.receipts) == set(found.nodes)
    assert all(path.exists() for path in found.receipts.values())
    assert "at each node rho 0.01" in str(found)
    assert hospitals.used(contracts) == {number: used + 1 for number, used in before.items()}
    for number, one in contracts.items():
        assert hospitals.stages[number - 1].lender.receipts(one)[-1].facts.privacy == "0.01"


QUESTIONS = [
    Question(what="count", rho="0.01"),
    Question(what="sum", of="stay", where=("acute",), rho="0.01"),
    Question(what="histogram", of="stay", rho="0.02"),
    Question(what="variance", of="stay", rho="0.03"),
    Question(what="quantile", of="stay", at=("0.5",), by=("ward",), rho="0.02"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: str(one.what))
def test_every_question_has_an_answer_near_the_truth(
    answers: JointStatistics, question: Question
) -> None:
    found = answers.ask(question)
    rows = [row for row in everybody() if not question.where or row[3]]
    stays = [row[2] for row in rows]
    match question.what:
        case "count":
            truth: list[float] = [len(rows)]
        case "sum":
            truth = [sum(stays)]
        case "histogram":
            truth = [
                sum(low <= stay < high for stay in stays)
                for low, high in ((0, 7), (7, 14), (14, 60))
            ]
        case "variance":
            truth = [sum((stay - mean(stays)) ** 2 for stay in stays) / len(stays)]
        case _:
            assert all(10 < int(str(row[-1])) < 40 for row in found.rows)
            return
    for row, noise, true in zip(found.rows, found.noise, truth, strict=True):
        if row[-1] is None:
            assert true < 10 + 7 * SIGMA  # hidden, since so few may be behind it
            continue
        assert abs(float(str(row[-1])) - true) < 7 * (noise[-1] or 0)


def test_what_one_nodes_noise_could_not_say_is_not_sent(
    hospitals: Consortium, contracts: dict[int, str], answers: JointStatistics
) -> None:
    before = hospitals.used(contracts)
    with pytest.raises(InputInvalidError, match="rho"):
        answers.ask(Question(what="count", rho="1"))
    with pytest.raises(InputInvalidError):
        answers.ask(Question(what="partition"))
    assert hospitals.used(contracts) == before


def test_a_spent_budget_of_one_node_is_named_before_anybody_is_charged(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    small = contract(hospitals, 2, clause(hospitals), budget="0.2")
    mixed = {**contracts, 2: small}
    seats = [hospitals.stages[n - 1].lender.seat(one) for n, one in mixed.items()]
    before = hospitals.used(mixed)
    with pytest.raises(RefusedError, match="node-2: ") as caught:
        JointStatistics(seats).ask(Question(what="count", rho="0.01"))
    assert caught.value.reason == "PRIVACY_BUDGET_SPENT"
    assert hospitals.used(mixed) == before


def test_a_node_with_another_menu_signs_no_such_clause(hospitals: Consortium) -> None:
    with pytest.raises(RefusedError, match="another menu") as caught:
        contract(hospitals, 1, clause(hospitals), outputs=["ward"])
    assert caught.value.clause == "joint.task"


def run(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words, "--format", "json"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_command_line_goes_from_a_clause_to_an_answer(
    hospitals: Consortium, tmp_path: Path
) -> None:
    for stage in hospitals.stages:
        stage.close_clients()
    homes = [str(stage.party_home("lender")) for stage in hospitals.stages]
    every = [word for home in homes for word in ("--home", home)]
    path = tmp_path / "clause.json"
    wrote = CliRunner().invoke(
        app, ["statistics", "joint", "clause", "care", *every, "-o", str(path)]
    )
    assert wrote.exit_code == 0, wrote.output
    assert Joint.from_json(json.loads(path.read_bytes())) == clause(hospitals)
    for stage in hospitals.stages:
        stage.close_clients()
    words = [
        "--outputs",
        "ward,stay,acute",
        "--scenario",
        "tests",
        "--units",
        "5",
        "--budget",
        "1",
        "--joint",
    ]
    found = [
        run("contract", "request", "care", *words, str(path), "--home", home)["id"]
        for home in homes
    ]
    for stage, each in zip(hospitals.stages, found, strict=True):
        stage.operator.approve(each)
        run("contract", "sign", each, "--home", str(stage.party_home("lender")))
    asked = ["--what", "count", "--by", "ward", "--rho", "0.01"]
    answer = run("statistics", "joint", "ask", *(one[:12] for one in found), *every, *asked)
    assert answer["nodes"] == ["node-1", "node-2", "node-3"]
    assert [row["ward"] for row in answer["rows"]] == ["heart", "hip"]
    assert all(300 < row["count"] < 900 for row in answer["rows"])
    assert all(Path(path).exists() for path in answer["receipts"].values())
    missing = ["statistics", "joint", "ask", found[0], *every[:4], *asked]
    assert CliRunner().invoke(app, missing).exit_code == 2


def test_no_budget_is_spent_that_was_not_meant(
    hospitals: Consortium, contracts: dict[int, str]
) -> None:
    further = contract(hospitals, 2, clause(hospitals))
    before = hospitals.used({**contracts, 2: further})
    for stage in hospitals.stages:
        stage.close_clients()
    homes = [str(stage.party_home("lender")) for stage in hospitals.stages]
    every = [word for home in homes for word in ("--home", home)]
    asked = ["statistics", "joint", "ask", contracts[1], *every, "--what", "count", "--rho", "0.01"]
    done = CliRunner().invoke(app, [*asked, "--format", "json"])
    assert done.exit_code == 2
    said = json.loads(done.output)
    assert "node-2" in said["message"]
    assert further[:12] in said["message"]
    assert hospitals.used({**contracts, 2: further}) == before


def test_the_log_of_each_node_holds_under_an_audit(
    hospitals: Consortium, answers: JointStatistics, tmp_path: Path
) -> None:
    answers.ask(Question(what="count", by=("ward",), rho="0.01"))
    for number, stage in enumerate(hospitals.stages, 1):
        assert audit(stage, tmp_path / f"export-{number}").findings == ()
