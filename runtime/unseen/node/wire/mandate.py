"""unseen.v1 mandate messages <-> registered mandates."""

from datetime import datetime

from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import CanonicalError
from unseen.node.errors import FieldInvalidError
from unseen.node.mandates.book import Book, Registered
from unseen.v1 import mandate_pb2


def mandate_id(name: str) -> bytes:
    """Return the id in `mandates/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    prefix, _, text = name.partition("/")
    try:
        if prefix == "mandates":
            return b64decode(text)
    except CanonicalError:
        pass
    raise FieldInvalidError("not a name of the form mandates/ID", clause="mandate")


def mandate_message(book: Book, registered: Registered, now: datetime) -> mandate_pb2.Mandate:
    """Return a mandate as everybody sees it."""
    return mandate_pb2.Mandate(
        name=f"mandates/{b64encode(registered.id)}",
        token=registered.token,
        registered_at=registered.registered_at,
        withdrawal=registered.withdrawal,
        in_force=book.standing.in_force(registered.id, now),
    )
