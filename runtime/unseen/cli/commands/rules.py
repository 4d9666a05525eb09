"""`unseen node rules`: what the labels of columns allow, in one readable file."""

from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, note, print_json
from unseen.cli.progress import open_client

app = App(help="The rule file that the node follows.", no_args_is_help=True)


@app.command("show")
def show(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """Print the rule file in force, as it was written (any party)."""
    with open_client(home) as client:
        found = client.rules()
    if form is Format.JSON:
        print_json(
            {
                "digest": found.digest,
                "set_by": found.set_by,
                "set_at": found.set_at,
                "rules": found.file.to_json(),
            }
        )
        return
    note(f"rules {found.file.version}, {found.digest}, set by {found.set_by}, {found.set_at}", form)
    typer.echo(found.text.decode(), nl=False)


@app.command("set")
def set_rules(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rule file, TOML.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put another rule file into force; contracts that no longer compile are suspended."""
    with open_client(home) as client:
        found, moved = client.set_rules(file.read_bytes())
    if form is Format.JSON:
        print_json(
            {
                "digest": found.digest,
                "version": found.file.version,
                "suspended": list(moved.suspended),
                "resumed": list(moved.resumed),
            }
        )
        return
    typer.echo(f"Rules {found.file.version} are in force: {found.digest}")
    for contract in moved.suspended:
        note(f"suspended: {contract}", form)
    for contract in moved.resumed:
        note(f"goes on: {contract}", form)
