"""A contract that bills hits and splits its fees, and releases under it."""

from typing import Any

from unseen.evidence.contracts.clauses import Billing, Payee
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.suite import signer_id


def payees(world: Any) -> tuple[Payee, ...]:
    key, other = signer_id(world.node), signer_id(world.client)
    return (
        Payee(line="data_fee", name="市数据局", key=key, share=3_333),
        Payee(line="data_fee", name="registry", key=other, share=6_667),
        Payee(line="service_fee", name="platform", key=key, share=10_000),
    )


def billing_terms(world: Any, unit: str = "hit", **changes: Any) -> Terms:
    """Return terms of a kind that bills `unit`; `changes` are the clause's other fields."""
    kind = {"evaluation": "lookup", "item": "intersect", "request": "verify", "hit": "verify"}[unit]
    fields: dict[str, Any] = {"free_units": 2, "cap": 0, "payees": payees(world)} | changes
    billing = Billing(unit=unit, **fields)  # type: ignore[arg-type]
    terms: Terms = world.terms(kind=kind, protocol="clear", billing=billing)
    return terms


def billed_leaves(world: Any, terms: Terms, units: list[tuple[int, int]]) -> list[ReleaseLeaf]:
    """Return releases of (units, hits); hits count where the contract bills them."""
    leaves: list[ReleaseLeaf] = []
    total = 0
    clear: dict[str, Any] = {} if terms.kind == "lookup" else {"manifest": b"", "epoch": 0}
    for number, (count, hits) in enumerate(units):
        total += count
        request = world.request(number, units=count, contract=terms.id(), kind=terms.kind, **clear)
        billed = hits if terms.bills_hits else None
        leaves.append(world.leaf(request, total=total, billed=billed))
    return leaves
