"""Bills, reconciliations and rulings as people and programs read them."""

import csv
import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from unseen.cli.output import Format, note, print_list, show_rows
from unseen.cli.words import say

if TYPE_CHECKING:
    from unseen.client.bills.settling import Spending
    from unseen.evidence.bills.billing import Bill
    from unseen.evidence.bills.dispute import Resolution, Ruled
    from unseen.evidence.bills.reconcile import Entry, Match
    from unseen.evidence.bills.statement import Difference
    from unseen.evidence.contracts.clauses import Line, Payee

MATCH_COLUMNS = (
    "request",
    "contract",
    "time",
    "units_ours",
    "units_theirs",
    "billed_ours",
    "billed_theirs",
    "mismatch",
)
RULED_COLUMNS = ("request", "index", "time", "units", "owed", "ruling", "rule")
WHY = {
    "agreed": "both sides have it",
    "denied": "the buyer's instance signed the request; no receipt is shown",
    "forged": "no instance of the buyer's has signed the request",
    "unlawful": "the contract does not allow it",
    "overbilled": "billed as a hit, and was none",
    "dropped": "the node's own receipt shows that the log had it",
    "forked": "the node's own receipt shows another release of this id",
}


def print_statement(statement: bytes) -> None:
    """Write a statement for people."""
    from unseen.client.agreements.billing import bill_rows, money

    body: dict[str, Any] = json.loads(statement)
    currency = body["currency"]
    rows: list[tuple[str, object]] = [
        ("requests", f"{body['requests']:,}"),
        ("units", f"{body['units']:,} of {body['quota']:,}"),
    ]
    billing = body.get("billing", {"cap": 0})
    if "unit" in billing:
        cap = f", at most {money(billing['cap'])} {currency}" if billing["cap"] else ""
        free = f", {billing['free']:,} of them free" if billing["free"] else ""
        rows.append(("billed", f"{billing['billed']:,} per {billing['unit']}{free}{cap}"))
    rows += bill_rows(_bill(body), billing["cap"], currency)
    rows.append(("digest", body["digest"]))
    show_rows(f"{say('Statement of contract')} {body['contract']}", rows)


def _bill(body: dict[str, Any]) -> "Bill":
    """Return the bill that a checked statement says."""
    from unseen.evidence.bills.billing import Bill, BillLine, Due

    lines = tuple(
        BillLine(
            line["line"],
            line["price"],
            line["units"],
            line["amount"],
            tuple(Due(_payee(line["line"], due), due["amount"]) for due in line.get("payees", ())),
        )
        for line in body["lines"]
    )
    billing = body.get("billing", {"billed": body["units"], "free": 0})
    credit = body.get("credit", {"amount": 0})["amount"]
    return Bill(billing["billed"], billing["free"], credit, lines)


def _payee(line: "Line", due: dict[str, Any]) -> "Payee":
    from unseen.evidence.contracts.clauses import Payee

    return Payee(line=line, name=due["name"], key=due["key"], share=due["share"])


def spending_json(spending: "Spending") -> dict[str, Any]:
    """Return what was used under a contract; amounts in millionths."""
    contract, bill = spending.contract, spending.bill
    return {
        "contract": contract.id,
        "buyer": contract.buyer,
        "product": contract.terms.product,
        "units_used": spending.units,
        "units_granted": contract.terms.quota.units,
        "requests": spending.requests,
        "currency": contract.terms.prices.currency,
        "billed": bill.billed,
        "free": bill.free,
        "lines": [
            {
                "line": line.line,
                "price": line.price,
                "units": line.units,
                "amount": line.amount,
                "payees": [due.to_json() for due in line.dues],
            }
            for line in bill.lines
        ],
        "credit": bill.credited,
        "amount": bill.amount,
        "days": [
            {
                "day": day.day.isoformat(),
                "requests": day.requests,
                "units": day.units,
                "billed": day.billed,
                "amount": day.amount,
            }
            for day in spending.days
        ],
    }


def matches_csv(matches: Iterable["Match"]) -> str:
    """Return a reconciliation as CSV, a line for each request."""
    return _csv(MATCH_COLUMNS, map(_match_row, matches))


def resolution_csv(resolution: "Resolution") -> str:
    """Return rulings as CSV, a line for each release."""
    return _csv(RULED_COLUMNS, map(_ruled_row, resolution.rows))


def print_resolution(resolution: "Resolution", form: Format) -> None:
    """Write what is disputed and the bill that follows; all rulings as JSON."""
    if form is Format.JSON:
        rows = [dict(zip(RULED_COLUMNS, _ruled_row(row), strict=True)) for row in resolution.rows]
        typer.echo(json.dumps({"rows": rows, "statement": json.loads(resolution.statement)}))
        return
    agreed = len(resolution.rows) - len(resolution.disputed)
    typer.echo(f"{agreed:,} releases are agreed, {len(resolution.disputed):,} are disputed.")
    print_list(
        form,
        resolution.disputed,
        (*RULED_COLUMNS, "why"),
        [(*_ruled_row(row), say(WHY[row.ruling.value])) for row in resolution.disputed],
        empty="Nothing is disputed.",
    )
    print_statement(resolution.statement)


def print_differences(found: Iterable["Difference"], form: Format) -> None:
    """Write where two statements differ."""
    rows = [(item.field, item.ours, item.theirs) for item in found]
    print_list(
        form,
        [dict(zip(("field", "first", "second"), row, strict=True)) for row in rows],
        ("field", "first", "second"),
        [tuple("-" if value is None else value for value in row) for row in rows],
        empty="Both statements say the same, to the byte.",
    )


def note_unproven(statement: bytes, charged: int | None, form: Format) -> None:
    """Say what the node has charged and the statement does not prove."""
    body: dict[str, Any] = json.loads(statement)
    for item in body.get("unreceipted", ()):
        note(
            f"Request {item['request']} of {item['units']} units is charged, says the node, and "
            "its reply no longer kept: there is no receipt of it, and it is not in the amount.",
            form,
        )
    if charged is not None and body["units"] != charged:
        note(
            f"The node has charged {charged} units, these receipts prove {body['units']}: "
            "add the receipts of other instances with --receipts, or dispute the rest.",
            form,
        )


def _match_row(match: "Match") -> tuple[object, ...]:
    from unseen.evidence.canonical import b64encode, format_time

    entry, ours, theirs = match.entry, match.ours, match.theirs
    return (
        entry.request,
        b64encode(entry.contract),
        format_time(entry.time),
        _of(ours, "units"),
        _of(theirs, "units"),
        _of(ours, "billed"),
        _of(theirs, "billed"),
        match.finding.value if match.finding else "",
    )


def _ruled_row(row: "Ruled") -> tuple[object, ...]:
    from unseen.evidence.canonical import format_time

    return (
        row.request,
        "" if row.index is None else row.index,
        format_time(row.leaf.time),
        row.leaf.request.units,
        row.owed,
        row.ruling.value,
        row.rule,
    )


def _of(entry: "Entry | None", name: str) -> object:
    value = getattr(entry, name) if entry is not None else None
    return "" if value is None else value


def _csv(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
