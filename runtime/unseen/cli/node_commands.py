"""`unseen node`: making a node, running it, inviting parties."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from unseen.cli.failures import UsageError
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, note, print_json
from unseen.cli.progress import open_client, working

app = typer.Typer(help="Make a node, run it, invite parties.", no_args_is_help=True)

_OPERATOR = "operator"


@app.command("init")
def init(
    home: HomeOption = DEFAULT_HOME,
    name: Annotated[str, typer.Option(help="Name of the node, part of its log's name.")] = "node",
    listen: Annotated[
        str, typer.Option(help="Address to listen on; other machines need another than loopback.")
    ] = "127.0.0.1:8443",
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a node: its domain authority, its keys, its empty log, and its operator."""
    from unseen.client import identity
    from unseen.client.profile import Node

    main = _node_main()
    operator = home / _OPERATOR
    with working("making the node"):
        enrolment = identity.prepare(operator, _OPERATOR, "operator")
        made = main.initialise(home, name, listen, enrolment)
        node = Node(
            name=made.node.name,
            address=made.node.address,
            evidence_key=made.node.evidence_key,
            log_origin=made.node.log_origin,
            log_key=made.node.log_key,
            operator_key=made.node.operator_key,
        )
        membership = identity.Membership(made.party_certificate, made.ca, node)
        profile = identity.complete(operator, enrolment, membership)
    if form is Format.JSON:
        print_json(
            {
                "name": node.name,
                "address": node.address,
                "log": node.log_origin,
                "operator": profile.key_id,
                "home": str(home),
            }
        )
        return
    typer.echo(
        f"Node {node.name} is ready in {home}; its operator's keys are in {operator}.\n"
        f"Start it: unseen node serve --home {home}"
    )


@app.command("serve")
def serve(home: HomeOption = DEFAULT_HOME) -> None:
    """Run the node until it is told to stop (Ctrl-C or SIGTERM)."""
    main = _node_main()
    main.serve(home)


@app.command("invite")
def invite(
    party: Annotated[str, typer.Argument(help="Name of the party to be.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the invitation.")],
    home: HomeOption = DEFAULT_HOME,
    role: Annotated[str, typer.Option(help="Role of the party.")] = "buyer",
    days: Annotated[int, typer.Option(min=1, max=30, help="Days the invitation is good for.")] = 7,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write an invitation for one new party. Hand it over on a channel you trust."""
    from unseen.client.home import write_file

    with open_client(home) as client:
        invitation = client.invite(party, role, dt.timedelta(days=days))
    write_file(output, invitation, private=True)
    if form is Format.JSON:
        print_json({"party": party, "role": role, "file": str(output), "days": days})
        return
    typer.echo(str(output))
    note(f"{party} joins with: unseen join {output.name} --home DIR", form)


def _node_main() -> Any:
    try:
        from unseen.node import main
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the node's libraries are not installed: {error.name}",
            clause="install",
            remedy="install the project with its node part: unseen[node]",
        ) from None
    return main
