"""The trust file that an offline check believes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError

if TYPE_CHECKING:
    from unseen.evidence.trust import Trust

TrustOption = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Keys you trust (parties.json); default: this home's."),
]


def trust_file(path: Path | None, home: Path) -> "Trust":
    """Return the trust in the file at `path`, or in that of `home`."""
    from unseen.evidence import trust

    if path is None:
        from unseen.client.errors import HomeError
        from unseen.client.local.home import find_home

        try:
            path = find_home(home).trust
        except HomeError:
            raise _nobody() from None
    elif not path.exists():
        raise UsageError(
            f"no file {path}",
            clause="trust",
            remedy="a home's is HOME/parties.json; its keys come by: unseen audit keys --accept",
        )
    return trust.parse(path.read_bytes())


def _nobody() -> UsageError:
    return UsageError(
        "nothing says whose keys to believe",
        clause="trust",
        remedy="give --trust FILE (a parties.json), or --home with the home that has one",
    )
