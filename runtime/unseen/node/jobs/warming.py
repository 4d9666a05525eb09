"""Kernels made ready before anybody waits for them, beside the serving, never before it.

A node with a contract over several nodes will mask vectors. So that its first round waits for no
compiler, and no query waits for one either, a bulk worker compiles and tries the kernels and keeps
their machine code in the node's home; the serving process then loads that, without numba. Where the
folder is not the node's alone, the first round compiles. Without numba it is the portable code,
which is tried all the same. What multiplies queries with a hidden table is loaded in the online
workers, where that will be done. What computes with encrypted rows is compiled and tried once; each
job's process loads it.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from unseen.evidence.contracts.joint import PARAMETER
from unseen.evidence.contracts.scoring import PROTOCOL as ENCRYPTED
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.hardening import whereabouts
from unseen.protocols.errors import UnseenError
from unseen.protocols.kernels import cache

FOLDER: Final = "kernels"
TASK: Final = "warm_up"
MATRIX: Final = "warm_matrix"
RINGS: Final = "warm_rings"
_BY_PROTOCOL: Final = {HIDDEN_TABLE: MATRIX, ENCRYPTED: RINGS}

_logger = logging.getLogger("unseen.node")


def settle(home: Path) -> None:
    """Have this process and all its workers keep kernels in the node's home, unless told where."""
    os.environ.setdefault(cache.VARIABLE, str(home / FOLDER))


async def sweep(node: Node) -> None:
    """Begin, if there is a contract that needs it: at the start, for contracts from before."""
    for contract in node.contracts.all():
        expect(node, contract)


def expect(node: Node, contract: Contract) -> None:
    """Begin, once, what this contract needs; the work goes on by itself."""
    for need in _needs(contract):
        if need in node.warm:
            continue
        node.warm.add(need)
        task = asyncio.create_task(_warm_up(node, need))
        node.background.add(task)
        task.add_done_callback(node.background.discard)


def _needs(contract: Contract) -> set[str]:
    if contract.state is not State.ACTIVE:
        return set()
    needs = {TASK} if PARAMETER in contract.terms.parameters else set()
    need = _BY_PROTOCOL.get(contract.terms.protocol)
    return needs if need is None else needs | {need}


async def _warm_up(node: Node, need: str) -> None:
    try:
        names = await node.executor.run_bulk(need, [])
        if need == MATRIX:  # as many at once as there are workers: one for each of them
            workers = range(node.executor.workers)
            await asyncio.gather(*(node.executor.run(need, []) for _ in workers))
        elif need == TASK and cache.usable():  # the serving process masks vectors itself
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
