"""Whatever command a message of ours names exists, with the options that it is named with."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer

from unseen.bench.main import app as benches
from unseen.cli.hints import COMMANDS
from unseen.cli.main import app

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("runtime/unseen", "protocols/unseen")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
COMMAND = re.compile(rf"(?<![\w./-])unseen ({'|'.join(sorted(COMMANDS))})\b([^;:,`)；，。：]*)")
WORD = re.compile(r"[a-z][a-z-]*")
# The benches have a command line of their own, which `unseen bench` hands its words on to.
NOUNS: Any = vars(typer.main.get_command(app))["commands"] | {
    "bench": typer.main.get_command(benches)
}


def said(node: ast.AST) -> str | None:
    """Return a text of the source; what is filled in later stands as X."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(getattr(part, "value", "X")) if isinstance(part, ast.Constant) else "X"
                       for part in node.values)  # fmt: skip
    return None


def texts(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        text = said(node)
        if text is not None and id(node) not in inside:
            yield text


@cache
def named() -> frozenset[tuple[str, str]]:
    """Return every command that a text names, with the words that follow it.

    Not asked for before a test runs: each process that collects tests would read all sources.
    """
    return frozenset(
        (found[1], " ".join(found[2].split()))
        for path in SOURCES
        for text in texts(path)
        for found in COMMAND.finditer(text)
    )


def wrong(noun: str, rest: str) -> str:
    """Return what does not exist about a command; nothing where all of it does."""
    command = NOUNS[noun]
    words = rest.split()
    while hasattr(command, "commands") and words and WORD.fullmatch(words[0]):
        if words[0] not in command.commands:
            return words[0]
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, "--lang")}
    options |= {name for parameter in command.params for name in parameter.secondary_opts}
    lacking = [word for word in words if word.startswith("-") and word not in options | {"--help"}]
    return " ".join(lacking)


def test_there_are_commands_in_messages() -> None:
    assert len(named()) > 80


def test_each_exists() -> None:
    assert [f"unseen {noun} {rest}" for noun, rest in sorted(named()) if wrong(noun, rest)] == []


def test_what_does_not_exist_is_found() -> None:
    assert wrong("contract", "shw ID") == "shw"
    assert wrong("node", "rules sho") == "sho"
    assert wrong("meter", "settle ID --nonsense") == "--nonsense"
    assert not wrong("node", "release set model review")
