"""What was charged under a contract: how many requests, and their leaves by the page."""

from sqlalchemy import func, select

from unseen.node.context import Node
from unseen.node.resources import page_start
from unseen.node.store.schema import charges, leaves


def count_requests(node: Node, contract: str) -> int:
    """Return how many requests were charged."""
    counted = select(func.count()).where(charges.c.contract == contract)
    with node.engine.connect() as connection:
        return int(connection.execute(counted).scalar_one())


def list_releases(node: Node, contract: str, token: str, most: int) -> tuple[list[bytes], str]:
    """Return at most `most` release leaves in log order, and the next page's token, if any.

    Raises:
        FieldInvalidError: `token` is none of this node.

    """
    start = page_start(token)
    with node.engine.connect() as connection:
        rows = connection.execute(
            select(leaves.c.leaf_index, leaves.c.body)
            .join(charges, charges.c.leaf_index == leaves.c.leaf_index)
            .where(charges.c.contract == contract, leaves.c.leaf_index >= start)
            .order_by(leaves.c.leaf_index)
            .limit(most + 1)
        ).all()
    following = str(rows[most].leaf_index) if len(rows) > most else ""
    return [row.body for row in rows[:most]], following
