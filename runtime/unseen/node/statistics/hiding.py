"""Which further cells a table hides: hypercubes (Giessing, Repsilber, LNCS 2316, 2002), chained.

Who knows the sums along every line of a table, and the cells that are shown, knows a hidden cell
up to an interval. A hypercube of hidden cells lets values be moved: up at its even corners and
down at its odd ones, and every line keeps its sum. So many moves, one after another, are tables
that nobody can tell from the true one: how far they reach is proven, and may be less than is true.

Holds for values of zero or more, against whoever knows line sums and shown cells exactly. It does
not protect a line whose sum is less than what was asked for: that sum says it all. Nor does it
protect against somebody who is in a cell and knows the own contribution, or against knowledge of
other tables over the same rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod


@dataclass(slots=True)
class Grid:
    """A table of `sizes` cells along each dimension, its values in order, and what is hidden.

    `asked` says of each hidden cell how wide an interval has to remain; 0 where it is shown.
    """

    sizes: tuple[int, ...]
    values: Sequence[int]
    asked: list[int]
    _steps: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Find how far apart neighbours are."""
        self._steps = [prod(self.sizes[axis + 1 :]) for axis in range(len(self.sizes))]

    def lines(self) -> Iterator[range]:
        """Yield the cells of every line of two or more."""
        for axis, (size, step) in enumerate(zip(self.sizes, self._steps, strict=True)):
            if size > 1:
                for cell in range(len(self.values)):
                    if cell // step % size == 0:
                        yield self._line(axis, cell)

    def thin(self, cell: int) -> bool:
        """Return whether a line through the cell sums to less than is asked for the cell."""
        return any(
            sum(self.values[other] for other in self._line(axis, self._first(axis, cell)))
            < self.asked[cell]
            for axis, size in enumerate(self.sizes)
            if size > 1
        )

    def cubes(self, cell: int) -> Iterator[tuple[list[int], list[int]]]:
        """Yield the even and odd corners of each hypercube through the cell, itself the first."""
        others = [
            [each - cell for each in self._line(axis, self._first(axis, cell)) if each != cell]
            for axis, size in enumerate(self.sizes)
            if size > 1
        ]
        for moves in product(*others):
            even: list[int] = [cell]
            odd: list[int] = []
            for move in moves:
                even, odd = even + [at + move for at in odd], odd + [at + move for at in even]
            yield even, odd

    def width(self, cell: int) -> int:
        """Return how wide an interval is proven to remain, as far as is asked for."""
        asked, reached = self.asked[cell], 0
        for upwards in (True, False):
            left = list(self.values)
            for even, odd in self.cubes(cell):
                if reached >= asked:
                    return reached
                if all(self.asked[corner] for corner in (*even, *odd)):
                    up, down = (even, odd) if upwards else (odd, even)
                    move = min((left[corner] for corner in down), default=0)
                    for corner in down:
                        left[corner] -= move
                    for corner in up:
                        left[corner] += move
                    reached += move
        return reached

    def hide_for(self, cell: int, short: int) -> bool:
        """Hide the corners of the hypercube that adds `short` at the least loss.

        If none adds so much, of that which adds most; returns whether one adds anything.
        """
        best: tuple[int, ...] = ()
        corners: list[int] = []
        for even, odd in self.cubes(cell):
            fresh = [at for at in (*even, *odd) if not self.asked[at]]
            gain = self._least(even) + self._least(odd)
            if not fresh or not gain:
                continue
            loss = sum(self.values[at] for at in fresh)
            rank = (min(gain, short), -len(fresh), -loss)
            if not best or rank > best:
                best, corners = rank, fresh
        for corner in corners:
            self.asked[corner] = 1
        return bool(corners)

    def surround(self, cell: int) -> None:
        """Hide the corners of one hypercube through the cell, if none is hidden as a whole.

        Of those that hide the fewest further cells, that of the least loss.
        """
        cubes = [
            [at for at in (*even, *odd) if not self.asked[at]] for even, odd in self.cubes(cell)
        ]
        fewest = min(cubes, key=lambda at: (len(at), sum(self.values[c] for c in at)), default=[])
        for corner in fewest:
            self.asked[corner] = 1

    def _least(self, corners: list[int]) -> int:
        return min((self.values[corner] for corner in corners), default=0)

    def _first(self, axis: int, cell: int) -> int:
        step = self._steps[axis]
        return cell - cell // step % self.sizes[axis] * step

    def _line(self, axis: int, first: int) -> range:
        step = self._steps[axis]
        return range(first, first + self.sizes[axis] * step, step)


def hide(sizes: tuple[int, ...], values: Sequence[int], asked: Sequence[int]) -> list[bool]:
    """Return which cells are hidden, for values of zero or more.

    `asked` is, for each cell that has to be hidden, the width of the interval that has to remain
    to whoever knows every line's sum; 0 for cells that may be shown. Of cells hidden for others
    at least two values remain possible. No line of two cells or more has exactly one that is
    hidden. Where that cannot be had, all are hidden.
    """
    grid = Grid(sizes, values, list(asked))
    while True:
        before = sum(map(bool, grid.asked))
        for cell in range(len(values)):
            if grid.asked[cell] and not _protected(grid, cell):
                return [True] * len(values)
        _pair(grid)
        if sum(map(bool, grid.asked)) == before:
            return [bool(width) for width in grid.asked]


def _protected(grid: Grid, cell: int) -> bool:
    """Hide what the cell needs; return whether it is protected, or cannot be for its lines."""
    while (short := grid.asked[cell] - grid.width(cell)) > 0:
        if not grid.hide_for(cell, short):
            if grid.thin(cell):
                grid.surround(cell)
                return True
            # A cell without any line has nobody beside it who could give it away.
            return all(size == 1 for size in grid.sizes)
    return True


def _pair(grid: Grid) -> None:
    for line in grid.lines():
        if sum(map(bool, (grid.asked[cell] for cell in line))) == 1:
            shown = [cell for cell in line if not grid.asked[cell]]
            grid.asked[min(shown, key=lambda cell: grid.values[cell])] = 1
