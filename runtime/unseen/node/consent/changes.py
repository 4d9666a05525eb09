"""Changes of the register of consents: each one transaction, with the root that follows from it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from unseen.evidence import canonical
from unseen.evidence.canonical import b64decode, format_time
from unseen.evidence.consents.consent_proof import MAX_CONSENTS
from unseen.node.consent.tree import Changed, Root, TreeKeys, newest_root, next_root
from unseen.node.errors import ConsentReplayedError, ConsentScopeError, DelegationWithdrawnError
from unseen.node.store.schema_consent import consents, delegations
from unseen.node.store.writer import Change, Transaction

WITHDRAWN, DELEGATION, SPENT = "withdrawn", "delegation", "spent"
CHUNK = 128  # consents in a transaction: others wait for it

_KNOWN = select(consents.c.id).where(consents.c.id.in_(bindparam("ids", expanding=True)))
_PLACES = (
    select(consents.c.place)
    .where(consents.c.place.in_(bindparam("places", expanding=True)))
    .distinct()
)
_COUNTS = (
    select(consents.c.place, func.count().label("held"))
    .where(consents.c.place.in_(bindparam("places", expanding=True)), consents.c.ended.is_(None))
    .group_by(consents.c.place)
)
_TAKEN_BACK = select(delegations.c.id).where(
    delegations.c.id.in_(bindparam("ids", expanding=True)), delegations.c.withdrawn_at.is_not(None)
)
_OPEN = select(consents.c.id, consents.c.place).where(
    consents.c.id.in_(bindparam("ids", expanding=True)), consents.c.ended.is_(None)
)
_END = (
    update(consents)
    .where(consents.c.id == bindparam("of"))
    .values(
        ended=bindparam("number"),
        ended_at=bindparam("time"),
        cause=bindparam("why"),
        withdrawal=bindparam("token"),
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A consent that was checked, as `admission.admit` describes it."""

    hub: str
    body: Mapping[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """The consent's id; base64url."""
        return str(self.body["id"])

    @property
    def place(self) -> bytes:
        """Where its subject stands in the tree."""
        return b64decode(self.body["place"])

    def row(self, added: int, now: str) -> dict[str, Any]:
        """Return the row of the register."""
        body, chain = self.body, self.body["chain"]
        return {
            "id": self.id,
            "place": self.place,
            "hub": self.hub,
            "recipient": body["recipient"],
            "scenario": body["scenario"],
            "table_name": body["table"],
            "products": canonical.encode(body["products"]).decode(),
            "once": int(body["once"]),
            "given_at": body["given_at"],
            "until": body["until"],
            "delegation": chain[-1] if chain else "",
            "added": added,
            "added_at": now,
            "sealed_subject": b64decode(body["sealed_subject"]),
            "sealed_token": b64decode(body["sealed_token"]),
        }


@dataclass(frozen=True, slots=True)
class PutConsents(Change[Root]):
    """Take up to `CHUNK` checked consents into the register and the tree; all or none."""

    tree: TreeKeys
    entries: Sequence[Entry]

    def apply(self, transaction: Transaction) -> Root:
        """Write rows and root.

        Raises:
            ConsentReplayedError: one was handed over before.
            ConsentScopeError: a subject has too many in force.
            DelegationWithdrawnError: the chain of one was taken back meanwhile.

        """
        connection = transaction.connection
        ids = [entry.id for entry in self.entries]
        if len(set(ids)) < len(ids) or known_consents(connection, ids):
            raise replayed()
        if withdrawn_links(connection, (link for e in self.entries for link in e.body["chain"])):
            raise taken_back()
        places = {entry.place for entry in self.entries}
        _check_count(connection, self.entries)
        known = set(connection.execute(_PLACES, {"places": list(places)}).scalars())
        number, now = _next(connection), format_time(transaction.now)
        connection.execute(insert(consents), [entry.row(number, now) for entry in self.entries])
        changed = Changed(added=len(ids))
        return next_root(transaction, self.tree, places, len(places - known), changed)


@dataclass(frozen=True, slots=True)
class EndConsents(Change[Root | None]):
    """End consents: withdrawn by `withdrawals`, tokens by consent id, or with their delegation."""

    tree: TreeKeys
    withdrawals: Mapping[str, str]
    cause: str = WITHDRAWN

    def apply(self, transaction: Transaction) -> Root | None:
        """Write what has ended and the root; nothing for what had ended before."""
        return end_consents(transaction, self.tree, self.withdrawals, self.cause)


def end_consents(
    transaction: Transaction, tree: TreeKeys, tokens: Mapping[str, str], cause: str
) -> Root | None:
    """End the consents named by the keys of `tokens` within a transaction; return the new root.

    What has ended already stays as it ended; nothing is returned if that is so of all of them.
    """
    connection = transaction.connection
    rows = connection.execute(_OPEN, {"ids": list(tokens)}).all()
    if not rows:
        return None
    number, now = _next(connection), format_time(transaction.now)
    ended = [
        {"of": row.id, "number": number, "time": now, "why": cause, "token": tokens[row.id]}
        for row in rows
    ]
    connection.execute(_END, ended)
    count = len(rows)
    changed = Changed(spent=count) if cause == SPENT else Changed(withdrawn=count)
    return next_root(transaction, tree, {row.place for row in rows}, 0, changed)


@dataclass(frozen=True, slots=True)
class PutDelegation(Change[None]):
    """Take a checked delegation into the register."""

    row: Mapping[str, Any] = field(repr=False)

    def apply(self, transaction: Transaction) -> None:
        """Write the row.

        Raises:
            ConsentReplayedError: it was handed over before.
            DelegationWithdrawnError: the one before it was taken back meanwhile.

        """
        connection = transaction.connection
        known = select(delegations.c.id).where(delegations.c.id == self.row["id"])
        if connection.execute(known).first():
            raise replayed()
        if self.row["parent"] and withdrawn_links(connection, [self.row["parent"]]):
            raise taken_back()
        row = {**self.row, "added_at": format_time(transaction.now), "ends_consents": 0}
        connection.execute(insert(delegations), [row])


@dataclass(frozen=True, slots=True)
class EndDelegation(Change[list[str]]):
    """Take back a delegation and every one made under it; return their ids.

    With `consents`, what was given under any of them counts no more from now on; the tree follows.
    """

    delegation: str
    token: str
    consents: bool

    def apply(self, transaction: Transaction) -> list[str]:
        """Write the ends; an end that stands already may only be widened to consents."""
        connection, now = transaction.connection, format_time(transaction.now)
        found, frontier = [self.delegation], [self.delegation]
        while frontier:
            below = select(delegations.c.id).where(delegations.c.parent.in_(frontier))
            frontier = list(connection.execute(below).scalars())
            found += frontier
        of = delegations.c.id.in_(found)
        connection.execute(
            update(delegations)
            .where(of, delegations.c.withdrawn_at.is_(None))
            .values(withdrawn_at=now, withdrawal=self.token)
        )
        if self.consents:
            connection.execute(update(delegations).where(of).values(ends_consents=1))
        return found


def _check_count(connection: Connection, entries: Sequence[Entry]) -> None:
    """Refuse more consents in force for one subject than a proof can show."""
    counts = Counter(entry.place for entry in entries)
    held = connection.execute(_COUNTS, {"places": list(counts)})
    counts.update({row.place: row.held for row in held})
    if max(counts.values()) > MAX_CONSENTS:
        raise ConsentScopeError(
            f"consent: subject has {MAX_CONSENTS} in force",
            clause="consent.subject",
            remedy="withdraw what is not needed: unseen consent withdraw",
        )


def _next(connection: Connection) -> int:
    """Return the number of the root that a change of rows leads to."""
    return newest_root(connection).number + 1


def known_consents(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return which of these consents were ever handed over."""
    return set(connection.execute(_KNOWN, {"ids": list(ids)}).scalars())


def withdrawn_links(connection: Connection, ids: Any) -> set[str]:
    """Return which of these delegations were taken back."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    return set(connection.execute(_TAKEN_BACK, {"ids": wanted}).scalars())


def replayed() -> ConsentReplayedError:
    """Return the error for what was handed over before."""
    return ConsentReplayedError(
        "this very document was handed over before",
        clause="consent.nonce",
        remedy="ask for a new one, signed with a fresh nonce",
    )


def taken_back() -> DelegationWithdrawnError:
    """Return the error for a chain of which a link was taken back."""
    return DelegationWithdrawnError(
        "a delegation of the chain was taken back",
        clause="consent.chain",
        remedy="the subject, or the hub on its behalf, signs anew: unseen consent add",
    )
