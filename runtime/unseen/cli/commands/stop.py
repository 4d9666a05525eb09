"""`unseen contract suspend|resume` and `unseen node show|stop|resume`: the emergency stop."""

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
from unseen.cli.views import contract_json, node_json

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]
ReasonOption = Annotated[
    str, typer.Option(help="Why: one line that goes into the log; never about a person.")
]


def suspend(
    contract: ContractArgument,
    reason: ReasonOption,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Stop a contract at once (operator, or the approver or regulator that it names)."""
    with open_client(home) as client:
        found = client.suspend(resolve_contract(client, contract), reason)
    print_card(found, form, contract_json(found))
    note(f"Requests are refused until: unseen contract resume {found.id} --reason TEXT", form)


def resume(
    contract: ContractArgument,
    reason: ReasonOption,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Lift your own stop of a contract; it goes on when no other stands."""
    with open_client(home) as client:
        found = client.resume(resolve_contract(client, contract), reason)
    print_card(found, form, contract_json(found))


def show_node(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """Show the node: version, clock, log, and whether it stands still."""
    with open_client(home) as client:
        found = client.node()
    print_card(found, form, node_json(found))


def stop_node(
    reason: ReasonOption, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Have the whole node stand still: nothing is computed or released (operator)."""
    with open_client(home) as client:
        found = client.stop_node(reason)
    print_card(found, form, node_json(found))
    note("It stands still, also after a restart, until: unseen node resume --reason TEXT", form)


def resume_node(
    reason: ReasonOption, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Have a stopped node go on (operator)."""
    with open_client(home) as client:
        found = client.resume_node(reason)
    print_card(found, form, node_json(found))
