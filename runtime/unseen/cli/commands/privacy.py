"""`unseen privacy`, `unseen table budget`: what answers with noise may cost, and have cost."""

from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    print_card,
    print_json,
    print_list,
)
from unseen.cli.progress import open_client
from unseen.cli.views import ledger_json

app = App(help="The privacy ledgers of tables.", no_args_is_help=True)


@app.callback()
def privacy() -> None:
    """The privacy ledgers of tables: what answers with noise may cost, and have cost."""


@app.command("show")
def show(
    table: Annotated[str, typer.Argument(help="Name of a table; without it, all.")] = "",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what is spent and left of each table's budget (operator, auditor, regulator)."""
    with open_client(home) as client:
        found = client.privacy_ledgers(table)
    if table and form is Format.TABLE:
        print_card(found[0], form, None)
        return
    if table:
        print_json(ledger_json(found[0]))
        return
    print_list(
        form,
        [ledger_json(ledger) for ledger in found],
        ("table", "privacy budget", "spent", "left", "contracts"),
        [
            (
                ledger.table,
                ledger.budget_said if ledger.epsilon else None,
                ledger.spent_said if ledger.spent_epsilon else None,
                ledger.left_said,
                len(ledger.contracts),
            )
            for ledger in found
        ],
        empty="No privacy budgets. Set one: unseen table budget TABLE --epsilon E --delta D",
    )


def budget(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    epsilon: Annotated[
        str, typer.Option(help="What all answers with noise may cost together, for ever.")
    ],
    delta: Annotated[
        str, typer.Option(help="At which delta; far below one in the number of rows. It stays.")
    ],
    *,
    raised: Annotated[
        bool, typer.Option("--raise", help="More than before: an event of its own in the log.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Set a table's privacy budget (operator): for all contracts and snapshots, never refreshed."""
    with open_client(home) as client:
        found = client.set_privacy_budget(table, epsilon=epsilon, delta=delta, raised=raised)
    print_card(found, form, ledger_json(found))
