"""`unseen score`: what an operator's model says of one's own rows, which stay encrypted."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.commands.query import check_output
from unseen.cli.failures import UsageError
from unseen.cli.names import resolve_contract
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    note,
    print_json,
    print_list,
    show_card,
)
from unseen.cli.progress import open_client
from unseen.cli.subject_files import each_in

if TYPE_CHECKING:
    from unseen.client.queries.scored import Scored
    from unseen.protocols.train.spec import Feature


def score(
    contract: Annotated[
        str, typer.Argument(help="Id of the contract, or the beginning of it.", metavar="CONTRACT")
    ],
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            exists=True,
            dir_okay=False,
            help="File of your rows: CSV with a header; or Parquet, Arrow. Without one the columns"
            " of the model are listed.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File for the scores: CSV; or .parquet, .arrow, .arrows."
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            "--beside",
            help="With --output: a column of the file to stand beside each score; repeatable.",
            metavar="COLUMN",
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Have a model score your rows; its operator sees neither rows nor scores.

    Columns of the file that the model does not have stay here.
    """
    if file is None:
        _check_alone(output, beside)
        _list(contract, home, form)
        return
    if beside and output is None:
        raise UsageError(
            "there is no file for these columns to stand in",
            clause="beside",
            remedy="give one, for example --output scores.csv",
        )
    check_output(output)
    columns: dict[str, list[str]] = {name: [] for name in beside or ()}
    with open_client(home) as client:
        scored = client.score(resolve_contract(client, contract), _rows(file, columns))
    if output is not None:
        scored.rows(columns).write(output)
    if form is Format.JSON:
        print_json(scored_json(scored))
        return
    show_card(scored)
    if output is not None:
        note(f"{len(scored):,} of them: {output}", form)
    else:
        note(f"see them again: unseen receipt fetch {scored.request_id} --output scores.csv", form)


def _check_alone(output: Path | None, beside: list[str] | None) -> None:
    if output is not None or beside:
        raise UsageError(
            "there are no rows to score",
            clause="file",
            remedy="give a file, for example --file rows.csv",
        )


def _list(contract: str, home: Path, form: Format) -> None:
    """Show the columns of a model: bounds as people write them, or values."""
    with open_client(home) as client:
        features = client.score_columns(resolve_contract(client, contract))
    bounds = [_bounds(feature) for feature in features]
    print_list(
        form,
        [
            {"name": one.name, "low": low, "high": high, "decimals": one.decimals}
            | {"values": list(one.values)}
            for one, (low, high) in zip(features, bounds, strict=True)
        ],
        ("column", "lowest", "highest", "values"),
        [
            (one.name, low, high, ", ".join(one.values))
            for one, (low, high) in zip(features, bounds, strict=True)
        ],
        empty="",
    )


def _bounds(feature: "Feature") -> tuple[str, str]:
    if feature.values:
        return "", ""
    low, high = (
        f"{Decimal(edge).scaleb(-feature.decimals).normalize():f}"
        for edge in (feature.low, feature.high)
    )
    return low, high


def _rows(file: Path, beside: dict[str, list[str]]) -> Iterator[Any]:
    """Yield the rows of a file, and keep the texts of some of its columns."""
    for row in each_in(file):
        for name, kept in beside.items():
            if not isinstance(row, Mapping) or name not in row:
                raise UsageError(
                    f"{file} has no column {name}", clause="beside", remedy="name one that it has"
                )
            kept.append(str(row[name]))
        yield row


def scored_json(scored: "Scored") -> dict[str, Any]:
    """Return what rows were scored with."""
    return {
        "contract": scored.contract,
        "request": scored.request_id,
        "receipt": str(scored.receipt_path),
        "family": scored.family,
        "precision": scored.precision,
        "rows": len(scored),
        "scores": scored.scores.tolist(),
        "predicted": scored.predicted.tolist(),
        "units": scored.cost.units,
        "cost_at_most": scored.cost.amount,
        "currency": scored.cost.currency,
    }
