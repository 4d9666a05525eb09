"""What a buyer sends of a run, in chunks: each where the one before has ended, whole at the end.

A part is named by its digest, which the first message of a call tells: what was sent half goes on
in a later call, also after the node was killed, and a part that is whole is not written again.
What is in it is looked at where it is computed with, not here.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from unseen.evidence.canonical import b64encode
from unseen.evidence.suite import DIGEST_BYTES, Suite, suite_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import FieldInvalidError, KindRefusedError, disk_full
from unseen.node.identity.parties import Caller
from unseen.node.metering.metered import check_going
from unseen.node.runs import sessions
from unseen.node.runs.files import file_digest
from unseen.node.runs.kind import Head, RunKind
from unseen.node.runs.room import check_room, promise
from unseen.node.runs.sessions import Run
from unseen.streams.chunks import CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Stored:
    """How many bytes of a part are here, and whether they are all, with the right digest."""

    offset: int
    complete: bool


async def receive(
    node: Node, who: Caller, kind: RunKind, head: Head, chunks: AsyncIterator[tuple[int, bytes]]
) -> Stored:
    """Write down chunks, each with its offset, and return how far the part is.

    Raises:
        ContractNotFoundError: the caller has no such contract.
        KindRefusedError: it is for another kind.
        FieldInvalidError: the part does not belong here, is larger than it may be, or a chunk is
            not the next one; or all of it has another digest, and then it is deleted; or the run
            was ended meanwhile.
        OverloadedError: as many runs of the contract are kept as may be.
        StorageFullError: there is no space left; what came before stays.
        UnseenError: node or contract stands still, or the contract has ended.

    """
    contract = contract_of(node, who, kind, head.contract)
    run = sessions.run_of(node, kind, contract.id, head.request)
    suite = suite_of(contract.terms.suite)
    check_going(node, contract.id)
    if len(head.digest) != DIGEST_BYTES:
        raise refused("digest", "a digest has 32 bytes")
    kind.check(contract, run, head)
    if run.has(head.part):
        await _check_same(run.path(head.part), head, suite)
        return Stored(head.size, complete=True)
    _open(node, contract, run, head)
    part = _part(run, head)
    async for offset, chunk in chunks:
        check_going(node, contract.id)
        _append(part, head, offset, chunk)
    have = part.stat().st_size if part.exists() else 0
    if have < head.size:
        return Stored(have, complete=False)
    await _finish(part, run.path(head.part), head, suite)
    return Stored(head.size, complete=True)


def contract_of(node: Node, who: Caller, kind: RunKind, identifier: str) -> Contract:
    """Return the caller's contract over runs of this kind.

    Raises:
        ContractNotFoundError: the caller has none of this id.
        KindRefusedError: it is for another kind.

    """
    contract = node.contracts.get(identifier, buyer=who.party)
    if contract.terms.kind != kind.name:
        raise KindRefusedError(
            f"the contract is for {contract.terms.kind}",
            clause="kind",
            remedy="request a contract over a product of the kind you need",
        )
    return contract


def _open(node: Node, contract: Contract, run: Run, head: Head) -> None:
    """Make the folder of a run, refused where the whole run finds no room.

    What is sent alone is promised room: one that never comes keeps nobody else's run from its own.
    """
    room = run.kind.room(node, contract, head)
    if room is None:
        return
    check_room(node, run, room.whole)
    sessions.open_run(run)
    promise(node, run, room.part)


def _part(run: Run, head: Head) -> Path:
    """Return where the part grows; what was begun with another digest goes."""
    path = run.path(f"{head.part}.{b64encode(head.digest)}")
    for other in run.folder.glob(f"{head.part}.*"):
        if other != path:
            other.unlink(missing_ok=True)
    return path


def _append(path: Path, head: Head, offset: int, chunk: bytes) -> None:
    have = path.stat().st_size if path.exists() else 0
    if not chunk:
        return
    if len(chunk) > CHUNK_BYTES:
        raise refused("chunk", f"a chunk has at most {CHUNK_BYTES} bytes")
    if offset != have:
        raise refused("offset", f"the next chunk begins at {have}")
    if offset + len(chunk) > head.size:
        raise refused("chunk", "there is more than was told")
    try:
        with path.open("ab") as file:
            file.write(chunk)
    except FileNotFoundError:  # the folder is gone
        raise _ended() from None
    except OSError as error:
        _cut(path, have)
        raise disk_full(error) or error from None


def _cut(path: Path, size: int) -> None:
    """Cut off what of a chunk was written before the space ended."""
    if path.exists() and path.stat().st_size > size:
        with path.open("rb+") as file:
            file.truncate(size)


async def _finish(part: Path, path: Path, head: Head, suite: Suite) -> None:
    try:
        await asyncio.to_thread(_check_whole, part, head, suite)
        if _put(part, path):
            return
    except FileNotFoundError:
        _check_there(path)
    except OSError as error:
        raise disk_full(error) or error from None
    await _check_same(path, head, suite)


def _put(part: Path, path: Path) -> bool:
    """Let a part be whole, unless one is: what a request was begun with is never replaced.

    Every call is of one thread, and none comes in between.
    """
    if path.is_file():
        part.unlink(missing_ok=True)
        return False
    part.replace(path)
    return True


def _check_there(path: Path) -> None:
    """Return if another call of the same buyer's was first, and its part is whole."""
    if not path.is_file():
        raise _ended()


def _check_whole(part: Path, head: Head, suite: Suite) -> None:
    if file_digest(part, suite) != head.digest:
        part.unlink(missing_ok=True)
        raise refused("digest", "all of it is here, and has another digest")
    with part.open("rb+") as file:
        os.fsync(file.fileno())


async def _check_same(path: Path, head: Head, suite: Suite) -> None:
    if await asyncio.to_thread(file_digest, path, suite) != head.digest:
        raise refused("digest", "another part was sent under this id, and stays")


def _ended() -> FieldInvalidError:
    return refused("offset", "the run was ended meanwhile: the next chunk begins at 0")


def refused(clause: str, why: str) -> FieldInvalidError:
    """Return the refusal of a part that does not belong here."""
    return FieldInvalidError(why, clause=clause, remedy="send it as the client does, or afresh")
