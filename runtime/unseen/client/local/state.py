"""What a client must remember: heads of the log, manifests, requests it signed, opened labels.

A request is written, with everything needed to open its answer, before it is sent. If the
process dies in between, the same bytes are sent again and the node hands out the stored reply.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from unseen.client.local.database import Database
from unseen.client.local.home import Home
from unseen.client.local.sealing import Sealer, load_sealer

RequestState = Literal["sent", "answered", "refused", "void", "lost"]
"""`sent`: no answer yet. `refused`: uncharged, says the node. `void`: refused again, when it was
too old to be charged. `lost`: charged, and the node no longer keeps its reply."""

_RECENT_LABELS = 65536


@dataclass(frozen=True, slots=True)
class Opening:
    """A request as signed and sent. `wire` is the exact message; `secret` opens the answer.

    `secret` is a JSON object; for a lookup `{"subjects": [[text, ...], ...], "blinds": hex}`, and
    `"seeds": hex` where the table stays with its owner.
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
        self._labels: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self._labels_lock = Lock()

    def heads(self, origin: str) -> list[str]:
        """Return the kept checkpoints of the log `origin`, signed notes, in no order."""
        rows = self._database.read("SELECT note FROM head WHERE origin = ?", (origin,))
        return [str(row[0]) for row in rows]

    def save_head(self, origin: str, note: str) -> None:
        """Remember a verified checkpoint that leads to no larger one yet."""
        self._database.write(
            "INSERT INTO head VALUES (?, ?) ON CONFLICT DO NOTHING", (origin, note)
        )

    def drop_head(self, origin: str, note: str) -> None:
        """Forget a checkpoint that is proven to lead to a larger one, which is kept."""
        self._database.write("DELETE FROM head WHERE origin = ? AND note = ?", (origin, note))

    def epoch(self, contract: str) -> tuple[int, str] | None:
        """Return the latest epoch seen of a contract and the id of its manifest, in base64url."""
        rows = self._database.read(
            "SELECT epoch, manifest FROM epoch WHERE contract = ?", (contract,)
        )
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def save_epoch(
        self, contract: str, epoch: int, manifest: str, *, over: str = ""
    ) -> tuple[int, str]:
        """Remember the manifest of an epoch; return what is now kept, before any power cut.

        That is something else if a later epoch, or another manifest of this one, was kept before:
        but for `over`, the manifest of this epoch whose further build this one was found to be.
        """
        self._database.write(
            "INSERT INTO epoch VALUES (?, ?, ?) ON CONFLICT (contract) DO UPDATE "
            "SET epoch = excluded.epoch, manifest = excluded.manifest "
            "WHERE excluded.epoch > epoch OR (excluded.epoch = epoch AND manifest = ?)",
            (contract, epoch, manifest, over),
            wait=True,
        )
        return self.epoch(contract) or (epoch, manifest)

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

    def save_answers(self, request: str, kept: bytes) -> None:
        """Keep what opens a table's answers to a request. May be lost, then asked for again."""
        self._database.write(
            "INSERT INTO answer VALUES (?, ?) ON CONFLICT (request) "
            "DO UPDATE SET kept = excluded.kept",
            (request, self._sealer.seal(f"answers/{request}", kept)),
        )

    def answers(self, request: str) -> bytes | None:
        """Return what opens a table's answers to a request, if they are here."""
        self._database.flush()
        rows = self._database.read("SELECT kept FROM answer WHERE request = ?", (request,))
        return self._sealer.open(f"answers/{request}", rows[0][0]) if rows else None

    def save_refusal(self, request: str) -> None:
        """Remember that a request was refused uncharged and will never be answered."""
        self._database.write(
            "UPDATE request SET state = 'refused' WHERE id = ? AND state = 'sent'", (request,)
        )

    def save_void(self, request: str) -> None:
        """Remember that a refused request was refused again when it could no longer be charged."""
        self._database.write(
            "UPDATE request SET state = 'void' WHERE id = ? AND state = 'refused'", (request,)
        )

    def save_lost(self, request: str) -> None:
        """Remember that a request was charged, says the node, which no longer keeps its reply."""
        self._database.write(
            "UPDATE request SET state = 'lost' WHERE id = ? AND state <> 'answered'", (request,)
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

    def label(self, manifest: str, subject: bytes) -> bytes | None:
        """Return what was opened for `subject` (its encoding) under this manifest."""
        key = (manifest, self._sealer.name(subject))
        with self._labels_lock:
            found = self._labels.get(key)
        if found is not None:
            return found
        rows = self._database.read(
            "SELECT label FROM label WHERE manifest = ? AND subject = ?", key
        )
        return self._sealer.open(_place(*key), rows[0][0]) if rows else None

    def save_label(self, manifest: str, subject: bytes, label: bytes) -> None:
        """Keep what was opened for `subject`, so that asking again costs nothing."""
        key = (manifest, self._sealer.name(subject))
        with self._labels_lock:
            self._labels[key] = label
            if len(self._labels) > _RECENT_LABELS:
                self._labels.popitem(last=False)
        self._database.write(
            "INSERT INTO label VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (*key, self._sealer.seal(_place(*key), label)),
        )

    def asked(self, contract: str, question: bytes) -> str | None:
        """Return the id of the newest request that put `question` under a contract."""
        self._database.flush()
        place, name = f"asked/{contract}", self._sealer.name(question)
        rows = self._database.read(
            "SELECT label FROM label WHERE manifest = ? AND subject = ?", (place, name)
        )
        return self._sealer.open(_place(place, name), rows[0][0]).decode() if rows else None

    def save_asked(self, contract: str, question: bytes, request: str) -> None:
        """Remember that `request` puts `question`, so that it is not asked twice by accident."""
        place, name = f"asked/{contract}", self._sealer.name(question)
        sealed = self._sealer.seal(_place(place, name), request.encode())
        self._database.write(
            "INSERT INTO label VALUES (?, ?, ?) ON CONFLICT (manifest, subject) "
            "DO UPDATE SET label = excluded.label",
            (place, name, sealed),
        )

    def key(self, contract: str, use: str) -> bytes | None:
        """Return the key that this home has for a `use` of a contract, if it has one."""
        place = f"key/{contract}"
        name = self._sealer.name(use.encode())
        rows = self._database.read(
            "SELECT label FROM label WHERE manifest = ? AND subject = ?", (place, name)
        )
        return self._sealer.open(_place(place, name), rows[0][0]) if rows else None

    def save_key(self, contract: str, use: str, key: bytes) -> bytes:
        """Keep a key before it is used; return what is now kept: the first one that there was."""
        place = f"key/{contract}"
        name = self._sealer.name(use.encode())
        self._database.write(
            "INSERT INTO label VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (place, name, self._sealer.seal(_place(place, name), key)),
            wait=True,
        )
        return self.key(contract, use) or key

    def training(self, contract: str) -> bytes | None:
        """Return how far the encrypted training under a contract is, if one has begun."""
        self._database.flush()
        rows = self._database.read(
            "SELECT label FROM label WHERE manifest = ? AND subject = ?", _of_training(contract)
        )
        return self._sealer.open(_place(*_of_training(contract)), rows[0][0]) if rows else None

    def save_training(self, contract: str, kept: bytes) -> None:
        """Keep how far a training is, in place of what was kept; returns before any power cut."""
        place = _of_training(contract)
        self._database.write(
            "INSERT INTO label VALUES (?, ?, ?) ON CONFLICT (manifest, subject) "
            "DO UPDATE SET label = excluded.label",
            (*place, self._sealer.seal(_place(*place), kept)),
            wait=True,
        )

    def seal(self, place: str, value: bytes) -> bytes:
        """Return `value` as it may lie in a file of the home: nobody reads it without its key."""
        return self._sealer.seal(f"file/{place}", value)

    def unseal(self, place: str, sealed: bytes) -> bytes:
        """Return the value that was sealed for `place`.

        Raises:
            HomeError: it was sealed for another place, in another home, or was altered.

        """
        return self._sealer.open(f"file/{place}", sealed)

    def flush(self) -> None:
        """Hand queued writes to the operating system."""
        self._database.flush()

    def close(self) -> None:
        """Write what is queued and close."""
        self._database.close()


def _place(manifest: str, subject: bytes) -> str:
    return f"label/{manifest}/{subject.hex()}"


def _of_training(contract: str) -> tuple[str, bytes]:
    return f"training/{contract}", b""
