"""`unseen receipt`: evidence of what was paid for, checkable by anybody without a network."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import UsageError
from unseen.cli.hints import tell
from unseen.cli.names import SHORT, resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    print_card,
    print_json,
    print_list,
    show_card,
    show_rows,
)
from unseen.cli.statistic_views import statistic_json
from unseen.cli.trusting import TrustOption, trust_file
from unseen.cli.views import facts_json, receipt_json, verdict_json
from unseen.cli.words import say
from unseen.cli.writing import OutputOption, write_out

if TYPE_CHECKING:
    from unseen.client.cards import Card
    from unseen.client.rows import Rows
    from unseen.evidence.canonical import Json
    from unseen.evidence.oversight.clear import OpenedClear
    from unseen.evidence.oversight.opening import Opened
    from unseen.evidence.trust import Trust
    from unseen.evidence.verify import VerifiedReceipt

app = App(help="Evidence of what was paid for.", no_args_is_help=True)

RequestArgument = Annotated[
    str, typer.Argument(help="Id of the request; names the receipt's file.", metavar="ID")
]


@app.command("list")
def list_receipts(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the receipts in this home, each verified."""
    from unseen.cli.progress import open_client
    from unseen.evidence.canonical import b64encode, format_time

    with open_client(home) as client:
        found, missing = client.receipts(), client.unanswered()
    print_list(
        form,
        [receipt_json(receipt) for receipt in found],
        ("id", "time", "kind", "units", "contract"),
        [
            (
                receipt.id,
                format_time(receipt.facts.time),
                receipt.facts.kind,
                receipt.facts.units,
                b64encode(receipt.facts.contract)[:SHORT],
            )
            for receipt in found
        ],
        empty="No receipts yet.",
    )
    for request in missing:
        tell(f"no answer yet: unseen receipt fetch {request}", err=True)


@app.command("show")
def show(
    request: RequestArgument, home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE
) -> None:
    """Show what a receipt of this home proves; fetches it if it got lost."""
    from unseen.cli.progress import open_client

    with open_client(home) as client:
        receipt = client.receipt(_request_id(request))
    print_card(receipt, form, receipt_json(receipt))


@app.command("fetch")
def fetch(
    request: RequestArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File for an answer of many rows: CSV; or .parquet, .arrow, .arrows.",
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Fetch the answer to a request again, by its id; charged once, however often."""
    from unseen.cli.commands.intersect import intersected_json
    from unseen.cli.commands.query import check_output
    from unseen.cli.commands.score import scored_json
    from unseen.cli.encrypted import fitting_json
    from unseen.cli.progress import open_client
    from unseen.client.queries.questions import KIND
    from unseen.evidence.canonical import b64encode
    from unseen.evidence.contracts.intersection import KIND as INTERSECT
    from unseen.evidence.contracts.scoring import KIND as SCORE

    check_output(output)
    with open_client(home) as client:
        identifier = _request_id(request)
        receipt = client.fetch(identifier)
        cards: list[Card]
        found: list[object]
        rows: Rows | None = None
        if receipt.facts.kind == KIND:
            statistic = client.fetch_statistic(identifier)
            cards, found = [statistic], [statistic_json(statistic)]
        elif receipt.facts.kind == INTERSECT:
            run = client.fetch_intersection(identifier)
            cards, found = [run], [intersected_json(run)]
            rows = run.rows() if run.present else None
        elif receipt.facts.kind == SCORE:
            scored = client.fetch_scores(identifier)
            cards, found = [scored], [scored_json(scored)]
            rows = scored.rows()
        elif client.is_encrypted_training(b64encode(receipt.facts.contract)):
            fitting = client.fetch_fitting(identifier)
            cards, found = [fitting], [fitting_json(fitting)]
        else:
            answers = client.fetch_answers(identifier)
            cards, found = [*answers], [verdict_json(answer) for answer in answers]
            rows = client.verdict_rows(answers) if output is not None else None
    if output is not None:
        _write(rows, output)
    if form is Format.JSON:
        print_json({"receipt": receipt_json(receipt), "answers": found})
        return
    for card in (*cards, receipt):
        show_card(card)


def _write(rows: "Rows | None", output: Path) -> None:
    if rows is None:
        raise UsageError(
            "the answer is numbers about many, and has no rows",
            clause="output",
            remedy="leave it out; for programs: --format json",
        )
    rows.write(output)


@app.command("open")
def open_receipt(
    request: RequestArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the opening.")],
    position: Annotated[
        int, typer.Option(min=0, help="Which subject of a request with many, from 0.")
    ] = 0,
    contract: Annotated[
        str | None, typer.Option(help="An operator's: where several have a request of this id.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write a file that proves to a third party whom you asked about and what the answer was.

    An operator proves what it was asked and what it answered in the clear.
    """
    from unseen.cli.progress import open_client
    from unseen.client.local.home import write_file
    from unseen.evidence import canonical

    with open_client(home) as client:
        under = resolve_contract(client, contract) if contract else None
        bundle = client.open_receipt(_request_id(request), position, under)
        trust = client.home.trust
    write_file(output, canonical.encode(bundle) + b"\n", private=True)
    if form is Format.JSON:
        print_json({"request": request, "position": position, "file": str(output)})
        return
    typer.echo(f"{output} shows one subject and its answer to whoever reads it.")
    tell(f"They check it with: unseen receipt verify {output} --trust {trust}")


class ReceiptFormat(Enum):
    """In what form a receipt is exported."""

    VC = "vc"


@app.command("export")
def export(
    request: RequestArgument,
    form: Annotated[
        ReceiptFormat,
        typer.Option("--format", help="vc: a Verifiable Credential, signed by this instance."),
    ] = ReceiptFormat.VC,
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Export a receipt for other systems. The receipt stands in it and stays the evidence."""
    from unseen.cli.progress import open_client

    del form  # there is one
    with open_client(home) as client:
        token = client.export_receipt(_request_id(request))
    write_out(token, output)


@app.command("verify")
def verify(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="Receipt, its credential, or opening."),
    ],
    trust: TrustOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check a receipt, a credential or an opening. No network and, with --trust, no home."""
    keys = trust_file(trust, home)
    data = file.read_bytes()
    if data.startswith(b"{"):
        _print_bundle(_bundle(data), keys, form)
    else:
        _print_facts(_facts(_token(data), keys), form)


def _facts(token: str, trust: "Trust") -> "VerifiedReceipt":
    """Return what a receipt, or the receipt in a credential, proves."""
    from unseen.evidence import jws
    from unseen.evidence.errors import CanonicalError
    from unseen.evidence.exports.credential import TYP, read_credential
    from unseen.evidence.verify import verify_receipt

    try:
        found = jws.peek(token)
    except CanonicalError:
        return verify_receipt(token, trust)  # which says what is wrong with it
    return read_credential(token, trust) if found.typ == TYP else verify_receipt(token, trust)


def _token(data: bytes) -> str:
    # One line end is the file's; whatever else differs is the receipt's and fails below.
    return data.decode("utf-8", "replace").removesuffix("\n")


def _bundle(data: bytes) -> "Json":
    from unseen.evidence import canonical

    return canonical.decode(data.removesuffix(b"\n"))


def _print_facts(facts: "VerifiedReceipt", form: Format) -> None:
    if form is Format.JSON:
        print_json({"valid": True, "type": "receipt", "facts": facts_json(facts)})
        return
    from unseen.client.evidence import receipt_rows

    title = f"{say('Receipt')} {facts.request} {say('is valid.')}"
    show_rows(title, receipt_rows(facts))


def _print_bundle(bundle: "Json", trust: "Trust", form: Format) -> None:
    from unseen.evidence.oversight.clear import verify_clear_opening
    from unseen.evidence.oversight.opening import verify_opening

    kind = bundle.get("type") if isinstance(bundle, dict) else None
    if kind != "opening-clear":
        opened = verify_opening(bundle, trust)
        more: dict[str, Json] = {"found": opened.found, "malformed": opened.malformed}
        _print_opened(opened, more, form, matched=bool(opened.manifest.match))
        return
    clear = verify_clear_opening(bundle, trust)
    _print_opened(clear, {}, form, matched=clear.plan is not None and bool(clear.plan.match))


def _print_opened(
    opened: "Opened | OpenedClear", more: "dict[str, Json]", form: Format, *, matched: bool
) -> None:
    from unseen.client.cards import text
    from unseen.client.verdicts import answer_of, answer_words

    answers = {
        name: answer_of(verdict, matched=matched) for name, verdict in opened.verdicts.items()
    }
    subject = [str(value) for value in opened.subject]
    said = {output.name: output.text for output in opened.plan.outputs} if opened.plan else {}
    if form is Format.JSON:
        texts: dict[str, Json] = {"outputs": dict(said)} if said else {}
        print_json(
            {
                "valid": True,
                "type": "opening",
                "subject": subject,
                "answers": {name: answer.value for name, answer in answers.items()},
                **more,
                **texts,
                "facts": facts_json(opened.receipt),
            }
        )
        return
    typer.echo(f"The opening is valid: {opened.receipt.buyer} asked about {' / '.join(subject)}.")
    for name, answer in answers.items():
        meaning = f"  ({said[name]})" if name in said else ""
        words = text(answer_words(answer, matched=matched), say)
        typer.echo(f"  {name:<12}  {words}{meaning}")
    if more.get("malformed"):
        typer.echo("  The label in the operator's table is malformed: it says nothing.")
    _print_facts(opened.receipt, form)


def _request_id(text: str) -> str:
    return Path(text).name.removesuffix(".receipt")
