"""Scores by a client of a real node: what they are, what crosses the socket, what is charged."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.promises.oversight import audit
from tests.promises.scoring import FEATURES, MODEL, PRODUCT, contract, register, rows_of
from tests.promises.stage import Stage, serving
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client.errors import RefusedError, UnreachableError
from unseen.client.local.home import Home
from unseen.client.queries.parcels import Parcels
from unseen.evidence.contracts.states import State
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import InputInvalidError
from unseen.v1 import intersect_pb2

ROWS = 9_000  # two batches of a ring of 8,192


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage that offers scores."""
    folder = tmp_path_factory.mktemp("score")
    with serving(template.copy(folder / "stage")) as found:
        register(found, folder)
        yield found


def used(stage: Stage, identifier: str) -> tuple[int, int]:
    found = stage.lender.usage(identifier)
    return found.requests, found.units_used


def left(stage: Stage) -> list[Path]:
    """Return the files of runs in the buyer's home, and of what is no context in the node's."""
    own = (stage.party_home("lender") / "scorings").glob("*/*")
    node = (stage.home / "scores").glob("*/batches")
    return [*own, *node]


def mappings(count: int) -> list[dict[str, str]]:
    """Return rows as a file has them, with a column that no model has."""
    found: list[dict[str, str]] = []
    for balance, income, student in rows_of(count).tolist():
        text = "yes" if student else "no"
        row = {"balance": f"{balance:.2f}", "income": str(round(income)), "student": text}
        found.append({"id": f"applicant {len(found)}"} | row)
    return found


def test_scores_are_the_model_s_charged_by_their_ciphertexts_and_receipted(
    stage: Stage, tmp_path: Path
) -> None:
    identifier = contract(stage)
    rows = rows_of(ROWS)
    found = stage.lender.score(identifier, rows)
    assert (len(found), found.family, found.precision) == (ROWS, "logistic", "0.0001")
    assert np.abs(found.scores - MODEL.predictor(rows)).max() <= 1e-4
    assert np.abs(found.predicted - MODEL.predict(rows)).max() <= 1e-4
    assert used(stage, identifier) == (1, 2)
    assert (found.cost.units, left(stage)) == (2, [])
    facts = verify_receipt(found.receipt_path.read_text().strip(), stage.lender._session.trust)
    assert (facts.kind, facts.units, facts.privacy) == ("score", 2, "0")
    stage.close_clients()
    again = stage.lender.fetch_scores(found.request_id)
    assert again == found
    assert (again.scores == found.scores).all()
    assert used(stage, identifier) == (1, 2)
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def test_rows_by_name_score_like_a_matrix_under_one_key(stage: Stage) -> None:
    identifier = contract(stage)
    rows = rows_of(40)
    rows = np.stack([rows[:, 0].round(2), rows[:, 1].round(), rows[:, 2]], axis=1)
    expected = MODEL.predictor(rows)
    named = mappings(40)
    listed = [[row["balance"], row["income"], row["student"]] for row in named]
    columns = {name: [row[name] for row in named] for name in named[0]}
    for given in (rows, named, listed, columns):
        found = stage.lender.score(identifier, given)
        assert np.abs(found.scores - expected).max() <= 1e-4
    contexts = list((stage.home / "scores").glob(f"{identifier}-*/context"))
    assert len(contexts) == 1
    assert used(stage, identifier) == (4, 4)


def test_bad_rows_are_refused_here_and_nothing_is_sent(stage: Stage) -> None:
    identifier = contract(stage, units=1)
    good = rows_of(3)
    cases: list[tuple[Any, str]] = [
        ([], "rows"),
        (good[:, :2], "rows"),
        ([[1, 2]], "rows"),
        ("balance", "rows"),
        ([{"balance": 1, "income": 2}], "features"),
        (np.append(good, [[0, 0, 7]], axis=0), "features.bounds"),
        (good * [[-1, 1, 1]], "features.bounds"),
        (good * np.nan, "features.bounds"),
        ([["1", "2", "maybe"]], "features.bounds"),
        ([["1", "", "yes"]], "features.bounds"),
        ([["1e", "2", "yes"]], "features.bounds"),
        ([[float("inf"), "2", "yes"]], "features.bounds"),
        ([[True, "2", "yes"]], "features.bounds"),
        (rows_of(ROWS), "parameters.score.most"),
    ]
    for rows, clause in cases:
        with pytest.raises(InputInvalidError) as caught:
            stage.lender.score(identifier, rows)
        assert caught.value.clause == clause, rows
    assert stage.lender.unanswered(identifier) == []
    assert used(stage, identifier) == (0, 0)
    assert not list((stage.home / "scores").glob(f"{identifier}-*"))


def test_a_contract_of_another_kind_is_refused_here(stage: Stage) -> None:
    with pytest.raises(InputInvalidError) as caught:
        stage.lender.score(stage.contract("clear"), rows_of(3))
    assert caught.value.clause == "kind"
    scores = contract(stage)
    with pytest.raises(InputInvalidError):
        stage.lender.intersect(scores, ["a"])
    assert used(stage, scores) == (0, 0)


def test_a_contract_ends_with_its_units(stage: Stage) -> None:
    identifier = contract(stage, units=1)
    stage.lender.score(identifier, rows_of(3))
    assert stage.lender.contract(identifier).state is State.EXHAUSTED


def test_a_client_that_dies_goes_on_with_the_run_it_began(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(100)

    def die(*_: Any) -> bytes:
        raise KeyboardInterrupt

    for step in ("send", "fetch"):
        identifier = contract(stage)
        with monkeypatch.context() as patched:
            patched.setattr(Parcels, step, die)
            with pytest.raises(KeyboardInterrupt):
                stage.lender.score(identifier, rows)
        stage.close_clients()
        (request,) = stage.lender.unanswered(identifier)
        found = stage.lender.fetch_scores(request)
        assert np.abs(found.scores - MODEL.predictor(rows)).max() <= 1e-4
        assert used(stage, identifier) == (1, 1)
        assert stage.lender.unanswered(identifier) == []
        assert left(stage) == []


def test_settling_bills_a_run_that_was_charged_and_begins_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(stage)

    def die(*_: Any) -> bytes:
        raise KeyboardInterrupt

    for step, charged in (("send", (0, 0)), ("fetch", (1, 1))):
        with monkeypatch.context() as patched:
            patched.setattr(Parcels, step, die)
            with pytest.raises(KeyboardInterrupt):
                stage.lender.score(identifier, rows_of(5))
        stage.close_clients()
        assert stage.lender.settle(identifier)
        assert used(stage, identifier) == charged
    assert len(stage.lender.receipts(identifier)) == 1


@pytest.mark.sampled
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("point", ["request.evaluated", "charge.before_commit", "job.after_finish"])
def test_a_kill_of_the_node_charges_once_and_the_scores_come(
    copy: Callable[[], Stage], tmp_path: Path, point: str
) -> None:
    stage = copy()
    stage.start()
    register(stage, tmp_path)
    identifier = contract(stage)
    stage.stop()
    stage.start(UNSEEN_FAILPOINT=point)
    rows = rows_of(20)
    with pytest.raises(UnreachableError):
        stage.lender.score(identifier, rows)
    assert stage.wait_dead() == -9
    stage.start()
    (request,) = stage.lender.unanswered(identifier)
    found = stage.lender.fetch_scores(request)
    assert np.abs(found.scores - MODEL.predictor(rows)).max() <= 1e-4
    assert used(stage, identifier) == (1, 1)


def test_a_context_that_the_node_has_forgotten_is_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(stage)
    stage.lender.score(identifier, rows_of(5))
    send, sent = Parcels.send, []

    def forgetful(self: Parcels, contract: str, request: str, part: Any, path: Path) -> None:
        sent.append(part)
        send(self, contract, request, part, path)
        if part == intersect_pb2.PART_BATCHES:
            (context,) = (stage.home / "scores").glob(f"{identifier}-*/context")
            context.unlink()

    monkeypatch.setattr(Parcels, "send", forgetful)
    rows = rows_of(6)
    found = stage.lender.score(identifier, rows)
    context, batches = intersect_pb2.PART_CONTEXT, intersect_pb2.PART_BATCHES
    assert sent == [context, batches, context]
    assert np.abs(found.scores - MODEL.predictor(rows)).max() <= 1e-4
    assert used(stage, identifier) == (2, 2)


def test_the_command_writes_scores_beside_the_file_s_own_columns(
    stage: Stage, tmp_path: Path
) -> None:
    identifier = contract(stage)
    file, output = tmp_path / "rows.csv", tmp_path / "scores.csv"
    rows = mappings(5)
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    file.write_text("\n".join(lines) + "\n")
    stage.close_clients()
    home = str(Home(stage.party_home("lender")).root)
    said = ["score", identifier, "--file", str(file), "--home", home, "--format", "json"]
    done = CliRunner().invoke(app, [*said, "--output", str(output), "--beside", "id"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["rows"], found["units"], found["family"]) == (5, 1, "logistic")
    written = [line.split(",") for line in output.read_text().splitlines()]
    assert written[0] == ["id", "row", "score", "predicted"]
    assert [(line[0], line[1]) for line in written[1:]] == [
        (f"applicant {row}", str(row)) for row in range(5)
    ]
    assert [float(line[2]) for line in written[1:]] == found["scores"]
    again = ["receipt", "fetch", found["request"], "--home", home, "--format", "json"]
    fetched = CliRunner().invoke(app, again)
    assert fetched.exit_code == 0, fetched.output
    assert json.loads(fetched.stdout)["answers"][0]["scores"] == found["scores"]
    later = tmp_path / "later.csv"
    again = ["receipt", "fetch", found["request"], "--home", home, "--output", str(later)]
    assert CliRunner().invoke(app, again).exit_code == 0
    assert [line.split(",")[1] for line in later.read_text().splitlines()[1:]] == [
        line[2] for line in written[1:]
    ]
    wrong = CliRunner().invoke(app, [*said, "--output", str(output), "--beside", "name"])
    assert wrong.exit_code == 2
    assert used(stage, identifier) == (1, 1)


def test_the_command_says_which_columns_a_model_has(stage: Stage) -> None:
    identifier = contract(stage)
    assert stage.lender.score_columns(identifier) == FEATURES
    stage.close_clients()
    home = str(Home(stage.party_home("lender")).root)
    said = ["score", identifier, "--home", home]
    shown = CliRunner().invoke(app, [*said, "--format", "json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout) == [
        {"name": "balance", "low": "0", "high": "3000", "decimals": 2, "values": []},
        {"name": "income", "low": "0", "high": "80000", "decimals": 0, "values": []},
        {"name": "student", "low": "", "high": "", "decimals": 0, "values": ["no", "yes"]},
    ]
    assert "no, yes" in CliRunner().invoke(app, said).stdout
    assert CliRunner().invoke(app, [*said, "--output", "scores.csv"]).exit_code == 2
    assert used(stage, identifier) == (0, 0)


def test_exports_know_the_kind_and_nothing_of_a_run_is_opened_by_itself(stage: Stage) -> None:
    identifier = contract(stage)
    request = stage.lender.score(identifier, rows_of(3)).request_id
    with pytest.raises(InputInvalidError) as caught:
        stage.lender.open_receipt(request)
    assert caught.value.clause == "kind"
    with pytest.raises(RefusedError) as refused:
        contract(stage, openings=True)
    assert refused.value.clause == "openings"
    assert "Encrypted scores" in json.dumps(stage.operator.export_product(PRODUCT))
    assert "密文评分" in json.dumps(stage.operator.export_catalog(), ensure_ascii=False)
    assert stage.lender.export_contract(identifier)
    assert stage.lender.export_receipt(request)
    form = stage.lender.contract_form(identifier, "both")
    assert "a weighted sum of 4 columns is known after 5 scores" in form
