"""`unseen review`: what the gate holds for a person, and that person's signed decision."""

from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.names import resolve_review
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_card,
    print_list,
)
from unseen.cli.progress import open_client

if TYPE_CHECKING:
    from unseen.client.reviews import Review
    from unseen.evidence.canonical import Json

app = App(help="Results that wait for a person's signature.", no_args_is_help=True)

ReviewArgument = Annotated[
    str, typer.Argument(help="Id of the held release, or the beginning of it.", metavar="REVIEW")
]


@app.command("list")
def list_reviews(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was decided on, or expired.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """List what waits for a person (operator, or a contract's second approver)."""
    with open_client(home) as client:
        found = client.reviews(waiting=not everything)
    print_list(
        form,
        [review_json(review) for review in found],
        ("id", "state", "type", "bits", "rules", "until"),
        [
            (
                review.id,
                review.state.value,
                review.type,
                review.bits,
                tuple(finding.rule for finding in review.findings),
                review.expires_at,
            )
            for review in found
        ],
        empty="Nothing waits. What was decided on: unseen review list --all",
    )


@app.command("show")
def show(
    review: ReviewArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show a held release with the rules that held it; to the operator, what it says as well."""
    with open_client(home) as client:
        found = client.review(resolve_review(client, review))
    print_card(found, form, review_json(found))


@app.command("approve")
def approve(
    review: ReviewArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Let a held release out, signed by you; it is charged now."""
    with open_client(home) as client:
        found = client.approve_release(resolve_review(client, review))
    print_card(found, form, review_json(found))
    note(collecting(found), form)


@app.command("refuse")
def refuse(
    review: ReviewArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Refuse a held release, signed by you; what it said is destroyed and nothing is charged."""
    with open_client(home) as client:
        found = client.refuse_release(resolve_review(client, review))
    print_card(found, form, review_json(found))


def collecting(found: "Review") -> str:
    """Return how the buyer comes to what was let out."""
    if found.type == "model":  # its card is written anew, which no single receipt does
        again = f"unseen train release {found.contract} --model model.json"
        return f"The buyer says it once more, with a home at each node: {again}"
    return f"The buyer fetches it: unseen receipt fetch {found.request}"


def review_json(review: "Review") -> "Json":
    """Return a held release."""
    return {
        "id": review.id,
        "contract": review.contract,
        "request": review.request,
        "type": review.type,
        "state": review.state.value,
        "bits": review.bits,
        "findings": [
            {"rule": finding.rule, "text": finding.text, "text_zh": finding.text_zh}
            for finding in review.findings
        ],
        "held_at": review.held_at,
        "expires_at": review.expires_at,
        "decided_at": review.decided_at,
        "decided_by": review.decided_by,
        "document": review.document,
        "shown": review.shown,
        "value": review.value,
        "attack": review.attack.to_json() if review.attack else None,
    }
