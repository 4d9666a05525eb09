"""`unseen intersect`: which of one's own items a table has, or how many."""

import csv
from contextlib import suppress
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
from unseen.cli.words import say

if TYPE_CHECKING:
    from unseen.client import Client
    from unseen.client.queries.intersections import Intersected
    from unseen.evidence.canonical import Json

SMALL = (
    "your set is small beside the table: a contract over hidden lookups would do its work once for"
    " all questions, and this does it for each run"
)


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
        identifier = resolve_contract(client, contract)
        if form is Format.TABLE and is_small(client, identifier, len(items)):
            note(say(SMALL), form)
        found = client.intersect(identifier, items)
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


def is_small(client: "Client", contract: str, items: int) -> bool:
    """Return whether the node says that a hidden lookup would do better for so many items.

    It is asked what a contract over as many would lead to: about the items nothing, and about their
    number what the run tells anyway. A node that refuses to say gives no advice.
    """
    from unseen.client.errors import WireError
    from unseen.evidence.contracts.intersection import ITEMS, KIND

    terms = client.contract(contract).terms
    if terms.kind != KIND or terms.outputs != (ITEMS,) or not items:
        return False
    with suppress(WireError):
        said = client.explain_request(
            terms.product, outputs=terms.outputs, scenario=terms.scenario, units=items
        )
        return any(demand.clause == "lookup" for demand in said.demands)
    return False


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
