"""unseen.v1 objection messages <-> objections."""

import re

from unseen.evidence.oversight.objection import Opened, read_document
from unseen.evidence.oversight.objections import other_side
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.objections import conduct
from unseen.node.objections.register import Standing, Words, open_words
from unseen.v1 import objection_pb2

_ID = re.compile(r"objections/([A-Za-z0-9_-]{43})", re.ASCII)


def objection_id(text: str) -> str:
    """Return ID of `objections/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    found = _ID.fullmatch(text)
    if found is None:
        raise FieldInvalidError("not a name of the form objections/ID", clause="objection")
    return found[1]


def words(message: objection_pb2.Words) -> Words:
    """Return the words of a message."""
    return Words(message.text, message.nonce)


def objection_message(
    node: Node, standing: Standing, *, spoken: bool = False
) -> objection_pb2.Objection:
    """Return an objection; with its words if `spoken`."""
    contract = node.contracts.get(standing.contract)
    keys = conduct.sides(node, contract)
    opened = read_document(standing.opened)
    by, other = opened.by, ""
    if isinstance(opened, Opened):
        other = other_side(opened, contract.terms)
    message = objection_pb2.Objection(
        name=f"objections/{standing.id}",
        contract=f"contracts/{standing.contract}",
        by=f"parties/{standing.by}",
        opened=standing.opened,
        answered=standing.answered,
        closed=standing.closed,
        opener_key=keys.get(by, b""),
        other_key=keys.get(other, b""),
        terms=contract.terms.encode(),
    )
    if spoken:
        for field, place, sealed in (
            (message.opened_words, f"{standing.id}/opened", standing.opened_words),
            (message.answered_words, f"{standing.id}/answered", standing.answered_words),
        ):
            found = open_words(node.vault, place, sealed)
            if found is not None:
                field.text, field.nonce = found.text, found.nonce
    return message
