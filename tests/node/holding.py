"""What waits at the gate for a person: how it comes there, and how it is decided on."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from tests.node.conftest import NOW, Store
from tests.node.gating import GOOD, KEYS, STATED, Gatehouse, made

from unseen.evidence.canonical import b64decode
from unseen.evidence.log import decode_leaf
from unseen.evidence.releases.review import Review as Decision
from unseen.evidence.releases.review import sign_review
from unseen.node.errors import ReleaseHeldError
from unseen.node.release.register import Review
from unseen.node.store.schema import charges, contracts, leaves
from unseen.node.store.schema_release import reviews

House = Callable[..., Gatehouse]


@pytest.fixture
def house(store: Store) -> House:
    def build(what: str = "aggregate", **terms: Any) -> Gatehouse:
        return Gatehouse(store, made(what, **terms))

    return build


async def held(house: Gatehouse, number: int = 0) -> Review:
    """Have one reply held, and return it."""
    what = "aggregate" if house.contract.plan.release.shape else "verify"  # type: ignore[union-attr]
    parts = GOOD[what][0]
    with pytest.raises(ReleaseHeldError):
        await house.pay(parts, STATED if what == "aggregate" else None, number)
    return house.node.releases.waiting()[-1]


def decision(house: Gatehouse, review: Review, verdict: str = "pass", **changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "suite": "intl",
        "contract": house.contract.terms.id(),
        "request": review.request.request,
        "release": b64decode(review.id),
        "bits": review.bits,
        "rules": review.rules,
        "decision": verdict,
        "role": "operator",
        "time": NOW,
    }
    return Decision(**fields | changes)


def signed(house: Gatehouse, review: Review, verdict: str = "pass", key: str = "operator") -> str:
    role = "operator" if key == "operator" else "approver"
    terms = house.contract.terms
    return sign_review(KEYS[key], decision(house, review, verdict, role=role), terms)


def log_of(store: Store) -> list[dict[str, Any]]:
    with store.engine.connect() as connection:
        after = select(leaves.c.body).where(leaves.c.leaf_index > 0).order_by(leaves.c.leaf_index)
        return [decode_leaf(body) for body in connection.execute(after).scalars()]


def books(house: Gatehouse) -> tuple[int, int, int]:
    """Return units, bits, and how many requests are charged; memory says the same."""
    with house.store.engine.connect() as connection:
        row = connection.execute(select(contracts)).one()
        count = len(connection.execute(select(charges)).all())
        bits = sum(connection.execute(select(charges.c.bits)).scalars())
    assert (row.units_used, row.bits_used) == (
        house.contract.units_used,
        house.contract.bits_used,
    )
    assert bits <= row.bits_used
    return row.units_used, row.bits_used, count


def sealed(house: Gatehouse) -> bytes | None:
    with house.store.engine.connect() as connection:
        found: bytes | None = connection.execute(select(reviews.c.sealed_reply)).scalar_one()
    return found
