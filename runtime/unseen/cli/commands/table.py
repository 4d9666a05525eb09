"""`unseen table`: what the operator hosts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.app import App
from unseen.cli.failures import UsageError
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
from unseen.cli.progress import open_client
from unseen.cli.trusting import TrustOption, trust_file
from unseen.cli.views import table_json

if TYPE_CHECKING:
    from unseen.client import Client
    from unseen.client.cards import Said
    from unseen.client.catalog import Table
    from unseen.evidence.canonical import Json

app = App(help="What the operator hosts.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the table here.")],
    source: Annotated[str, typer.Argument(help="Parquet, CSV or ONNX file, or duckdb:PATH#TABLE.")],
    subject: Annotated[
        list[str],
        typer.Option(help="Columns that together name a subject: again for each, or with commas."),
    ],
    label: Annotated[
        list[str], typer.Option(help="COLUMN=CATEGORY:LEVEL; '*=public:1' for all the others.")
    ],
    holder: Annotated[str, typer.Option(help="Enrolled holder whose table it is.")] = "",
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Register a table: read its schema, label its columns, commit to its rows."""
    labels = dict(read_label(item) for item in label)
    columns = [column.strip() for each in subject for column in each.split(",")]
    with open_client(home, doing="reading the table") as client:
        table = client.register_table(
            name, absolute(source), subject=columns, labels=labels, holder=holder
        )
    print_card(table, form, table_json(table))


@app.command("refresh")
def refresh(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    new_keys: Annotated[
        bool, typer.Option("--new-keys", help="Give every lookup table a new key.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Commit to the table's present rows; contracts get new lookup tables or are suspended."""
    with open_client(home, doing="reading the table") as client:
        done = client.refresh_table(name, new_keys=new_keys)
    moved = {"contracts": list(done.contracts), "suspended": list(done.suspended)}
    print_card(done.table, form, table_json(done.table) | moved)
    for contract in done.contracts:
        note(f"new lookup table for contract {contract}", form)
    for contract in done.suspended:
        note(f"suspended: {contract}", form)


@app.command("label")
def label(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    labels: Annotated[
        list[str],
        typer.Argument(help="COLUMN=CATEGORY:LEVEL; '*=public:1' for all the others."),
    ],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Label columns anew; contracts that no longer compile are suspended."""
    found = dict(read_label(item) for item in labels)
    with open_client(home) as client:
        done = client.label_table(name, found)
    moved = {"suspended": list(done.suspended), "resumed": list(done.resumed)}
    print_card(done.table, form, table_json(done.table) | moved)
    for contract in done.suspended:
        note(f"suspended: {contract}", form)
    for contract in done.resumed:
        note(f"goes on: {contract}", form)


@app.command("holder")
def holder(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    party: Annotated[str, typer.Argument(help="Name of the enrolled holder whose table it is.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Say whose table it is: where the rules ask for the holder's signature, it is that party's."""
    with open_client(home) as client:
        table = client.assign_holder(name, party)
    print_card(table, form, table_json(table))


@app.command("list")
def list_tables(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the tables."""
    with open_client(home) as client:
        found = _with_ledgers(client)
    print_list(
        form,
        [table_json(table) for table in found],
        ("name", "rows", "columns", "snapshot of", "privacy left", "source"),
        [
            (
                table.name,
                f"{table.rows:,}",
                len(table.columns),
                table.snapshot_at,
                _left(table),
                table.source,
            )
            for table in found
        ],
        empty="No tables. Register one: unseen table add NAME SOURCE --subject ... --label ...",
    )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a table with the labels of its columns."""
    with open_client(home) as client:
        found = {table.name: table for table in _with_ledgers(client)}
    if name not in found:
        raise UsageError(f"no table {name}", clause="table", remedy="see: unseen table list")
    print_card(found[name], form, table_json(found[name]))


@app.command("audit")
def audit(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows are drawn.")],
    seed: Annotated[str, typer.Option(help="What they are drawn by: the auditor's own choice.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Hold a table's present rows against its certificate (operator, auditor, regulator)."""
    with open_client(home, doing="reading the table") as client:
        found = client.audit_table(name, rows=rows, seed=seed)
    print_card(found, form, _fields(found))
    note(f"Look at the rows, on the node's machine: unseen node open-rows {name} ...", form)


@app.command("replay")
def replay(
    contract: Annotated[str, typer.Argument(help="Id of the contract, or its beginning.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Build a contract's present lookup table again and compare it with its manifest."""
    from unseen.cli.names import resolve_contract

    with open_client(home, doing="building the table") as client:
        found = client.replay_table(resolve_contract(client, contract))
    print_card(found, form, _fields(found))


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Opened rows.")],
    certificate: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The table's exported certificate.")
    ],
    trust: TrustOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Check opened rows against a table's certificate. Needs no network and no node."""
    from unseen.evidence import canonical
    from unseen.evidence.registry.registration import verify_bundle, verify_opened
    from unseen.evidence.registry.snapshot import RowsOpening

    trusted = trust_file(trust, home)
    bundle = canonical.decode(certificate.read_bytes().removesuffix(b"\n"))
    opening = RowsOpening.from_json(canonical.decode(file.read_bytes().removesuffix(b"\n")))
    verify_opened(opening, verify_bundle(bundle, trusted).certificate)
    indices = [row.index for row in opening.opened]
    if form is Format.JSON:
        print_json({"valid": True, "table": opening.table, "rows": indices})
        return
    typer.echo(
        f"{len(indices)} rows of table {opening.table} are the registered ones, drawn by"
        f" {opening.seed!r} from {opening.rows:,}."
    )


def read_label(text: str) -> tuple[str, tuple[str, str]]:
    """Return column, category and level from COLUMN=CATEGORY:LEVEL.

    Raises:
        UsageError: it is not of that form.

    """
    from unseen.evidence.contracts.rules import CATEGORIES, LEVELS

    column, _, label = text.rpartition("=")
    category, _, level = label.partition(":")
    if not column or category not in CATEGORIES or level not in LEVELS:
        raise UsageError(
            "a label is COLUMN=CATEGORY:LEVEL",
            clause="label",
            remedy=f"categories are {', '.join(CATEGORIES)}; levels are {', '.join(LEVELS)}",
        )
    return column, (category, level)


def absolute(source: str) -> str:
    """Return `source` with its path made absolute: the node has another working folder."""
    prefix = "duckdb:"
    if source.startswith(prefix):
        path, mark, table = source.removeprefix(prefix).rpartition("#")
        return f"{prefix}{Path(path).resolve()}{mark}{table}" if path else source
    return str(Path(source).resolve())


def _with_ledgers(client: "Client") -> "list[Table]":
    """Return the tables, each with its privacy ledger if it has one."""
    from dataclasses import replace

    ledgers = {ledger.table: ledger for ledger in client.privacy_ledgers()}
    return [replace(table, ledger=ledgers.get(table.name)) for table in client.tables()]


def _left(table: "Table") -> "Said | None":
    """Return what is left of a table's privacy budget, if it has one."""
    ledger = table.ledger
    return ledger.left_said if ledger and ledger.epsilon else None


def _fields(card: object) -> "Json":
    """Return a card's fields as JSON."""
    from dataclasses import asdict, is_dataclass

    if not is_dataclass(card) or isinstance(card, type):
        return {}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(card).items()}
