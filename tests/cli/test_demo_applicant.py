"""A bank and a register of people: the story for real, and what its plot is made of."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from tests.cli.telling import DEMO, ROOT, running_in
from typer.testing import CliRunner

from unseen.cli.demo.applicant import script
from unseen.cli.demo.applicant.cast import write_register
from unseen.cli.demo.applicant.places import Places
from unseen.cli.demo.folder import demo_folder
from unseen.cli.main import app
from unseen.protocols.lookup.canonical import canonical

TELL = DEMO  # it is the story that is told unless another is named
EVERYBODY = (*script.APPLICANTS, script.NEXT)


@dataclass(frozen=True)
class Ended:
    folder: Places
    out: str
    flat: str


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    home = tmp_path_factory.mktemp("demo") / "D"
    done = subprocess.run(
        [*TELL, "--home", str(home)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Ended(Places(home), done.stdout, " ".join(done.stdout.replace("│", " ").split()))


@pytest.fixture(scope="module")
def people() -> dict[str, dict[int, dict[str, Any]]]:
    """Return both tables of FEBRL, by person."""
    files = {"register": script.TABLE_FILE, "applicants": script.APPLICANTS_FILE}
    return {
        name: {int(row["rec_id"].split("-")[1]): row for row in pq.read_table(file).to_pylist()}
        for name, file in files.items()
    }


def formed(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return a subject as it is compared."""
    forms = [script.FORMS[name] for name in script.SUBJECT]
    return tuple(canonical(form, value) for form, value in zip(forms, values, strict=True))


def subject(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in script.SUBJECT)


@pytest.mark.slow
def test_it_tells_the_story_in_plain_text(ended: Ended) -> None:
    assert "\x1b" not in ended.out
    for said in (
        "4,750 residents",
        "the consents of 1,000 residents",
        "The people were made up by a program",
        f"{script.WAY}: the hidden table stays with the register",
        "Both sides of it",
        "QUOTA_EXHAUSTED",
        "a buyer may ask at most 236 questions, 2 a unit, over this table",
        "Hidden, and accountable",
        "VICTORIA Zbierski withdraws",
        "6.00 CNY in all",
        "equal byte for byte",
        "refused, exit code 5",
        "The node is stopped",
    ):
        assert said in ended.flat
    for one in script.APPLICANTS:
        answer = one.answer.replace("_", " ")
        assert re.search(rf"{' '.join(one.form)} {answer} \d", ended.flat)
    assert "VICTORIA Zbierski no usable result" in ended.flat


@pytest.mark.slow
def test_everybody_is_stopped(ended: Ended) -> None:
    pids = [int(pid) for pid in re.findall(r"process (\d+)", ended.out)]
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert running_in(ended.folder.root) == []


@pytest.mark.slow
def test_every_receipt_verifies_by_the_printed_command(ended: Ended) -> None:
    program, *arguments = shlex.split(ended.out.rsplit("Verify it: ", 1)[1])
    assert program == "./unseen"
    done = subprocess.run(
        [sys.executable, "-m", "unseen.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "is valid" in done.stdout
    receipts = sorted((ended.folder.bank / "receipts").iterdir())
    assert len(receipts) == len(script.APPLICANTS) + 2
    runner = CliRunner()
    for receipt in receipts:
        words = ["receipt", "verify", str(receipt), "--trust", str(ended.folder.trust)]
        assert runner.invoke(app, words).exit_code == 0


@pytest.mark.slow
def test_the_node_holds_nobody_whom_the_bank_asked_about(ended: Ended) -> None:
    held = b"".join(
        path.read_bytes()
        for place in (ended.folder.node, ended.folder.node_log)
        for path in [place, *place.rglob("*")]
        if path.is_file()
    ).lower()
    assert b"commitment" in held
    for one in (
        *EVERYBODY,
        replace(script.NEXT, form=(*script.GUESSED[:2], "", script.GUESSED[2])),
    ):
        for part in (one.form[1].lower(), one.form[3], one.form[3].replace(" ", "")):
            assert part.encode() not in held


@pytest.mark.slow
def test_the_bank_holds_no_resident_but_its_applicants(ended: Ended) -> None:
    rows = pq.read_table(ended.folder.table, columns=["surname", "soc_sec_id"]).to_pylist()
    asked = {one.form[3].replace(" ", "") for one in EVERYBODY}
    held = [path.read_bytes() for path in ended.folder.bank.rglob("*") if path.is_file()]
    numbers = [row["soc_sec_id"] for row in rows[:: len(rows) // 50]]
    assert not any(number in asked for number in numbers)
    assert not any(number.encode() in data for number in numbers for data in held)
    assert script.HELD not in json.dumps([data.decode("latin1") for data in held])


@pytest.mark.slow
def test_both_bills_are_the_same_bytes(ended: Ended) -> None:
    own, theirs = (
        (ended.folder.statements / name).read_bytes() for name in ("bank.json", "register.json")
    )
    assert own == theirs
    fees = script.DATA_FEE + script.SERVICE_FEE
    assert json.loads(own)["amount"] == (len(script.APPLICANTS) + 2) * fees


@pytest.mark.slow
@pytest.mark.long
def test_it_tells_the_story_in_chinese(tmp_path: Path) -> None:
    words = [*TELL, "--home", str(tmp_path / "D"), "--lang", "zh"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    flat = "".join(done.stdout.split())
    for said in ("4,750名居民", "双方各见什么", "不一致", "库无", "撤回授权", "逐字节一致"):
        assert said in flat
    assert "What" not in done.stdout


@pytest.mark.slow
@pytest.mark.long
def test_it_says_the_same_in_json_in_the_folder_of_another_telling(
    ended: Ended, tmp_path: Path
) -> None:
    home = tmp_path / "D"
    shutil.copytree(ended.folder.root, home)
    words = [*TELL, "--home", str(home), "--format", "json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    answers = [each["answers"][script.OUTPUT] for each in told["answers"]]
    assert answers == [one.answer for one in script.APPLICANTS]
    for refusal in (told["refusal"], told["everybody"]):
        assert refusal["clause"] == "quota.units"
    subjects = {each["request"]: each["subject"] for each in told["answers"]}
    assert subjects[told["opened"]["request"]] == told["opened"]["subject"]
    after = [each["answers"][script.OUTPUT] for each in told["withdrawn"]["answers"]]
    assert after == [script.NEXT.answer, "no_usable_result"]
    assert told["withdrawn"]["seconds"] < script.LATENCY
    seen = [element for each in told["register_saw"]["questions"] for element in each["blinded"]]
    assert len(set(seen)) == len(seen) == 2 * len(script.APPLICANTS)


@pytest.mark.long
@pytest.mark.slow
def test_a_step_that_comes_out_otherwise_ends_with_five_and_stopped_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = script.APPLICANTS
    monkeypatch.setattr(script, "APPLICANTS", (replace(first, answer="inconsistent"), *others))
    home = tmp_path / "D"
    words = ["demo", "--story", "applicant", "--home", str(home), "--format", "json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 5, done.stderr
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert error["reason"] == "DEMO_FAILED"
    assert first.name in error["message"]
    assert running_in(home) == []


def test_a_rerun_begins_without_what_the_last_one_made(tmp_path: Path) -> None:
    folder = Places(tmp_path / "D")
    with demo_folder(folder):
        (folder.node / "keys").mkdir(parents=True)
        (folder.statements / "bank.json").touch()
    with demo_folder(folder):
        assert [path.name for path in folder.all.iterdir()] == [folder.statements.name]
        assert not any(folder.statements.iterdir())


def test_a_form_is_what_the_applicant_wrote(people: dict[str, dict[int, dict[str, Any]]]) -> None:
    written = people["applicants"]
    for one in EVERYBODY:
        assert formed(one.form) == formed(subject(written[one.person]))
    # And not letter by letter, so that the forms have something to do.
    assert not any(one.form == subject(written[one.person]) for one in EVERYBODY)


def test_the_plot_is_what_the_register_says(
    people: dict[str, dict[int, dict[str, Any]]], tmp_path: Path
) -> None:
    folder = Places(tmp_path)
    folder.all.mkdir()
    residents = write_register(folder)
    assert len(residents) == script.PEOPLE == pq.read_metadata(folder.table).num_rows
    assert not any(None in resident for resident in residents)
    consenting = {formed(resident) for resident in residents[: script.CONSENTING]}
    numbers = {resident[-1] for resident in consenting}
    assert len(numbers) == script.CONSENTING
    for one in EVERYBODY:
        form = formed(one.form)
        other = "inconsistent" if form[-1] in numbers else "no_usable_result"
        said = "consistent" if form in consenting else other
        assert said == one.answer
    register = people["register"]
    *_, unknown, silent = script.APPLICANTS
    every = {row["soc_sec_id"] for row in register.values()}
    assert formed(unknown.form)[-1] not in every
    assert formed(silent.form) in {formed(resident) for resident in residents}
    assert register[script.WRONG.person]["date_of_birth"] == script.HELD
    assert script.WITHDRAWS.answer == script.NEXT.answer == "consistent"


def test_one_of_the_guesses_is_right(people: dict[str, dict[int, dict[str, Any]]]) -> None:
    first, last, number = script.GUESSED
    guesses = {formed((first, last, date, number)) for date in script.GUESSES}
    assert len(guesses) == len(script.GUESSES) > script.UNITS
    assert (
        len(
            guesses
            & {
                formed(subject(row))
                for row in people["register"].values()
                if None not in subject(row)
            }
        )
        == 1
    )
