"""What callers may write: resource names (AIP-122), lines for the log, pages; taken apart."""

import re

from unseen.node.errors import FieldInvalidError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
PAGE_BYTES = 512 << 10  # a page ends with the entry that passes this
_MAX_PAGE = 500
_MAX_LINE = 200
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")


def resource(collection: str, text: str) -> str:
    """Return NAME of `collection/NAME`.

    Raises:
        FieldInvalidError: another collection, or not a name.

    """
    prefix, _, name = text.partition("/")
    if prefix != collection or not _NAME.fullmatch(name):
        raise FieldInvalidError(
            f"not a name of the form {collection}/NAME",
            clause=collection,
            remedy="lower-case letters, digits and hyphens, at most 40",
        )
    return name


def contract_id(text: str) -> str:
    """Return ID of `contracts/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    prefix, _, identifier = text.partition("/")
    if prefix != "contracts" or not re.fullmatch(r"[A-Za-z0-9_-]{43}", identifier):
        raise FieldInvalidError("not a name of the form contracts/ID", clause="contract")
    return identifier


def field_name(text: str, clause: str) -> str:
    """Return `text` if it may name an output.

    Raises:
        FieldInvalidError: it may not.

    """
    if not _FIELD.fullmatch(text):
        raise FieldInvalidError(
            "a name is lower-case letters, digits and underscores, at most 40", clause=clause
        )
    return text


def line_of(text: str, clause: str) -> str:
    """Return `text`, which may be empty, if it is one line that may stand in the log.

    Raises:
        FieldInvalidError: it is longer than 200 bytes, or no printable line.

    """
    if len(text) > _MAX_LINE or not text.isprintable() or len(text.encode()) > _MAX_LINE:
        raise FieldInvalidError(f"a cause is one line of at most {_MAX_LINE} bytes", clause=clause)
    return text


def page_after(token: str) -> str:
    """Return the id that a page begins behind; empty for the first page.

    Raises:
        FieldInvalidError: `token` is none of this node.

    """
    if not re.fullmatch(r"([A-Za-z0-9_-]{43})?", token, re.ASCII):
        raise FieldInvalidError("not a page token of this node", clause="page_token")
    return token


def page_start(token: str) -> int:
    """Return the index that a page begins at; 0 for the first page.

    Raises:
        FieldInvalidError: `token` is none of this node.

    """
    if not re.fullmatch(r"[0-9]{0,18}", token, re.ASCII):
        raise FieldInvalidError("not a page token of this node", clause="page_token")
    return int(token or 0)


def page_size(asked: int) -> int:
    """Return how many entries a page holds: what was asked, 500 at most and by default.

    Raises:
        FieldInvalidError: a negative size.

    """
    if asked < 0:
        raise FieldInvalidError("a page size is not negative", clause="page_size")
    return min(asked or _MAX_PAGE, _MAX_PAGE)
