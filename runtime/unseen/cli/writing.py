"""What export commands share: the form that is asked for, and where it is written."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unseen.evidence.canonical import Json

OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File for it; without one it is printed."),
]


def write_out(text: str, output: Path | None) -> None:
    """Write an export to a file, or to standard output."""
    if output is None:
        typer.echo(text)
        return
    from unseen.client.local.home import write_file

    write_file(output, text.encode() + b"\n")
    typer.echo(str(output))


def linked(document: "Json") -> str:
    """Return JSON-LD as people read it."""
    return json.dumps(document, ensure_ascii=False, indent=2)
