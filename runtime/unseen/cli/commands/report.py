"""`unseen audit disclosure|personal`: the reports that an operator owes."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption, print_json, show_card
from unseen.cli.progress import open_client
from unseen.cli.words import Language, OwnLanguageOption, present_language

if TYPE_CHECKING:
    from unseen.client.oversight.reports import ReportCard

ExportOption = Annotated[
    Path | None,
    typer.Option(
        "--export", exists=True, file_okay=False, help="An export; without it the log as it is now."
    ),
]
OutputOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        help="File to write, repeatable: .json, .md, .html, or .jws for the signed report.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `unseen audit`."""
    app.command("disclosure")(disclosure)
    app.command("personal")(personal)


def disclosure(
    *,
    year: Annotated[int, typer.Option(min=2000, max=9000, help="Which year (UTC).")],
    export: ExportOption = None,
    threshold: Annotated[
        int, typer.Option(min=1, help="Numbers are rounded down to multiples of this.")
    ] = 10,
    output: OutputOption = None,
    language: OwnLanguageOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Sum up a year for the public: scenarios, contracts, releases, units; signed."""
    with open_client(home, doing="reading the log") as client:
        card = client.disclosure(year, export=export, threshold=threshold)
    _show(card, output or [], language or present_language(), form)


def personal(
    *,
    start: Annotated[
        dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC).")
    ],
    until: Annotated[
        dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Day after the last (UTC).")
    ],
    export: ExportOption = None,
    output: OutputOption = None,
    language: OwnLanguageOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Report on people's consent over a span: changes, effect, work, openings; signed."""
    span = start.replace(tzinfo=dt.UTC), until.replace(tzinfo=dt.UTC)
    with open_client(home, doing="reading the log") as client:
        card = client.personal_audit(*span, export=export)
    _show(card, output or [], language or present_language(), form)


def _show(card: "ReportCard", output: list[Path], language: Language, form: Format) -> None:
    from unseen.client.local.home import write_file

    for path in output:
        write_file(path, _bytes(card, path, language))
    if form is Format.JSON:
        print_json(card.body)
    elif not output:
        typer.echo(card.page(language.value).markdown())
    else:
        show_card(card)


def _bytes(card: "ReportCard", path: Path, language: Language) -> bytes:
    match path.suffix:
        case ".json":
            return card.encode()
        case ".md":
            return card.page(language.value).markdown().encode()
        case ".html":
            return card.page(language.value).html().encode()
        case ".jws" if card.token:
            return card.token.encode() + b"\n"
        case ".jws":
            raise UsageError(
                "only the operator's home signs a report",
                clause="output",
                remedy="write .json here, and have the operator sign",
            )
    raise UsageError(
        f"no format for {path.name}", clause="output", remedy="name it .json, .md, .html or .jws"
    )
