"""What the hospitals' story says (`texts.toml`), in the present language."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from unseen.cli.words import present_language


def told(key: str, **found: object) -> str:
    """Return a text in the present language, with what was found in its places."""
    return texts()[key][present_language().value].format(**found)


def headings(key: str) -> list[str]:
    """Return the headings of a table."""
    return told(key).split("|")


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Return all texts by key, each in all languages."""
    found: dict[str, Any] = tomllib.loads((files(__package__) / "texts.toml").read_text("utf-8"))
    return found
