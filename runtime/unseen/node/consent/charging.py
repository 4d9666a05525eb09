"""Consent at the charge: decided once more, and for good, in the transaction that charges.

What the work found may have been withdrawn since, or used up by another request of the same
group: then the answer is withheld, and the charge is the same. A consent for a single use ends in
the transaction of the use.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from unseen.node.consent.changes import SPENT, end_consents
from unseen.node.consent.reading import Permit, still_permitted
from unseen.node.consent.tree import Root, TreeKeys, newest_root, use_root
from unseen.node.store.writer import Transaction


@dataclass(frozen=True, slots=True)
class Consented:
    """The consent that an answer about one subject rests on, if there is one.

    `withheld` are the parts of the reply that takes its place where that consent has ended.
    """

    tree: TreeKeys = field(repr=False)
    permit: Permit | None
    withheld: tuple[bytes, ...]


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

    def answers(self, consented: Consented) -> bool:
        """Return whether the subject may be answered about; uses up a consent for one use."""
        permit = consented.permit
        if permit is None or permit.consent not in self._count:
            return False
        if permit.once:
            self._count.discard(permit.consent)
            self._spent[permit.consent] = ""
        return True

    def write(self) -> None:
        """End what was used up, after every charge of the group."""
        if self._spent and self._tree is not None:
            end_consents(self._transaction, self._tree, self._spent, SPENT)
