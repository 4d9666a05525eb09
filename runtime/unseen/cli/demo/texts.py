"""What a story says, by key, in the languages of the command line: `texts.toml` beside its code."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Any

from unseen.cli.words import present_language


class Texts:
    """The texts of one story; in each, `{name}` stands for what it found."""

    def __init__(self, package: str) -> None:
        """Take the package of the story."""
        self._package = package

    @cached_property
    def all(self) -> Mapping[str, Mapping[str, str]]:
        """All texts by key, each in all languages."""
        read = (files(self._package) / "texts.toml").read_text("utf-8")
        found: dict[str, Any] = tomllib.loads(read)
        return found

    def told(self, key: str, **found: object) -> str:
        """Return a text in the present language, with what was found in its places."""
        return self.all[key][present_language().value].format(**found)

    def headings(self, key: str) -> list[str]:
        """Return the headings of a table."""
        return self.told(key).split("|")
