"""`unseen product`: what the operator offers."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.app import App
from unseen.cli.billing_options import given_billing, micros, read_billing
from unseen.cli.commands.catalog import CatalogFormat, CatalogFormatOption
from unseen.cli.failures import UsageError
from unseen.cli.output import (
    DEFAULT_HOME,
    Format,
    FormatOption,
    HomeOption,
    print_card,
    print_json,
    print_list,
)
from unseen.cli.progress import open_client
from unseen.cli.views import product_json
from unseen.cli.writing import OutputOption, linked, write_out

if TYPE_CHECKING:
    from unseen.client import Client
    from unseen.client.catalog import Predicate, Prices
    from unseen.evidence.contracts.clauses import Billing
    from unseen.evidence.contracts.statistics.definition import Definition

app = App(help="What is offered from the tables.", no_args_is_help=True)

_FIELDS = {"table", "kind", "title", "currency", "data_fee", "service_fee", "predicates", "billing"}


@app.command("add")
def add(
    *,
    name: Annotated[str, typer.Argument(help="Name of the product.")],
    table: Annotated[str, typer.Option(help="Name of the table it is about.")] = "",
    kind: Annotated[
        str,
        typer.Option(
            help="lookup (hidden) or verify (in the clear); statistics, with a menu.",
            show_default="lookup, or statistics with --menu",
        ),
    ] = "",
    title: Annotated[str, typer.Option(help="One line that buyers read.")] = "",
    predicate: Annotated[
        list[str] | None, typer.Option(help="NAME|QUESTION IN WORDS|DUCKDB EXPRESSION")
    ] = None,
    currency: Annotated[str, typer.Option(help="Currency of the prices.")] = "CNY",
    data_fee: Annotated[str, typer.Option(help="Price of the data, for one unit.")] = "0",
    service_fee: Annotated[str, typer.Option(help="Price of the service, for one unit.")] = "0",
    menu: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="TOML file of what may be counted; see product menu."
        ),
    ] = None,
    bill: Annotated[
        str, typer.Option(help="per-evaluation, per-item, per-request or per-hit.")
    ] = "",
    free: Annotated[int, typer.Option(min=0, help="Billed units that cost nothing.")] = 0,
    cap: Annotated[str, typer.Option(help="The most that a contract costs in all.")] = "",
    payee: Annotated[
        list[str] | None,
        typer.Option(help="LINE:NAME:PARTY:PERCENT, LINE being data_fee or service_fee."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="TOML file with all of this."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Offer yes-or-no questions about the subjects of a table, or statistics over its rows."""
    kind = kind or ("statistics" if menu else "lookup")
    given: dict[str, Any] = {
        "table": table,
        "kind": kind,
        "title": title or name,
        "currency": currency,
        "data_fee": data_fee,
        "service_fee": service_fee,
        "predicates": [_split(item) for item in predicate or ()],
    }
    if (billing := given_billing(kind, bill, free, cap, payee or ())) is not None:
        given["billing"] = billing
    if source is not None:
        given |= read_product(source)
    if not given["table"] or bool(given["predicates"]) == bool(menu):
        raise UsageError(
            "a product needs a table and at least one predicate; statistics and train, a menu",
            clause="product",
            remedy="give --table and --predicate, or --from FILE; or --table and --menu FILE",
        )
    definition = _definition(menu) if menu else None
    with open_client(home, doing="checking every row") as client:
        product = client.register_product(
            name,
            table=given["table"],
            kind=given["kind"],
            title=given["title"],
            predicates=definition or _predicates(given["predicates"]),
            prices=_prices(given),
            billing=_billing(client, given.get("billing")),
        )
    print_card(product, form, product_json(product))


@app.command("list")
def list_products(home: HomeOption = DEFAULT_HOME, form: FormatOption = Format.TABLE) -> None:
    """List the products."""
    with open_client(home) as client:
        found = client.products()
    print_list(
        form,
        [product_json(product) for product in found],
        ("name", "kind", "title", "asked by", "outputs", "price", "data of"),
        [
            (
                product.name,
                product.kind,
                product.title,
                [] if product.menu else [column.name for column in product.subject],
                [question for question, _ in product.questions],
                product.prices,
                product.snapshot_at,
            )
            for product in found
        ],
        empty="Nothing is offered yet.",
    )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the product.")],
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show a product with its questions."""
    with open_client(home) as client:
        found = {product.name: product for product in client.products()}
    if name not in found:
        raise UsageError(f"no product {name}", clause="product", remedy="see: unseen product list")
    print_card(found[name], form, product_json(found[name]))


@app.command("menu")
def menu_file(
    table: Annotated[str, typer.Argument(help="Name of a table here.")],
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print a menu file to start from: what of a table's columns could be counted (operator)."""
    from unseen.client.menus import starter

    with open_client(home) as client:
        found = next((each for each in client.tables() if each.name == table), None)
    if found is None:
        raise UsageError(f"no table {table}", clause="table", remedy="see: unseen table list")
    text = starter(found.name, found.columns)
    if form is Format.JSON and output is None:
        print_json({"table": table, "menu": text})
    else:
        write_out(text, output)


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="Name of the product.")],
    form: CatalogFormatOption = CatalogFormat.DCAT,
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Export one product as a data service, with its questions and prices."""
    del form  # there is one
    with open_client(home) as client:
        document = client.export_product(name)
    write_out(linked(document), output)


def read_product(path: Path) -> dict[str, Any]:
    """Return the fields of a product from a TOML file.

    Raises:
        UsageError: it is not TOML, or has fields that a product has not.

    """
    try:
        value = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", clause="product", remedy="correct the file") from None
    unknown = value.keys() - _FIELDS
    predicates = value.get("predicates", [])
    shaped = isinstance(predicates, list) and all(
        isinstance(item, dict) and item.keys() == {"name", "text", "expression"}
        for item in predicates
    )
    if unknown or not shaped:
        raise UsageError(
            f"{path}: a product has the fields {', '.join(sorted(_FIELDS))}; "
            "each of its predicates has name, text and expression",
            clause="product",
            remedy="correct the file",
        )
    return value


def _definition(path: Path) -> "Definition":
    from unseen.evidence.contracts.statistics.definition_file import parse_definition
    from unseen.evidence.errors import ContractInvalidError

    try:
        return parse_definition(path.read_bytes())
    except ContractInvalidError as error:
        raise UsageError(str(error), clause=error.clause, remedy=f"correct {path}") from None


def _split(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split("|", 2)]
    if len(parts) != 3 or not all(parts):
        raise UsageError(
            "a predicate is NAME|QUESTION IN WORDS|DUCKDB EXPRESSION",
            clause="predicates",
            remedy="for example 'large|More than 500 staff|staff > 500'",
        )
    return dict(zip(("name", "text", "expression"), parts, strict=True))


def _predicates(given: list[dict[str, Any]]) -> list["Predicate"]:
    from unseen.client.catalog import Predicate

    return [
        Predicate(str(item["name"]), str(item["text"]), str(item["expression"])) for item in given
    ]


def _billing(client: "Client", given: object) -> "Billing | None":
    if given is None:
        return None

    def key_of(name: str) -> str | None:
        return next((party.key_id for party in client.parties() if party.name == name), None)

    return read_billing(given, key_of)


def _prices(given: dict[str, Any]) -> "Prices":
    from unseen.client.catalog import Prices

    return Prices(
        currency=str(given["currency"]),
        data_fee=micros(str(given["data_fee"])),
        service_fee=micros(str(given["service_fee"])),
    )
