"""Ids as callers give them: whole, or as much of one as tells it from the others."""

from collections.abc import Iterable

from unseen.protocols.errors import InputInvalidError


def find_id(known: Iterable[str], text: str, noun: str, shown_by: str) -> str:
    """Return the one id of `known` that begins with `text`.

    `noun` is what it is an id of, and `shown_by` the command that lists them.

    Raises:
        InputInvalidError: none does, or more than one.

    """
    found = [identifier for identifier in known if identifier.startswith(text)]
    if len(found) != 1:
        raise InputInvalidError(
            f"{len(found)} {noun}s have an id that begins like that",
            clause=noun,
            remedy=f"see: {shown_by}",
        )
    return found[0]
