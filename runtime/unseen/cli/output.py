"""What commands print: a table for people or JSON for programs, on standard output."""

import json
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.hints import pasted, remember_home, tell
from unseen.cli.words import say

if TYPE_CHECKING:
    from rich.console import Console

    from unseen.client.cards import Card

_PIPE_WIDTH = 240
_META = "unseen.format"
DEFAULT_HOME = Path(".unseen/home")


class Format(Enum):
    """How results and errors are written."""

    TABLE = "table"
    JSON = "json"


_present = ContextVar("format", default=Format.TABLE)


def _remember(context: typer.Context, form: Format) -> Format:
    context.meta[_META] = form
    _present.set(form)
    return form


def present_format() -> Format:
    """Return the format that the running command was asked for, where no context is at hand."""
    return _present.get()


def chosen_format(context: Any) -> Format:
    """Return the format that the running command was asked for."""
    found = context.meta.get(_META, Format.TABLE)
    return found if isinstance(found, Format) else Format.TABLE


def _typed_home(context: typer.Context, home: Path) -> Path:
    source = context.get_parameter_source("home")
    remember_home(home if source is not None and source.name == "COMMANDLINE" else None)
    return home


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="UNSEEN_HOME",
        callback=_typed_home,
        help="Home of this party; a node's home stands for its operator's.",
        show_default=True,
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option("--format", callback=_remember, help="Write a table or JSON."),
]


def console() -> "Console":
    """Return the console for results; wide where it is no terminal, so that nothing wraps."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=_PIPE_WIDTH)


def error_console() -> "Console":
    """Return the console for errors and progress."""
    from rich.console import Console

    return Console(stderr=True)


def print_json(value: object) -> None:
    """Write one JSON value."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_card(card: "Card", form: Format, value: object) -> None:
    """Write one object: its card, or `value` as JSON."""
    if form is Format.JSON:
        print_json(value)
    else:
        show_card(card)


def show_card(card: "Card", *, err: bool = False) -> None:
    """Write a card for people, in their language."""
    typer.echo(card.in_words(say), err=err)


def show_rows(title: str, rows: Iterable[tuple[str, object]]) -> None:
    """Write what was found out, as a card reads; the title is in their language already."""
    from unseen.client.cards import in_lines

    typer.echo(in_lines(title, rows, say))


def print_list(
    form: Format,
    value: Sequence[object],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str,
    whole: int = 0,
) -> None:
    """Write many objects: a table with `columns`, or `value` as JSON; `empty` if none.

    Column number `whole` is never broken into lines, so that ids can be copied.
    """
    if form is Format.JSON:
        print_json(value)
        return
    if not value:
        tell(say(empty))
        return
    from rich.table import Table
    from rich.text import Text

    from unseen.client.cards import text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(say(column), overflow="fold", no_wrap=number == whole)
    for row in rows:
        table.add_row(*(Text(pasted(text(cell, say))) for cell in row))
    console().print(table)


def note(text: str, form: Format) -> None:
    """Write a hint for people; programs do not get it."""
    if form is Format.TABLE:
        tell(text, err=True)
