"""`unseen party`: whom the node knows."""

from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    print_card,
    print_list,
)
from unseen.cli.progress import open_client
from unseen.cli.views import party_json

app = App(help="Whom the node knows.", no_args_is_help=True)


@app.command("list")
def list_parties(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the parties; buyers among them enter this home's parties.json (operator only)."""
    with open_client(home) as client:
        found = client.parties()
    print_list(
        form,
        [party_json(party) for party in found],
        ("name", "role", "revoked", "instances"),
        [(party.name, party.role, party.revoked, party.instances) for party in found],
        empty="No parties. Invite one: unseen node invite NAME -o FILE",
    )


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="PARTY, or PARTY/INSTANCE for one instance.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Cut a party or an instance off, from its next call on."""
    with open_client(home) as client:
        party = client.revoke_party(name)
    print_card(party, form, party_json(party))
