"""Ending the runs whose time is over, of every kind."""

from unseen.node.context import Node
from unseen.node.runs.kinds import RUN_KINDS
from unseen.node.runs.sessions import sweep


async def sweep_all(node: Node) -> None:
    """Delete the runs whose time, or whose contract, is over."""
    for kind in RUN_KINDS:
        await sweep(node, kind)
