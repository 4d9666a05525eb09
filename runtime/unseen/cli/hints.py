"""Commands inside what is said to people, so that they can be pasted where they are read.

What helps is written as `unseen NOUN VERB ...`, by the node too, which knows neither how its
reader starts the program nor which home that is. From a clone the program is `./unseen`; the
launcher says how it was called. Programs get the words as they were written.
"""

import os
import re
import shlex
from contextvars import ContextVar
from pathlib import Path
from typing import Final

import typer

LAUNCHER: Final = "UNSEEN_LAUNCHER"
"""What the launcher was called by; set by `tools/starter.py`."""
_NAMES: Final = (
    "audit|bench|catalog|certificate|consent|contract|demo|doctor|evidence|instance|intersect|job"
    "|join|lookup|mandate|meter|node|objection|party|privacy|product|receipt|review|score"
    "|statistics|table|template|train|verify"
)
COMMANDS: Final = frozenset(_NAMES.split("|"))
_COMMAND = re.compile(
    rf"(?P<told>(?<=: )|(?<=：))?(?<![A-Za-z0-9_./-])unseen (?P<noun>{_NAMES})"
    r"(?P<verb> [a-z][a-z-]*)?"
    # A name in small letters is an argument where an option follows it, or where it is the last
    # word after a colon; elsewhere it may be prose.
    r"(?P<rest>(?: (?:--?[a-z]+(?:-[a-z]+)*(?: [a-z]+)?|\w*[-0-9][\w-]*(?:\.[0-9]+)?|[A-Z]+"
    r"|\w+(?= --[a-z])))*(?(told)(?: \w+(?=$))?))"
    r"(?P<whole>(?=$|[;,`)；，。]))?",
    re.ASCII,
)
# Whose command it is: what one role is told may be for another, which has another home.
_NODE: Final = "node.toml"
_READING: Final = frozenset(
    ("explain", "fetch", "keys", "list", "menu", "orders", "request", "show", "tail")
)
_BUYERS: Final = frozenset(
    (("contract", "request"), ("contract", "sign"), ("template", "approve"), ("mandate", "sign"))
)
_NOT_OPERATORS: Final = frozenset(
    (
        "consent",
        "instance",
        "intersect",
        "join",
        "lookup",
        "receipt",
        "score",
        "statistics",
        "train",
        "verify",
    )
)

_ABOUT: Final = {"statistics": "contract"}  # whose id such a command takes

_home = ContextVar[Path | None]("home", default=None)
_ids = ContextVar[dict[str, str] | None]("ids", default=None)


def program() -> str:
    """Return what the program is called by here, as a shell takes it."""
    return shlex.quote(os.environ.get(LAUNCHER) or "unseen")


def remember_home(home: Path | None) -> None:
    """Note the home that was typed; None where the default or the environment says it."""
    _home.set(home)
    _ids.set({})


def remember_id(noun: str, identifier: str) -> None:
    """Note that the running command is about the `noun` with this id."""
    _ids.set({**(_ids.get() or {}), noun: identifier})


def pasted(text: str) -> str:
    """Return `text` with its commands as they can be pasted here."""
    return _COMMAND.sub(_command, text)


def commands(text: str) -> list[str]:
    """Return the commands of `text` that are whole, as they can be pasted here."""
    return [_command(found) for found in _COMMAND.finditer(text) if found["whole"] is not None]


def tell(text: str, *, err: bool = False) -> None:
    """Write a line in which commands stand."""
    typer.echo(pasted(text), err=err)


def _command(found: "re.Match[str]") -> str:
    noun, verb, rest = found["noun"], found["verb"] or "", found["rest"]
    known = (_ids.get() or {}).get(_ABOUT.get(noun, noun))
    if known is not None:
        rest = re.sub(r" ID\b", f" {known}", rest)
    home = _home.get()
    add = home is not None and found["whole"] is not None and "--home" not in found.string
    own = add and home is not None and _own(home, noun, verb.strip())
    return f"{program()} {noun}{verb}{rest}{f' --home {shlex.quote(str(home))}' if own else ''}"


def _own(home: Path, noun: str, verb: str) -> bool:
    """Whether who has this home would type the command with it."""
    if (home / _NODE).exists():
        return noun not in _NOT_OPERATORS and (noun, verb) not in _BUYERS
    return noun == "doctor" or (noun != "node" and verb in _READING)
