"""`unseen mandate`: an authority's permission to operate tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.names import resolve
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_json,
    print_list,
)
from unseen.cli.progress import open_client

if TYPE_CHECKING:
    from unseen.client.api import Client
    from unseen.client.registry.mandates import MandateCard
    from unseen.evidence.canonical import Json

app = App(help="Who may operate which tables.", no_args_is_help=True)

MandateArgument = Annotated[
    str, typer.Argument(help="Id of the mandate, or the beginning of it.", metavar="MANDATE")
]


@app.command("sign")
def sign(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="TOML: what is granted.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the signed mandate.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Sign a mandate in the home of an authority, or of a grantee that gives a part on."""
    from unseen.client.local.home import write_file

    with open_client(home) as client:
        token = client.sign_mandate(file)
    write_file(output, token.encode() + b"\n")
    if form is Format.JSON:
        print_json({"file": str(output)})
        return
    typer.echo(str(output))
    note(f"The operator shows it to the node: unseen mandate add {output}", form)


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Signed mandate.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a signed mandate to the node (operator or authority)."""
    with open_client(home) as client:
        found = client.add_mandate(token_in(file))
    print_card(found, form, mandate_json(found))
    if not found.checked:
        note("Compare its key with the authority, then: unseen audit keys --accept", form)


@app.command("list")
def list_mandates(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the mandates that the node was shown."""
    with open_client(home) as client:
        found = client.mandates()
        tables = client.mandated_tables()
    print_list(
        form,
        [mandate_json(each) for each in found],
        ("id", "state", "tables", "scenarios", "tier", "until"),
        [
            (
                each.id,
                each.state,
                each.mandate.tables,
                each.mandate.scenarios,
                each.mandate.tier,
                each.mandate.until.date(),
            )
            for each in found
        ],
        empty="No mandates. An authority signs one: unseen mandate sign FILE.toml",
    )
    if tables:
        note(f"Under mandates: {', '.join(tables)}", form)


@app.command("show")
def show(
    mandate: MandateArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show a mandate."""
    with open_client(home) as client:
        found = client.mandate(_resolve(client, mandate))
    print_card(found, form, mandate_json(found))


@app.command("withdraw")
def withdraw(
    mandate: MandateArgument,
    reason: Annotated[str, typer.Option(help="Why, in one line; it is in the log.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Take a mandate back, in its grantor's home; contracts under it are suspended at once."""
    with open_client(home) as client:
        found = client.withdraw_mandate(_resolve(client, mandate), reason)
    print_card(found, form, mandate_json(found))


@app.command("require")
def require(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    lift: Annotated[
        bool, typer.Option("--lift", help="Lift it, where no mandate has named the table.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put a table under mandates (operator only): contracts over it need one."""
    with open_client(home) as client:
        tables = client.require_mandate(table, required=not lift)
    if form is Format.JSON:
        print_json({"tables": list(tables)})
        return
    typer.echo(f"Under mandates: {', '.join(tables) or 'no table'}")


def mandate_json(card: "MandateCard") -> "Json":
    """Return a mandate as JSON."""
    return {
        "id": card.id,
        "state": card.state,
        "registered_at": card.registered_at,
        "mandate": card.mandate.to_json(),
        "withdrawal": None if card.withdrawal is None else card.withdrawal.to_json(),
        "in_force": card.in_force,
        "signature_verified": card.checked,
        "token": card.token,
    }


def token_in(path: Path) -> str:
    """Return the signed token in a file; one line end is the file's."""
    return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")


def _resolve(client: "Client", text: str) -> str:
    return resolve("mandate", text, lambda: (card.id for card in client.mandates()))
