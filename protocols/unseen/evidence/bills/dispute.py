"""A disputed bill, decided from evidence alone: what the log holds, and what the buyer holds.

    in the log, signed by the buyer's instance      owed, with or without a receipt
    in the log, not signed by it                    not owed: nobody asked
    in the log, against the contract                not owed
    billed as a hit, opened to a miss               owed without the hit
    a receipt, and not in the log                   owed, and the log was cut or forked

Give releases of an export that was checked (`audit.check_export`), with what that check found about
each; receipts that `verify_receipt` has returned; openings that `verify_clear_opening` has
returned. Nothing here checks a signature.

It does not decide whether an answer was true, nor what was never signed: a request that the buyer
signed and the node answered to nobody cannot be told from one whose answer got lost.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from unseen.evidence.bills import settlement
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import SettlementError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.oversight.clear import OpenedClear
from unseen.evidence.oversight.objection import Credit
from unseen.evidence.verify import VerifiedReceipt

_UNASKED = frozenset({"release.signature", "release.instance", "release.buyer"})


Agreed: TypeAlias = tuple[Credit | None, Collection[str]]
"""What the operator credits by objections that ended, and the requests that it is for."""


class Ruling(Enum):
    """What a disputed release turned out to be."""

    AGREED = "agreed"  # both sides have it
    DENIED = "denied"  # the buyer asked, and has or shows no receipt
    FORGED = "forged"  # no instance of the buyer's has signed it
    UNLAWFUL = "unlawful"  # the contract does not allow it; `rule` says why
    OVERBILLED = "overbilled"  # billed as a hit, and was none
    DROPPED = "dropped"  # the log had it, says the node's own receipt, and has it no more
    FORKED = "forked"  # the node's own receipt shows another release of this id


@dataclass(frozen=True, slots=True)
class Ruled:
    """One release with its ruling. `index` is where the log has it; None where it has not.

    `owed` are the units that the bill counts, in the contract's billing unit.
    """

    leaf: ReleaseLeaf
    index: int | None
    ruling: Ruling
    owed: int
    rule: str = ""

    @property
    def request(self) -> str:
        """The id of the request."""
        return self.leaf.request.request


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of every release of a contract, in log order, and the bill that follows."""

    rows: tuple[Ruled, ...]
    statement: bytes

    @property
    def disputed(self) -> tuple[Ruled, ...]:
        """The rows that are not simply agreed."""
        return tuple(row for row in self.rows if row.ruling is not Ruling.AGREED)


def resolve(
    terms: Terms,
    logged: Iterable[tuple[int, ReleaseLeaf]],
    faults: Mapping[int, str],
    receipts: Iterable[VerifiedReceipt] = (),
    openings: Iterable[OpenedClear] = (),
    agreed: Agreed = (None, ()),
) -> Resolution:
    """Return the ruling on every release under `terms`, and the statement of what is owed.

    `logged` are index and leaf of the contract's releases; `faults` names, by index, the first
    rule of the audit that a leaf breaks. What is `agreed` to be credited is credited once.

    Raises:
        SettlementError: a receipt or an opening is of another contract.

    """
    contract = terms.id()
    held = _held(terms, contract, receipts)
    credit, settled = agreed
    found = _overbilled(terms, contract, openings)
    overbilled = {request: units for request, units in found.items() if request not in settled}
    rows = list(_rows(terms, contract, logged, faults, held, overbilled))
    known = {row.request for row in rows}
    rows += [
        Ruled(leaf, None, Ruling.DROPPED, settlement.billed_units(terms, leaf))
        for request, leaf in held.items()
        if request not in known
    ]
    rows.sort(key=lambda row: (row.leaf.total, row.index is None, row.request))
    owed = [row for row in rows if row.ruling not in {Ruling.FORGED, Ruling.UNLAWFUL}]
    leaves = [row.leaf for row in owed]
    total = _sum(credit, _credit(terms, owed))
    return Resolution(tuple(rows), settlement.statement(terms, leaves, total))


def _rows(
    terms: Terms,
    contract: bytes,
    logged: Iterable[tuple[int, ReleaseLeaf]],
    faults: Mapping[int, str],
    held: Mapping[str, ReleaseLeaf],
    overbilled: Mapping[str, int],
) -> Iterator[Ruled]:
    for index, leaf in logged:
        request = leaf.request.request
        rule = faults.get(index, "") or _breaks(terms, contract, leaf)
        if rule:
            ruling = Ruling.FORGED if rule in _UNASKED else Ruling.UNLAWFUL
            yield Ruled(leaf, index, ruling, 0, rule)
            continue
        billed, receipt = settlement.billed_units(terms, leaf), held.get(request)
        if receipt is not None and receipt != leaf:
            yield Ruled(receipt, index, Ruling.FORKED, settlement.billed_units(terms, receipt))
        elif overbilled.get(request, 0) > 0:
            yield Ruled(leaf, index, Ruling.OVERBILLED, billed - overbilled[request])
        else:
            ruling = Ruling.DENIED if receipt is None else Ruling.AGREED
            yield Ruled(leaf, index, ruling, billed)


def _breaks(terms: Terms, contract: bytes, leaf: ReleaseLeaf) -> str:
    try:
        settlement.check_release(terms, contract, leaf)
    except SettlementError as error:
        return f"release.{error.clause}"
    return ""


def _held(
    terms: Terms, contract: bytes, receipts: Iterable[VerifiedReceipt]
) -> dict[str, ReleaseLeaf]:
    held: dict[str, ReleaseLeaf] = {}
    for receipt in receipts:
        settlement.check_release(terms, contract, receipt.leaf)
        held[receipt.request] = receipt.leaf
    return held


def _overbilled(terms: Terms, contract: bytes, openings: Iterable[OpenedClear]) -> dict[str, int]:
    found: dict[str, int] = {}
    for opening in openings:
        settlement.check_release(terms, contract, opening.receipt.leaf)
        found[opening.receipt.request] = opening.overbilled
    return found


def _sum(one: Credit | None, other: Credit | None) -> Credit | None:
    if one is None or other is None:
        return one or other
    return Credit(units=one.units + other.units, amount=one.amount + other.amount)


def _credit(terms: Terms, owed: list[Ruled]) -> Credit | None:
    """Return what takes the hits that were none off the bill, free units and cap respected."""
    units = sum(settlement.billed_units(terms, row.leaf) - row.owed for row in owed)
    if not units:
        return None
    right = [replace(row.leaf, billed=row.owed) for row in owed]
    amount = settlement.bill(terms, [row.leaf for row in owed]).amount
    return Credit(units=units, amount=amount - settlement.bill(terms, right).amount)
