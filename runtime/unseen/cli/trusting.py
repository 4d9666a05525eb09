"""The trust file that an offline check believes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
        from unseen.client.local.home import find_home

        path = find_home(home).trust
    return trust.parse(path.read_bytes())
