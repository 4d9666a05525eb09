"""Asking the register: whether a subject permits a use, and who permits a job over a table.

A consent counts while no root has ended it, its time runs, and no delegation above its signer was
taken back together with what it gave. The answer about one subject is one indexed read, found or
not, so that it takes the same time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, Select, and_, bindparam, or_, select
from sqlalchemy.sql import ColumnElement

from unseen.evidence import canonical
from unseen.evidence.canonical import format_time
from unseen.evidence.consents.consent import MAX_AHEAD, Use
from unseen.node.jobs import frames
from unseen.node.store.schema_consent import consents, delegations

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Permit:
    """A consent that covers a use; `once` if it is used up by it."""

    consent: str
    once: bool


def _covers() -> ColumnElement[bool]:
    """Return the condition that a consent covers recipient, scenario, table and time."""
    return and_(
        consents.c.recipient == bindparam("recipient"),
        consents.c.scenario == bindparam("scenario"),
        consents.c.table_name == bindparam("table"),
        consents.c.given_at <= bindparam("ahead"),
        consents.c.until > bindparam("now"),
        or_(delegations.c.ends_consents.is_(None), delegations.c.ends_consents == 0),
    )


_JOINED = consents.outerjoin(delegations, consents.c.delegation == delegations.c.id)
_ONE = (
    select(consents.c.id, consents.c.once, consents.c.products)
    .select_from(_JOINED)
    .where(consents.c.place == bindparam("place"), consents.c.ended.is_(None), _covers())
    .order_by(consents.c.once, consents.c.id)
)
_STILL = (
    select(consents.c.id)
    .select_from(_JOINED)
    .where(
        consents.c.id.in_(bindparam("ids", expanding=True)),
        consents.c.ended.is_(None),
        consents.c.until > bindparam("now"),
        or_(delegations.c.ends_consents.is_(None), delegations.c.ends_consents == 0),
    )
)
_ALL = (
    select(consents.c.id, consents.c.products, consents.c.sealed_subject)
    .select_from(_JOINED)
    .where(
        consents.c.added <= bindparam("number"),
        or_(consents.c.ended.is_(None), consents.c.ended > bindparam("number")),
        consents.c.once == 0,
        _covers(),
    )
)


def find_permit(connection: Connection, place: bytes, use: Use) -> Permit | None:
    """Return the consent by which the subject at `place` permits `use`, if there is one.

    One for more than a single use comes before one that would be used up.
    """
    rows = connection.execute(_ONE, {"place": place, **_of(use)}).all()
    fitting = (
        Permit(row.id, bool(row.once))
        for row in rows
        if (use.once or not row.once) and _for_product(row.products, use.product)
    )
    return next(fitting, None)


def still_permitted(connection: Connection, ids: set[str], now: datetime) -> set[str]:
    """Return which of these consents count at `now`."""
    asked = {"ids": sorted(ids), "now": format_time(now)}
    return set(connection.execute(_STILL, asked).scalars())


def write_permitted(engine: Engine, path: Path, number: int, use: Use) -> int:
    """Write who permitted `use` under root `number` into a new file; return how many consents.

    The file (mode 0600) holds frames of consent id and sealed subject: without the seal's key it
    says nothing. Consents for a single use are left out. Memory holds a batch.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    count = 0
    with os.fdopen(handle, "wb") as file, engine.connect() as connection:
        for consent, sealed in _permitted(connection, number, use):
            file.write(frames.framed(frames.pack([consent.encode(), sealed])))
            count += 1
    return count


def _permitted(connection: Connection, number: int, use: Use) -> Iterator[tuple[str, bytes]]:
    asked: Select[tuple[str, str, bytes]] = _ALL
    rows = connection.execution_options(yield_per=_BATCH).execute(
        asked, {"number": number, **_of(use)}
    )
    for row in rows:
        if _for_product(row.products, use.product):
            yield row.id, row.sealed_subject


def _of(use: Use) -> dict[str, str]:
    return {
        "recipient": use.recipient,
        "scenario": use.scenario,
        "table": use.table,
        "now": format_time(use.at),
        "ahead": format_time(use.at + MAX_AHEAD),
    }


def _for_product(products: str, product: str) -> bool:
    listed = canonical.decode(products.encode())
    return not isinstance(listed, list) or not listed or product in listed
