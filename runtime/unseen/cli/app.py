"""A noun of the command line: its verbs take identifiers that begin with a hyphen as they are.

An identifier is 32 bytes in base64url, 43 characters, and one in 64 begins with a hyphen, which
the parser would take for a bundle of short options. None of our options looks like that.
"""

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from unseen.cli.sharing import spread

_HYPHENED = re.compile(r"-[A-Za-z0-9_-]{42}", re.ASCII)
_GUARD = "\0"


class Verb(TyperCommand):
    """A command whose arguments may be identifiers."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; what looks like an identifier is one."""
        guarded = [_GUARD + item if _HYPHENED.fullmatch(item) else item for item in args]
        rest = super().parse_args(ctx, guarded)
        ctx.params = {name: _bare(value) for name, value in ctx.params.items()}
        return [_bare(item) for item in rest]


class App(typer.Typer):
    """A noun with its verbs."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Register a verb, as `typer.Typer.command` does; it may take dataclasses of options."""
        register = super().command(name, **{"cls": Verb, **settings})

        def keep(command: Any) -> Any:
            register(spread(command))
            return command

        return keep


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return value.removeprefix(_GUARD)
    if isinstance(value, (list, tuple)):
        return type(value)(_bare(item) for item in value)
    return value
