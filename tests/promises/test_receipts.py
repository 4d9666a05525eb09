"""What a buyer can show to a third party who has nothing but the trust file."""

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.promises.stage import Person, Stage

from unseen.client import HomeError, RefusedError
from unseen.evidence import canonical
from unseen.evidence.errors import EvidenceError
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.trust import parse
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import PeerError


@pytest.fixture(scope="module")
def asked(stage: Stage) -> tuple[str, dict[str, Person | None]]:
    """Return a request about one of each answer and one absent, and what is true of them."""
    by_answer = {person.answers["earns_40k"]: person for person in stage.people}
    absent = "f" * 32
    people: dict[str, Person | None] = {p.subject: p for p in by_answer.values()}
    people[absent] = None
    verdicts = stage.lender.lookup_many(stage.contract(), list(people))
    return verdicts[0].request_id, people


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "unseen.cli", "receipt", "verify", "--format", "json"]
    return subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)


def test_an_opening_proves_yes_no_and_no_usable_result(
    stage: Stage, asked: tuple[str, dict[str, Person | None]]
) -> None:
    request, people = asked
    trust = parse((stage.party_home("lender") / "parties.json").read_bytes())
    told = set()
    for position, (subject, person) in enumerate(people.items()):
        bundle = stage.lender.open_receipt(request, position)
        opened = verify_opening(canonical.decode(canonical.encode(bundle)), trust)
        assert list(opened.subject) == [subject]
        words = {True: "yes", False: "no", None: "no_usable_result"}
        answers = {name: words[verdict] for name, verdict in opened.verdicts.items()}
        nothing = dict.fromkeys(answers, "no_usable_result")
        assert answers == (person.answers if person else nothing)
        # Absent and not usable are one: neither has a row.
        assert opened.found == (answers != nothing)
        assert opened.receipt.request == request
        told |= set(answers.values())
    assert told == {"yes", "no", "no_usable_result"}


def test_an_opening_about_somebody_else_or_with_another_answer_is_refused(
    stage: Stage, asked: tuple[str, dict[str, Person | None]]
) -> None:
    request, people = asked
    trust = parse((stage.party_home("lender") / "parties.json").read_bytes())
    bundle = stage.lender.open_receipt(request, 0)
    other = stage.lender.open_receipt(request, 1)
    for field in bundle:
        changed = {**bundle, field: other[field]}
        if changed == bundle:
            continue
        with pytest.raises((EvidenceError, PeerError)):
            verify_opening(changed, trust)
    assert len(people) == 4


def test_a_verification_in_the_clear_opens_as_a_lookup_does(stage: Stage, tmp_path: Path) -> None:
    contract, trust = stage.contract("clear"), str(stage.party_home("lender") / "parties.json")
    people = {person.answers["earns_40k"]: person for person in stage.people}
    for number, person in enumerate(people.values()):
        verdict = stage.lender.verify(contract, person.subject)
        path = tmp_path / f"opening-{number}.json"
        path.write_bytes(canonical.encode(stage.lender.open_receipt(verdict.request_id)))
        done = run(str(path), "--trust", trust)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert (shown["subject"], shown["answers"]) == ([person.subject], person.answers)
        assert shown["outputs"]["earns_40k"] == "earns at least 40000"
        turned = path.read_text().replace('"earns', '"learns').replace(person.subject, "f" * 32)
        path.write_text(turned)
        assert run(str(path), "--trust", trust).returncode == 5
    with pytest.raises(HomeError, match="asked about 1 subject"):
        stage.lender.open_receipt(verdict.request_id, 1)


def test_the_operator_opens_what_it_answered_in_the_clear(stage: Stage) -> None:
    contract, person = stage.contract("clear"), stage.people[1]
    request = stage.lender.verify(contract, person.subject).request_id
    bundle = stage.operator.open_receipt(request)
    assert bundle == stage.lender.open_receipt(request) | {"receipt": bundle["receipt"]}
    with sqlite3.connect(stage.home / "state.db") as state:
        (kept,) = state.execute("SELECT opening FROM charges WHERE request = ?", (request,))
    state.close()
    assert kept[0]
    assert person.subject.encode() not in kept[0]
    hidden = stage.lender.lookup(stage.contract(), person.subject).request_id
    stage.operator.revoke(contract)
    for closed, reason in (
        (hidden, "REPLY_NOT_FOUND"),
        (request, "REPLY_NOT_FOUND"),  # its contract is over
        ("0" * 32, "RELEASE_NOT_FOUND"),  # never charged
    ):
        with pytest.raises(RefusedError) as caught:
            stage.operator.open_receipt(closed)
        assert caught.value.reason == reason
    stage.lender.open_receipt(request)


def test_the_command_line_verifies_openings_and_receipts_without_a_home(
    stage: Stage, asked: tuple[str, dict[str, Person | None]], tmp_path: Path
) -> None:
    request, _ = asked
    trust = str(stage.party_home("lender") / "parties.json")
    opening = tmp_path / "opening.json"
    opening.write_bytes(canonical.encode(stage.lender.open_receipt(request, 0)))
    receipt = stage.party_home("lender") / "receipts" / f"{request}.receipt"
    for path in (opening, receipt):
        done = run(str(path), "--trust", trust)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["valid"] is True


def test_a_receipt_with_any_byte_changed_is_refused(
    stage: Stage, asked: tuple[str, dict[str, Person | None]], tmp_path: Path
) -> None:
    request, _ = asked
    folder = stage.party_home("lender")
    trust = parse((folder / "parties.json").read_bytes())
    token = (folder / "receipts" / f"{request}.receipt").read_text().strip()
    assert len(token) <= 4096
    verify_receipt(token, trust)
    chance = random.Random(5)
    for place in range(len(token)):
        other = chance.choice([c for c in "abcXYZ019-_.=+/ \n" if c != token[place]])
        changed = token[:place] + other + token[place + 1 :]
        with pytest.raises((EvidenceError, PeerError)):
            verify_receipt(changed, trust)
    for changed in (token[:-1], token + "A", token + "\n\n", "", token.upper()):
        with pytest.raises((EvidenceError, PeerError)):
            verify_receipt(changed, trust)


@pytest.mark.parametrize("place", [5, 700, -3])
def test_the_command_line_ends_with_5_on_a_tampered_receipt(
    stage: Stage, asked: tuple[str, dict[str, Person | None]], tmp_path: Path, place: int
) -> None:
    request, _ = asked
    folder = stage.party_home("lender")
    data = bytearray((folder / "receipts" / f"{request}.receipt").read_bytes())
    data[place] ^= 1
    path = tmp_path / "tampered.receipt"
    path.write_bytes(data)
    done = run(str(path), "--trust", str(folder / "parties.json"))
    assert done.returncode == 5
    error = json.loads(done.stderr.splitlines()[-1])
    assert error["exit_code"] == 5
    assert error["clause"]
    assert error["remedy"]
    assert not done.stdout
