"""What is found out about a set of one's own items, whichever way it was asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from unseen.client.agreements.billing import money
from unseen.client.cards import Card, Row, Said
from unseen.client.queries.items import Texts
from unseen.client.rows import CellType, ExactType, Rows, cells_of, free_name
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.intersection import ITEMS
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.subject import SubjectType


@dataclass(frozen=True, slots=True)
class Cost:
    """What was charged: `units` and, at the contract's prices, at most `amount` millionths.

    Units that are free, and a cap, are the bill's.
    """

    units: int
    amount: int
    currency: str

    @classmethod
    def of(cls, terms: Terms, units: int) -> "Cost":
        """Return what `units` of a contract cost."""
        prices = terms.prices
        return cls(units, units * (prices.data_fee + prices.service_fee), prices.currency)

    def rows(self) -> Iterator[Row]:
        """Yield it as rows of a card."""
        yield "units", f"{self.units:,}"
        yield "costs at most", f"{money(self.amount)} {self.currency}"


@dataclass(frozen=True, slots=True, repr=False)
class Intersected(Card):
    """What was found out. `items` are the distinct ones, in the order in which they were given.

    The values of an item are those of `columns`, in the plan's order of them, of `types`.

    Of output `items`, `present` says of each whether the table has it. Of output `count`, `number`
    is how many of them it has, with noise whose `rho` the table's budget is charged: None where
    that is below the smallest group. Of output `sum`, `total` is that of their values as well, in
    the column's own unit; `total_error` is the standard deviation of its noise.

    `way` is the protocol by which it was found; `why` says why that one, where it was chosen
    (`Client.intersect_table`). `requests` are the ids of all requests that it was opened from: one
    of an intersection, several of lookups, earlier ones of the epoch among them. The last of them
    is `request_id`.
    """

    contract: str
    output: str
    columns: tuple[str, ...]
    items: tuple[Texts, ...] = field(repr=False)
    rho: str
    request_id: str
    receipt_path: Path = field(compare=False)
    present: tuple[bool, ...] = field(default=(), repr=False)
    number: int | None = None
    total: Decimal | None = None
    total_error: Decimal | None = None
    way: str = ""
    why: Said | None = field(default=None, compare=False)
    requests: tuple[str, ...] = ()
    cost: Cost | None = None
    types: tuple[SubjectType, ...] = ()

    @property
    def found(self) -> tuple[Texts, ...]:
        """The items that the table has."""
        return tuple(item for item, there in zip(self.items, self.present, strict=False) if there)

    def rows(self, *, every: bool = False) -> Rows:
        """Return the items that the table has, under their own columns, to be written or handed on.

        With `every` all items, and beside each in a column `present` whether the table has it.

        Raises:
            InputInvalidError: it is not said of each item: the output is another one.

        """
        if self.output != ITEMS:
            raise InputInvalidError(
                f"of output {self.output} there is a number, and no list of items",
                clause="outputs",
                remedy="ask under a contract over output items",
            )
        types: tuple[ExactType, ...] = self.types
        if not types:
            types = tuple("string" for _ in self.columns)
        columns = tuple(zip(self.columns, types, strict=True))
        if not every:
            return Rows(columns, (cells_of(item, types) for item in self.found))
        both = zip(self.items, self.present, strict=True)
        flag: tuple[str, CellType] = (free_name("present", self.columns), "boolean")
        return Rows((*columns, flag), ((*cells_of(item, types), there) for item, there in both))

    def _title(self) -> str:
        return f"Intersection of a set of {len(self.items):,}"

    def _rows(self) -> Iterator[Row]:
        if self.output == ITEMS:
            yield "in the table", f"{len(self.found):,}"
            yield "not in the table", f"{len(self.items) - len(self.found):,}"
        else:
            few = Said("fewer than the smallest group")
            number = few if self.number is None else Said("about {}", f"{self.number:,}")
            yield "in the table", number
            if self.total is not None:
                total, error = f"{self.total:,}", f"{self.total_error:,}"
                yield "sum", Said("about {}, give or take {}", total, error)
            yield "rho", self.rho
        if self.way:
            yield "way", self.way
        if self.why is not None:
            yield "because", self.why
        if self.cost is not None:
            yield from self.cost.rows()
        if len(self.requests) > 1:
            yield "receipts", f"{len(self.requests):,}"
        yield "receipt", self.receipt_path
