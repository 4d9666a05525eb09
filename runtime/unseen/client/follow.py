"""Following the node's log: RFC 6962 section 2.1.2 consistency, C2SP checkpoints.

Every call says how large the log was when this client last saw it, and every answer proves that
today's log extends that one. So each client is a witness: a node that drops, edits or forks its
history is caught by the next call, and both signed heads are kept as proof.

Answers of parallel calls may arrive out of order. A head smaller than the newest is then proven
to extend the head its call started from, not yet to lead to the newest; such heads are compared
later by one extra call (`unlinked`), of the latest of them. Does not protect a client that talks
to nobody else from a node that shows it, and only it, one forked history from the start.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unseen.client.home import Home, write_json
from unseen.client.profile import Node
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import LogForkedError
from unseen.evidence.suite import Suite
from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog import verify_consistency, verify_note

_KNOWN = 1024
_HASH_BYTES = 32
_COMPARE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Head:
    """A verified head of the log. `note` is the signed checkpoint it comes from."""

    size: int
    root: bytes
    note: str


class HeadStore(Protocol):
    """Where the newest head is kept between runs."""

    def head(self, origin: str) -> str | None:
        """Return the note kept for `origin`."""

    def save_head(self, origin: str, size: int, note: str) -> None:
        """Keep `note` for `origin` unless a larger one is kept."""


class Follower:
    """The newest head of one log and the check that every other head belongs to it."""

    def __init__(self, node: Node, suite: Suite, home: Home, store: HeadStore) -> None:
        """Start from the head in `store`, if there is one.

        Raises:
            CheckpointInvalidError: the kept head is not signed by the node's log key.

        """
        self._origin, self._key, self._suite = node.log_origin, node.log_key, suite
        self._home, self._store = home, store
        self._lock = threading.Lock()
        # Heads already proven, by note and by size.
        self._known: OrderedDict[str, Head] = OrderedDict()
        self._sizes: OrderedDict[int, Head] = OrderedDict()
        self._unlinked: Head | None = None
        self._compared = time.monotonic()
        kept = store.head(self._origin)
        self._newest: Head | None = None if kept is None else self._open(kept)

    @property
    def newest(self) -> Head | None:
        """The largest head seen so far."""
        return self._newest

    def accept(self, base: Head | None, note: str, proof: bytes) -> Head:
        """Check the head in `note` against `base`, which its call started from, and keep it.

        `proof` is the concatenated hashes of the consistency proof.

        Raises:
            CheckpointInvalidError: the note is malformed or not signed by the log's key.
            LogForkedError: the log does not extend `base` or contradicts another head.

        """
        known = self._known.get(note)
        return self.compare(base, note, proof) if known is None else known

    def compare(self, base: Head | None, note: str, proof: bytes) -> Head:
        """Do as `accept` does, also with a head that was accepted from another base before."""
        head = self._open(note)
        if base is not None:
            self._check_extends(base, head, proof)
        with self._lock:
            self._place(base, head)
            self._known[note] = self._sizes[head.size] = head
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
            if len(self._sizes) > _KNOWN:
                self._sizes.popitem(last=False)
        return head

    def meet(self, size: int, root: bytes, note: str) -> None:
        """Take note of a verified head that came without a proof, such as the one in a receipt.

        Raises:
            LogForkedError: it contradicts a head of the same size.

        """
        head = Head(size, root, note)
        with self._lock:
            known = self._sizes.get(size)
            if known is None:
                self._unlinked = head
        if known is not None:
            self._check_same(known, head)

    def unlinked(self) -> Head | None:
        """Return a head to compare now, at most one a second, and forget it."""
        if self._unlinked is None or time.monotonic() - self._compared < _COMPARE_SECONDS:
            return None
        return self.take_unlinked()

    def take_unlinked(self) -> Head | None:
        """Return the head that waits to be compared, whenever it came, and forget it."""
        with self._lock:
            head, self._unlinked = self._unlinked, None
            self._compared = time.monotonic()
            return head

    def _open(self, note: str) -> Head:
        checkpoint = verify_note(
            note, self._origin, self._suite.note_type, self._key, self._suite.verify
        )
        if checkpoint.origin != self._origin:
            raise LogForkedError("the checkpoint is of another log", clause="log.origin")
        return Head(checkpoint.size, checkpoint.root, note)

    def _check_extends(self, base: Head, head: Head, proof: bytes) -> None:
        if head.size < base.size:
            raise self._forked(base, head, proof)
        try:
            steps = range(0, len(proof), _HASH_BYTES)
            hashes = [proof[step : step + _HASH_BYTES] for step in steps]
            verify_consistency(
                base.size, base.root, head.size, head.root, hashes, self._suite.digest
            )
        except ProofInvalidError:
            raise self._forked(base, head, proof) from None

    def _check_same(self, one: Head, other: Head) -> None:
        if one.root != other.root:
            raise self._forked(one, other, b"")

    def _place(self, base: Head | None, head: Head) -> None:
        newest = self._newest
        same = self._sizes.get(head.size)
        if same is None and newest is not None and head.size == newest.size:
            same = newest
        if same is not None:
            self._check_same(same, head)
            return
        if newest is None or head.size > newest.size:
            if newest is not None and base is not newest:
                self._unlinked = newest
            self._newest = head
            self._store.save_head(self._origin, head.size, head.note)
        elif base is None or head.size != base.size:
            self._unlinked = head

    def _forked(self, one: Head, other: Head, proof: bytes) -> LogForkedError:
        path = self._keep(one, other, proof)
        what = "is smaller than" if other.size < one.size else "does not extend"
        return LogForkedError(
            f"the node's log of {other.size} entries {what} the one of {one.size} it showed before",
            clause="log.consistency",
            remedy=f"stop using this node and show {path} to whoever supervises it",
        )

    def _keep(self, one: Head, other: Head, proof: bytes) -> Path:
        name = self._suite.digest(one.note.encode() + other.note.encode()).hex()[:16]
        path = self._home.evidence(f"fork-{name}.json")
        write_json(
            path,
            {
                "v": 1,
                "type": "fork",
                "origin": self._origin,
                "before": one.note,
                "after": other.note,
                "proof": b64encode(proof),
            },
        )
        return path
