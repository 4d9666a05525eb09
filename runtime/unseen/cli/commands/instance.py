"""`unseen instance`: the clients that act for a party."""

from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json

app = App(help="The clients that act for this party.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the new instance.")],
    out: Annotated[Path, typer.Argument(help="New folder: the instance's home.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Certify another client instance; it can ask, but not sign contracts."""
    from unseen.client.local import identity

    profile = identity.certify_instance(_client_home(home), name, out)
    _report(profile.instance, out, form)


@app.command("renew")
def renew(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """Certify this home's own instance anew, for another 89 days."""
    from unseen.client import Client
    from unseen.client.local import identity

    root = _client_home(home)
    profile = identity.renew(root)
    with Client(root) as client:
        client.register_instance()
    _report(profile.instance, root, form)


def _client_home(home: Path) -> Path:
    from unseen.client.local.home import find_home

    return find_home(home).root


def _report(name: str, home: Path, form: Format) -> None:
    from unseen.client.local.home import Home
    from unseen.client.local.identity import expires
    from unseen.evidence.canonical import format_time

    until = format_time(expires(Home(home)))
    if form is Format.JSON:
        print_json({"instance": name, "home": str(home), "until": until})
    else:
        typer.echo(f"Instance {name} in {home}, certified until {until}")
