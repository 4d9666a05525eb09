"""`unseen objection`: one side objects, the other answers, the first closes."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import UsageError
from unseen.cli.names import resolve_contract
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
    from unseen.client.oversight.objections import ObjectionCard
    from unseen.evidence.canonical import Json
    from unseen.evidence.oversight.objection import Correction, Credit

app = App(help="Objections, answers to them, and credits.", no_args_is_help=True)

ObjectionArgument = Annotated[
    str, typer.Argument(help="Id of the objection, or the beginning of it.", metavar="ID")
]
TextOption = Annotated[
    str, typer.Option("--text", help="In words; goes to the other side, not into the log.")
]


class Reason(Enum):
    """Why one objects."""

    NOT_ASKED = "not_asked"
    NOT_ANSWERED = "not_answered"
    WRONG_ANSWER = "wrong_answer"
    MALFORMED_LABEL = "malformed_label"
    WRONG_UNITS = "wrong_units"
    WRONG_PRICE = "wrong_price"
    NOT_PERMITTED = "not_permitted"
    PERSONAL = "personal"
    OTHER = "other"


@app.command("open")
def open_objection(
    *,
    about: Annotated[
        str,
        typer.Argument(
            help="A receipt's file, a request's id, or a contract's.", metavar="RECEIPT|ID"
        ),
    ],
    reason: Annotated[Reason, typer.Option(help="Why.")],
    text: TextOption,
    contract: Annotated[
        str, typer.Option(help="Contract of the request, where this home has no receipt of it.")
    ] = "",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Object to a release, by its receipt or request, or to a contract as a whole."""
    path, words = Path(about), (reason.value, text)
    if path.suffix == ".receipt" and not path.is_file():
        raise UsageError(f"no file {about}", clause="receipt", remedy="see: unseen receipt list")
    with open_client(home) as client:
        if path.is_file():
            card = client.open_objection(*words, receipt=path)
        elif _is_request(about):
            under = resolve_contract(client, contract) if contract else ""
            card = client.open_objection(*words, request=about, contract=under)
        else:
            card = client.open_objection(*words, contract=resolve_contract(client, about))
    print_card(card, form, objection_json(card))
    note(f"See where it stands: unseen objection show {card.id[:8]} --home {home}", form)


@app.command("answer")
def answer(
    *,
    objection: ObjectionArgument,
    accept: Annotated[
        bool, typer.Option("--accept/--reject", help="Whether the objection is right.")
    ],
    text: TextOption,
    credit_units: Annotated[
        int, typer.Option(min=0, help="Units of the release that are credited.")
    ] = 0,
    credit_amount: Annotated[
        int, typer.Option(min=0, help="Amount credited, in millionths of the currency.")
    ] = 0,
    snapshot: Annotated[
        str, typer.Option(help="Snapshot in which it is corrected, as `table show` shows it.")
    ] = "",
    epoch: Annotated[int, typer.Option(min=0, help="Epoch of that snapshot, for a lookup.")] = 0,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Answer an objection of the other side."""
    with open_client(home) as client:
        card = client.answer_objection(
            objection,
            text,
            accepted=accept,
            credit=_credit(credit_units, credit_amount),
            correction=_correction(snapshot, epoch),
        )
    print_card(card, form, objection_json(card))


@app.command("close")
def close(
    objection: ObjectionArgument,
    agree: Annotated[
        bool,
        typer.Option(
            "--agree/--disagree",
            help="Whether the answer settles it; unanswered, --agree withdraws it.",
        ),
    ],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Close an objection of one's own."""
    with open_client(home) as client:
        card = client.close_objection(objection, agreed=agree)
    print_card(card, form, objection_json(card))


@app.command("list")
def list_objections(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the objections that this party may see."""
    from unseen.evidence.canonical import format_time

    with open_client(home) as client:
        found = client.objections()
    print_list(
        form,
        [objection_json(card) for card in found],
        ("id", "status", "by", "reason", "opened", "contract", "request"),
        [
            (
                card.id,
                card.status.value,
                card.by,
                card.opened.reason,
                format_time(card.opened.opened_at),
                card.contract[:8],
                card.opened.request,
            )
            for card in found
        ],
        empty="No objections.",
    )


@app.command("show")
def show(
    objection: ObjectionArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show an objection, with the words where this party is a side of it."""
    with open_client(home) as client:
        card = client.objection(objection)
    print_card(card, form, objection_json(card))


def objection_json(card: "ObjectionCard") -> "Json":
    """Return an objection with its documents and words."""
    return {
        "id": card.id,
        "contract": card.contract,
        "by": card.by,
        "status": card.status.value,
        "opened": card.opened.to_json(),
        "answered": card.answered.to_json() if card.answered else None,
        "closed": card.closed.to_json() if card.closed else None,
        "words": card.words,
        "answer_words": card.answer_words,
    }


def _is_request(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _credit(units: int, amount: int) -> "Credit | None":
    from unseen.evidence.oversight.objection import Credit

    return Credit(units=units, amount=amount) if units or amount else None


def _correction(snapshot: str, epoch: int) -> "Correction | None":
    from unseen.evidence.canonical import b64decode
    from unseen.evidence.errors import CanonicalError
    from unseen.evidence.oversight.objection import Correction

    if not snapshot:
        return None
    try:
        return Correction(snapshot=b64decode(snapshot), epoch=epoch)
    except CanonicalError:
        raise UsageError(
            "not the name of a snapshot", clause="snapshot", remedy="see: unseen table show NAME"
        ) from None
