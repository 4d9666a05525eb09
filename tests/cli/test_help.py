"""The command line as a stranger meets it: what there is, what it says, how it ends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from unseen.cli.app import App
from unseen.cli.main import app

NOUNS = {
    "certificate": {"list", "show", "export", "verify", "transfer"},
    "audit": {
        *("tail", "export", "check", "head", "compare", "keys", "witness", "demand"),
        *("order", "draw", "orders", "answer", "open"),
        "disclosure",
        "personal",
    },
    "consent": {"add", "withdraw", "import", "delegate", "show", "prove", "verify", "roots"},
    "catalog": {"export"},
    "contract": {
        *("request", "explain", "approve", "sign", "show", "revoke", "list", "export", "form"),
        *("suspend", "resume"),
    },
    "evidence": {"bundle", "check"},
    "instance": {"add", "renew"},
    "job": {"list", "show", "watch", "fetch", "cancel", "retry"},
    "meter": {"show", "settle", "compare", "reconcile", "resolve"},
    "mandate": {"sign", "add", "list", "show", "withdraw", "require"},
    "node release": {"show", "set"},
    "node": {
        "init",
        "serve",
        "invite",
        "open-rows",
        "handover",
        "takeover",
        "inherited",
        "inherit",
        "show",
        "stop",
        "resume",
    },
    "node cluster": {"init", "scheduler", "worker"},
    "node rules": {"show", "set"},
    "privacy": {"show"},
    "objection": {"open", "answer", "close", "list", "show"},
    "party": {"list", "revoke"},
    "product": {"add", "list", "show", "menu", "export"},
    "receipt": {"list", "show", "fetch", "open", "verify", "export"},
    "table": {
        *("add", "refresh", "label", "holder", "list", "show", "audit", "replay", "check"),
        "budget",
    },
    "review": {"list", "show", "approve", "refuse"},
    "statistics": {"ask", "menu"},
    "statistics joint": {"ask", "clause"},
    "template": {"add", "list", "show", "approve", "withdraw"},
    "train": {"clause", "fit", "release", "show"},
}
COMMANDS = {"bench", "demo", "doctor", "intersect", "join", "lookup", "score", "verify"}
runner = CliRunner()


def test_the_nouns_and_verbs_are_these() -> None:
    root = typer.main.get_command(app)
    groups = dict(nouns(root))
    assert groups == NOUNS
    assert set(root.commands) - set(groups) == COMMANDS  # type: ignore[attr-defined]


def nouns(group: Any, above: str = "") -> Iterator[tuple[str, set[str]]]:
    """Yield every noun, also one below another, with its verbs."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            verbs = {verb for verb, each in command.commands.items() if not is_noun(each)}
            yield f"{above}{name}", verbs
            yield from nouns(command, f"{above}{name} ")


def is_noun(command: Any) -> bool:
    return hasattr(command, "commands")


@pytest.mark.parametrize(
    "words",
    [[*noun.split(), verb] for noun, verbs in NOUNS.items() for verb in sorted(verbs)]
    + [[command] for command in sorted(COMMANDS - {"bench"})],
    ids=" ".join,
)
def test_every_command_explains_itself_and_takes_a_format(words: list[str]) -> None:
    result = runner.invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    if words not in (["demo"], ["bench"]):
        assert "--format" in result.stdout
    if words != ["bench"]:
        assert "--home" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["table", "add"],
        ["lookup"],
        ["contract", "request", "p", "--units", "0"],
        ["receipt", "verify", "no-such-file"],
        ["table", "list", "--format", "xml"],
    ],
)
def test_wrong_usage_ends_with_two(words: list[str]) -> None:
    assert runner.invoke(app, words).exit_code == 2


def test_without_a_home_the_remedy_says_how_to_get_one(tmp_path: Path) -> None:
    result = runner.invoke(app, ["table", "list", "--home", str(tmp_path), "--format", "json"])
    assert result.exit_code == 2
    error = json.loads(result.stderr)
    assert error["reason"] == "HOME_INVALID"
    assert "unseen join" in error["remedy"]
    assert error.keys() == {"reason", "message", "clause", "remedy", "charged", "exit_code"}


def test_a_panel_names_reason_clause_and_remedy(tmp_path: Path) -> None:
    result = runner.invoke(app, ["table", "list", "--home", str(tmp_path)])
    assert result.exit_code == 2
    for word in ("what", "reason", "HOME_INVALID", "clause", "remedy", "unseen join"):
        assert word in result.stderr


@pytest.mark.parametrize(
    ("label", "predicate"),
    [("a=b", None), ("public:1", None), ("a=public:9", None), (None, "name|only two")],
)
def test_malformed_options_say_what_they_should_be(
    label: str | None, predicate: str | None, tmp_path: Path
) -> None:
    if label is not None:
        words = ["table", "add", "t", "x.csv", "--subject", "id", "--label", label]
    else:
        words = ["product", "add", "p", "--table", "t", "--predicate", str(predicate)]
    result = runner.invoke(app, [*words, "--home", str(tmp_path), "--format", "json"])
    assert result.exit_code == 2
    assert json.loads(result.stderr)["reason"] == "USAGE"


@pytest.mark.parametrize(
    "words",
    [
        ["contract", "show", "{id}"],
        ["audit", "open", "{id}"],
        ["contract", "explain", "p", "--template", "{id}"],
    ],
)
def test_an_id_that_begins_with_a_hyphen_is_no_option(words: list[str], tmp_path: Path) -> None:
    identifier = "-" + "Ab_-" * 10 + "AE"
    typed = [word.replace("{id}", identifier) for word in words]
    result = runner.invoke(app, [*typed, "--nonsense"])
    assert "No such option: --nonsense" in result.stderr
    result = runner.invoke(app, [*typed, "--home", str(tmp_path), "--format", "json"])
    assert "No such option: -A" not in result.stderr


def test_an_id_comes_whole_to_its_verb() -> None:
    seen: list[object] = []
    app = App()
    app.callback()(lambda: None)

    @app.command("take")
    def take(ids: list[str], other: str = "") -> None:
        seen.append((ids, other))

    one, two, three = ("-" + letter * 42 for letter in "Az-")
    assert runner.invoke(app, ["take", one, "--other", two, three, "plain"]).exit_code == 0
    assert seen == [([one, three, "plain"], two)]
    assert runner.invoke(app, ["take", "-" + "A" * 41]).exit_code == 2


def test_help_is_quick_to_load_nothing_heavy() -> None:
    code = (
        "import sys; import unseen.cli.main; "
        "print([m for m in ('grpc', 'duckdb', 'cryptography') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_doctor_on_a_fresh_machine_is_calm(tmp_path: Path) -> None:
    result = runner.invoke(app, ["doctor", "--home", str(tmp_path), "--format", "json"])
    assert result.exit_code == 0
    states = {check["name"]: check["state"] for check in json.loads(result.stdout)}
    assert states["python"] == "ok"
    assert states["home"] == "note"
