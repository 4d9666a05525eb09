"""`unseen audit`: the node's log."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption
from unseen.cli.progress import open_client
from unseen.cli.views import leaf_json

if TYPE_CHECKING:
    from unseen.client.evidence import Leaf

app = typer.Typer(help="The node's append-only log.", no_args_is_help=True)

_POLL_SECONDS = 1.0
_LONG = 12


@app.command("tail")
def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many entries.")] = 20,
    start: Annotated[
        int | None, typer.Option(min=0, help="First entry, instead of the last ones.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show the log's last entries (operator only). With JSON, one entry a line."""
    with open_client(home) as client:
        size = client.log_size()
        first = max(size - lines, 0) if start is None else start
        limit = None if follow else lines
        while True:
            for leaf in client.leaves(first, limit):
                _print(leaf, form)
                first = leaf.index + 1
            if not follow:
                return
            time.sleep(_POLL_SECONDS)


def _print(leaf: "Leaf", form: Format) -> None:
    if form is Format.JSON:
        typer.echo(json.dumps(leaf_json(leaf), ensure_ascii=False))
        return
    said = "  ".join(f"{name} {_short(value)}" for name, value in leaf.fields.items())
    typer.echo(f"{leaf.index:>8}  {leaf.time}  {leaf.type:<20}  {said}")


def _short(value: object) -> str:
    match value:
        case dict():  # a release's request: what was asked under which contract
            return f"{value.get('units')} units of {_short(value.get('contract'))}"
        case str() if len(value) > _LONG:
            return f"{value[:_LONG]}..."
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)
