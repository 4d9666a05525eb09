"""Three hospitals, one sum and one model: the story for real, and what it is made of."""

import hashlib
import json
import re
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from tests.cli.telling import DEMO, ROOT, running_in
from typer.testing import CliRunner

from unseen.cli import words
from unseen.cli.demo.checks import StepFailedError
from unseen.cli.demo.hospitals import cast, script, truth
from unseen.cli.demo.hospitals.fitting import Accident
from unseen.cli.demo.hospitals.places import Places
from unseen.cli.demo.hospitals.texts import told
from unseen.cli.demo.processes import free_address
from unseen.cli.main import app
from unseen.client.errors import Cause, NodeError
from unseen.client.joint.training import make_clause, make_training
from unseen.client.wording import cost_of
from unseen.evidence import trust
from unseen.evidence.contracts.joint import Place
from unseen.evidence.contracts.privacy import UNITS, limit_of
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.contracts.training.clause import total_of, within
from unseen.evidence.verify import verify_receipt
from unseen.protocols.train import Model

TELL = [*DEMO, "--story", "hospitals"]
STEPS = 5


@dataclass(frozen=True)
class Ended:
    folder: Places
    out: str
    flat: str

    def command(self, label: str) -> list[str]:
        """Return the command that is printed behind a label, as arguments."""
        line = re.findall(rf"^{label}: (.*)$", self.out, re.MULTILINE)[0]
        program, *arguments = shlex.split(line)
        assert program == "./unseen"
        return arguments


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    home = tmp_path_factory.mktemp("demo") / "D"
    done = subprocess.run(
        [*TELL, "--home", str(home)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Ended(Places(home), done.stdout, " ".join(done.stdout.replace("│", " ").split()))


@pytest.mark.slow
@pytest.mark.long
def test_it_tells_the_story_in_plain_text(ended: Ended) -> None:
    assert "\x1b" not in ended.out
    for said in (
        "hospital-a 6,419 1,815",
        "insurer none none",
        "the same to the byte",
        "with noise; the truth is 8,331",
        "hospital-b is killed in mid-round",
        "hospital-b is back as process",
        "Each node charged 5 units",
        "model.person",
        "the same regression on rows in one place",
        "PRIVACY_BUDGET_SPENT",
        "The nodes are stopped",
        "refused, exit code 5",
    ):
        assert said in ended.flat, said
    for name in script.HOSPITALS:
        assert re.search(rf"{name} 7 \d+ \d+ 7 0 ", ended.flat), name


@pytest.mark.slow
@pytest.mark.long
def test_every_process_has_ended_also_the_one_that_was_killed(ended: Ended) -> None:
    pids = [int(pid) for pid in re.findall(r"process (\d+)", ended.flat)]
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert running_in(ended.folder.root) == []


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("label", ["Verify it", "Audit a log"])
def test_a_printed_command_does_what_it_says(ended: Ended, label: str) -> None:
    done = CliRunner().invoke(app, ended.command(label))
    assert done.exit_code == 0, done.stderr
    assert ("is valid" if label == "Verify it" else "holds.") in done.stdout


@pytest.mark.slow
@pytest.mark.long
def test_receipts_of_every_hospital_hold_and_add_up(ended: Ended) -> None:
    spent = set()
    for name in script.HOSPITALS:
        home = ended.folder.home(name)
        keys = trust.parse((home / "parties.json").read_bytes())
        files = sorted((home / "receipts").iterdir())
        facts = [verify_receipt(path.read_text().strip(), keys) for path in files]
        assert len(facts) == 1 + STEPS + 1
        assert [each.privacy for each in facts].count("0") == 1  # the model's release
        spent.add(sum(Fraction(each.privacy) for each in facts))
    (rho,) = spent
    assert rho < Fraction(limit_of(script.BUDGET, script.DELTA), UNITS)


@pytest.mark.slow
@pytest.mark.long
def test_the_insurer_holds_the_model_and_no_hospitals_rows(ended: Ended) -> None:
    model = Model.decode((ended.folder.model / "model.json").read_bytes())
    assert model.spec.label.name == script.LABEL
    assert len(model.numbers) == len(script.FEATURES) + 1
    assert {path.name for path in ended.folder.model.iterdir()} >= {"model.onnx", "card.zh.md"}
    # Several whole rows of a table stand nowhere, and its file is not there either.
    for name in script.HOSPITALS:
        table = ended.folder.table(name).read_bytes()
        for path in ended.folder.buyer.rglob("*"):
            assert not path.is_file() or table[:4096] not in path.read_bytes(), path


@pytest.mark.slow
@pytest.mark.long
def test_it_runs_again_in_json_whatever_the_language(ended: Ended) -> None:
    home = str(ended.folder.root)
    done = subprocess.run(
        [*TELL, "--home", home, "--format", "json", "--lang", "zh"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert [each["name"] for each in said["hospitals"]] == list(script.HOSPITALS)
    assert [event["what"] for event in said["events"]] == [
        *("step", "step", "killed", "gone", "back", "done")
    ]
    assert said["refusal"]["clause"] == "budget"
    assert not said["refusal"]["charged"]
    for row, exact in zip(said["sum"]["rows"], said["sum"]["exact"], strict=True):
        assert abs(row["mean"] - exact) < 8 * row["mean_noise"]
    assert abs(said["auc"]["joint"] - said["auc"]["pooled"]) < 0.1
    for name, own in said["seen"]["own"].items():
        assert abs(int(said["seen"]["masked"][name], 16) - own) > 1 << 32
    first, second = said["clauses"].values()
    assert first["nodes"] == second["nodes"]
    assert first["task"] != second["task"]
    assert {each["findings"] for each in said["evidence"].values()} == {0}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_all_nodes_when_it_is_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    home = tmp_path / "D"
    process = subprocess.Popen(
        [*TELL, "--home", str(home)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        give_up = time.monotonic() + 120
        while len(running_in(home, "serve")) < 3 and time.monotonic() < give_up:
            time.sleep(0.05)
        assert len(running_in(home, "serve")) == 3
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in said
    assert running_in(home) == []


@pytest.mark.slow
@pytest.mark.long
def test_a_node_that_does_not_start_is_named_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = free_address

        def address() -> str:
            given.append(f"127.0.0.1:{taken.getsockname()[1]}" if len(given) == 1 else free())
            return given[-1]

        monkeypatch.setattr(cast, "free_address", address)
        words = ["demo", "--story", "hospitals", "--home", str(tmp_path / "D"), "--format", "json"]
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 4, done.stderr
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert error["reason"] == "DEMO_FAILED"
    assert error["message"].startswith("the node of hospital-b did not start")
    assert "cannot be bound" in error["message"]
    assert error["remedy"].endswith("hospital-b/node.log")
    assert running_in(tmp_path / "D") == []


# What follows needs no node.


def places() -> list[Place]:
    return [
        Place(name=name, key=hashlib.sha256(name.encode()).digest()) for name in script.HOSPITALS
    ]


def test_menu_training_and_budgets_go_together() -> None:
    definition = parse_definition(script.MENU.encode())
    assert definition.person == (script.PERSON,)
    clause = make_clause(places(), script.TRAINING.encode(), definition.menu)
    spec = make_training(script.TRAINING.encode(), definition.menu, clause)
    assert tuple(feature.name for feature in spec.features) == tuple(script.FEATURES)
    assert within(spec, script.BUDGETS[script.MODEL], script.DELTA)
    question = int(Fraction(cost_of(definition.menu, script.EPSILON, None)) * UNITS)
    contract = limit_of(script.BUDGETS[script.SUM], script.DELTA)
    assert question <= contract < 2 * question  # the second is one too many
    assert total_of(spec) + question <= limit_of(script.BUDGET, script.DELTA)


def test_columns_of_the_truth_are_those_of_the_menu() -> None:
    columns = {
        origin.name: origin.column for origin in parse_definition(script.MENU.encode()).columns
    }
    assert {name: columns[name] for name in script.FEATURES} == dict(script.FEATURES)
    assert (columns["coinsurance"], columns["visits"]) == ("coins", "mdvis")


def test_the_tables_are_cut_into_three_hospitals_of_different_people() -> None:
    own = {name: truth.own(rows) for name, rows in truth.cut().items()}
    assert tuple(own) == script.HOSPITALS
    people = [set(each.columns[script.PERSON]) for each in own.values()]
    assert len(set.union(*people)) == sum(each.people for each in own.values())
    for each in own.values():
        assert sum(count for count, _ in each.cells()) == each.rows
    means = truth.means(own)
    assert means[0] == max(means)  # free care: the study's result
    assert sum(each.rows for each in own.values()) == 15_157  # of 20,190: the rest is the insurer's


def test_pooled_rows_tell_who_sees_a_physician_and_a_model_of_nothing_does_not() -> None:
    definition = parse_definition(script.MENU.encode())
    clause = make_clause(places(), script.TRAINING.encode(), definition.menu)
    spec = make_training(script.TRAINING.encode(), definition.menu, clause)
    own = {name: truth.own(rows) for name, rows in truth.cut().items()}
    joint, pooled = truth.areas(Model(spec, (0,) * (spec.width + 1)), own)
    assert joint == 0.5
    assert 0.62 < pooled < 0.72


class Stage:
    """Stands for a scene whose node is killed and started without a process."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.folder, self.screen = None, SimpleNamespace(tick=lambda: None)
        hospital = SimpleNamespace(node=self._node(1), address="here")
        self.hospitals = {script.KILLED: hospital}

    def _node(self, pid: int) -> Any:
        def kill() -> None:
            self.happened.append(f"killed {pid}")

        return SimpleNamespace(pid=pid, kill=kill, wait_until_ready=lambda _: "here")

    def start(self, name: str) -> Any:
        self.happened.append(f"started {name}")
        return self._node(2)


ROUND = tuple(f"shares {name}" for name in script.HOSPITALS)
GONE = f"gone {script.KILLED}"


def hear(accident: Accident, *where: str) -> None:
    for each in where:
        accident(each)


def test_a_node_is_killed_once_in_its_step_and_comes_back() -> None:
    stage = Stage()
    accident = Accident(stage)  # type: ignore[arg-type]
    with pytest.raises(StepFailedError, match="came back"):
        accident.check()
    hear(accident, "training 0/4", *ROUND, "training 1/4", *ROUND)
    assert stage.happened == []
    hear(accident, "training 2/4", "shares hospital-c", f"shares {script.KILLED}")
    assert stage.happened == ["killed 1"]
    hear(accident, GONE, *ROUND, "training 3/4", *ROUND, "training 4/4")
    assert stage.happened == ["killed 1", f"started {script.KILLED}"]
    accident.check()
    assert accident.steps == 4
    assert [what for _, what, _ in accident.events] == [
        f"event.{each}" for each in ("step", "step", "killed", "gone", "back", "done")
    ]
    assert stage.hospitals[script.KILLED].node.pid == 2


@pytest.mark.parametrize(
    "before",
    [(), ("training 0/4", *ROUND), ("training 2/4", *ROUND, GONE)],
    ids=["nothing", "another step", "it is back"],
)
def test_a_node_that_drops_out_by_itself_is_no_accident(before: tuple[str, ...]) -> None:
    accident = Accident(Stage())  # type: ignore[arg-type]
    hear(accident, *before)
    with pytest.raises(StepFailedError, match="by the accident"):
        accident(GONE)
    with pytest.raises(StepFailedError, match="hospital-c did"):
        accident("gone hospital-c")


def test_a_step_that_fails_since_a_node_has_ended_names_the_node() -> None:
    def failed(what: str) -> NodeError:
        return NodeError(Cause("DEMO_FAILED", f"the node of hospital-c {what}", clause="demo"))

    def scene(*, ended: bool) -> Any:
        node = SimpleNamespace(ended_by_itself=lambda: ended, failed=failed)
        return SimpleNamespace(hospitals={"hospital-c": SimpleNamespace(node=node)})

    with (
        pytest.raises(NodeError, match="the node of hospital-c has ended"),
        cast._blaming(scene(ended=True)),
    ):
        raise StepFailedError("missing")
    with pytest.raises(StepFailedError, match="missing"), cast._blaming(scene(ended=False)):
        raise StepFailedError("missing")


def test_a_text_is_told_in_the_language_of_the_command() -> None:
    assert told("event.back", name="x", pid=7).startswith("x is back as process 7")
    words._present.set(words.Language.ZH)
    try:
        assert told("event.back", name="x", pid=7).startswith("x 恢复为进程 7")
    finally:
        words._present.set(words.Language.EN)
