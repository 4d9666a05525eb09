"""`unseen intersect`: which of one's own items a table has, or how many."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.commands.query import ContractArgument, read_subjects
from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_json,
    show_card,
)
from unseen.cli.progress import open_client

if TYPE_CHECKING:
    from unseen.client.queries.intersections import Intersected
    from unseen.evidence.canonical import Json


def intersect(
    contract: ContractArgument,
    file: Annotated[
        Path,
        typer.Option(
            "--file",
            exists=True,
            dir_okay=False,
            help="File of your items: CSV with a header; or Parquet, Arrow.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="CSV file for those that are in the table, where it is said which.",
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Find out which of your items, or how many, a table has; its operator does not see them."""
    items = read_subjects(None, file)
    with open_client(home) as client:
        found = client.intersect(resolve_contract(client, contract), items)
    told = bool(found.present)  # of each item; else a number alone, and no file to write
    if output is not None and told:
        write_found(output, found)
    if form is Format.JSON:
        print_json(intersected_json(found))
        return
    show_card(found)
    if output is not None and told:
        note(f"{len(found.found):,} of them: {output}", form)
    else:
        note(f"see them again: unseen receipt fetch {found.request_id}", form)


def intersected_json(found: "Intersected") -> "dict[str, Json]":
    """Return what a run found out."""
    return {
        "contract": found.contract,
        "request": found.request_id,
        "receipt": str(found.receipt_path),
        "output": found.output,
        "items": len(found.items),
        "columns": list(found.columns),
        "found": [list(item) for item in found.found],
        "number": found.number,
        "total": None if found.total is None else str(found.total),
        "total_error": None if found.total_error is None else str(found.total_error),
        "rho": found.rho,
    }


def write_found(path: Path, found: "Intersected") -> None:
    """Write the items that the table has, under the names of their columns."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(found.columns)
        writer.writerows(found.found)
