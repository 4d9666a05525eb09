"""unseen.v1 opening messages <-> orders and what was said to them."""

import re

from sqlalchemy import select

from unseen.evidence import canonical
from unseen.evidence.log import ReleaseLeaf
from unseen.node.audit.log import Head
from unseen.node.context import Node
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.parties import instance_by_key
from unseen.node.openings.register import Standing
from unseen.node.store.schema import charges
from unseen.v1 import opening_pb2

_ID = re.compile(r"orders/([A-Za-z0-9_-]{43})", re.ASCII)


def order_id(text: str) -> str:
    """Return ID of `orders/ID`.

    Raises:
        FieldInvalidError: not of this form.

    """
    found = _ID.fullmatch(text)
    if found is None:
        raise FieldInvalidError("not a name of the form orders/ID", clause="order")
    return found[1]


def order_message(node: Node, standing: Standing, head: Head | None = None) -> opening_pb2.Order:
    """Return an order as those who may see it see it; with `head`, with proofs and releases."""
    contract = node.contracts.get(standing.contract)
    buyer = node.parties.get(contract.buyer)
    message = opening_pb2.Order(
        name=f"orders/{standing.id}",
        contract=f"contracts/{standing.contract}",
        buyer=f"parties/{contract.buyer}",
        buyer_key=b"" if buyer is None else buyer.key,
        order=_logged(node, standing.token, standing.index, standing.by, head),
        responses=[_logged(node, one.token, one.index, one.by, head) for one in standing.responses],
        order_checkpoint=node.log.head_at(standing.index + 1).note,
    )
    if standing.draw:
        drawn = _logged(node, standing.draw, standing.draw_index, standing.by, head)
        message.draw.CopyFrom(drawn)
    if head is not None:
        message.releases.extend(_releases(node, standing, head))
    return message


def _logged(
    node: Node, token: str, index: int, by: str, head: Head | None
) -> opening_pb2.LoggedDocument:
    proof = [] if head is None else node.log.inclusion_proof(index, head)
    return opening_pb2.LoggedDocument(
        token=token,
        leaf=node.log.read_leaf_bytes(node.engine, index),
        index=index,
        inclusion_proof=proof,
        by=f"parties/{by}",
    )


def _releases(node: Node, standing: Standing, head: Head) -> list[opening_pb2.OrderedRelease]:
    with node.engine.connect() as connection:
        rows = connection.execute(
            select(charges.c.request, charges.c.leaf_index).where(
                charges.c.contract == standing.contract,
                charges.c.request.in_(standing.wanted),
            )
        )
        indices = {row.request: row.leaf_index for row in rows}
    party = node.parties.get(node.contracts.get(standing.contract).buyer)
    found = []
    for request in standing.wanted:
        index = indices[request]
        body = node.log.read_leaf_bytes(node.engine, index)
        leaf = ReleaseLeaf.from_json(canonical.decode(body))
        instance = None if party is None else instance_by_key(party, leaf.instance)
        message = opening_pb2.OrderedRelease(
            leaf=body,
            index=index,
            inclusion_proof=node.log.inclusion_proof(index, head),
            certification="" if instance is None else instance.certification,
        )
        found.append(message)
    return found
