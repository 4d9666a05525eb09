"""Kernels made ready for joint rounds, beside the serving and never before it.

A node with a contract over several nodes will mask vectors. So that its first round waits for no
compiler, and no query waits for one either, a bulk worker compiles and tries the kernels and keeps
their machine code in the node's home; the serving process then loads that, without numba. Where the
folder is not the node's alone, the first round compiles. Without numba it is the portable code,
which is tried all the same.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from unseen.evidence.contracts.joint import PARAMETER
from unseen.evidence.contracts.states import State
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.hardening import whereabouts
from unseen.protocols.errors import UnseenError
from unseen.protocols.kernels import cache

FOLDER: Final = "kernels"
TASK: Final = "warm_up"

_logger = logging.getLogger("unseen.node")


def settle(home: Path) -> None:
    """Have this process and all its workers keep kernels in the node's home, unless told where."""
    os.environ.setdefault(cache.VARIABLE, str(home / FOLDER))


async def sweep(node: Node) -> None:
    """Begin, if there is a contract that needs it: at the start, for contracts from before."""
    for contract in node.contracts.all():
        expect(node, contract)


def expect(node: Node, contract: Contract) -> None:
    """Begin, once, if this contract needs it; the work goes on by itself."""
    if not _needs(contract) or node.warm:
        return
    node.warm = True
    task = asyncio.create_task(_warm_up(node))
    node.background.add(task)
    task.add_done_callback(node.background.discard)


def _needs(contract: Contract) -> bool:
    return contract.state is State.ACTIVE and PARAMETER in contract.terms.parameters


async def _warm_up(node: Node) -> None:
    try:
        names = await node.executor.run_bulk(TASK, [])
        if cache.usable():
            await asyncio.to_thread(_load)
    except UnseenError as error:
        _logger.error("kernels are not ready: %s", error)  # noqa: TRY400 - it says all there is
    except Exception as error:  # noqa: BLE001 - a round will say what is wrong
        _logger.error("kernels are not ready: %s", whereabouts(error))  # noqa: TRY400
    else:
        _logger.info("kernels: %s", names[0].decode())


def _load() -> None:
    from unseen.protocols.kernels import warming  # noqa: PLC0415 - needs numpy, and takes a while

    warming.warm_up()
