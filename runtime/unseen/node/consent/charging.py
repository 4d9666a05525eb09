"""Consent at the charge: decided once more, and for good, in the transaction that charges.

What the work found may have been withdrawn since, or used up by another request of the same
group: then the answer is withheld, and the charge is the same. A consent for a single use ends in
the transaction of the use.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, select

from unseen.evidence.canonical import b64decode, b64encode, parse_time
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.releases.request import Request
from unseen.node.consent.changes import SPENT, end_consents
from unseen.node.consent.reading import Permit, still_permitted
from unseen.node.consent.tree import Root, TreeKeys, newest_root, use_root
from unseen.node.errors import ConsentChangedError, ConsentNotFoundError
from unseen.node.store.schema_consent import consent_epochs, consent_roots, consents
from unseen.node.store.writer import Transaction

if TYPE_CHECKING:
    from unseen.node.release.gate import Released


@dataclass(frozen=True, slots=True)
class Asked:
    """What the work about one subject found: the consent that its reply rests on, if any.

    `withheld` are the parts of the reply that takes its place where that consent has ended.
    """

    tree: TreeKeys = field(repr=False)
    permit: Permit | None
    withheld: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Consented:
    """The same for the charge: `withheld` is let out by the gate, or nothing if it was not asked.

    A reply that rests on no consent is the withheld one already.
    """

    tree: TreeKeys = field(repr=False)
    permit: Permit | None
    withheld: "Released | None"


class Consenting:
    """The consents behind one group of charges."""

    def __init__(self, transaction: Transaction, asked: Iterable[Consented | None]) -> None:
        """Look up which of those that the work found still count."""
        self._transaction = transaction
        found = [consented for consented in asked if consented is not None]
        self._tree = found[0].tree if found else None
        ids = {consented.permit.consent for consented in found if consented.permit}
        now = transaction.now
        self._count = still_permitted(transaction.connection, ids, now) if ids else set()
        self._spent: dict[str, str] = {}
        self._root: Root | None = None

    def root(self) -> bytes:
        """Return the root in force, 32 bytes, and note that something is done under it."""
        if self._root is None:
            self._root = newest_root(self._transaction.connection)
            use_root(self._transaction.connection, self._root)
        return self._root.root

    def answers(self, permit: Permit) -> bool:
        """Return whether a consent still permits an answer; uses up one for a single use."""
        if permit.consent not in self._count:
            return False
        if permit.once:
            self._count.discard(permit.consent)
            self._spent[permit.consent] = ""
        return True

    def write(self) -> None:
        """End what was used up, after every charge of the group."""
        if self._spent and self._tree is not None:
            end_consents(self._transaction, self._tree, self._spent, SPENT)


def counts(connection: Connection, consent: str, now: datetime) -> bool:
    """Return whether the consent that a held reply rests on still counts."""
    return bool(still_permitted(connection, {consent}, now))


def outlived(connection: Connection, rule: ConsentRule | None, root: bytes, now: datetime) -> bool:
    """Return whether rows were chosen by a `root` that was replaced longer ago than `rule` allows.

    Counted as the audit of the log counts it: from the next root to the release. A root of 32
    bytes; without one, or without a rule, nothing can outlive it.
    """
    if rule is None or not root:
        return False
    replaced = connection.execute(_REPLACED, {"root": b64encode(root)}).scalar_one_or_none()
    if replaced is None:
        return False
    return now - parse_time(replaced) > timedelta(seconds=rule.latency_seconds)


_CHOSEN = select(consent_roots.c.number).where(consent_roots.c.root == bindparam("root"))
_REPLACED = select(consent_roots.c.made_at).where(
    consent_roots.c.number == _CHOSEN.scalar_subquery() + 1
)


def held_under(
    connection: Connection, tree: TreeKeys | None, contract: str, request: Request, consent: str
) -> tuple[bytes, Consented | None]:
    """Return by which root, or by which consent, a reply is charged that a person has let out.

    `consent` is the id that was kept with the reply. A hidden lookup names the root of its table.
    """
    if tree is None:
        return b"", None
    if request.epoch:
        row = connection.execute(
            select(consent_roots.c.root)
            .join(consent_epochs, consent_epochs.c.root == consent_roots.c.number)
            .where(consent_epochs.c.contract == contract, consent_epochs.c.epoch == request.epoch)
        ).scalar_one_or_none()
        return b64decode(row) if row else b"", None
    if not consent:
        return b"", Consented(tree, None, None)
    once = connection.execute(select(consents.c.once).where(consents.c.id == consent)).scalar_one()
    return b"", Consented(tree, Permit(consent, bool(once)), None)


def consents_changed() -> ConsentChangedError:
    """Return the error for an answer over rows of people who have withdrawn since."""
    return ConsentChangedError(
        "consents were withdrawn since the rows were chosen, longer ago than the contract allows",
        clause="consent.latency_seconds",
        remedy="send the same request again: the rows are chosen anew",
    )


def consent_over() -> ConsentNotFoundError:
    """Return the error for a reply that was held and whose consent has ended meanwhile."""
    return ConsentNotFoundError(
        "the consent that the reply rests on has ended",
        clause="consent",
        remedy="refuse the release: unseen review refuse ID",
    )
