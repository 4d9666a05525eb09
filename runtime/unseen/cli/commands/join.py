"""`unseen join`: becoming a party with an invitation."""

from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json
from unseen.cli.progress import working


def join(
    invitation: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Invitation file of the operator.")
    ],
    home: HomeOption = DEFAULT_HOME,
    instance: Annotated[str, typer.Option(help="Name of this client instance.")] = "default",
    form: FormatOption = Format.TABLE,
) -> None:
    """Join a node: make keys here, be certified there, register this client."""
    from unseen.client import Client

    with (
        working("joining the node"),
        Client.join(invitation.read_bytes(), home, instance) as client,
    ):
        profile = client.profile
    if form is Format.JSON:
        print_json(
            {
                "party": profile.party,
                "role": profile.role,
                "instance": profile.instance,
                "key": profile.key_id,
                "node": profile.node.name,
                "address": profile.node.address,
                "home": str(client.home.root),
            }
        )
        return
    typer.echo(
        f"You are {profile.party}, a {profile.role} of node {profile.node.name} "
        f"at {profile.node.address}.\n"
        f"Keys and receipts are kept in {client.home.root}; keep keys/ to yourself.\n"
        f"See what is offered: unseen product list --home {home}"
    )
