"""`unseen meter`: what was used, and the bill."""

import json
from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
)
from unseen.cli.progress import open_client
from unseen.cli.views import usage_json

app = typer.Typer(help="What was used, and the bill.", no_args_is_help=True)

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]


@app.command("show")
def show(
    contract: ContractArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show what the node has charged under a contract."""
    with open_client(home) as client:
        usage = client.usage(resolve_contract(client, contract))
    print_card(usage, form, usage_json(usage))


@app.command("settle")
def settle(
    contract: ContractArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the exact statement.")
    ] = None,
    receipts: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Receipts of the party's other instances."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compute the bill: the operator's from the log, the buyer's from its receipts."""
    from unseen.client.home import write_file

    with open_client(home, doing="adding up") as client:
        identifier = resolve_contract(client, contract)
        if client.profile.role == "operator":
            statement = client.operator_settle(identifier)
        else:
            more = sorted(receipts.glob("*.receipt")) if receipts is not None else ()
            statement = client.settle(identifier, more)
        charged = client.usage(identifier).units_used
    if output is not None:
        write_file(output, statement)
    if form is Format.JSON:
        typer.echo(statement.decode())
    else:
        _print(json.loads(statement))
    for item in json.loads(statement).get("unreceipted", ()):
        note(
            f"Request {item['request']} of {item['units']} units is charged, says the node, and "
            "its reply no longer kept: there is no receipt of it, and it is not in the amount.",
            form,
        )
    units = json.loads(statement)["units"]
    if units != charged:
        note(
            f"The node has charged {charged} units, these receipts prove {units}: "
            "add the receipts of other instances with --receipts, or dispute the rest.",
            form,
        )


def _print(statement: dict[str, object]) -> None:
    from unseen.client.billing import money

    currency = statement["currency"]
    lines = statement["lines"]
    typer.echo(f"Statement of contract {statement['contract']}")
    typer.echo(f"  requests  {statement['requests']:,}")
    typer.echo(f"  units     {statement['units']:,} of {statement['quota']:,}")
    for line in lines if isinstance(lines, list) else ():
        name = str(line["line"]).replace("_", " ")
        typer.echo(
            f"  {name:<12}{line['units']:,} x {money(line['price'])} = "
            f"{money(line['amount'])} {currency}"
        )
    typer.echo(f"  amount    {money(int(str(statement['amount'])))} {currency}")
    typer.echo(f"  digest    {statement['digest']}")
