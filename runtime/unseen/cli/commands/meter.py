"""`unseen meter`: what was used, and the bill."""

import datetime as dt
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import PROOF_FAILED, UsageError
from unseen.cli.meter_files import (
    ContractArgument,
    ExportOption,
    ReceiptsOption,
    exported_contract,
    receipt_files,
    write_statement,
)
from unseen.cli.meter_views import (
    MATCH_COLUMNS,
    matches_csv,
    note_unproven,
    print_differences,
    print_statement,
    spending_json,
)
from unseen.cli.names import OfflineOption, resolve_contract
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
from unseen.cli.progress import open_client, working
from unseen.cli.trusting import TrustOption, trust_file

if TYPE_CHECKING:
    from unseen.client import Client
    from unseen.client.bills.settling import Spending
    from unseen.evidence.bills.reconcile import Match, Sheet
    from unseen.evidence.trust import Trust

app = App(help="What was used, and the bill.", no_args_is_help=True)


class By(Enum):
    """What sums are over."""

    CONTRACT = "contract"
    PARTY = "party"
    DAY = "day"


@app.command("show")
def show(
    contract: Annotated[
        str | None,
        typer.Argument(help="Id of the contract, or its beginning; all without one."),
    ] = None,
    *,
    by: Annotated[By, typer.Option(help="Sum over contracts, buyers or days.")] = By.CONTRACT,
    party: Annotated[str, typer.Option(help="Only the contracts of this buyer.")] = "",
    offline: OfflineOption = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what was used and what it comes to, by line and payee; or sums over many contracts."""
    with open_client(home, doing="adding up") as client:
        if contract is not None:
            identifier = resolve_contract(client, contract, offline=offline)
            spending = client.spending(identifier, offline=offline)
            print_card(spending, form, spending_json(spending))
            return
        found = [
            client.spending(item.id, offline=offline)
            for item in client.contracts(offline=offline)
            if party in {"", item.buyer}
        ]
    _print_sums(found, by, form)


@app.command("settle")
def settle(
    contract: ContractArgument,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the exact statement.")
    ] = None,
    receipts: ReceiptsOption = None,
    offline: OfflineOption = False,
    export: ExportOption = None,
    trust: TrustOption = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Of an export: allow leaves by their hash alone.")
    ] = False,
    sign: Annotated[
        bool, typer.Option("--sign", help="Write the statement signed by this party.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compute the bill: from the log, from receipts (buyer), or from an export (auditor)."""
    if sign and output is None:
        raise UsageError("a signed statement goes into a file", clause="output", remedy="give -o")
    charged: int | None = None
    if export is not None:
        statement = _settle_export(export, contract, trust, home, partial=partial)
    else:
        with open_client(home, doing="adding up") as client:
            identifier = resolve_contract(client, contract, offline=offline)
            if client.profile.role == "buyer":
                statement = client.settle(identifier, receipt_files(receipts), offline=offline)
                _note_unanswered(client, identifier, form)
            else:
                statement = client.operator_settle(identifier)
            charged = None if offline else client.usage(identifier).units_used
    if output is not None:
        write_statement(output, statement, home if sign else None)
    if form is Format.JSON:
        typer.echo(statement.decode())
    else:
        print_statement(statement)
    note_unproven(statement, charged, form)


@app.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A statement.")],
    second: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Another one.")],
    *,
    trust: TrustOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hold two statements, signed or not, against each other. Exit code 5 if they differ."""
    from unseen.evidence.bills.statement import differences

    trusted = trust_file(trust, home)
    found = differences(
        _read_statement(first, trusted, form), _read_statement(second, trusted, form)
    )
    print_differences(found, form)
    if found:
        raise typer.Exit(PROOF_FAILED)


@app.command("reconcile")
def reconcile(
    contract: Annotated[
        list[str] | None,
        typer.Argument(help="Contracts, by id or its beginning; all without one."),
    ] = None,
    *,
    date: Annotated[str, typer.Option(help="Day in UTC, such as 2026-11-22.")],
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The other side's sheet of the day."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="File for this side's sheet, for the other side.")
    ] = None,
    receipts: ReceiptsOption = None,
    export: ExportOption = None,
    trust: TrustOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the CSV; else it is printed.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hold a day's charges against the other side's, by request id. Exit code 5 on a mismatch.

    A buyer needs no sheet: its receipts are held against the node's log. With --export the log's
    side is an export, which is checked first; the other one a sheet, or a folder of --receipts.
    """
    from unseen.client.local.home import write_file
    from unseen.evidence.bills.reconcile import Sheet

    day = _day(date)
    theirs = Sheet.decode(against.read_bytes()) if against is not None else None
    if export is not None:
        trusted = trust_file(trust, home)
        found = _reconcile_export(export, contract or (), trusted, (day, theirs, receipts), sheet)
        if found is None:
            _only_wrote(sheet, form)
        else:
            _print_matches(found, output, form)
        return
    with open_client(home, doing="adding up") as client:
        chosen = _contracts(client, contract or ())
        files = receipt_files(receipts)
        if sheet is not None:
            write_file(sheet, client.sheet(day, chosen, files).encode())
        if theirs is None and client.profile.role != "buyer":
            _only_wrote(sheet, form)
            return
        matches = client.reconcile(day, chosen, theirs, files)
    _print_matches(matches, output, form)


def _print_matches(matches: "Sequence[Match]", output: Path | None, form: Format) -> None:
    from unseen.client.local.home import write_file

    text = matches_csv(matches)
    if output is not None:
        write_file(output, text.encode())
    elif form is Format.TABLE:
        typer.echo(text, nl=False)
    wrong = [match for match in matches if match.finding]
    if form is Format.JSON:
        rows = [line.split(",") for line in text.splitlines()[1:]]
        print_json([dict(zip(MATCH_COLUMNS, row, strict=True)) for row in rows])
    note(f"{len(matches):,} requests, {len(wrong):,} of them do not match.", form)
    if wrong:
        raise typer.Exit(PROOF_FAILED)


def _reconcile_export(
    path: Path,
    given: Sequence[str],
    trust: "Trust",
    other: "tuple[dt.date, Sheet | None, Path | None]",
    sheet: Path | None,
) -> "tuple[Match, ...] | None":
    """Return the matches of an export's releases of a day; None where there is no other side."""
    from unseen.client.bills.bills import export_sheet, receipts_sheet
    from unseen.client.evidence import read_receipt
    from unseen.client.exported import open_export
    from unseen.client.local.home import write_file
    from unseen.evidence.bills.reconcile import reconcile as hold
    from unseen.evidence.verify import verify_receipt

    export, (day, theirs, receipts) = open_export(path), other
    contracts = [exported_contract(export, text) for text in given]
    contracts = contracts or [item.id for item in export.contracts()]
    with working("checking the export"):
        ours = export_sheet(export, contracts, trust, day)
    if sheet is not None:
        write_file(sheet, ours.encode())
    if theirs is None and receipts is not None:
        held = [verify_receipt(read_receipt(file), trust) for file in receipt_files(receipts)]
        theirs = receipts_sheet(ours, [one for one in held if one.contract in contracts])
    return None if theirs is None else hold(ours, theirs, contracts)


def _settle_export(
    path: Path, contract: str, trust: Path | None, home: Path, *, partial: bool
) -> bytes:
    from unseen.client.bills.bills import settle_export
    from unseen.client.exported import open_export

    export = open_export(path)
    with working("checking the export"):
        identifier, trusted = exported_contract(export, contract), trust_file(trust, home)
        return settle_export(export, identifier, trusted, partial=partial)


def _note_unanswered(client: "Client", contract: str, form: Format) -> None:
    count = len(client.unanswered(contract))
    if count:
        note(
            f"{count:,} requests have no answer here, and may have been charged: "
            "fetch them with `unseen receipt fetch ID`, then settle again.",
            form,
        )


def _read_statement(path: Path, trust: "Trust", form: Format) -> bytes:
    from unseen.evidence import canonical
    from unseen.evidence.bills.statement import read_statement, verify_statement

    data = path.read_bytes().removesuffix(b"\n")
    if data.startswith(b"{"):
        note(f"{path}: not signed", form)
        return canonical.encode(read_statement(data))
    found = verify_statement(data.decode("utf-8", "replace"), trust)
    note(f"{path}: signed by {found.signer.name} ({found.signer.role})", form)
    return found.statement


def _contracts(client: "Client", given: Sequence[str]) -> list[str]:
    if given:
        return [resolve_contract(client, text) for text in given]
    return [item.id for item in client.contracts()]


def _only_wrote(sheet: Path | None, form: Format) -> None:
    if sheet is None:
        raise UsageError(
            "there is nothing to reconcile with",
            clause="against",
            remedy="give the buyer's sheet: --against FILE (it writes one with --sheet FILE)"
            "; with --export, or its --receipts",
        )
    note(f"{sheet} is this side's sheet: the other side reconciles with --against", form)


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise UsageError("a day is written as 2026-11-22", clause="date", remedy="correct --date")
    return day


def _print_sums(found: "Sequence[Spending]", by: By, form: Format) -> None:
    from unseen.client.agreements.billing import money

    sums: dict[tuple[str, str], list[int]] = {}
    for spending in found:
        currency = spending.contract.terms.prices.currency
        for day in spending.days:
            name = {
                By.CONTRACT: spending.contract.id,
                By.PARTY: spending.contract.buyer,
                By.DAY: day.day.isoformat(),
            }[by]
            row = sums.setdefault((name, currency), [0, 0, 0, 0])
            for at, value in enumerate((day.requests, day.units, day.billed, day.amount)):
                row[at] += value
    columns = (by.value, "currency", "requests", "units", "billed", "amount")
    print_list(
        form,
        [dict(zip(columns, (*key, *sums[key]), strict=True)) for key in sorted(sums)],
        columns,
        [
            (*key, f"{requests:,}", f"{units:,}", f"{billed:,}", money(amount))
            for key, (requests, units, billed, amount) in sorted(sums.items())
        ],
        empty="Nothing was used yet.",
    )
    if any(spending.bill.credited for spending in found):
        note("Amounts are before credits; with them: unseen meter show CONTRACT", form)
