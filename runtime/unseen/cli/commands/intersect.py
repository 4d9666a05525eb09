"""`unseen intersect`: which of one's own items a table has, or how many."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.commands.query import check_output, read_subjects
from unseen.cli.failures import UsageError
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
    from unseen.client.queries.intersected import Intersected
    from unseen.evidence.canonical import Json

SMALL = (
    "your set is small beside the table: a contract over hidden lookups would do its work once for"
    " all questions, and this does it for each run"
)
THREAT_MODEL = "semi-honest"


ContractArgument = Annotated[
    str | None,
    typer.Argument(
        help="Id of the contract, or the beginning of it; or see --table.", metavar="CONTRACT"
    ),
]
ItemsOption = Annotated[
    Path,
    typer.Option(
        "--file",
        exists=True,
        dir_okay=False,
        help="File of your items: CSV with a header; or Parquet, Arrow.",
    ),
]
TableOption = Annotated[
    str | None,
    typer.Option(
        help="In the place of a contract: take the one over this table that does best,"
        " an intersection or a hidden lookup.",
    ),
]
WayOption = Annotated[
    str, typer.Option(help="With --table: ecdh_psi, oprf_table or lwe_pir, and no other.")
]
ThreatOption = Annotated[
    str,
    typer.Option(
        "--threat-model",
        help="With --table: what it has to hold under; semi-honest or malicious-buyer.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File for those that are in the table, where it is said which: CSV;"
        " or .parquet, .arrow, .arrows.",
    ),
]
EveryOption = Annotated[
    bool,
    typer.Option("--every", help="With --output: all items, each with whether it is there."),
]


def intersect(
    contract: ContractArgument = None,
    *,
    file: ItemsOption,
    table: TableOption = None,
    way: WayOption = "",
    threat_model: ThreatOption = THREAT_MODEL,
    output: OutputOption = None,
    every: EveryOption = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Find out which of your items, or how many, a table has; its operator does not see them."""
    _check_asked(contract, table, way, threat_model)
    items = read_subjects(None, file)
    check_output(output)
    with open_client(home) as client:
        if table is not None:
            found = client.intersect_table(table, items, way=way, threat_model=threat_model)
        else:
            identifier = resolve_contract(client, contract or "")
            if form is Format.TABLE and client.small_beside_table(identifier, len(items)):
                note(say(SMALL), form)
            found = client.intersect(identifier, items)
    written = output if found.present else None  # else a number alone, and no file to write
    if written is not None:
        found.rows(every=every).write(written)
    if form is Format.JSON:
        print_json(intersected_json(found))
        return
    show_card(found)
    note(_where(found, written, every=every), form)


def _where(found: "Intersected", written: Path | None, *, every: bool) -> str:
    """Return where it is seen again: in the file that was written, or in what is kept."""
    if written is not None:
        return f"{len(found.items if every else found.found):,} of them: {written}"
    if len(found.requests) > 1:
        return "see them again: unseen receipt list"
    return f"see them again: unseen receipt fetch {found.request_id}"


def _check_asked(contract: str | None, table: str | None, way: str, threat_model: str) -> None:
    """Refuse a contract and a table, neither, and a way for what has one."""
    if (contract is None) == (table is None):
        raise UsageError(
            "give a contract, or the name of a table",
            clause="contract",
            remedy="for example: unseen intersect --table members --file items.csv",
        )
    if table is None and (way or threat_model != THREAT_MODEL):
        raise UsageError(
            "a contract has its way",
            clause="way" if way else "threat_model",
            remedy="leave it out, or give --table in the place of the contract",
        )


def intersected_json(found: "Intersected") -> "dict[str, Json]":
    """Return what a run found out."""
    return {
        "contract": found.contract,
        "way": found.way,
        "why": None if found.why is None else str(found.why),
        "request": found.request_id,
        "requests": list(found.requests),
        "receipt": str(found.receipt_path),
        "output": found.output,
        "items": len(found.items),
        "columns": list(found.columns),
        "found": [list(item) for item in found.found],
        "number": found.number,
        "total": None if found.total is None else str(found.total),
        "total_error": None if found.total_error is None else str(found.total_error),
        "rho": found.rho,
        "units": None if found.cost is None else found.cost.units,
        "cost_at_most": None if found.cost is None else found.cost.amount,
        "currency": None if found.cost is None else found.cost.currency,
    }
