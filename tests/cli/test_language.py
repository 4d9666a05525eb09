"""Two languages: every heading and name of a row has its Chinese; `--lang` may stand anywhere."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unseen.cli import words
from unseen.cli.commands.intersect import SMALL
from unseen.cli.commands.meter import By
from unseen.cli.commands.product import TRUSTED
from unseen.cli.failures import _REMEDIES, _TITLES, _TITLES_BY_REASON
from unseen.cli.main import app
from unseen.cli.meter_views import RULED_COLUMNS, WHY
from unseen.cli.output import Format, print_card, print_list
from unseen.cli.words import PHRASES, WORDS, Language, say
from unseen.client.errors import TELL_OPERATOR
from unseen.client.reviews import Finding, Review, ReviewState
from unseen.evidence.bills.dispute import Ruling

RUNTIME = Path(__file__).parents[2] / "runtime/unseen"
CLAUSES = RUNTIME.parents[1] / "protocols/unseen/evidence/contracts"
runner = CliRunner()


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start and end in English, whatever the shell around says."""
    monkeypatch.delenv("UNSEEN_LANG", raising=False)
    yield
    words._present.set(Language.EN)


def nodes(folder: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield all that a folder's sources are made of, each with its file.

    Not asked for before a test runs: each process that collects tests would read all of them.
    """
    for path in sorted((RUNTIME / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path.name, node


def functions(folder: str) -> list[tuple[str, ast.FunctionDef]]:
    return [(name, node) for name, node in nodes(folder) if isinstance(node, ast.FunctionDef)]


def beginning(node: ast.expr) -> str | None:
    """Return a constant text, or the constant beginning of one."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value)
    return None


@cache
def rows_of_cards() -> set[str]:
    yielded = [
        node.value.elts[0]
        for _, function in functions("client")
        if function.returns is not None and ast.unparse(function.returns) == "Iterator[Row]"
        for node in ast.walk(function)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple)
    ]
    return {word for node in yielded if (word := beginning(node)) is not None}


@cache
def rows_of_clauses() -> set[str]:
    """Return the names of rows that clauses of contracts bring along."""
    yielded = [
        node.value.elts[0]
        for path in sorted(CLAUSES.rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and function.name.endswith("_rows")
        for node in ast.walk(function)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple)
    ]
    return {word for node in yielded if (word := beginning(node)) is not None}


@cache
def titles_of_cards() -> set[str]:
    returned = [
        node.value
        for _, function in functions("client")
        if function.name == "_title"
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    return {word for node in returned if (word := beginning(node))}


def literals(node: ast.expr) -> list[str]:
    """Return the constant texts that a value may be."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    assert isinstance(node, ast.Constant), f"a sentence is written out: {ast.unparse(node)}"
    return [str(node.value)]


@cache
def sentences() -> set[str]:
    """Return what every value that has a translation is translated by."""
    calls = [
        node
        for _, node in nodes("client")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Said"
    ]
    keys = [[word.value for word in call.keywords] or call.args[:1] for call in calls]
    return {text for found in keys for node in found for text in literals(node)}


def lists() -> list[ast.Call]:
    return [
        node
        for _, node in nodes("cli")
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print_list"
    ]


@cache
def headings() -> set[str]:
    tuples = [call.args[2] for call in lists()]
    named = [element for node in tuples if isinstance(node, ast.Tuple) for element in node.elts]
    return {word for node in named if (word := beginning(node)) is not None}


@cache
def empties() -> set[str]:
    found = [word.value for call in lists() for word in call.keywords if word.arg == "empty"]
    return {str(node.value) for node in found if isinstance(node, ast.Constant)}


def test_there_are_words_to_translate() -> None:
    assert len(rows_of_cards()) > 80
    assert len(rows_of_clauses()) > 15
    assert len(headings()) > 40
    assert len(titles_of_cards()) > 15
    assert len(empties()) > 15
    assert len(sentences()) > 20


def test_every_heading_and_every_row_has_its_chinese() -> None:
    missing = (rows_of_cards() | rows_of_clauses() | headings()) - WORDS.keys() - PHRASES.keys()
    assert not missing, "add them to runtime/unseen/cli/words.py"


def test_every_sentence_has_its_chinese_with_the_same_words_in_it() -> None:
    found = sentences()
    assert not found - WORDS.keys(), "add them to runtime/unseen/cli/sentences.py"
    assert [each for each in found if WORDS[each].count("{}") != each.count("{}")] == []


def test_what_was_found_out_has_its_chinese() -> None:
    for word in ("holds.", "does not hold:", "is valid.", "The log of", "Receipt", "Certificate"):
        assert word in WORDS
    report = (RUNTIME.parents[1] / "protocols/unseen/evidence/audit/report.py").read_text("utf-8")
    rows = next(
        node
        for node in ast.walk(ast.parse(report))
        if isinstance(node, ast.FunctionDef) and node.name == "rows"
    )
    named = [
        node.value.elts[0]
        for node in ast.walk(rows)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple)
    ]
    assert len(named) > 8
    assert {beginning(node) for node in named} <= WORDS.keys()
    assert {"data fee", "service fee", "document"} <= WORDS.keys()


def test_sums_and_rulings_have_their_chinese() -> None:
    assert {by.value for by in By} <= WORDS.keys()
    assert {"currency", *RULED_COLUMNS, *WHY.values()} <= WORDS.keys()
    assert WHY.keys() == {ruling.value for ruling in Ruling}


def test_every_title_has_its_chinese() -> None:
    assert [title for title in titles_of_cards() if not title.startswith((*PHRASES,))] == []


def test_every_empty_list_has_its_chinese() -> None:
    assert empties() <= WORDS.keys()


def test_advice_on_intersections_has_its_chinese() -> None:
    assert {SMALL, TRUSTED} <= WORDS.keys()


def test_every_fixed_word_of_a_refusal_has_its_chinese() -> None:
    assert {*_TITLES.values(), *_TITLES_BY_REASON.values()} <= WORDS.keys()
    assert {*_REMEDIES.values(), TELL_OPERATOR} <= WORDS.keys()
    for word in ("what", "reason", "clause", "remedy", "charged"):
        assert word in WORDS


def test_chinese_is_chinese() -> None:
    for word, chinese in {**WORDS, **PHRASES}.items():
        assert word.isascii()
        assert not word or any("\u4e00" <= letter <= "\u9fff" for letter in chinese), word


REVIEW = Review(
    id="A" * 43,
    contract="B" * 43,
    request="0" * 32,
    type="verdicts",
    state=ReviewState.WAITING,
    bits=4,
    findings=(Finding("type.review", "text", "文字"),),
    held_at="2026-11-22T05:30:00Z",
    expires_at="2026-11-25T05:30:00Z",
    decided_at="",
    decided_by="",
    document="",
)


def test_a_card_and_a_list_are_printed_in_the_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words._present.set(Language.ZH)
    try:
        print_card(REVIEW, Format.TABLE, {})
        print_list(Format.TABLE, [1], ("id", "state"), [("x", "waiting")], empty="")
        assert say("no such word") == "no such word"
    finally:
        words._present.set(Language.EN)
    printed = capsys.readouterr().out
    assert "待审交付物 AAA" in printed
    assert "状态" in printed
    assert "规则 type.review" in printed
    assert "waiting" in printed  # states are the same in every language
    lines = printed.splitlines()[1:4]
    values = {
        line.index(value) for line, value in zip(lines, ("waiting", "BBB", "000"), strict=True)
    }
    assert len(values) <= 2  # Chinese letters take two places each
    print_card(REVIEW, Format.TABLE, {})
    assert "Held release AAA" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lang", "zh", "contract", "list"],
        ["contract", "--lang", "zh", "list"],
        ["contract", "list", "--lang", "zh"],
        ["contract", "list", "--lang=zh"],
        ["contract", "explain", "x", "--lang", "zh"],
        ["--lang", "zh", "contract", "explain", "x"],
    ],
)
def test_the_option_may_stand_anywhere(arguments: list[str], tmp_path: Path) -> None:
    result = runner.invoke(app, [*arguments, "--home", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "无法执行" in result.stderr
    assert "处理办法" in result.stderr
    assert "HOME_INVALID" in result.stderr


def test_the_environment_says_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["contract", "list", "--home", str(tmp_path / "none")]
    result = runner.invoke(app, arguments, env={"UNSEEN_LANG": "zh"})
    assert "无法执行" in result.stderr
    result = runner.invoke(app, [*arguments, "--lang", "en"], env={"UNSEEN_LANG": "zh"})
    assert "Cannot do that" in result.stderr
    result = runner.invoke(app, arguments, env={"UNSEEN_LANG": ""})
    assert "Cannot do that" in result.stderr
    explain = ["contract", "explain", "x", "--home", str(tmp_path / "none")]
    result = runner.invoke(app, explain, env={"UNSEEN_LANG": "zh"})
    assert "无法执行" in result.stderr


def test_json_is_the_same_in_every_language(tmp_path: Path) -> None:
    arguments = ["contract", "list", "--home", str(tmp_path / "none"), "--format", "json"]
    found = [runner.invoke(app, [*arguments, "--lang", lang]).stderr for lang in ("en", "zh")]
    assert found[0] == found[1]
    assert json.loads(found[0])["reason"] == "HOME_INVALID"


@pytest.mark.parametrize(
    "arguments", [["contract", "list", "--lang", "fr"], ["--lang"], ["x", "--lang"]]
)
def test_another_language_is_a_usage_error(arguments: list[str]) -> None:
    assert runner.invoke(app, arguments).exit_code == 2


def test_what_follows_two_hyphens_is_no_option() -> None:
    result = runner.invoke(app, ["contract", "show", "--", "--lang"])
    assert result.exit_code == 2
    assert "requires an argument" not in result.output
