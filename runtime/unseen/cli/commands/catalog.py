"""`unseen catalog`: everything that a node offers, for other catalogues to read."""

from enum import Enum
from typing import Annotated

import typer

from unseen.cli.app import App
from unseen.cli.output import DEFAULT_HOME, HomeOption
from unseen.cli.progress import open_client
from unseen.cli.writing import OutputOption, linked, write_out

app = App(help="Everything that the node offers.", no_args_is_help=True)


class CatalogFormat(Enum):
    """In what form a catalogue is exported."""

    DCAT = "dcat"


CatalogFormatOption = Annotated[
    CatalogFormat, typer.Option("--format", help="dcat: DCAT 3 in JSON-LD.")
]


@app.command("export")
def export(
    form: CatalogFormatOption = CatalogFormat.DCAT,
    output: OutputOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Export the catalogue of products and the tables behind them. No row is in it."""
    del form  # there is one
    with open_client(home) as client:
        document = client.export_catalog()
    write_out(linked(document), output)
