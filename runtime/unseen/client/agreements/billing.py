"""A billing clause in words, and its form on the wire."""

from collections.abc import Iterator
from typing import get_args

from unseen.client.cards import Row
from unseen.client.errors import AnswerInvalidError
from unseen.evidence.bills.billing import Bill
from unseen.evidence.contracts.clauses import LINES, WHOLE, Billing, BillingUnit, Line, Payee
from unseen.evidence.errors import ContractInvalidError
from unseen.v1 import catalog_pb2

_UNITS: dict[str, BillingUnit] = {unit: unit for unit in get_args(BillingUnit)}
_LINES: dict[str, Line] = {line: line for line in LINES}


def money(micros: int) -> str:
    """Return millionths as a decimal amount with at least two places."""
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    whole, part = divmod(micros, 1_000_000)
    digits = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def percent(share: int) -> str:
    """Return ten-thousandths as a percentage."""
    return f"{share / (WHOLE // 100):.2f}".rstrip("0").rstrip(".") + "%"


def bill_rows(bill: Bill, cap: int, currency: str) -> Iterator[Row]:
    """Yield what a bill comes to: each line in full and its part of what is owed, then the sums.

    `cap` is in millionths, 0 for none. Cap and credit lower the lines in proportion.
    """
    full = sum(line.units * line.price for line in bill.lines)
    for line in bill.lines:
        whole = line.units * line.price
        said = f"{line.units:,} x {money(line.price)} = {money(whole)} {currency}"
        left = "" if whole == line.amount else f", of which {money(line.amount)} {currency} is owed"
        yield line.line.replace("_", " "), said + left
        for due in line.dues:
            share = percent(due.payee.share)
            yield "", f"{due.payee.name} {share}: {money(due.amount)} {currency}"
    capped = bill.amount + bill.credited
    if bill.amount != full:
        yield "sum", f"{money(full)} {currency}"
    if capped != full:
        yield "over the cap", f"{money(capped - full)} {currency}: {money(cap)} is the most"
    if bill.credited:
        yield "credit", f"{money(-bill.credited)} {currency}"
    yield "amount", f"{money(bill.amount)} {currency}"


def billing_rows(billing: Billing | None, currency: str) -> Iterator[Row]:
    """Yield a billing clause as rows of a card; none where every unit has its price."""
    if billing is None:
        return
    said = [f"per {billing.unit}"]
    if billing.free_units:
        said.append(f"the first {billing.free_units:,} free")
    if billing.cap:
        said.append(f"at most {money(billing.cap)} {currency} in all")
    yield "billed", "; ".join(said)
    for line in LINES:
        payees = [payee for payee in billing.payees if payee.line == line]
        if payees:
            parts = tuple(f"{payee.name} {percent(payee.share)}" for payee in payees)
            yield f"{line.replace('_', ' ')} to", parts


def billing_message(billing: Billing | None) -> catalog_pb2.Billing | None:
    """Return the clause as it is sent."""
    if billing is None:
        return None
    return catalog_pb2.Billing(
        unit=billing.unit,
        free_units=billing.free_units,
        cap=billing.cap,
        payees=[
            catalog_pb2.Payee(line=p.line, name=p.name, key=p.key, share=p.share)
            for p in billing.payees
        ],
    )


def read_billing(product: catalog_pb2.Product) -> Billing | None:
    """Return the billing clause of a product's contracts.

    Raises:
        AnswerInvalidError: it is none.

    """
    if not product.HasField("billing"):
        return None
    given = product.billing
    try:
        payees = tuple(
            Payee(line=_LINES[p.line], name=p.name, key=p.key, share=p.share) for p in given.payees
        )
        return Billing(
            unit=_UNITS[given.unit], free_units=given.free_units, cap=given.cap, payees=payees
        )
    except (ContractInvalidError, KeyError):
        raise AnswerInvalidError(
            "the product's billing is no clause of a contract", clause="product.billing"
        ) from None
