"""`unseen statistics joint`: questions about many over several nodes, relayed by this client."""

import json
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import UsageError
from unseen.cli.names import resolve
from unseen.cli.output import Format, FormatOption, note, print_card
from unseen.cli.progress import board
from unseen.cli.statistic_views import joint_json
from unseen.cli.writing import OutputOption, write_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unseen.client.agreements.contracts import Contract
    from unseen.client.api import Client
    from unseen.client.catalog import Product
    from unseen.client.errors import WireError
    from unseen.client.joint.seats import Seat
    from unseen.client.joint.statistics import JointStatistics
    from unseen.client.session import Progress
    from unseen.evidence.contracts.joint import Joint
    from unseen.evidence.contracts.statistics import Menu

app = App(help="The same over several nodes: one sum, masked.", no_args_is_help=True)

EXACT = "partition"
HomesOption = Annotated[
    list[Path], typer.Option("--home", help="A home at one of the nodes; once for each node.")
]
SeatsArgument = Annotated[
    list[str],
    typer.Argument(
        help="Id of the contract with one of the nodes, or the beginning of it; the others are"
        " those in force under the same joint clause. Where a node has several, name its own too.",
        metavar="CONTRACT...",
    ),
]


@app.command("ask")
def ask(
    contract: SeatsArgument,
    *,
    home: HomesOption,
    what: Annotated[
        str,
        typer.Option(
            help="count, sum, mean, variance, histogram or quantile; partition, the exact table,"
            " where the clause names a lead."
        ),
    ],
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
        str | None, typer.Option(help="What the answer may cost at each node, at the menu's delta.")
    ] = None,
    rho: Annotated[str | None, typer.Option(help="The same in zCDP, which adds up.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask all nodes of a joint clause one question; a unit and privacy at each of them."""
    if what == EXACT:
        if any((of, by, where, at, epsilon, rho)):
            raise UsageError(
                "the exact table is fixed by the contracts: it takes no other option",
                clause="what",
                remedy=f"ask with --what {EXACT} alone",
            )
        with _answers(home, contract) as answers:
            found = answers.partition()
        print_card(found, form, joint_json(found))
        return
    with _answers(home, contract) as answers:
        found = answers.ask_for(
            what,
            of,
            by=_names(by),
            where=_names(where),
            at=_names(at),
            epsilon=epsilon,
            rho=rho,
        )
    print_card(found, form, joint_json(found))


@app.command("clause")
def clause(
    *,
    product: Annotated[str, typer.Argument(help="Name of the product, the same at each node.")],
    home: HomesOption,
    outputs: Annotated[
        str, typer.Option(help="Names of the menu's entries, with commas; all of them without.")
    ] = "",
    honest: Annotated[
        int | None,
        typer.Option(min=3, help="How many of the nodes left are vouched for; all without."),
    ] = None,
    lead: Annotated[
        str,
        typer.Option(
            help="Name of the node that receives the exact table of the menu, and lets it out;"
            " then every node is vouched for."
        ),
    ] = "",
    output: OutputOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write the joint clause that contracts at these nodes are asked for with."""
    from unseen.client.joint.statistics import make_clause

    with ExitStack() as stack:
        clients = open_homes(stack, home)
        menus = [_menu(client, product, outputs) for client in clients]
        for client, menu in zip(clients, menus, strict=True):
            if menu != menus[0]:
                raise UsageError(
                    f"{client.profile.node.name} offers another menu than"
                    f" {clients[0].profile.node.name}",
                    clause="joint.task",
                    remedy="ask the operators to agree on one, word for word",
                )
        places = [client.profile.node.place for client in clients]
        _check_lead(lead, [each.name for each in places], menus[0])
        made = make_clause(places, menus[0], clients[0].profile.suite, honest=honest, lead=lead)
    write_out(json.dumps(made.to_json(), indent=2, ensure_ascii=False), output)
    words = f"--outputs {quote(','.join(menus[0].names))} --units N"
    words += "" if lead else " --budget EPSILON"
    note_requests(product, words, output, home, form)


def note_requests(
    product: str, words: str, clause: Path | None, homes: list[Path], form: Format
) -> None:
    """Say how the contract at each node is asked for, over the clause that was written."""
    file = quote(str(clause)) if clause else "CLAUSE"
    note("Ask each node for a contract, with the same file:", form)
    for home in homes:
        rest = f"{words} --joint {file} --scenario NAME --home {quote(str(home))}"
        note(f"  unseen contract request {quote(product)} {rest}", form)


def _check_lead(lead: str, names: list[str], menu: "Menu") -> None:
    if lead and lead not in names:
        raise UsageError(
            f"{lead} is none of these nodes: {', '.join(names)}",
            clause="joint.lead",
            remedy="name one of them, and give a home at each node",
        )
    if lead and menu.partition is None:
        raise UsageError(
            "these outputs have no exact table, which is what a lead receives",
            clause="joint.lead",
            remedy="ask the operators for a menu with one; or write a clause without --lead",
        )


@contextmanager
def _answers(homes: list[Path], names: list[str]) -> "Iterator[JointStatistics]":
    from unseen.client.joint.statistics import JointStatistics

    with seats_under(homes, names) as (seats, progress):
        yield JointStatistics(seats, progress=progress)


@contextmanager
def seats_under(
    homes: list[Path], names: list[str], silent: "dict[str, WireError] | None" = None
) -> "Iterator[tuple[list[Seat], Progress]]":
    """Open a client at each node, all with one board of bars: seats under one joint clause.

    With `silent`, a node that does not answer is put into it, and its contracts are those that
    its home has seen.
    """
    from unseen.cli.choosing import chosen
    from unseen.client.joint.rounds import naming
    from unseen.client.joint.seats import check_roster

    with ExitStack() as stack:
        shown = stack.enter_context(board())
        clients = open_homes(stack, homes, shown.report)
        every = [_contracts(client, silent) for client in clients]
        known = [found for each in every for found in each]
        wanted = [resolve("contract", one, lambda: (found.id for found in known)) for one in names]
        clause = _clause_of(wanted[0], known)
        places = [client.profile.node.name for client in clients]
        check_roster(clause, places)
        seats = []
        picked = chosen(clients, every, wanted, clause)
        for client, name, one in zip(clients, places, picked, strict=True):
            with naming(name):  # its terms may still have to be fetched
                seats.append(client.seat(one))
        yield seats, shown.report


def _contracts(client: "Client", silent: "dict[str, WireError] | None") -> "list[Contract]":
    from unseen.client.errors import NodeError, UnreachableError
    from unseen.client.joint.rounds import naming

    name = client.profile.node.name
    try:
        with naming(name):
            return client.contracts()
    except (UnreachableError, NodeError) as error:
        if silent is None:
            raise
        silent[name] = error
        return client.contracts(offline=True)


def _clause_of(wanted: str, known: "list[Contract]") -> "Joint":
    """Return the joint clause of a contract."""
    from unseen.evidence.contracts.joint import joint_of

    for each in known:
        if each.id == wanted and (clause := joint_of(each.terms.parameters)) is not None:
            return clause
    raise UsageError(
        "no home given here has this contract with a joint clause",
        clause="contract",
        remedy="see: unseen contract list, in the home at each node",
    )


def open_homes(
    stack: ExitStack, homes: list[Path], progress: "Progress | None" = None
) -> "list[Client]":
    """Open a client at each home, closed with the stack."""
    from unseen.client import Client
    from unseen.client.session import no_progress

    return [stack.enter_context(Client(home, progress=progress or no_progress)) for home in homes]


def products_of(client: "Client") -> "list[Product]":
    """Return what a node offers; an error names the node."""
    from unseen.client.joint.rounds import naming

    with naming(client.profile.node.name):
        return client.products()


def _menu(client: "Client", product: str, outputs: str) -> "Menu":
    name = client.profile.node.name
    for each in products_of(client):
        if each.name == product and each.menu is not None:
            wanted = _names([outputs]) or list(each.menu.names)
            if {*wanted} <= {*each.menu.names}:
                return each.menu.only(wanted)
            raise UsageError(
                f"{name}: the menu of {product} does not have all of these entries",
                clause="outputs",
                remedy=f"see: unseen product show {product}",
            )
    raise UsageError(
        f"{name} offers no statistics called {product}",
        clause="product",
        remedy="see: unseen product list",
    )


def _names(given: list[str] | None) -> list[str]:
    return [name.strip() for each in given or () for name in each.split(",") if name.strip()]
