"""`unseen audit order|draw|orders|answer|open`: hidden queries opened on a lawful order."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_json,
    print_list,
    show_card,
)
from unseen.cli.progress import open_client

if TYPE_CHECKING:
    from unseen.client.oversight.opened import Finding, OpenedOrder
    from unseen.client.oversight.ordered import OrderCard
    from unseen.evidence.canonical import Json

OrderArgument = Annotated[
    str, typer.Argument(help="Id of the order, or the beginning of it.", metavar="ORDER")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `unseen audit`."""
    app.command("order")(order)
    app.command("draw")(draw)
    app.command("orders")(orders)
    app.command("answer")(answer)
    app.command("open")(open_order)


def order(
    *,
    contract: Annotated[
        str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
    ],
    reason: Annotated[str, typer.Option(help="Why, and by what right; the buyer reads it.")],
    request: Annotated[
        list[str] | None, typer.Option("--request", help="A request to be opened; repeatable.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Or so many of the contract's releases, drawn by the log.")
    ] = 0,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days to answer.")] = 14,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Order hidden queries to be opened (the regulator or auditor that the contract names)."""
    with open_client(home) as client:
        card = client.order_openings(
            resolve_contract(client, contract),
            reason=reason,
            requests=request or (),
            sample=sample,
            notice=dt.timedelta(days=days),
        )
    print_card(card, form, order_json(card))
    note(f"See the answers: unseen audit open {card.id[:8]} --home {home}", form)


def draw(
    order: OrderArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Draw the sample of an order, where `audit order` was interrupted."""
    with open_client(home) as client:
        card = client.draw_sample(order)
    print_card(card, form, order_json(card))


def orders(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List orders of openings: a buyer's to answer, a regulator's to open."""
    from unseen.evidence.canonical import format_time

    with open_client(home) as client:
        found = client.orders()
        waiting = {card.id for card in client.waiting_orders()}
        buyer = client.profile.role == "buyer"
    print_list(
        form,
        [order_json(card) for card in found],
        ("id", "contract", "until", "wanted", "missing", "reason"),
        [
            (
                card.id,
                card.contract[:8],
                format_time(card.order.deadline),
                len(card.wanted),
                len(card.missing),
                card.order.reason,
            )
            for card in found
        ],
        empty="No orders.",
    )
    for card in found:
        if buyer and card.id in waiting:
            note(f"Waits for this home: unseen audit answer {card.id[:8]} --home {home}", form)
        elif not buyer and card.order.sample is not None and card.draw is None:
            note(f"Not drawn yet: unseen audit draw {card.id[:8]} --home {home}", form)


def answer(
    order: OrderArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Open what an order wants of this home, encrypted to the regulator (buyer)."""
    with open_client(home, doing="opening") as client:
        said = client.answer_order(order)
    failed: list[Json] = [{"request": request, "why": why} for request, why in said.failed]
    value: dict[str, Json] = {
        "order": said.order,
        "opened": list(said.opened),
        "unknown": list(said.unknown),
        "lost": list(said.lost),
        "failed": failed,
    }
    print_card(said, form, value)
    if said.failed:
        note("Mend what failed and run it again: nothing was said about those requests.", form)


def open_order(
    *,
    order: OrderArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the findings, with subjects.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Check what was fetched before; ask nobody.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Fetch, decrypt and check the answers to an order of this home."""
    from unseen.client.local.home import write_json

    with open_client(home, doing="checking openings") as client:
        found = client.open_order(order, offline=offline)
    if output is not None:
        write_json(output, found.to_json(), private=True)
    if form is Format.JSON:
        print_json(found.to_json())
        return
    show_card(found)
    for finding in found.findings:
        _print(finding)
    _print_missing(found)


def order_json(card: "OrderCard") -> "Json":
    """Return an order with who has answered it."""
    responses: list[Json] = [
        {
            "instance": one.instance,
            "opened": len(one.found.response.opened),
            "unknown": len(one.found.response.unknown),
            "lost": len(one.found.response.lost),
            "index": one.index,
        }
        for one in card.responses
    ]
    return {
        "id": card.id,
        "contract": card.contract,
        "buyer": card.buyer,
        "index": card.index,
        "order": card.order.to_json(),
        "draw": card.draw.to_json() if card.draw else None,
        "wanted": list(card.wanted),
        "missing": list(card.missing),
        "responses": responses,
    }


def _print(finding: "Finding") -> None:
    from unseen.client.verdicts import answer_of

    late = ", late" if finding.late else ""
    why = f": {finding.why}" if finding.why else ""
    typer.echo(f"request {finding.request}  {finding.outcome.value}{late}{why}")
    for shown in finding.shown:
        subject = " / ".join(str(value) for value in shown.subject)
        said = ", ".join(f"{name} {answer_of(v)}" for name, v in shown.verdicts.items())
        typer.echo(f"  {subject}: {said}")


def _print_missing(found: "OpenedOrder") -> None:
    from unseen.client.oversight.opened import Outcome

    for finding in found.findings:
        if finding.outcome is Outcome.MISSING:
            typer.echo(
                f"{finding.party} has not opened request {finding.request}, "
                f"which entry {finding.release} of the log holds",
                err=True,
            )
