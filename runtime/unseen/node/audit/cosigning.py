"""Cosignatures of witnesses (C2SP tlog-cosignature): taken, kept, and served with the log's heads.

The newest of each witness is kept. It says that this witness saw the log grow to that head, so
whoever trusts the witness need not have seen the log before. The node cannot make one up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from unseen.evidence.canonical import format_time
from unseen.evidence.errors import CosignatureInvalidError
from unseen.evidence.suite import suite_of
from unseen.node.audit.log import NodeLog
from unseen.node.identity.parties import Party
from unseen.node.store.schema_audit import cosignatures
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.cosignature import Cosignature, join_notes
from unseen.protocols.tlog.cosignature import cosignatures as read_cosignatures
from unseen.protocols.tlog.note import SignedNote, key_id, verify_note

MAX_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A head of this log under which a witness's cosignature stands. `witness` names its key."""

    witness: str
    size: int
    note: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Keep(Change[str]):
    """Keep a witness's cosignature in place of its last one; return the note to serve."""

    cosigned: Cosigned

    def apply(self, transaction: Transaction) -> str:
        """Write it.

        Raises:
            CosignatureInvalidError: the witness has cosigned a larger or a later head before.

        """
        connection, new = transaction.connection, self.cosigned
        own = cosignatures.c.witness == new.witness
        known = connection.execute(select(cosignatures).where(own)).one_or_none()
        time = format_time(new.time)
        if known is not None and (known.size, known.cosigned_at) > (new.size, time):
            raise _error("this witness has cosigned a larger head before", "checkpoint.size")
        connection.execute(delete(cosignatures).where(own))
        row = {"witness": new.witness, "size": new.size, "note": new.note, "cosigned_at": time}
        connection.execute(insert(cosignatures), [row])
        return next(note for size, note in served(connection) if size == new.size)


def check(log: NodeLog, party: Party, text: str, now: datetime) -> Cosigned:
    """Return the cosignature by `party` in a note, if the note is a head of `log`.

    Raises:
        CheckpointInvalidError: the note is malformed, or not signed by the log.
        CosignatureInvalidError: it is not a head of this log, has no cosignature by the party's
            key that holds, or one that is dated far from the present.

    """
    checkpoint = verify_note(
        text, log.origin, log.suite.note_type, log.public_key, log.suite.verify
    )
    if checkpoint.size > log.size or checkpoint.root != log.root(checkpoint.size):
        raise _error("the checkpoint is not one of this log", "checkpoint.root")
    found = _own(text, party)
    if not found:
        raise _error("no cosignature by this party's key is under the checkpoint", "cosignature")
    newest = max(found, key=lambda item: item.time)
    try:
        time = datetime.fromtimestamp(newest.time, UTC)
    except (OverflowError, ValueError, OSError):
        raise _error("the cosignature is dated beyond the calendar", "cosignature.time") from None
    if abs(time - now) > MAX_SKEW:
        raise _error("the cosignature is dated far from the node's time", "cosignature.time")
    return Cosigned(party.key_id, checkpoint.size, _alone(log, text, party), time)


def served(connection: Connection) -> list[tuple[int, str]]:
    """Return the heads that witnesses cosigned, as size and note, the largest first."""
    rows = connection.execute(select(cosignatures.c.size, cosignatures.c.note))
    notes: dict[int, str] = {}
    for size, note in rows:
        notes[size] = join_notes(notes[size], note) if size in notes else note
    return sorted(notes.items(), reverse=True)


def _own(text: str, party: Party) -> list[Cosignature]:
    suite = suite_of(party.suite)
    try:
        return list(read_cosignatures(text, suite.cosign_type, party.key, suite.verify))
    except CheckpointInvalidError as error:
        raise _error(str(error), "cosignature") from None


def _alone(log: NodeLog, text: str, party: Party) -> str:
    """Return the note with no signatures but the log's and this party's newest."""
    note, suite = SignedNote.parse(text), suite_of(party.suite)
    of_log = key_id(log.origin, log.suite.note_type, log.public_key)
    logs = [item for item in note.signatures if (item.name, item.key_id) == (log.origin, of_log)]
    own = [
        item
        for item in note.signatures
        if item.key_id == key_id(item.name, suite.cosign_type, party.key)
    ]
    newest = max(own, key=lambda item: item.signature[:8])
    return SignedNote(note.body, (logs[0], newest)).text()


def _error(message: str, clause: str) -> CosignatureInvalidError:
    return CosignatureInvalidError(
        message, clause=clause, remedy="cosign the newest checkpoint: unseen audit witness"
    )
