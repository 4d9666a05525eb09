"""`unseen join`: becoming a party with an invitation."""

from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.hints import tell
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json
from unseen.cli.progress import working

_OFFERED = "what is offered: unseen product list"
_NEXT = {
    "approver": "what waits for your signature: unseen contract list",
    "auditor": "the parties' keys, and compare them: unseen audit keys",
    "authority": "what is permitted: unseen mandate list",
    "holder": "what waits for your signature: unseen contract list",
    "regulator": "the parties' keys, and compare them: unseen audit keys",
    "witness": "the log's newest head: unseen audit head",
}


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
    tell(
        f"You are {profile.party} ({profile.role}) at node {profile.node.name}, "
        f"{profile.node.address}.\n"
        f"Keys and receipts are kept in {client.home.root}; keep keys/ to yourself.\n"
        f"See {_NEXT.get(profile.role, _OFFERED)} --home {home}"
    )
