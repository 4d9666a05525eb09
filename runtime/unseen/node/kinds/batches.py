"""Evaluating a batch in pieces, so that a stop takes effect in its middle and cores share it.

A piece is a short task like any other: between two of them other requests have their turn. What
comes out is what evaluating the batch at once would give. If node or contract is stopped, or an
element is not valid, the rest is not computed, and nothing leaves.
"""

import asyncio
from collections.abc import Callable, Sequence

from unseen.node.jobs.executor import Executor
from unseen.protocols.errors import UnseenError
from unseen.protocols.oprf import dleq
from unseen.protocols.oprf.keys import PrivateKey

PIECE = 256  # elements: a 40th of a second
_CHECKED = 1024  # elements in a piece that is only checked

GoOn = Callable[[], None]
Task = tuple[str, list[bytes], int]


async def evaluate_batch(
    executor: Executor, key: PrivateKey, elements: Sequence[bytes], go_on: GoOn
) -> list[bytes]:
    """Return the evaluated elements in order, then the batch's proof.

    `go_on` is called before each piece; what it raises ends the work.

    Raises:
        ElementInvalidError: an element is not valid; `position` is its place. Found before
            anything is computed.
        UnseenError: what `go_on` raises.

    """
    secret = [key.scalar, key.public_key]
    if len(elements) <= PIECE:
        go_on()
        return await executor.run("voprf", [*secret, *elements], len(elements))
    await each(executor, _checks(elements), go_on)
    found = await each(executor, _multiplications(key, elements), go_on)
    evaluated = [element for piece in found for element in piece]
    sums = await each(executor, _sums(key, elements, evaluated), go_on)
    (proof,) = await executor.run("voprf_proof", [*secret, *(piece[0] for piece in sums)])
    return [*evaluated, proof]


def _checks(elements: Sequence[bytes]) -> list[Task]:
    return [
        ("check_elements", [b"%d" % start, *elements[start : start + _CHECKED]], _CHECKED // 16)
        for start in range(0, len(elements), _CHECKED)
    ]


def _multiplications(key: PrivateKey, elements: Sequence[bytes]) -> list[Task]:
    pieces = [elements[start : start + PIECE] for start in range(0, len(elements), PIECE)]
    return [("voprf_part", [key.scalar, *piece], len(piece)) for piece in pieces]


def _sums(key: PrivateKey, elements: Sequence[bytes], evaluated: Sequence[bytes]) -> list[Task]:
    seed = dleq.batch_seed(key.public_key, elements, evaluated)
    return [
        (
            "voprf_sum",
            [
                *(seed, b"%d" % start),
                *elements[start : start + PIECE],
                *evaluated[start : start + PIECE],
            ],
            PIECE,
        )
        for start in range(0, len(elements), PIECE)
    ]


async def each(executor: Executor, tasks: Sequence[Task], go_on: GoOn) -> list[list[bytes]]:
    """Run the tasks, as many at once as there are workers; return their results in order.

    `go_on` is called before each of them.

    Raises:
        UnseenError: a task's, or what `go_on` raises.

    """
    places = asyncio.Semaphore(executor.workers)

    async def one(task: Task) -> list[bytes]:
        async with places:
            go_on()
            return await executor.run(*task)

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(task)) for task in tasks]
    except* UnseenError as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in running]
