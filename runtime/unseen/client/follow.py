"""Following the node's log: RFC 6962 section 2.1.2 consistency, C2SP checkpoints.

Every call names a head that this client has seen, its base, and every answer proves that its own
head extends that one. So each client is a witness: a node that drops, edits or forks its history
is caught, and both signed heads are kept as proof.

Heads that lead to no larger one yet are open ends. One call at a time leaves one, the newest.
Calls under way together start from different ends, so there are never more ends than calls plus
one; further calls prove now and then, and before anything is settled, that all ends lead to one
head. Ends outlive the process. Does not protect a client that talks to nobody else from a node
that shows it, and only it, one forked history from the start.
"""

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unseen.client.errors import AnswerInvalidError
from unseen.client.local.home import Home, write_json
from unseen.client.local.profile import Node
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import LogForkedError
from unseen.evidence.suite import Suite
from unseen.evidence.verify import verify_head
from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog import verify_consistency

_KNOWN = 1024
_HASH_BYTES = 32
_LINK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Head:
    """A verified head of the log. `note` is the signed checkpoint it comes from."""

    size: int
    root: bytes
    note: str


class HeadStore(Protocol):
    """Where open ends are kept between runs."""

    def heads(self, origin: str) -> list[str]:
        """Return the notes kept for `origin`."""

    def save_head(self, origin: str, note: str) -> None:
        """Keep `note` for `origin`."""

    def drop_head(self, origin: str, note: str) -> None:
        """Forget `note`: a larger head that is kept extends it."""


class Follower:
    """The heads seen of one log and the check that they all belong to it. Thread-safe."""

    def __init__(self, node: Node, suite: Suite, home: Home, store: HeadStore) -> None:
        """Start from the heads in `store`, if there are any.

        Raises:
            CheckpointInvalidError: a kept head is not signed by the node's log key.
            LogForkedError: two kept heads contradict each other.

        """
        self._origin, self._key, self._suite = node.log_origin, node.log_key, suite
        self._home, self._store = home, store
        self._lock = threading.Lock()
        # Heads proven of late, by note and by size.
        self._known: OrderedDict[str, Head] = OrderedDict()
        self._sizes: OrderedDict[int, Head] = OrderedDict()
        self._ends: dict[str, Head] = {}  # oldest first
        self._bases: Counter[str] = Counter()  # of calls under way
        self._newest: Head | None = None
        self._linked = time.monotonic()
        for note in store.heads(self._origin):
            self._place(None, self._open(note))

    @property
    def newest(self) -> Head | None:
        """The largest head seen so far."""
        return self._newest

    def begin(self, *, shared: bool = False) -> Head | None:
        """Return the head that a call starts from, an open end; `end` gives it back.

        With `shared` it is the newest, even if another call has started from that.
        """
        with self._lock:
            base = self._newest
            if base is not None and not shared and self._bases[base.note]:
                free = (end for end in self._ends.values() if not self._bases[end.note])
                base = next(free, base)
            if base is not None:
                self._bases[base.note] += 1
            return base

    def end(self, base: Head | None) -> None:
        """Give back what `begin` returned: its call is over."""
        if base is not None:
            with self._lock:
                self._bases[base.note] -= 1
                if not self._bases[base.note]:
                    del self._bases[base.note]

    def accept(self, base: Head | None, note: str, proof: bytes) -> Head:
        """Check that the head in `note` extends `base`, which its call started from, and keep it.

        `proof` is the concatenated hashes of the consistency proof.

        Raises:
            CheckpointInvalidError: the note is malformed or not signed by the log's key.
            LogForkedError: the log does not extend `base` or contradicts another head.

        """
        head = self._known.get(note) or self._open(note)
        if base is not None and base != head:
            self._check_extends(base, head, proof)
        with self._lock:
            self._place(base, head)
        return head

    def require(self, size: int, root: bytes, token: str) -> None:
        """Return if the head inside `token`, a verified document, is one that was proven.

        An answer's document names the head that came with the answer, so it is known. A head
        that is not could be of a history made for this document alone.

        Raises:
            LogForkedError: it contradicts a proven head.
            AnswerInvalidError: it was never proven.

        """
        with self._lock:
            known = self._sizes.get(size)
        if known is None:
            raise AnswerInvalidError(
                "the answer rests on a head of the log that did not come with it",
                clause="log.checkpoint",
                remedy="stop using this node until its operator explains it",
            )
        self._check_same(known, Head(size, root, token))

    def unlinked(self) -> tuple[Head, ...]:
        """Return the open ends that are not proven to lead to the newest head, oldest first."""
        with self._lock:
            return tuple(end for end in self._ends.values() if end is not self._newest)

    def due(self) -> tuple[Head, ...]:
        """Return what `unlinked` does, once a second; nothing in between."""
        now = time.monotonic()
        with self._lock:
            if len(self._ends) <= 1 or now - self._linked < _LINK_SECONDS:
                return ()
            self._linked = now
        return self.unlinked()

    def refused(self, end: Head) -> LogForkedError:
        """Return the error for a node that will not prove that its log extends `end`."""
        newest = self._newest or end
        path = self._keep(end, newest, b"")
        return LogForkedError(
            f"the node does not show that its log extends the head of {end.size} it signed",
            clause="log.consistency",
            remedy=f"stop using this node and show {path} to whoever supervises it",
        )

    def _open(self, note: str) -> Head:
        checkpoint = verify_head(note, self._origin, self._suite, self._key)
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
        """Put a checked head at its place; the lock is held, or nobody else is there yet."""
        ends = (end for end in self._ends.values() if end.size == head.size)
        same = self._sizes.get(head.size) or next(ends, None)
        if same is not None:
            self._check_same(same, head)
        else:
            self._ends[head.note] = head
            self._store.save_head(self._origin, head.note)
            if self._newest is None or head.size > self._newest.size:
                self._newest = head
        self._known[head.note] = head
        self._sizes.setdefault(head.size, head)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        if len(self._sizes) > _KNOWN:
            self._sizes.popitem(last=False)
        if base is not None and base.size < head.size and base.note in self._ends:
            del self._ends[base.note]
            self._store.drop_head(self._origin, base.note)

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
