"""`unseen meter resolve`: what is owed, from an export and what the buyer holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError
from unseen.cli.meter_files import (
    ContractArgument,
    exported_contract,
    receipt_files,
    write_statement,
)
from unseen.cli.meter_views import print_resolution, resolution_csv
from unseen.cli.output import DEFAULT_HOME, Format, FormatOption, HomeOption
from unseen.cli.progress import working
from unseen.cli.trusting import TrustOption, trust_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unseen.evidence.oversight.clear import OpenedClear
    from unseen.evidence.trust import Trust


def resolve(
    contract: ContractArgument,
    *,
    export: Annotated[
        Path,
        typer.Option("--export", exists=True, file_okay=False, help="An export of the log."),
    ],
    receipts: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="The receipts that the buyer shows."),
    ] = None,
    openings: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Openings of requests that the buyer says were no hit (*.json).",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the statement that follows.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="File for every release with its ruling.")
    ] = None,
    trust: TrustOption = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Write the statement signed by this party.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Decide a disputed bill offline, release by release: what is owed, and why."""
    from unseen.client.bills.bills import resolve_export
    from unseen.client.evidence import read_receipt
    from unseen.client.exported import open_export
    from unseen.client.local.home import write_file
    from unseen.evidence.verify import verify_receipt

    if sign and output is None:
        raise UsageError("a signed statement goes into a file", clause="output", remedy="give -o")
    trusted, exported = trust_file(trust, home), open_export(export)
    identifier = exported_contract(exported, contract)
    held = [verify_receipt(read_receipt(path), trusted) for path in receipt_files(receipts)]
    with working("checking the export"):
        found = resolve_export(
            exported,
            identifier,
            trusted,
            [receipt for receipt in held if receipt.contract == identifier],
            _openings(openings, trusted),
        )
    if output is not None:
        write_statement(output, found.statement, home if sign else None)
    if table is not None:
        write_file(table, resolution_csv(found).encode())
    print_resolution(found, form)


def _openings(folder: Path | None, trust: "Trust") -> "Iterator[OpenedClear]":
    from unseen.evidence import canonical
    from unseen.evidence.oversight.clear import verify_clear_opening

    for path in sorted(folder.glob("*.json")) if folder is not None else ():
        yield verify_clear_opening(canonical.decode(path.read_bytes().removesuffix(b"\n")), trust)
