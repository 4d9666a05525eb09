"""What a bill comes to: from units to lines, from lines to payees, to the last millionth.

Whole numbers throughout. What cannot be divided evenly goes by largest remainder (Hamilton's
method), first come first at a tie, so that every sum is exact and both sides round alike. The
sum grows with the units, with the cap and with fewer free units; a single payee's part of it may
fall by a millionth where the sum rises by one, as that method has it.

How often something was used is `settlement`'s to say, from releases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from unseen.evidence.canonical import Json
from unseen.evidence.contracts.clauses import LINES, Billing, Line, Payee
from unseen.evidence.contracts.contract import Prices


@dataclass(frozen=True, slots=True)
class Due:
    """What one payee gets of a line, in millionths of the currency."""

    payee: Payee
    amount: int

    def to_json(self) -> dict[str, Json]:
        """Return it as an object of the statement."""
        payee = self.payee
        return {
            "name": payee.name,
            "key": payee.key,
            "share": payee.share,
            "amount": self.amount,
        }


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill: `units` at `price`, which a cap may bring down to less than that.

    `dues` are the payees' parts and add up to `amount`; empty where all of it is the operator's.
    """

    line: Line
    price: int
    units: int
    amount: int
    dues: tuple[Due, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """What is owed. Of `billed` units, `free` cost nothing; `credited` is taken off the amount."""

    billed: int
    free: int
    credited: int
    lines: tuple[BillLine, ...]

    @property
    def charged(self) -> int:
        """The units that cost something."""
        return self.billed - self.free

    @property
    def amount(self) -> int:
        """The sum of the lines, in millionths of the currency."""
        return sum(line.amount for line in self.lines)


def make_bill(prices: Prices, billing: Billing | None, billed: int, credit: int = 0) -> Bill:
    """Return the bill over `billed` units; without a clause, each unit at its price.

    `credit` is what the operator gives back, in millionths; more than the bill is not given.
    """
    rule = billing or Billing(unit="evaluation")
    free = min(billed, rule.free_units)
    charged = billed - free
    fees = (prices.data_fee, prices.service_fee)
    full = sum(fees) * charged
    capped = min(full, rule.cap) if rule.cap else full
    owed = max(capped - credit, 0)
    # Both lines fall in proportion to their prices. What costs nothing has nothing to divide.
    amounts = apportion(owed, fees) if owed < full else [fee * charged for fee in fees]
    lines = (
        BillLine(line, fee, charged, amount, _dues(rule, line, amount))
        for line, fee, amount in zip(LINES, fees, amounts, strict=True)
    )
    return Bill(billed, free, capped - owed, tuple(lines))


def apportion(amount: int, weights: Sequence[int]) -> list[int]:
    """Return `amount` divided by `weights`, which are not all 0: the parts add up to it.

    Each gets the whole part of its share; what is left goes, one each, to the largest remainders,
    and among equals to the first.
    """
    whole = sum(weights)
    parts = [amount * weight // whole for weight in weights]
    largest_first = sorted(range(len(weights)), key=lambda at: -(amount * weights[at] % whole))
    for at in largest_first[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def _dues(billing: Billing, line: Line, amount: int) -> tuple[Due, ...]:
    payees = [payee for payee in billing.payees if payee.line == line]
    if not payees:
        return ()
    parts = apportion(amount, [payee.share for payee in payees])
    return tuple(map(Due, payees, parts))
