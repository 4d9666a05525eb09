"""What a client must remember: the head of the log, requests it signed, labels it opened.

A request is written, with everything needed to open its answer, before it is sent. If the
process dies in between, the same bytes are sent again and the node hands out the stored reply.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from unseen.client.database import Database
from unseen.client.home import Home
from unseen.client.sealing import Sealer, load_sealer

RequestState = Literal["sent", "answered", "refused"]

_RECENT_LABELS = 65536


@dataclass(frozen=True, slots=True)
class Opening:
    """A request as signed and sent. `wire` is the exact message; `secret` opens the answer.

    `secret` is a JSON object; for a lookup `{"subjects": [[text, ...], ...], "blinds": hex}`.
    """

    id: str
    contract: str
    kind: str
    units: int
    manifest: str
    created: str
    wire: bytes = field(repr=False)
    secret: dict[str, object] = field(repr=False)  # subjects and blinds: never printed
    state: RequestState = "sent"
    reply: bytes = field(default=b"", repr=False)


class State:
    """The durable memory of one client home. Thread-safe."""

    def __init__(self, home: Home) -> None:
        """Open the state of `home`.

        Raises:
            HomeError: its database or its local key cannot be used.

        """
        self._sealer: Sealer = load_sealer(home)
        self._database = Database(home.state)
        self._labels: OrderedDict[tuple[str, int, bytes], bytes] = OrderedDict()
        self._labels_lock = Lock()

    def head(self, origin: str) -> str | None:
        """Return the newest verified checkpoint of the log `origin`, a signed note."""
        rows = self._database.read("SELECT note FROM head WHERE origin = ?", (origin,))
        return str(rows[0][0]) if rows else None

    def save_head(self, origin: str, size: int, note: str) -> None:
        """Remember a verified checkpoint unless a larger one is known."""
        self._database.write(
            "INSERT INTO head VALUES (?, ?, ?) ON CONFLICT (origin) DO UPDATE "
            "SET size = excluded.size, note = excluded.note WHERE excluded.size > size",
            (origin, size, note),
        )

    def save_request(self, opening: Opening) -> None:
        """Write a request before it is sent; returns when no power cut can lose it."""
        secret = json.dumps(opening.secret).encode()
        values = (
            opening.id,
            opening.contract,
            opening.kind,
            opening.units,
            opening.manifest,
            opening.created,
            self._sealer.seal(f"wire/{opening.id}", opening.wire),
            self._sealer.seal(f"secret/{opening.id}", secret),
        )
        self._database.write(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, 'sent', ?, ?, NULL) "
            "ON CONFLICT (id) DO NOTHING",
            values,
            wait=True,
        )

    def save_reply(self, request: str, reply: bytes) -> None:
        """Keep the verified answer to a request. May be lost in a crash, then fetched again."""
        self._database.write(
            "UPDATE request SET state = 'answered', reply = ? WHERE id = ?",
            (self._sealer.seal(f"reply/{request}", reply), request),
        )

    def save_refusal(self, request: str) -> None:
        """Remember that a request was refused uncharged and will never be answered."""
        self._database.write(
            "UPDATE request SET state = 'refused' WHERE id = ? AND state = 'sent'", (request,)
        )

    def request(self, request: str) -> Opening | None:
        """Return the request `request`, if this home sent it."""
        self._database.flush()
        rows = self._database.read(
            "SELECT id, contract, kind, units, manifest, created, state, wire, secret, reply "
            "FROM request WHERE id = ?",
            (request,),
        )
        if not rows:
            return None
        identifier, contract, kind, units, manifest, created, state, wire, secret, reply = rows[0]
        return Opening(
            id=identifier,
            contract=contract,
            kind=kind,
            units=units,
            manifest=manifest,
            created=created,
            wire=self._sealer.open(f"wire/{request}", wire),
            secret=json.loads(self._sealer.open(f"secret/{request}", secret)),
            state=state,
            reply=b"" if reply is None else self._sealer.open(f"reply/{request}", reply),
        )

    def requests(self, contract: str | None, state: RequestState) -> list[str]:
        """Return the ids of the requests in `state`, oldest first; of one contract if given."""
        self._database.flush()
        rows = self._database.read(
            "SELECT id FROM request WHERE state = ? AND (? IS NULL OR contract = ?) "
            "ORDER BY created, rowid",
            (state, contract, contract),
        )
        return [str(row[0]) for row in rows]

    def label(self, contract: str, epoch: int, subject: bytes) -> bytes | None:
        """Return what was opened for `subject` (its encoding) within this epoch."""
        key = (contract, epoch, self._sealer.name(subject))
        with self._labels_lock:
            found = self._labels.get(key)
        if found is not None:
            return found
        rows = self._database.read(
            "SELECT label FROM label WHERE contract = ? AND epoch = ? AND subject = ?", key
        )
        return self._sealer.open(_place(*key), rows[0][0]) if rows else None

    def save_label(self, contract: str, epoch: int, subject: bytes, label: bytes) -> None:
        """Keep what was opened for `subject`, so that asking again costs nothing."""
        key = (contract, epoch, self._sealer.name(subject))
        with self._labels_lock:
            self._labels[key] = label
            if len(self._labels) > _RECENT_LABELS:
                self._labels.popitem(last=False)
        self._database.write(
            "INSERT INTO label VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*key, self._sealer.seal(_place(*key), label)),
        )

    def flush(self) -> None:
        """Hand queued writes to the operating system."""
        self._database.flush()

    def close(self) -> None:
        """Write what is queued and close."""
        self._database.close()


def _place(contract: str, epoch: int, subject: bytes) -> str:
    return f"label/{contract}/{epoch}/{subject.hex()}"
