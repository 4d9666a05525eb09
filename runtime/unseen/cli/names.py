"""Names as people type them."""

from collections.abc import Callable, Iterable
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


def resolve(
    noun: str,
    text: str,
    known: Callable[[], Iterable[str]],
    *,
    length: int = _ID_LENGTH,
    many: str = "",
) -> str:
    """Return the id of the `noun` that `text` is, or is the beginning of.

    `known` lists the ids there are; it is asked only if `text` is not a whole one, of `length`
    letters. `many` is what several are called.

    Raises:
        UsageError: none, or more than one, begins like that.

    """
    text = text.removeprefix(f"{noun}s/")
    if len(text) != length:
        found = [identifier for identifier in known() if identifier.startswith(text)]
        if len(text) < _SHORTEST or len(found) != 1:
            raise UsageError(
                f"{len(found)} {many or f'{noun}s'} have an id that begins with {text!r}",
                clause=noun,
                remedy=f"see: unseen {noun} list",
            )
        (text,) = found
    remember_id(noun, text)
    return text


def resolve_contract(client: "Client", text: str, *, offline: bool = False) -> str:
    """Return the contract id that `text` is, or is the beginning of; errors as `resolve`.

    `offline` looks at the contracts that the home has seen.
    """
    return resolve(
        "contract", text, lambda: (item.id for item in client.contracts(offline=offline))
    )


def resolve_review(client: "Client", text: str) -> str:
    """Return the id of the held release that `text` is, or is the beginning of, as `resolve`."""
    known = client.reviews
    return resolve(
        "review", text, lambda: (item.id for item in known(waiting=False)), many="held releases"
    )
