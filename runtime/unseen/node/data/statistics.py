"""Counting a question's cells in a worker, and adding the noise there: CKS20 by `protocols.dp`.

What leaves the worker under noise is noisy already; of what several workers have counted in parts,
one adds up and adds the noise, and nobody opens it on its way. How long a draw takes depends on
what is drawn (`dp/coins.py`), and how long the counting takes on the rows: nothing hides either.
"""

import secrets
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import duckdb

from unseen.node.data import scan, source
from unseen.node.data.cells import exact_sql, noisy_sql, population_sql
from unseen.node.data.connection import VIEW, connect, joined_view, reading
from unseen.node.data.counting import Counting
from unseen.node.data.names import PERMITTED
from unseen.node.data.permitted import load_permitted
from unseen.node.data.predicates import fails
from unseen.node.statistics.found import Behind, Exact
from unseen.protocols.dp import Gaussian
from unseen.protocols.dp.exact import whole
from unseen.protocols.party import Rng


def count_noisy(counting: Counting, secret: bytes, rng: Rng) -> list[list[int]]:
    """Return the noisy numbers of each raw table, cell by cell, within a cell bin by bin.

    `secret` opens the spool's list of those who consent, where only they are counted.

    Raises:
        TableChangedError: a file is not the registered one.
        TableUnreadableError: it cannot be read within the memory given.
        PredicateFailsError: a filter raises an error on a row.

    """
    return add_noise([t.sigma2 for t in counting.tallies], count_raw(counting, secret), rng)


def add_noise(
    sigmas: Sequence[Fraction], tables: Sequence[Sequence[int]], rng: Rng
) -> list[list[int]]:
    """Return raw tables with noise on each number; `sigmas` are its variances, one a table."""
    return [
        [whole(value, "a count") + noise for value, noise in zip(values, drawn, strict=True)]
        for values, drawn in (
            (values, _draws(sigma2, len(values), rng))
            for sigma2, values in zip(sigmas, tables, strict=True)
        )
    ]


def count_raw(counting: Counting, secret: bytes) -> list[list[int]]:
    """Return the numbers that the noise is added to."""
    bins = _bins(counting)
    tables = [[0] * (counting.cells * bins) for _ in counting.tallies]
    (rows,) = _run(counting, secret, noisy=True)
    keys = len(counting.axes) + _binned(counting)
    for row in rows:
        place = _place(counting, row[:keys], bins)
        if place is not None:
            for table, value in zip(tables, row[keys:], strict=True):
                table[place] = whole(value, "a count")
    return tables


def count_exact(counting: Counting, secret: bytes) -> Exact:
    """Return exact counts and who stands behind them. Raises as `count_noisy` does."""
    cells = [(_NOBODY,) * (1 + len(counting.amounts))] * counting.cells
    rows, population = _run(counting, secret, noisy=False)
    keys = len(counting.axes)
    for row in rows:
        place = _place(counting, row[:keys], 1)
        if place is not None:
            counts, persons, most, *amounts = row[keys:]
            found = [_behind(persons, counts, counts, most)]
            found += [_behind(*amounts[at : at + 4]) for at in range(0, len(amounts), 4)]
            cells[place] = tuple(found)
    return Exact(whole(population[0][0], "the population"), tuple(cells))


_NOBODY = Behind(0, 0, 0, 0, 0)


def _behind(persons: int, value: int, total: int, most: Sequence[int] | None) -> Behind:
    largest, second, *_ = [*(most or ()), 0, 0]
    numbers = (persons, value, total, largest, second)
    return Behind(*(whole(number, "a count") for number in numbers))


def _draws(sigma2: Fraction, count: int, rng: Rng) -> list[int]:
    # One by one: an answer has a thousand cells at most, and laws of squares fit into no table.
    law = Gaussian(sigma2)
    return [law.sample(rng) for _ in range(count)]


def _binned(counting: Counting) -> bool:
    return any(tally.sort == "bins" for tally in counting.tallies)


def _bins(counting: Counting) -> int:
    return len(counting.amounts[0].edges) - 1 if _binned(counting) else 1


def _place(counting: Counting, codes: Sequence[int | None], bins: int) -> int | None:
    """Return the cell of a row's codes, in the order of the axes; None if it is in none."""
    place, sizes = 0, [axis.bins for axis in counting.axes]
    for code, size in zip(codes, [*sizes, bins], strict=False):
        if code is None:
            return None
        place = place * size + code
    return place


def _run(counting: Counting, secret: bytes, *, noisy: bool) -> list[list[tuple[Any, ...]]]:
    """Run the queries, over the registered files before and after."""
    _check(counting)
    spill = counting.spool / f"duckdb-{secrets.token_hex(8)}"  # others may count beside
    sources = [joined.source for joined in counting.joined]
    connection = connect(
        counting.source, memory_mb=counting.memory_mb // 2, spill=spill, joined=sources
    )
    try:
        with reading():
            if counting.permitted:
                load_permitted(connection, counting.spool / PERMITTED, secret, counting.permitted)
            types = [_types(connection, number) for number in range(len(sources) + 1)]
        make = noisy_sql if noisy else exact_sql
        found = [_fetch(connection, counting, make(counting, types))]
        if not noisy:
            found.append(_fetch(connection, counting, population_sql(counting, types)))
    finally:
        connection.close()
    _check(counting)
    return found


def _fetch(
    connection: duckdb.DuckDBPyConnection, counting: Counting, sql: str
) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(sql).fetchall()
    except duckdb.OutOfMemoryException as error:
        raise source.unreadable(error) from None
    except duckdb.Error as error:
        if not counting.filters:
            raise source.unreadable(error) from None
        names = ", ".join(each.name for each in counting.filters)
        raise fails(names, type(error).__name__) from None


def _types(connection: duckdb.DuckDBPyConnection, number: int) -> dict[str, str]:
    columns = scan.read_schema(connection, joined_view(number) if number else VIEW)
    return {column.name: column.type for column in columns}


def _check(counting: Counting) -> None:
    source.check_fingerprint(counting.source.path, counting.fingerprint)
    for joined in counting.joined:
        source.check_fingerprint(joined.source.path, joined.fingerprint)
