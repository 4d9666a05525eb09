"""`unseen statistics`: questions about many people at once."""

from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.commands import joint
from unseen.cli.failures import UsageError
from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_json,
    show_card,
)
from unseen.cli.progress import open_client
from unseen.cli.statistic_views import menu_json, statistic_json

if TYPE_CHECKING:
    from unseen.client.statistics import Statistics
    from unseen.evidence.contracts.statistics.question import Question

app = App(help="Questions about many people at once.", no_args_is_help=True)
app.add_typer(joint.app, name="joint")

ContractArgument = Annotated[
    str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
]


@app.command("ask")
def ask(
    *,
    contract: ContractArgument,
    what: Annotated[
        str, typer.Option(help="count, sum, mean, variance, histogram or quantile.")
    ] = "",
    of: Annotated[str, typer.Option(help="Measure of the menu.")] = "",
    by: Annotated[
        list[str] | None, typer.Option(help="Dimension to group by; several with commas.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Filter that has to hold; several with commas.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="Quantiles from 0 to 1; several with commas.")
    ] = None,
    epsilon: Annotated[
        str | None, typer.Option(help="What the answer may cost, at the menu's delta.")
    ] = None,
    rho: Annotated[str | None, typer.Option(help="The same in zCDP, which adds up.")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="The one exact table that the contract fixes.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Ask the node though this home has the answer.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask a question of the contract's menu; each number comes with its noise."""
    given = (what, of, by, where, at, epsilon, rho)
    if exact and any(given):
        raise UsageError(
            "the exact table is fixed by the contract: it takes no other option",
            clause="exact",
            remedy="ask with --exact alone, or without it: every other answer has noise",
        )
    with open_client(home, doing="asking") as client:
        answers = client.statistics(resolve_contract(client, contract))
        if exact:
            found = answers.partition(again=again)
        else:
            question = _question(answers, what, of, by=by, where=where, at=at, cost=(epsilon, rho))
            found = answers.ask(question, again=again)
    print_card(found, form, statistic_json(found))
    if found.cached:
        note("nothing was asked or charged; ask the node anew with --again", form)


@app.command("menu")
def menu(
    contract: ContractArgument,
    epsilon: Annotated[
        str, typer.Option(help="For which epsilon of one question the noise is shown.")
    ] = "0.1",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what may be asked under a contract, how far noise moves it, and what is left."""
    with open_client(home) as client:
        answers = client.statistics(resolve_contract(client, contract))
        card, left = answers.menu(epsilon), answers.budget()
    if form is Format.JSON:
        print_json(menu_json(card, left))
        return
    show_card(card)
    show_card(left)


def _question(
    answers: "Statistics",
    what: str,
    of: str,
    *,
    by: list[str] | None,
    where: list[str] | None,
    at: list[str] | None,
    cost: tuple[str | None, str | None],
) -> "Question":
    from unseen.client.wording import cost_of, make_question

    offered = answers.menu().menu
    return make_question(
        offered,
        what,
        of,
        by=_names(by),
        where=_names(where),
        at=_names(at),
        cost=cost_of(offered, *cost),
    )


def _names(given: list[str] | None) -> list[str]:
    """Return what was typed with commas, with several options, or both."""
    return [name for each in given or () for name in each.split(",") if name]
