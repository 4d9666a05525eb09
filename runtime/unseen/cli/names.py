"""Names as people type them."""

from typing import TYPE_CHECKING, Annotated

import typer

from unseen.cli.failures import UsageError
from unseen.cli.hints import remember_id

if TYPE_CHECKING:
    from unseen.client.api import Client

_ID_LENGTH = 43
_SHORTEST = 4
SHORT = 8
"""As much of an id as is shown where it is not what the line is about; enough to type."""


OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Use what this home has; do not ask the node.")
]


def resolve_contract(client: "Client", text: str, *, offline: bool = False) -> str:
    """Return the contract id that `text` is, or is the beginning of.

    `offline` looks at the contracts that the home has seen.

    Raises:
        UsageError: no contract, or more than one, begins like that.

    """
    text = text.removeprefix("contracts/")
    if len(text) == _ID_LENGTH:
        remember_id("contract", text)
        return text
    found = [item.id for item in client.contracts(offline=offline) if item.id.startswith(text)]
    if len(text) < _SHORTEST or len(found) != 1:
        raise UsageError(
            f"{len(found)} contracts have an id that begins with {text!r}",
            clause="contract",
            remedy="see: unseen contract list",
        )
    remember_id("contract", found[0])
    return found[0]


def resolve_review(client: "Client", text: str) -> str:
    """Return the id of the held release that `text` is, or is the beginning of.

    Raises:
        UsageError: none, or more than one, begins like that.

    """
    text = text.removeprefix("reviews/")
    if len(text) == _ID_LENGTH:
        remember_id("review", text)
        return text
    found = [item.id for item in client.reviews(waiting=False) if item.id.startswith(text)]
    if len(text) < _SHORTEST or len(found) != 1:
        raise UsageError(
            f"{len(found)} held releases have an id that begins with {text!r}",
            clause="review",
            remedy="see: unseen review list",
        )
    remember_id("review", found[0])
    return found[0]
