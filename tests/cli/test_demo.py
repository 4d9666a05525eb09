"""The demo, for real: what it prints is so, and nothing of it is left running."""

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from tests.cli.telling import DEMO, ROOT, running_in
from typer.testing import CliRunner

from unseen.cli.demo import TOLD, Story, desk
from unseen.cli.demo.applicant import script as applicant_script
from unseen.cli.demo.colleges import script
from unseen.cli.demo.colleges.places import Places
from unseen.cli.demo.folder import demo_folder
from unseen.cli.demo.hospitals import script as hospital_script
from unseen.cli.demo.hospitals.places import Places as Hospitals
from unseen.cli.demo.processes import Child, Node, stopped_at_the_end
from unseen.cli.demo.search import number, search, text
from unseen.cli.failures import UsageError
from unseen.cli.main import app
from unseen.client.errors import Cause, NodeError, RefusedError

TELL = [*DEMO, "--story", "colleges"]
ASKED = [plot.unitid for plot in script.PLOTS]


@dataclass(frozen=True)
class Ended:
    home: Path
    out: str
    pids: list[int]

    @property
    def verify(self) -> list[str]:
        line = self.out.rsplit("Verify it: ", 1)[1]
        return shlex.split(line)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    home = tmp_path_factory.mktemp("demo") / "D"
    done = subprocess.run(
        [*TELL, "--home", str(home)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Ended(home, done.stdout, [int(pid) for pid in re.findall(r"process (\d+)", done.stdout)])


def files_of(*places: Path) -> Iterator[bytes]:
    for place in places:
        for path in [place, *place.rglob("*")]:
            if path.is_file():
                yield path.read_bytes()


@pytest.mark.long
@pytest.mark.slow
def test_it_tells_the_story_in_plain_text(ended: Ended) -> None:
    assert "\x1b" not in ended.out
    flat = " ".join(ended.out.split())
    for said in (
        "6,434 institutions",
        "What the operator could not see",
        "What the buyer could not see",
        "equal byte for byte",
        "166683 has 104,700 and 995",
        "0.18 USD",
        "QUOTA_EXHAUSTED",
        "quota.units",
        "refused, exit code 5",
        "The node is stopped",
    ):
        assert said in flat
    for plot in script.PLOTS:
        answer = plot.answer.replace("_", " ")
        assert re.search(rf"{plot.unitid}\W+{answer}\W+{answer}", flat)


@pytest.mark.long
@pytest.mark.slow
def test_node_and_buyer_are_stopped(ended: Ended) -> None:
    assert len(ended.pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in ended.pids)
    assert running_in(ended.home) == []


@pytest.mark.long
@pytest.mark.slow
def test_the_printed_command_verifies_the_receipt(ended: Ended) -> None:
    program, *arguments = ended.verify
    assert program == "./unseen"
    assert arguments[:2] == ["receipt", "verify"]
    assert Path(arguments[2]).parent == ended.home / "buyer" / "receipts"
    assert arguments[3:] == ["--trust", str(ended.home / "buyer" / "parties.json")]
    done = subprocess.run(
        [sys.executable, "-m", "unseen.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "is valid" in done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_every_receipt_verifies_and_none_with_a_flipped_byte(ended: Ended, tmp_path: Path) -> None:
    receipts = sorted((ended.home / "buyer" / "receipts").iterdir())
    assert len(receipts) == len(script.PLOTS)
    trust = ["--trust", str(ended.home / "buyer" / "parties.json")]
    runner, changed = CliRunner(), tmp_path / "changed.receipt"
    for receipt in receipts:
        assert runner.invoke(app, ["receipt", "verify", str(receipt), *trust]).exit_code == 0
    data = receipts[0].read_bytes()
    for place in [*range(0, len(data), 61), len(data) - 1]:
        changed.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        done = runner.invoke(app, ["receipt", "verify", str(changed), *trust])
        assert done.exit_code == 5, place


@pytest.mark.long
@pytest.mark.slow
def test_the_node_holds_none_of_the_institutions_asked_about(ended: Ended) -> None:
    held = list(files_of(ended.home / "node", ended.home / "node.log"))
    assert any(b"commitment" in data for data in held)
    for unitid in [*ASKED, script.ONE_TOO_MANY]:
        assert not any(number(unitid).search(data) for data in held)


@pytest.mark.long
@pytest.mark.slow
def test_both_bills_are_the_same_bytes(ended: Ended) -> None:
    own, theirs = (
        (ended.home / "statements" / name).read_bytes() for name in ("buyer.json", "operator.json")
    )
    assert own == theirs
    assert json.loads(own)["amount"] == len(ASKED) * (script.DATA_FEE + script.SERVICE_FEE)


@pytest.mark.slow
@pytest.mark.long
def test_it_tells_the_story_in_chinese(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TELL, "--home", str(tmp_path / "D"), "--lang", "zh"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    flat = "".join(done.stdout.split())
    for said in ("6,434所院校", "运营方看不到什么", "逐字节一致", "无可用结果", "节点已停止"):
        assert said in flat
    assert "What" not in done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_it_runs_again_in_the_same_folder_and_says_it_in_json(ended: Ended, tmp_path: Path) -> None:
    home = tmp_path / "D"
    shutil.copytree(ended.home, home)
    (home / "notes.txt").write_text("mine")
    before = {path.name for path in (home / "buyer" / "receipts").iterdir()}
    done = subprocess.run(
        [*TELL, "--home", str(home), "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [item["subject"] for item in told["answers"]] == [[str(unitid)] for unitid in ASKED]
    assert told["refusal"]["clause"] == "quota.units"
    after = {path.name for path in (home / "buyer" / "receipts").iterdir()}
    assert len(after) == len(ASKED)
    assert not before & after
    assert (home / "notes.txt").read_text() == "mine"


@pytest.mark.sampled
@pytest.mark.slow
@pytest.mark.parametrize("number_", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_the_node_when_it_is_interrupted(number_: signal.Signals, tmp_path: Path) -> None:
    home = tmp_path / "D"
    process = subprocess.Popen(
        [*TELL, "--home", str(home)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        give_up = time.monotonic() + 90
        while not running_in(home / "node", "serve") and time.monotonic() < give_up:
            time.sleep(0.05)
        assert running_in(home / "node", "serve")
        process.send_signal(number_)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in said
    assert running_in(home) == []


@pytest.mark.long
def test_a_step_that_comes_out_otherwise_ends_with_five_and_a_stopped_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = script.PLOTS
    monkeypatch.setattr(script, "PLOTS", (replace(first, answer="no"), *others))
    words = ["demo", "--story", "colleges", "--home", str(tmp_path / "D"), "--format", "json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 5, done.stderr
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert error["reason"] == "DEMO_FAILED"
    assert str(first.unitid) in error["message"]
    assert (tmp_path / "D" / "node" / "state.db").exists()
    assert running_in(tmp_path / "D") == []


@pytest.mark.long
def test_a_node_that_does_not_start_is_reported_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr("unseen.cli.demo.colleges.walk.free_address", lambda: address)
        words = ["demo", "--story", "colleges", "--home", str(tmp_path / "D"), "--format", "json"]
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 4, done.stderr
    error = json.loads(done.stderr)
    assert "did not start" in error["message"]
    assert "cannot be bound" in error["message"]
    assert error["remedy"].endswith("node.log")
    assert running_in(tmp_path / "D") == []


def test_the_plot_is_what_the_table_says() -> None:
    table = pq.read_table(script.TABLE_FILE)
    assert table.num_rows == script.ROWS
    figures = {
        row["unitid"]: (row["earnings_med"], row["count_working"]) for row in table.to_pylist()
    }
    earns, works = 40_000, 200
    verdicts = {
        unitid: [
            "no_usable_result" if value is None else "yes" if value >= least else "no"
            for value, least in zip(figures[unitid], (earns, works), strict=True)
        ]
        for unitid in ASKED
    }
    assert verdicts == {plot.unitid: [plot.answer] * 2 for plot in script.PLOTS}
    for plot in script.PLOTS:
        assert figures[plot.unitid] == (plot.figures or (None, None))
    assert figures[ASKED[0]][0] == script.FIGURE
    assert script.ONE_TOO_MANY in figures


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.mkdir()
    (node / "state.db").write_text("precious")
    with pytest.raises(UsageError, match="no demo has made"), demo_folder(Places(tmp_path)):
        pass
    assert (node / "state.db").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["node"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(app, ["demo", "--home", str(tmp_path / "file"), "--format", "json"])
    assert done.exit_code == 2
    assert json.loads(done.stderr)["clause"] == "home"


def test_a_second_demo_in_the_same_folder_has_to_wait(tmp_path: Path) -> None:
    with (
        demo_folder(Places(tmp_path / "D")),
        pytest.raises(UsageError, match="another demo is running"),
        demo_folder(Hospitals(tmp_path / "D")),
    ):
        pass


def test_a_rerun_removes_what_a_demo_made_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    folder = Places(tmp_path / "D")
    with demo_folder(folder):
        folder.node.symlink_to(outside)
        folder.buyer.mkdir()
        folder.node_log.write_text("old")
    with demo_folder(folder):
        assert not folder.node.is_symlink()
        assert not folder.buyer.exists()
        assert not folder.node_log.exists()
    assert (outside / "file").read_text() == "mine"


def test_stories_share_a_folder_and_each_removes_its_own(tmp_path: Path) -> None:
    colleges, hospitals = Places(tmp_path / "D"), Hospitals(tmp_path / "D")
    with demo_folder(colleges):
        (colleges.node / "keys").mkdir(parents=True)
    with demo_folder(hospitals):
        hospitals.table("hospital-a").parent.mkdir()
        assert (colleges.node / "keys").exists()
    with demo_folder(colleges):
        assert not colleges.node.exists()
        assert hospitals.table("hospital-a").parent.exists()
    with demo_folder(hospitals):
        assert not hospitals.table("hospital-a").parent.exists()


@pytest.mark.parametrize("story", Story)
def test_without_the_table_it_says_where_it_works(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (applicant_script, script, hospital_script):
        monkeypatch.setattr(module, "TABLE_FILE", tmp_path / "none")
    words = ["demo", "--story", story.value, "--home", str(tmp_path / "D"), "--format", "json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "not part of this installation" in json.loads(done.stderr)["message"]
    assert not (tmp_path / "D").exists()


def test_help_says_what_each_story_is() -> None:
    done = CliRunner().invoke(app, ["demo", "--help"], env={"COLUMNS": "200"})
    said = " ".join(done.stdout.replace("│", " ").split())
    for story in Story:
        assert f"{story.value}: {TOLD[story]}" in said
    assert "[default: applicant]" in said
    assert CliRunner().invoke(app, ["demo", "--story", "banks"]).exit_code == 2


def test_all_processes_end_however_the_block_does(tmp_path: Path) -> None:
    children: list[Child] = []

    def begin(name: str) -> None:
        words = ["-c", "import time; time.sleep(60)"]
        children.append(Child(name, words, tmp_path / "log", talks=False))

    def told() -> None:
        with stopped_at_the_end(children):
            begin("one")
            begin("two")
            children[0].kill()
            begin("three")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        told()
    assert len(children) == 3
    assert not any(child.running() for child in children)


def test_a_process_is_told_to_end_once_and_is_not_missed_then(tmp_path: Path) -> None:
    # Told a second time it would end at once, by the signal: with 15 and not with 0.
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(0.5); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    child = Child("one", ["-c", code], log, talks=False)
    with stopped_at_the_end([child]):
        while log.read_text() != "ready\n":
            time.sleep(0.01)
        assert not child.ended_by_itself()
        child.ask_to_end()
        time.sleep(0.2)
        assert child.stop() == 0
    assert not child.ended_by_itself()
    gone = Child("two", ["-c", "pass"], log, talks=False)
    with stopped_at_the_end([gone]):
        while gone.running():
            time.sleep(0.01)
        assert gone.ended_by_itself()


def test_a_node_that_is_started_again_does_not_answer_by_its_first_life(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    log.write_text('{"address": "127.0.0.1:1"}\n')
    node = Node("register", tmp_path / "none", log)
    with stopped_at_the_end([node]), pytest.raises(NodeError, match="register did not start"):
        node.wait_until_ready(lambda: None)


def test_a_buyer_says_where_it_is_and_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(more: int) -> int:
        desk.report("half way")
        return more + 1

    def fail() -> None:
        raise RefusedError(Cause("SPENT", "no more", clause="budget", remedy="stop"))

    lines = ['{"do": "step", "more": 1}', "{}", '{"do": "fail"}']
    monkeypatch.setattr(sys, "stdin", StringIO("".join(f"{line}\n" for line in lines)))
    desk.take_steps({"step": step, "fail": fail})
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[:2] == [{"at": "half way"}, {"done": 2}]
    assert (said[2]["error"]["reason"], said[2]["error"]["clause"]) == ("SPENT", "budget")


@pytest.mark.parametrize(
    "data",
    [
        b"unitid=166683,",
        b"166683",
        b"\x00\x01" + (166_683).to_bytes(8, "big"),
        (166_683).to_bytes(8, "little") + b"\xff",
    ],
)
def test_the_search_finds_a_number_in_every_form(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(data)
    assert search([tmp_path], number(166_683)).found == (tmp_path / "inner" / "file",)
    assert not search([tmp_path], number(166_684)).found


def test_the_search_looks_at_names_and_takes_no_part_of_a_longer_number(tmp_path: Path) -> None:
    (tmp_path / "166683.bin").write_bytes(b"nothing")
    (tmp_path / "other").write_bytes(b"1166683 1666830 abc")
    assert search([tmp_path], number(166_683)).found == (tmp_path / "166683.bin",)
    looked = search([tmp_path], text("abc"))
    assert (looked.files, looked.size) == (2, 7 + 19)
