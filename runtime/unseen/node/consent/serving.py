"""What a job may use of whom: a row in the clear, and the rows that a table is built of.

Whether a subject consents decides about the answer and never about the work: the same query runs,
the same charge is made, and what is withheld looks like a subject who is not in the table.
"""

import asyncio
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from unseen.evidence.canonical import parse_time
from unseen.evidence.consents.consent import Use
from unseen.evidence.contracts.contract import Terms
from unseen.node.consent.reading import Permit, find_permit, write_permitted
from unseen.node.consent.register import tree_of
from unseen.node.consent.tree import ChooseRoot, TakeRoot
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.data.names import PERMITTED
from unseen.node.store.schema_consent import consent_epochs


def use_of(terms: Terms, at: datetime, *, once: bool) -> Use | None:
    """Return the use that a contract's job makes of a row; nothing if it asks for no consent."""
    rule = terms.consent
    if rule is None:
        return None
    return Use(
        recipient=terms.buyer,
        scenario=rule.scenario,
        table=terms.table,
        product=terms.product,
        at=at,
        once=once and rule.once,
    )


def permit(node: Node, contract: Contract, place: bytes) -> Permit | None:
    """Return the consent by which the subject at `place` permits an answer in the clear now."""
    use = use_of(contract.terms, node.clock.now(), once=True)
    return None if use is None else find_permit(node.reader.connection, place, use)


async def choose_rows(node: Node, contract: Contract, epoch: int, spool: Path) -> bytes:
    """Write into the spool who consents to what a contract's new table is for.

    Returns the root that it is chosen by, 32 bytes; nothing where the contract asks for no consent.
    """
    if contract.terms.consent is None:
        return b""
    await tree_of(node)
    root, at = await node.writer.submit(ChooseRoot(contract.id, epoch))
    await _write(node, contract.terms, spool, root.number, at)
    return root.root


async def choose_now(node: Node, terms: Terms, spool: Path) -> bytes:
    """Write into the spool who consents now to what a contract counts; return the root of that."""
    if terms.consent is None:
        return b""
    await tree_of(node)
    root, at = await node.writer.submit(TakeRoot())
    await _write(node, terms, spool, root.number, at)
    return root.root


async def choose_again(node: Node, contract: Contract, epoch: int, spool: Path) -> None:
    """Write into the spool who consented when an epoch's table was built; for building it again."""
    chosen = node.reader.connection.execute(
        select(consent_epochs).where(
            consent_epochs.c.contract == contract.id, consent_epochs.c.epoch == epoch
        )
    ).one_or_none()
    if chosen is not None:
        await _write(node, contract.terms, spool, chosen.root, parse_time(chosen.chosen_at))


async def _write(node: Node, terms: Terms, spool: Path, number: int, at: datetime) -> None:
    use = use_of(terms, at, once=False)
    if use is not None:
        await asyncio.to_thread(write_permitted, node.engine, spool / PERMITTED, number, use)
