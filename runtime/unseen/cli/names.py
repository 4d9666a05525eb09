"""Names as people type them."""

from typing import TYPE_CHECKING

from unseen.cli.failures import UsageError

if TYPE_CHECKING:
    from unseen.client.api import Client

_ID_LENGTH = 43
_SHORTEST = 4


def resolve_contract(client: "Client", text: str) -> str:
    """Return the contract id that `text` is, or is the beginning of.

    Raises:
        UsageError: no contract, or more than one, begins like that.

    """
    text = text.removeprefix("contracts/")
    if len(text) == _ID_LENGTH:
        return text
    found = [item.id for item in client.contracts() if item.id.startswith(text)]
    if len(text) < _SHORTEST or len(found) != 1:
        raise UsageError(
            f"{len(found)} contracts have an id that begins with {text!r}",
            clause="contract",
            remedy="see: unseen contract list",
        )
    return found[0]
