"""`unseen product`: what the operator offers."""

from pathlib import Path
from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.commands.catalog import CatalogFormat, CatalogFormatOption
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
from unseen.cli.product_options import (
    ProductOptions,
    billing_of,
    found_of,
    predicates_of,
    prices_of,
    read_menu,
    read_product,
    scored_of,
)
from unseen.cli.progress import open_client
from unseen.cli.views import product_json
from unseen.cli.words import say
from unseen.cli.writing import OutputOption, linked, write_out

_SUM = "sum"  # of an intersection
TRUSTED = (
    "a sum is for buyers that are trusted to follow the protocol: others may drown its noise, and"
    " epsilon does not hold for them"
)

app = App(help="What is offered from the tables.", no_args_is_help=True)


@app.command("add")
def add(
    *,
    name: Annotated[str, typer.Argument(help="Name of the product.")],
    said: ProductOptions,
    menu: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="TOML file of what may be counted; see product menu."
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="TOML file with all of this."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    form: FormatOption = Format.TABLE,
) -> None:
    """Offer yes-or-no questions about the subjects of a table, or statistics over its rows."""
    given = said.given(name, counts=menu is not None)
    if source is not None:
        given |= read_product(source)
    match, found, scored = given["match"]["id"], found_of(given), scored_of(given)
    offers = [bool(given["predicates"]), bool(menu), bool(match), bool(found), bool(scored)]
    if not given["table"] or offers.count(True) != 1:
        raise UsageError(
            "a product needs a table, and predicates or a match; statistics and train, a menu;"
            " intersect, what may be found; score, the model's columns",
            clause="product",
            remedy="give --table and --predicate or --match, or --from FILE; or --table and --menu;"
            " or --table and --find items; or --table and --features",
        )
    definition = read_menu(menu) if menu else found or scored
    with open_client(home, doing="checking every row") as client:
        product = client.register_product(
            name,
            table=given["table"],
            kind=given["kind"],
            title=given["title"],
            predicates=definition or predicates_of(given),
            prices=prices_of(given),
            billing=billing_of(client, given),
            canonical=given["canonical"],
            match=match,
        )
    print_card(product, form, product_json(product))
    if found is not None and _SUM in found.outputs:
        note(say(TRUSTED), form)


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
