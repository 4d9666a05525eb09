"""Keeping a training's rows in memory between two steps, in a worker process of its own.

A training reads the same rows at every step. Its process keeps them under a key that names all that
decides which rows serve: contract, reading, table as registered, and, where consent is asked, the
root and the very list of who consents now. So a withdrawal, a consent that ends or another snapshot
has the next step read anew. They end, with their process, when the last step has been taken, when
nothing is asked for a minute, when the contract or the node stops, and when the consents' root or
the table is another.

All kept rows together take a quarter of `node.memory_mb`; what is larger is read at every step.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

from unseen.evidence import canonical
from unseen.node.consent.tree import newest_root
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.data.names import PERMITTED
from unseen.node.joint.kept import Kept, Rests
from unseen.node.metering.metered import check_going
from unseen.node.statistics.evaluate import Run
from unseen.protocols.errors import UnseenError

IDLE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 1.0
_SHARE: Final = 4  # a quarter of the memory


async def run_step(
    run: Run, contract: Contract, key: str, rests: Rests, parts: list[bytes]
) -> bytes:
    """Return the vector that a worker makes of a step, which keeps the rows if there is room.

    `rests.size` is how many bytes they take at most: where that is too much, nobody keeps them.

    Raises:
        UnseenError: as `Run.parts`; then nothing of the training is kept.

    """
    node, name = run.node, contract.id
    most = max(0, (node.settings.memory_mb << 20) // _SHARE - node.kept.size_without(name))
    own = name if 0 < rests.size <= most else ""
    told = canonical.encode({"key": key, "most": most if own else 0})
    try:
        vector, size = await run.parts("train_step", [told, *parts], own=own)
    except BaseException:
        await node.kept.drop(node.executor, name)
        raise
    watched = name in node.kept
    await node.kept.put(node.executor, name, Kept(rests, int(size), _now()))
    if name in node.kept and not watched:
        task = asyncio.create_task(_watch(node, name))
        node.background.add(task)
        task.add_done_callback(node.background.discard)
    return vector


def key_of(contract: Contract, reading: bytes, rests: Rests, spool: Path) -> str:
    """Return what the rows of a reading are kept by; `spool` has the list of who consents."""
    asked: Any = canonical.decode(reading)
    asked["counting"] |= {"spool": "", "memory_mb": 0}  # where it is read says nothing of the rows
    digest = hashlib.sha256(canonical.encode([contract.id, asked, rests.snapshot]))
    digest.update(rests.root)
    if rests.root:
        with (spool / PERMITTED).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


async def _watch(node: Node, name: str) -> None:
    """Drop what is kept when nobody asks for it any more, or it is not what would be read."""
    while (kept := node.kept.get(name)) is not None:
        if _now() - kept.used > IDLE_SECONDS or not still(node, name, kept.rests):
            await node.kept.drop(node.executor, name)
            return
        await asyncio.sleep(_LOOK_SECONDS)


def still(node: Node, name: str, rests: Rests) -> bool:
    """Return whether rows may be kept on: the contract goes on, and they are those that serve."""
    try:
        check_going(node, name)
        product = node.catalogue.product(node.contracts.get(name).terms.product)
        table = node.catalogue.table(product.table)
    except UnseenError:
        return False
    root = newest_root(node.reader.connection).root if rests.root else b""
    return table.snapshot.commitment == rests.snapshot and root == rests.root


def _now() -> float:
    return asyncio.get_running_loop().time()
