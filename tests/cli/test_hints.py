"""What is said to people holds commands that can be pasted where they stand."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from unseen.cli import hints
from unseen.cli.demo.checks import StepFailedError
from unseen.cli.failures import UsageError, show
from unseen.cli.hints import COMMANDS, LAUNCHER, pasted, remember_home, remember_id
from unseen.cli.main import app
from unseen.cli.output import Format
from unseen.cli.words import Language, _remember
from unseen.client.errors import Cause, NodeError
from unseen.evidence.errors import CanonicalError, RulesInvalidError, TemplateInvalidError
from unseen.protocols.errors import UnseenError

ID = "flsG4VWhwSbK3KwcZ9Jx8yOPIQ9YYZ30PtXF3dYNGsk"
runner = CliRunner()


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(LAUNCHER, raising=False)
    remember_home(None)
    yield
    remember_home(None)


@pytest.fixture
def buyer(tmp_path: Path) -> Path:
    remember_home(tmp_path)
    return tmp_path


@pytest.fixture
def operator(tmp_path: Path) -> Path:
    (tmp_path / "node.toml").touch()
    remember_home(tmp_path)
    return tmp_path


def test_the_commands_are_those_that_exist() -> None:
    root = typer.main.get_command(app)
    assert set(root.commands) == COMMANDS  # type: ignore[attr-defined]


def test_an_installed_program_is_called_by_its_name() -> None:
    assert pasted("see: unseen contract list") == "see: unseen contract list"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("see: unseen contract list", "see: ./unseen contract list"),
        ("run `unseen doctor`", "run `./unseen doctor`"),
        (
            "没有合约。申请：unseen contract request P",
            "没有合约。申请：./unseen contract request P",
        ),
        ("unseen job show ID, then: unseen job retry ID", None),
        ("the question unseen by the node", "the question unseen by the node"),
        ("install unseen[node]", "install unseen[node]"),
        ("run ./unseen demo in it", "run ./unseen demo in it"),
    ],
)
def test_from_a_clone_it_is_called_as_it_was(
    text: str, wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LAUNCHER, "./unseen")
    assert pasted(text) == (wanted or text.replace("unseen job", "./unseen job"))


def test_a_folder_with_a_space_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LAUNCHER, "/my files/unseen")
    remember_home(Path("my home"))
    said = pasted("see: unseen contract list")
    assert said == "see: '/my files/unseen' contract list --home 'my home'"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("see: unseen contract list", " --home {}"),
        (f"unseen receipt fetch {ID}`, then", None),
        ("see: unseen contract list --home B", ""),
        ("the operator does: unseen table refresh colleges", ""),
        ("have one enrolled: unseen node invite NAME --role regulator", ""),
        ("an operator's key: unseen node init prints it with --format json", ""),
        ("ask anew: unseen contract request PRODUCT --units N", " --home {}"),
    ],
)
def test_a_buyer_s_own_commands_name_its_home(text: str, ends: str | None, buyer: Path) -> None:
    if ends is None:
        assert pasted(text) == f"unseen receipt fetch {ID} --home {buyer}`, then"
    else:
        assert pasted(text) == text + ends.format(buyer)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("invite one: unseen node invite NAME --role approver", True),
        ("see: unseen contract list", True),
        ("ask again: unseen table budget study --epsilon 5.5 --delta 0.000001 --raise", True),
        ("see its columns: unseen table show study", True),
        ("then run unseen table list again", False),
        ("its approver signs it: unseen template approve licence-check", False),
        (f"The buyer fetches it: unseen receipt fetch {ID}", False),
        ("ask anew: unseen contract request PRODUCT", False),
    ],
)
def test_an_operator_s_own_commands_name_its_home(text: str, own: bool, operator: Path) -> None:
    assert pasted(text) == (f"{text} --home {operator}" if own else text)


def test_the_id_that_was_meant_stands_in_for_the_word(buyer: Path) -> None:
    remember_id("contract", ID)
    assert pasted("see: unseen contract show ID").endswith(f"contract show {ID} --home {buyer}")
    assert "job show ID" in pasted("see: unseen job show ID")
    assert f"menu {ID}" in pasted("see what may be asked: unseen statistics menu ID")
    remember_home(buyer)  # another command
    assert " ID " in pasted("see: unseen contract show ID")


@pytest.mark.parametrize("begins", ["NKnNgsEjPHwmsl3kmT", "A-b", "_9", "7x"])
def test_an_id_is_one_however_it_begins(begins: str, buyer: Path) -> None:
    said = pasted(f"Read it: unseen contract explain {begins}{ID}")
    assert said.endswith(f"explain {begins}{ID} --home {buyer}")


def test_only_a_home_that_was_typed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LAUNCHER, "./unseen")
    seen: list[Path] = []

    def own(home: Path, *_: str) -> bool:
        seen.append(home)
        return False

    monkeypatch.setattr(hints, "_own", own)
    words = ["evidence", "check", str(tmp_path / "none")]
    assert runner.invoke(app, [*words, "--home", str(tmp_path)]).exit_code == 2
    (tmp_path / "a").mkdir()
    words = ["audit", "check", str(tmp_path / "a"), "--trust", str(tmp_path / "t")]
    done = runner.invoke(app, [*words, "--home", str(tmp_path)], env={"COLUMNS": "200"})
    assert "./unseen audit keys --accept" in done.stderr
    assert set(seen) == {tmp_path}
    done = runner.invoke(app, words, env={"UNSEEN_HOME": str(tmp_path), "COLUMNS": "200"})
    assert "./unseen audit keys --accept" in done.stderr
    assert set(seen) == {tmp_path}


def test_a_long_command_stands_once_more_in_a_line_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LAUNCHER, "./unseen")
    error = UsageError("what", remedy=f"ask again later: unseen receipt fetch {ID}")
    for columns, last in (("200", "╰"), ("60", f"  ./unseen receipt fetch {ID}")):
        monkeypatch.setenv("COLUMNS", columns)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            show(error, Format.TABLE)
        assert said.getvalue().splitlines()[-1].startswith(last)


@pytest.mark.parametrize(
    ("language", "title"), [(Language.EN, "The demo stopped"), (Language.ZH, "演示中止")]
)
def test_a_demo_that_stops_has_disproved_nothing(language: Language, title: str) -> None:
    cause = Cause("DEMO_FAILED", "the node stopped", clause="demo", remedy="read its log")
    for error in (StepFailedError("a library is missing", clause="demo"), NodeError(cause)):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            _remember(language)
            try:
                show(error, Format.TABLE)
            finally:
                _remember(Language.EN)
        assert title in said.getvalue()
        assert not any(word in said.getvalue() for word in ("Proof failed", "证明不成立"))


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (RulesInvalidError("rule file: x"), "unseen node rules show"),
        (TemplateInvalidError("template file: x"), "unseen template show licence-check --toml"),
        (CanonicalError("bytes are not JSON"), "the file you mean"),
    ],
)
def test_a_file_of_one_s_own_is_not_to_be_asked_for(error: UnseenError, helps: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        show(error, Format.JSON)
    assert helps in said.getvalue()
    assert "original" not in said.getvalue()


def test_programs_get_the_words_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LAUNCHER, "./unseen")
    words = ["table", "list", "--home", str(tmp_path), "--format", "json"]
    assert "run `unseen join" in runner.invoke(app, words).stderr


def test_without_keys_to_believe_the_remedy_says_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    done = runner.invoke(app, ["audit", "check", str(tmp_path / "a"), "--home", str(tmp_path)])
    assert done.exit_code == 2
    assert "--trust FILE" in done.stderr
