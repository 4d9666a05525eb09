"""Answering one question: rows counted in a worker, noise added there, and what is shown made here.

One question runs at a time, so that the ceiling of memory holds; its workers are killed when time
is over, or node or contract stops. Nothing here charges, or decides whether an answer leaves.
On a cluster the persons of a large table fall to parts, each counted by itself; what is found adds
up. Noise is drawn by one worker, on this machine, which alone opens what the parts have counted.
What is refused under noise depends on question, contract and table as registered, not on rows; but
an operator's expression that fails on a row, or too little memory, is an error that can be seen.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode
from unseen.evidence.contracts.statistics import Menu, Question, menu_of, noisy, shape_of
from unseen.node.catalog.catalogue import Product, Table
from unseen.node.catalog.snapshots import spool
from unseen.node.consent.serving import choose_now
from unseen.node.consent.tree import open_secret
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.data.counting import Counting, encode_counting
from unseen.node.errors import DeadlineError, GroupTooSmallError, InternalError
from unseen.node.jobs.cutting import counted_parts_of
from unseen.node.metering.metered import check_going
from unseen.node.release.facts import AggregateFacts
from unseen.node.release.rules import Limits
from unseen.node.statistics import exact
from unseen.node.statistics.asked import Room, counting_of
from unseen.node.statistics.found import Exact, merged, read_exact, summed
from unseen.protocols.errors import UnseenError

_LOOK_SECONDS = 0.25  # how often a question under way looks whether it may go on
_PRIVATE = AggregateFacts(cells=(), measured=True, private=True)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An answer before the gate: its one part, what the gate has to know, and where it came from.

    `snapshot` is the table's commitment, `consent_root` the root that its rows were chosen by or
    nothing, 32 bytes each; `rho` is what the answer costs, in zCDP.
    """

    parts: tuple[bytes, ...] = field(repr=False)
    facts: AggregateFacts = field(repr=False)
    snapshot: bytes
    rho: Fraction
    consent_root: bytes = b""


async def evaluate(
    node: Node, contract: Contract, product: Product, table: Table, question: Question
) -> Evaluated:
    """Answer `question` under `contract` over the rows of `table` as they are registered.

    Raises:
        QuestionInvalidError: the contract's menu does not offer it.
        GroupTooSmallError: every number of the exact table has too few people behind it.
        TableError: a table is not the registered one, or cannot be read, or a filter fails.
        DeadlineError: it took too long.
        UnseenError: node or contract has stopped meanwhile.

    """
    menu = menu_of(contract.terms.parameters)
    limits = Limits().with_group(contract.plan.group)
    async with _counting(node, contract, product, table, question) as (run, counting, root):
        if question.exact:
            rows, facts = await _exact(run, menu, question, counting, limits)
        else:
            rows, facts = await _noisy(run, menu, question, counting, limits), _PRIVATE
    snapshot = b64decode(table.snapshot.commitment)
    return Evaluated((canonical.encode(rows),), facts, snapshot, question.cost, root)


async def count_plain(
    node: Node, contract: Contract, product: Product, table: Table, question: Question
) -> tuple[list[int], bytes]:
    """Return the raw tables of a question end to end, and the root their rows were chosen by.

    Without noise: whoever asks for them adds it, and masks them. Raises as `evaluate` does.
    """
    async with _counting(node, contract, product, table, question) as (run, counting, root):
        found = [canonical.decode(part) for part in await run.partials("count_plain", counting)]
    tables = summed([_numbers(part) for part in found])
    return [number for table in tables for number in table], root


async def count_behind(
    node: Node, contract: Contract, product: Product, table: Table, question: Question
) -> tuple[Exact, bytes]:
    """Return the exact counts with who stands behind them, and the root of their rows.

    For sums with other nodes, of which a lead shows what is left of them. Raises as `evaluate`.
    """
    async with _counting(node, contract, product, table, question) as (run, counting, root):
        return await run.exact(counting), root


async def hide_columns(
    run: "Run", sizes: tuple[int, ...], columns: Sequence[exact.Column]
) -> list[list[bool]]:
    """Return which cells of the exact table are hidden, column by column.

    Raises:
        GroupTooSmallError: all of them are.

    """
    asked = exact.encode_columns(sizes, columns)
    hidden = exact.decode_hidden(await run.task("hide_cells", [canonical.encode(asked)]))
    if all(hidden[0]):
        raise GroupTooSmallError(
            "too few people are behind every number of the exact table",
            clause="parameters.menu.partition",
            remedy="ask with noise, or ask the operator for coarser groups",
        )
    return hidden


@asynccontextmanager
async def _counting(
    node: Node, contract: Contract, product: Product, table: Table, question: Question
) -> "AsyncIterator[tuple[Run, Counting, bytes]]":
    """Yield what is counted for a question, and by whom."""
    menu = menu_of(contract.terms.parameters)
    shape_of(menu, question)  # before anything is read
    if product.definition is None:
        raise InternalError("a product of statistics without a menu")
    tables = {"": table}
    if product.joined:
        tables[product.joined] = node.catalogue.table(product.joined)
    parts = counted_parts_of(node, table.snapshot.rows)
    async with opened(node, contract) as (run, room, root):
        yield (
            replace(run, cut=parts),
            counting_of(menu, question, product.definition, tables, room),
            root,
        )


@asynccontextmanager
async def opened(node: Node, contract: Contract) -> "AsyncIterator[tuple[Run, Room, bytes]]":
    """Yield who reads rows under a contract, where, and the root they are chosen by; one at a time.

    Raises:
        UnseenError: nobody's rows may serve.

    """
    async with node.questions:
        with spool(node) as folder:
            root = await choose_now(node, contract.terms, folder)
            room = Room(folder, node.settings.memory_mb, permitted=bool(root))
            secret = [open_secret(node.reader.connection, node.vault)] if root else []
            yield Run(node, contract.id, secret), room, root


@dataclass(frozen=True, slots=True)
class Run:
    """One question's worker tasks, each killed when node or contract stops.

    `cut` is into how many parts a table is cut that is counted.
    """

    node: Node
    contract: str
    secret: list[bytes] = field(repr=False)
    cut: int = 1

    async def bare(self, name: str, parts: Sequence[bytes]) -> bytes:
        """Return the one part that a worker's task yields; raises as `parts`."""
        (result,) = await self.parts(name, parts)
        return result

    async def parts(self, name: str, parts: Sequence[bytes], own: str = "") -> list[bytes]:
        """Return what a worker's task yields; `own` names whose process it runs in, if one's.

        Raises:
            DeadlineError: it took too long. UnseenError: node or contract has stopped meanwhile.

        """
        executor = self.node.executor
        return await self._in_time(
            executor.run_own(own, name, parts) if own else executor.run_bulk(name, parts)
        )

    async def partials(self, name: str, counting: Counting) -> list[bytes]:
        """Return what a worker's task over a counting yields for each part; raises as `parts`."""
        asks = [
            [canonical.encode(encode_counting(replace(counting, part=part, parts=self.cut)))]
            for part in range(self.cut)
        ]
        return await self._in_time(self._all(name, [[*ask, *self.secret] for ask in asks]))

    async def exact(self, counting: Counting) -> Exact:
        """Return exact counts with who stands behind them; raises as `parts`."""
        found = await self.partials("count_exact", counting)
        return merged([read_exact(canonical.decode(part)) for part in found])

    async def noisy(self, counting: Counting) -> list[list[int]]:
        """Return the noisy numbers of each raw table; raises as `parts`."""
        if self.cut == 1:
            return _numbers(await self.count("count_noisy", counting))
        found = await self.partials("count_plain", counting)
        sigmas = canonical.encode([str(tally.sigma2) for tally in counting.tallies])
        return _numbers(await self.task("add_noise", [sigmas, *found]))

    async def _all(self, name: str, asks: Sequence[Sequence[bytes]]) -> list[bytes]:
        """Return the one part that each of some tasks yields; one that fails ends the others."""
        run = self.node.executor.run_bulk
        try:
            async with asyncio.TaskGroup() as group:
                begun = [group.create_task(run(name, ask)) for ask in asks]
        except* UnseenError as failed:
            raise failed.exceptions[0] from None
        return [part for task in begun for part in task.result()]

    async def _in_time(self, begun: Coroutine[Any, Any, list[bytes]]) -> list[bytes]:
        work = asyncio.ensure_future(begun)
        try:
            async with asyncio.timeout(self.node.settings.question_seconds):
                while not work.done():
                    await asyncio.wait({work}, timeout=_LOOK_SECONDS)
                    check_going(self.node, self.contract)
        except TimeoutError:
            raise DeadlineError(
                "the question took longer than the node allows",
                clause="node.question_seconds",
                remedy="ask of fewer groups; or the operator allows more time",
            ) from None
        finally:
            work.cancel()
            await asyncio.wait({work})
        return work.result()

    async def task(self, name: str, parts: Sequence[bytes]) -> Any:
        """Return the JSON that a worker's task yields; raises as `bare`."""
        return canonical.decode(await self.bare(name, parts))

    async def count(self, name: str, counting: Counting) -> Any:
        """Return the JSON that a worker's task over a counting yields; raises as `bare`."""
        return await self.task(name, [canonical.encode(encode_counting(counting)), *self.secret])


async def _noisy(
    run: Run, menu: Menu, question: Question, counting: Counting, limits: Limits
) -> list[Json]:
    return noisy.answer(menu, question, await run.noisy(counting), limits.group)


def _numbers(found: Any) -> list[list[int]]:
    return [[int(number) for number in table] for table in found]


async def _exact(
    run: Run, menu: Menu, question: Question, counting: Counting, limits: Limits
) -> tuple[list[Json], AggregateFacts]:
    shape = shape_of(menu, question)
    found = await run.exact(counting)
    complement = bool(counting.axes or counting.filters)
    columns = exact.columns_of(shape, found, limits, complement=complement)
    sizes = tuple(axis.bins for axis in counting.axes)
    hidden = await hide_columns(run, sizes, columns)
    rows = exact.answer(shape, found, hidden, limits)
    return rows, exact.facts_of(found, complement=complement)
