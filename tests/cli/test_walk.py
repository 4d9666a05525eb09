"""The whole way by the command line: a node, a buyer, a contract, answers, the bill, the proof."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port
from typer.testing import CliRunner

from unseen.cli.main import app

runner = CliRunner()


class Walk:
    """Runs commands with JSON output in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node, self.buyer = folder / "node", folder / "buyer"

    def code(self, *words: str) -> tuple[int, str, str]:
        result = runner.invoke(app, list(words))
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.stdout, result.stderr

    def json(self, home: Path, *words: str) -> Any:
        code, out, err = self.code(*words, "--home", str(home), "--format", "json")
        assert code == 0, err
        return json.loads(out)

    def refused(self, home: Path, *words: str) -> dict[str, Any]:
        code, _, err = self.code(*words, "--home", str(home), "--format", "json")
        error: dict[str, Any] = json.loads(err)
        assert code == error["exit_code"]
        assert error["clause"]
        assert error["remedy"]
        return error


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    os.environ.setdefault("UNSEEN_WORKERS", "1")
    made = Walk(tmp_path_factory.mktemp("walk"))
    address = f"127.0.0.1:{free_port()}"
    made.json(made.node, "node", "init", "--name", "register", "--listen", address)
    command = [sys.executable, "-m", "unseen.cli", "node", "serve", "--home", str(made.node)]
    process = subprocess.Popen(
        [*command, "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"address": address}
    yield made
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.fixture(scope="module")
def identifier(walk: Walk) -> str:
    """Return the id of a contract in force for three units, all of it made by commands."""
    table = walk.folder / "firms.csv"
    lines = "".join(f"{n},1990-01-{n + 1:02},{n * 10}\n" for n in range(30))
    table.write_text(f"firm,founded,staff\n{lines}")
    added = walk.json(
        walk.node,
        *("table", "add", "firms", str(table), "--subject", "firm,founded"),
        *("--label", "*=public:1", "--label", "staff=enterprise:2"),
    )
    assert added["rows"] == 30
    assert {c["name"]: c["level"] for c in added["columns"]}["staff"] == "2"
    product = walk.folder / "product.toml"
    product.write_text(
        'table = "firms"\nkind = "lookup"\ntitle = "Firms"\ndata_fee = "0.05"\n'
        '[[predicates]]\nname = "large"\ntext = "More than 100 staff"\n'
        'expression = "staff > 100"\n'
    )
    walk.json(walk.node, "product", "add", "firms", "--from", str(product))
    invitation = walk.folder / "lender.json"
    walk.json(walk.node, "node", "invite", "lender", "-o", str(invitation))
    assert invitation.stat().st_mode & 0o077 == 0
    walk.json(walk.buyer, "join", str(invitation))
    asked = walk.json(
        walk.buyer,
        *("contract", "request", "firms", "--outputs", "large", "--scenario", "credit"),
        *("--units", "3"),
    )
    identifier = asked["id"]
    assert (
        walk.refused(walk.buyer, "lookup", f"contracts/{identifier}", "5", "1990-01-06")[
            "exit_code"
        ]
        == 3
    )
    walk.json(walk.node, "contract", "approve", f"contracts/{identifier}")
    assert walk.json(walk.buyer, "contract", "sign", f"contracts/{identifier}")["state"] == "active"
    return str(identifier)


def test_a_contract_is_explained_and_found_by_its_beginning(walk: Walk, identifier: str) -> None:
    name = f"contracts/{identifier[:8]}"
    code, out, _ = walk.code("contract", "explain", name, "--home", str(walk.buyer))
    assert code == 0
    assert "nothing about which subject" in " ".join(out.split())


def test_answers_bill_and_proof(walk: Walk, identifier: str) -> None:
    yes = walk.json(walk.buyer, "lookup", f"contracts/{identifier}", "20", "1990-01-21")
    assert yes["answers"] == {"large": "yes"}
    many = walk.folder / "many.csv"
    many.write_text("founded,firm\n1990-01-21,20\n1990-01-03,2\n1990-01-03,20\n")
    answers = walk.json(walk.buyer, "lookup", f"contracts/{identifier}", "--file", str(many))
    assert [item["answers"]["large"] for item in answers] == ["yes", "no", "no_usable_result"]
    assert [item["cached"] for item in answers] == [True, False, False]
    assert walk.json(walk.buyer, "meter", "show", f"contracts/{identifier}")["units_used"] == 3
    error = walk.refused(walk.buyer, "lookup", f"contracts/{identifier}", "9", "1990-01-10")
    assert (error["reason"], error["exit_code"]) == ("QUOTA_EXHAUSTED", 3)
    assert error["clause"] == "quota.units"

    mine = walk.json(
        walk.buyer, "meter", "settle", f"contracts/{identifier}", "-o", str(walk.folder / "mine")
    )
    walk.json(
        walk.node, "meter", "settle", f"contracts/{identifier}", "-o", str(walk.folder / "theirs")
    )
    assert (walk.folder / "mine").read_bytes() == (walk.folder / "theirs").read_bytes()
    assert (mine["units"], mine["amount"]) == (3, 150_000)

    trust = str(walk.buyer / "parties.json")
    code, _, _ = walk.code("receipt", "verify", yes["receipt"], "--trust", trust)
    assert code == 0
    opening = walk.folder / "opening.json"
    walk.json(walk.buyer, "receipt", "open", yes["request"], "-o", str(opening))
    code, out, _ = walk.code("receipt", "verify", str(opening), "--trust", trust)
    assert code == 0
    assert "20 / 1990-01-21" in out
    whole = opening.read_bytes()
    opening.write_bytes(whole.replace(b'"position":0', b'"position":1'))
    assert walk.code("receipt", "verify", str(opening), "--trust", trust)[0] == 5
    assert len(walk.json(walk.buyer, "receipt", "list")) == 2
    # What is used up can still be ended, and what has ended stays ended.
    walk.json(walk.buyer, "contract", "revoke", f"contracts/{identifier}")
    error = walk.refused(walk.buyer, "contract", "revoke", f"contracts/{identifier}")
    assert error["reason"] == "CONTRACT_STATE"


def test_every_list_can_be_read_by_people(walk: Walk, identifier: str) -> None:
    for home, words in (
        (walk.node, ("table", "list")),
        (walk.node, ("table", "show", "firms")),
        (walk.node, ("party", "list")),
        (walk.node, ("audit", "tail", "-n", "3")),
        (walk.node, ("contract", "list")),
        (walk.buyer, ("product", "list")),
        (walk.buyer, ("product", "show", "firms")),
        (walk.buyer, ("receipt", "list")),
        (walk.buyer, ("doctor",)),
    ):
        code, out, err = walk.code(*words, "--home", str(home))
        assert code == 0, err
        assert out.strip()
        assert "_pb2" not in out


def test_the_log_is_readable_line_by_line(walk: Walk, identifier: str) -> None:
    code, out, _ = walk.code(
        "audit", "tail", "--start", "0", "-n", "500", "--home", str(walk.node), "--format", "json"
    )
    assert code == 0
    leaves = [json.loads(line) for line in out.splitlines()]
    assert [leaf["index"] for leaf in leaves] == list(range(len(leaves)))
    assert {"party.enrolled", "contract.activated", "release"} <= {leaf["type"] for leaf in leaves}


def test_wrong_roles_and_names_are_refused_with_a_remedy(walk: Walk) -> None:
    assert walk.refused(walk.buyer, "table", "list")["reason"] == "RIGHT_MISSING"
    assert walk.refused(walk.buyer, "product", "show", "nothing")["exit_code"] == 2
    assert walk.refused(walk.buyer, "contract", "show", "nothing")["exit_code"] == 2
    assert walk.refused(walk.buyer, "contract", "show", "A" * 43)["exit_code"] == 3
    assert walk.refused(walk.buyer, "receipt", "show", "00" * 16)["exit_code"] == 2
    wrong = walk.folder / "wrong.csv"
    assert (
        walk.refused(
            walk.node,
            *("table", "add", "wrong", str(wrong), "--subject", "id", "--label", "*=public:1"),
        )["reason"]
        == "TABLE_UNREADABLE"
    )


def test_a_second_node_on_the_same_state_is_refused(walk: Walk) -> None:
    command = [sys.executable, "-m", "unseen.cli", "node", "serve", "--home", str(walk.node)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert "STATE_LOCKED" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_node_that_is_away_ends_with_four(walk: Walk, tmp_path: Path) -> None:
    walk.json(tmp_path, "node", "init", "--listen", "127.0.0.1:1")
    assert walk.refused(tmp_path, "table", "list")["exit_code"] == 4
    code, out, _ = walk.code("doctor", "--home", str(tmp_path), "--format", "json")
    assert code == 4
    assert any(check["state"] == "fail" for check in json.loads(out))
    assert walk.refused(tmp_path, "node", "init")["exit_code"] == 2
