"""docs/buyer.md names every public method of the SDK, and its commands and options exist."""

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from unseen.cli.main import app
from unseen.client import Client

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "buyer.md").read_text(encoding="utf-8")
PAGES = (
    "audit.md",
    "buyer.md",
    "consent.md",
    "operations.md",
    "oversight.md",
    "registry.md",
    "release_gate.md",
    "exports.md",
    "joint.md",
    "settlement.md",
    "statistics.md",
    "train.md",
)
GUIDES = [(DOCS / name).read_text(encoding="utf-8") for name in PAGES]
LINE = re.compile(r"^(?:\./)?unseen (.+?)(?:\s+#.*)?$", re.MULTILINE)
ROOT = get_command(app)


def command_lines() -> list[str]:
    blocks = [b for page in GUIDES for b in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    return [line for block in blocks for line in LINE.findall(block.replace("\\\n", " "))]


def test_every_public_method_is_named() -> None:
    public = {name for name in dir(Client) if name[0] != "_" and callable(getattr(Client, name))}
    public -= {"join"}  # named as Client.join
    table = PAGE[PAGE.index("| method |") :]
    assert public <= set(re.findall(r"`([a-z_]+)`", table))


def test_python_examples_parse() -> None:
    for page in GUIDES:
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
            ast.parse(block)


@pytest.mark.parametrize("line", sorted(set(command_lines())))
def test_command_and_options_exist(line: str) -> None:
    words = line.split()
    command = ROOT
    while words and words[0] in getattr(command, "commands", {}):
        command = vars(command)["commands"][words.pop(0)]
    assert not hasattr(command, "commands"), line
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word.startswith("-") and not word.startswith("-A"):
            assert word in known, f"{line}: {word}"
