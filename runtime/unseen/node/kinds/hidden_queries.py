"""Answering queries at a hidden table, after an evaluation that was charged.

Nothing is charged here and nothing is logged: one query comes with each element of an evaluation,
whatever came out of it, and perhaps one about nobody; they may be sent again where a connection
broke. What is answered is counted, so that a buyer gets no more sums over masked rows
than its leakage statement says. Queries are multiplied in the online workers, cut so that nobody
waits long behind them, or, where the matrix is more than this machine holds, in processes that the
machines of the cluster keep; stops, withdrawals and the end of an epoch take effect between
messages.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode
from unseen.evidence.releases.answers import Answers, sign_answers, tree_of_hashes
from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.node.catalog.snapshots import spool
from unseen.node.context import Node
from unseen.node.contracts.epochs import Epoch
from unseen.node.data.spec import matrix_path
from unseen.node.errors import (
    DrainingError,
    FieldInvalidError,
    KindRefusedError,
    ReplyNotFoundError,
    StorageFullError,
)
from unseen.node.failpoints import hit
from unseen.node.identity.parties import Caller
from unseen.node.jobs.cutting import answering_parts_of, is_for_the_cluster
from unseen.node.kinds import batches
from unseen.node.kinds.lookup import epoch_for
from unseen.node.metering.answer_counts import CountAnswers, GiveBackAnswers
from unseen.node.metering.charge import epoch_over
from unseen.node.metering.charged import find_charge, parts_stored
from unseen.node.metering.metered import check_held, check_load
from unseen.node.pieces import in_pieces
from unseen.protocols.errors import MalformedMessageError, UnseenError
from unseen.protocols.lookup.lwe_pir.parameters import Shape

_PRODUCTS: Final = 1 << 30  # of a byte and a word in one task: an eighth of a second
_AN_ELEMENT: Final = 1 << 20  # products that take as long as evaluating an element
_TOGETHER: Final = 8  # messages of a call that a cluster answers at once, a MiB each
_QUERIES: Final = "queries"  # of a batch, in the shared folder


@dataclass(frozen=True, slots=True)
class Asked:
    """The head of a call: whose table, by which manifest, and which evaluation these follow."""

    contract: str
    epoch: int
    manifest: bytes
    request: str
    count: int


async def answer(
    node: Node, caller: Caller, asked: Asked, queries: AsyncIterator[bytes]
) -> AsyncIterator[bytes | str]:
    """Yield the answers to `count` queries in pieces, and last what the node signs of them.

    Raises:
        UnseenError: the refusal, with its clause.

    """
    epoch, elements, units = _admit(node, caller, asked)
    check_load(node, caller.party)
    shape = epoch.manifest.shape()
    node.load[caller.party] += 1
    counted = 0
    hashes: list[bytes] = []
    roots: list[bytes] = []
    try:
        # On the disk before anything leaves: a node that is killed has counted what went out.
        await node.writer.submit(CountAnswers(epoch, asked.count, elements // units))
        counted = asked.count
        whole = _whole(queries, shape, asked.count)
        async for batch in _arrived(whole) if _far_matrix(node, epoch) else whole:
            _check_going(node, caller, epoch)
            found = await _answers(node, caller, epoch, batch)
            _check_going(node, caller, epoch)
            hashes += found.hashes
            roots += found.roots
            for piece in in_pieces(b"".join(found.answers)):
                yield piece
        hit("answers.before_sign")
        yield _signed(node, epoch, asked, hashes, roots)
    finally:
        node.load[caller.party] -= 1
        await _give_back(node, epoch, counted - len(roots))


async def _give_back(node: Node, epoch: Epoch, count: int) -> None:
    """Let be asked again what a broken connection left unanswered.

    Where that cannot be written it stays counted: a buyer has four answers for each element.
    """
    if count:
        with contextlib.suppress(DrainingError, StorageFullError):
            await node.writer.submit(GiveBackAnswers(epoch, count))


def _admit(node: Node, caller: Caller, asked: Asked) -> tuple[Epoch, int, int]:
    """Return the epoch that is asked, and elements and units of the evaluation."""
    contract = node.contracts.get(asked.contract, buyer=caller.party)
    if contract.terms.protocol != HIDDEN_TABLE:
        raise KindRefusedError(
            "this contract has no hidden table to be asked",
            clause="protocol",
            remedy="ask under a contract of the way lwe_pir",
        )
    node.stops.check_node()
    row = find_charge(node.reader.connection, contract.id, asked.request)
    if row is None:
        raise ReplyNotFoundError(
            "no request of this id was charged under the contract",
            clause="request.id",
            remedy="see what was: unseen receipt list",
        )
    check_held(node, contract)
    epoch = epoch_for(node, caller, contract.id)
    if (asked.epoch, asked.manifest) != (epoch.number, epoch.manifest_id):
        raise epoch_over(asked.epoch)
    parts = parts_stored(row)
    if row.epoch != epoch.number or row.leaf_index < epoch.leaf_index or not parts:
        raise epoch_over(row.epoch)  # or it was charged under an earlier build
    elements = parts - 1  # the last part is the batch's proof
    if asked.count not in {elements, elements + 1}:
        raise FieldInvalidError(
            f"the evaluation had {elements} elements, and a query goes with each",
            clause="count",
            remedy="send a query for each element, whatever came out, and at most one about nobody",
        )
    return epoch, elements, row.units


def _check_going(node: Node, caller: Caller, epoch: Epoch) -> None:
    """Return if the epoch still answers: what somebody who has withdrawn stands in does not."""
    node.stops.check_node()
    if epoch_for(node, caller, epoch.contract).manifest_id != epoch.manifest_id:
        raise epoch_over(epoch.number)


async def _whole(
    queries: AsyncIterator[bytes], shape: Shape, count: int
) -> AsyncIterator[list[bytes]]:
    """Yield the queries of each message; `count` of them come in all.

    Raises:
        MalformedMessageError: a message holds no whole queries, or there are more, or fewer.

    """
    left, size = count, shape.query_bytes
    async for message in queries:
        found = [message[start : start + size] for start in range(0, len(message), size)]
        if not found or len(found[-1]) != size:
            raise MalformedMessageError(
                f"a message holds whole queries, of {size} bytes each", clause="queries"
            )
        left -= len(found)
        if left < 0:
            break
        yield found
        if not left:
            return
    raise MalformedMessageError(f"the head says {count} queries", clause="queries")


async def _arrived(messages: AsyncIterator[list[bytes]]) -> AsyncIterator[list[bytes]]:
    """Yield the queries of a message with those that have come meanwhile, of some messages.

    Together they take little longer than one, but nothing is waited for. Raises as `messages`.
    """
    come: asyncio.Queue[list[bytes]] = asyncio.Queue(_TOGETHER)

    async def read() -> Exception | None:
        failure = None
        try:
            async for message in messages:
                await come.put(message)
        except Exception as error:  # noqa: BLE001 - raised behind what came before it
            failure = error
        await come.put([])
        return failure

    reading = asyncio.create_task(read())
    try:
        more = True
        while more:
            held = await come.get()
            more = bool(held)
            for _ in range(come.qsize()):
                message = come.get_nowait()
                more = bool(message)
                held = held + message
            if held:
                yield held
        if failure := await reading:
            raise failure
    finally:
        reading.cancel()


@dataclass(frozen=True, slots=True)
class _Found:
    """Answers to a message's queries, the queries' hashes, and the roots over each answer."""

    answers: list[bytes]
    hashes: list[bytes]
    roots: list[bytes]


async def _answers(node: Node, caller: Caller, epoch: Epoch, queries: Sequence[bytes]) -> _Found:
    shape = epoch.manifest.shape()
    far = _far_matrix(node, epoch)
    if far is None:
        found = await _near(node, caller, epoch, queries)
    else:
        found = await _far(node, caller, epoch, far, queries)
    answers = [b"".join(pieces) for pieces in zip(*found, strict=True)]
    hashed = canonical.encode({"suite": epoch.manifest.suite, "shape": _numbers(shape)})
    digests = await node.executor.run("lwe_digests", [hashed, *queries, *answers], len(queries))
    return _Found(answers, digests[: len(queries)], digests[len(queries) :])


async def _near(
    node: Node, caller: Caller, epoch: Epoch, queries: Sequence[bytes]
) -> list[list[bytes]]:
    """Return what the online workers answer, each from some blocks."""
    shape = epoch.manifest.shape()
    path = _matrix(node, epoch)
    tasks = [
        (
            "lwe_answer",
            [_ask(path, shape, part), *queries],
            len(part) * shape.cell_bytes * shape.width * len(queries) // _AN_ELEMENT + 1,
        )
        for part in _parts(shape, len(queries))
    ]
    try:
        return await batches.each(node.executor, tasks, lambda: _check_going(node, caller, epoch))
    except UnseenError:
        _check_going(node, caller, epoch)  # or it failed as the matrix went with its epoch or build
        raise


def _far_matrix(node: Node, epoch: Epoch) -> Path | None:
    """Return the matrix that the cluster answers from; nothing where this machine does.

    One that was built before there was a cluster lies where its machines see nothing.
    """
    if not is_for_the_cluster(node, epoch.manifest.shape().table_bytes):
        return None
    path = _matrix(node, epoch).resolve()
    return path if path.parent == node.settings.matrices_path(node.home) else None


async def _far(
    node: Node, caller: Caller, epoch: Epoch, path: Path, queries: Sequence[bytes]
) -> list[list[bytes]]:
    """Return what the cluster's machines answer, each from the blocks that it has in memory.

    They read the queries from the shared folder: all need all of them, and one process would have
    to send them.

    Raises:
        ClusterLostError: it is not there; the same queries may be sent again.

    """
    shape, run = epoch.manifest.shape(), node.executor.run_near
    parts = _cut(shape, answering_parts_of(node, shape.table_bytes))
    _check_going(node, caller, epoch)
    with spool(node) as folder:
        await asyncio.to_thread((folder / _QUERIES).write_bytes, b"".join(queries))
        asks = [_ask(path, shape, part, queries=str(folder / _QUERIES)) for part in parts]
        try:
            async with asyncio.TaskGroup() as group:
                begun = [
                    group.create_task(run(place, path, "lwe_answer", [ask]))
                    for place, ask in enumerate(asks)
                ]
        except* UnseenError as failed:
            _check_going(node, caller, epoch)  # or it failed as the matrix went with its epoch
            raise failed.exceptions[0] from None
    return [task.result() for task in begun]


def _matrix(node: Node, epoch: Epoch) -> Path:
    return matrix_path(node.table_path(epoch.contract, epoch.number, epoch.build))


def _ask(path: Path, shape: Shape, part: range, **more: canonical.Json) -> bytes:
    ask: dict[str, canonical.Json] = {"path": str(path), "shape": _numbers(shape)}
    return canonical.encode(ask | {"blocks": [part.start, part.stop]} | more)


def _numbers(shape: Shape) -> canonical.Json:
    return [shape.blocks, shape.width, shape.label_bytes]


def _parts(shape: Shape, queries: int) -> list[range]:
    """Return the blocks of each task: as many tasks as keep each of them short."""
    products = shape.table_bytes * queries
    return _cut(shape, -(-products // _PRODUCTS))


def _cut(shape: Shape, parts: int) -> list[range]:
    """Return all blocks, in up to so many parts."""
    parts = min(shape.blocks, parts)
    edges = [number * shape.blocks // parts for number in range(parts + 1)]
    return [range(first, last) for first, last in itertools.pairwise(edges)]


def _signed(
    node: Node, epoch: Epoch, asked: Asked, hashes: Sequence[bytes], roots: Sequence[bytes]
) -> str:
    suite = node.suite
    return sign_answers(
        node.signer,
        Answers(
            suite=suite.id,
            contract=b64decode(epoch.contract),
            epoch=epoch.number,
            manifest=epoch.manifest_id,
            request=asked.request,
            count=asked.count,
            queries=tree_of_hashes(suite, hashes).root(),
            answers=tree_of_hashes(suite, roots).root(),
            time=node.clock.now(),
        ),
    )
