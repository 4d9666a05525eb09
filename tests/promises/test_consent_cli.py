"""`unseen consent`, as a hub types it, against a real node; a proof is checked without the node."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.promises.consenting import NOTHING, Consenting, make
from tests.promises.stage import Stage
from typer.testing import CliRunner

from unseen.cli.main import app

USAGE, REFUSED, PROOF_FAILED = 2, 3, 5


class Desk:
    """The hub's desk: commands with its home, read by people or as JSON."""

    def __init__(self, found: Consenting, folder: Path) -> None:
        self.found, self.folder = found, folder
        self.home = found.stage.party_home("hub")
        self.notice = folder / "notice.txt"
        self.notice.write_text("您的收入等级将被核验。\n", encoding="utf-8")

    def run(self, *words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(
            app, ["consent", *words, "--home", str(self.home)], env={"COLUMNS": "200"}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.stdout, result.stderr

    def text(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--format", "json"))

    def refused(self, code: int, *words: str) -> dict[str, Any]:
        found, _, err = self.run(*words, "--format", "json")
        error: dict[str, Any] = json.loads(err)
        assert found == code, error
        assert error["clause"]
        assert error["remedy"]
        return error

    def wish(self, **changes: str) -> list[str]:
        words = {"recipient": "lender", "scenario": "tests", "notice": str(self.notice)} | changes
        return [word for name, value in words.items() for word in (f"--{name}", value)]

    def file(self, *lines: list[str]) -> str:
        path = self.folder / f"lines-{len(list(self.folder.iterdir()))}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
        return str(path)


@pytest.fixture(scope="module")
def desk(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    stage = template.copy(tmp_path_factory.mktemp("desk") / "stage")
    stage.start()
    try:
        made = Desk(make(stage), tmp_path_factory.mktemp("files"))
        keys = CliRunner().invoke(app, ["audit", "keys", "--accept", "--home", str(made.home)])
        assert keys.exit_code == 0, keys.output
        assert {"lender", "rival", "operator", "hub"} <= set(keys.stdout.split())
        yield made
    finally:
        stage.end()


@pytest.fixture(scope="module")
def contract(desk: Desk) -> str:
    return desk.found.contract("open", units=60)


def test_added_shown_proven_and_withdrawn(desk: Desk, contract: str) -> None:
    who = desk.found.who(1)
    assert "No consent" in desk.text("show", "persons", who)
    added = desk.json("add", "persons", who, *desk.wish())
    assert desk.found.verify(contract, 1) == desk.found.expected(1)
    (receipt,) = desk.found.lender.receipts(contract)
    proof = desk.folder / "proof.json"
    told = desk.text(*("prove", "persons", who, "--job", receipt.facts.request, "-o", str(proof)))
    assert "yes: the job could use the subject's row" in told
    assert proof.stat().st_mode & 0o077 == 0
    (shown,) = desk.json("show", "persons", who)
    assert (shown["id"], shown["cause"]) == (added["id"], "")
    assert "Taken back" in desk.text("withdraw", added["id"])
    assert "withdrawn" in desk.text("show", "persons", who)
    assert desk.found.verify(contract, 1) == NOTHING
    now = desk.json("prove", "persons", who)
    assert (now["known"], now["consents"]) == (True, [])
    numbers = [root["number"] for root in desk.json("roots")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert now["root"]["number"] == numbers[-1]
    assert str(numbers[-1]) in desk.text("roots", "--after", str(numbers[-2]))


def test_a_proof_is_verified_with_nothing_but_trusted_keys(desk: Desk, contract: str) -> None:
    absent = desk.found.who(2)
    desk.found.verify(contract, 3)
    receipt = desk.found.lender.receipts(contract)[-1]
    proof, trust = desk.folder / "absent.json", desk.home / "parties.json"
    desk.text("prove", "persons", absent, "--leaf", str(receipt.facts.index), "-o", str(proof))
    runner = CliRunner()
    words = ["consent", "verify", str(proof), "--trust", str(trust)]
    result = runner.invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "no: the job could not use the subject's row" in result.stdout
    assert f"entry {receipt.facts.index}" in result.stdout
    facts = json.loads(runner.invoke(app, [*words, "--format", "json"]).stdout)
    assert (facts["permitted"], facts["known"]) == (False, False)
    bundle = json.loads(proof.read_bytes())
    bundle["subject"][0]["value"] = desk.found.who(1)
    proof.write_text(json.dumps(bundle, separators=(",", ":"), sort_keys=True))
    result = runner.invoke(app, [*words, "--format", "json"])
    assert result.exit_code == PROOF_FAILED
    assert json.loads(result.stderr)["reason"] == "CONSENT_PROOF_INVALID"
    trust = desk.folder / "nobody.json"
    trust.write_text('{"logs":[],"parties":[],"type":"trust","v":1}')
    result = runner.invoke(app, [*words[:3], "--trust", str(trust), "--format", "json"])
    assert result.exit_code != 0


def test_a_file_of_consents_and_withdrawals(desk: Desk, contract: str) -> None:
    who = [desk.found.who(place) for place in range(20)]
    desk.found.give(5)
    (gone,) = desk.json("show", "persons", who[5])
    header = ["subject", "once", "products", "withdraw"]
    file = desk.file(
        header,
        [who[9], "", "", ""],
        [who[10], "yes", "open;blind", ""],
        ["", "", "", gone["id"]],
    )
    taken = desk.json("import", file, "--table", "persons", *desk.wish())
    assert (taken["added"], taken["withdrawn"], taken["known"]) == (2, 1, 0)
    for place, first in ((9, True), (10, True), (5, False)):
        expected = desk.found.expected(place) if first else NOTHING
        assert desk.found.verify(contract, place) == expected
    assert desk.found.verify(contract, 10) == NOTHING  # it was for one use
    signed = [
        desk.found.hub.sign_consent(who[place], desk.found.permission()) for place in (13, 14)
    ]
    file = desk.file(["document"], *[[token] for token in signed])
    assert "2 documents taken" in desk.text("import", file)
    error = desk.refused(REFUSED, "import", file)
    assert error["reason"] == "CONSENT_BULK"
    assert desk.json("import", file, "--resume")["known"] == 2


def test_malformed_lines_are_named_and_none_is_sent(desk: Desk) -> None:
    who = desk.found.who(30)
    desk.json("show", "persons", who)  # what is asked first begins the tree
    before = desk.json("roots")
    file = desk.file(
        ["subject", "once", "until"],
        [who, "maybe", ""],
        [who, "", ""],
        [who, "", "tomorrow"],
        [who, "no"],
    )
    error = desk.refused(USAGE, "import", file, "--table", "persons", *desk.wish())
    assert "3 of 4 lines" in error["message"]
    assert error["message"].endswith(": 1 (once), 3 (until), 4 (cells)")
    assert who not in json.dumps(error)
    for header in (["name"], ["subject", "colour"], []):
        error = desk.refused(USAGE, "import", desk.file(header), "--table", "persons")
        assert "header" in error["message"]
    path = desk.folder / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert desk.refused(USAGE, "import", str(path), "--table", "persons")
    assert desk.json("show", "persons", who) == []
    assert desk.json("roots") == before


def test_a_trustee_signs_with_a_key_of_its_own(desk: Desk, contract: str) -> None:
    who, key = desk.found.who(33), desk.folder / "trustee.key"
    told = desk.text(
        *("delegate", "trustee", "--table", "persons", "--for-key", str(key), "--links", "1")
    )
    first = told.split()[1]
    assert key.stat().st_mode & 0o077 == 0
    person = desk.folder / "person.key"
    own = desk.json(
        *("delegate", "person", who, "--table", "persons", "--for-key", str(person)),
        *("--under", first, "--key", str(key), "--days", "30"),
    )["id"]
    signed = ["--key", str(person), "--delegation", own, "--days", "20"]
    given = desk.json("add", "persons", who, *desk.wish(), *signed)
    assert desk.found.verify(contract, 33) == desk.found.expected(33)
    (shown,) = desk.json("show", "persons", who)
    assert (shown["consent"]["role"], shown["id"]) == ("person", given["id"])
    another = ["add", "persons", desk.found.who(34), *desk.wish(), *signed]
    assert desk.refused(REFUSED, *another)["reason"] == "DELEGATION_INVALID"
    desk.text("withdraw", first, "--delegation", "--consents")
    assert desk.found.verify(contract, 33) == NOTHING
    late = ["add", "persons", who, *desk.wish(), *signed]
    assert desk.refused(REFUSED, *late)["reason"] == "DELEGATION_WITHDRAWN"


def test_a_signed_consent_is_handed_over_as_it_is(desk: Desk) -> None:
    path = desk.folder / "consent.jws"
    token = desk.found.hub.sign_consent(desk.found.who(37), desk.found.permission())
    path.write_text(token + "\n")
    assert desk.json("add", "--signed", str(path))["id"]
    assert desk.refused(REFUSED, "add", "--signed", str(path))["reason"] == "CONSENT_REPLAYED"


def test_wrong_words_are_refused_with_a_remedy(desk: Desk) -> None:
    who = desk.found.who(40)
    for words in (
        ("add", "persons", who),
        ("add", "persons", *desk.wish()),
        ("add", "persons", who, *desk.wish(recipient="nobody")),
        ("add", "persons", who, "one too many", *desk.wish()),
        ("add", "nothing", who, *desk.wish()),
        ("add", "persons", who, *desk.wish(scenario="no scenario!")),
        ("show", "nothing", who),
        ("withdraw", "short"),
        ("withdraw", "A" * 43, "--consents"),
        ("withdraw", "A" * 43, "B" * 43, "--delegation"),
        ("delegate", "uncle", "--table", "persons"),
        ("delegate", "trustee", "--table", "persons"),
        ("delegate", "person", "--table", "persons", "--public-key", "A" * 43),
        ("prove", "persons", who, "--leaf", "1", "--root", "1"),
        ("add", "persons", who, *desk.wish(), "--delegation", "A" * 43),
    ):
        desk.refused(USAGE, *words)
    assert desk.refused(REFUSED, "withdraw", "A" * 43)["reason"] == "CONSENT_NOT_FOUND"


def test_a_buyer_is_shown_nothing(desk: Desk) -> None:
    home = str(desk.found.stage.party_home("lender"))
    for words in (("show", "persons", "x"), ("roots",), ("prove", "persons", "x")):
        result = CliRunner().invoke(app, ["consent", *words, "--home", home, "--format", "json"])
        assert result.exit_code == REFUSED
        assert json.loads(result.stderr)["reason"] == "RIGHT_MISSING"
