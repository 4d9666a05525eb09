"""Witnesses that a home demands: cosignatures (C2SP tlog-cosignature) before it asks anything.

A client that talks to nobody but its node could be shown a log made for it alone. Witnesses see
the log as others do and cosign its heads. Where a home demands `needed` of them, nothing is signed
and sent before so many witnesses of its trust file have cosigned heads within the last `within`
seconds, and the node has proven that each of these leads to the newest head that this client has
seen. Receipts rely on that head and on those after it, which extend it: a history made for this
client alone can then be no older than `within` seconds. Whether a receipt's own entry is under a
cosigned head shows later, from its bundle (`evidence check --witnesses`).
"""

import datetime as dt
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unseen.client.errors import AnswerInvalidError, WitnessesMissingError
from unseen.client.fields import Fields
from unseen.client.follow import Head
from unseen.client.local.home import Home, read_json, write_json
from unseen.evidence.audit.heads import Witnessed, read_head
from unseen.protocols.errors import InputInvalidError
from unseen.v1 import log_pb2, log_pb2_grpc

if TYPE_CHECKING:
    from unseen.client.session import Session

WITHIN = 3600  # seconds
_MOST_WITNESSES = 14  # a note has at most 16 signatures, and the log's own is one of them
_MOST_WITHIN = 366 * 86_400
_SKEW = dt.timedelta(minutes=15)  # that a witness's clock may be ahead


@dataclass(frozen=True, slots=True)
class Demand:
    """How many witnesses have to have cosigned the log within the last `within` seconds."""

    needed: int = 0
    within: int = WITHIN

    def __post_init__(self) -> None:
        """Check both numbers.

        Raises:
            InputInvalidError: one is out of range.

        """
        for name, value, least, most in (
            ("witnesses", self.needed, 0, _MOST_WITNESSES),
            ("within", self.within, 1, _MOST_WITHIN),
        ):
            if not least <= value <= most:
                raise InputInvalidError(
                    f"{name} is a whole number from {least} to {most}",
                    clause=f"demand.{name}",
                    remedy="for example: unseen audit demand 1 --within 3600",
                )


def load_demand(home: Home) -> Demand:
    """Return what a home demands; nothing unless it was told to.

    Raises:
        HomeError: the file that says it is malformed.

    """
    if not home.demand.exists():
        return Demand()
    remedy = "say it again: unseen audit demand N"
    fields = Fields(read_json(home.demand), "demand", remedy=remedy)
    fields.expect("v", 1)
    fields.expect("type", "demand")
    needed, within = fields.integer("witnesses"), fields.integer("within")
    fields.end()
    try:
        return Demand(needed, within)
    except InputInvalidError as error:
        raise fields.error(str(error)) from None


def save_demand(home: Home, demand: Demand) -> None:
    """Have a home demand this from now on."""
    value = {"witnesses": demand.needed, "within": demand.within}
    write_json(home.demand, {"v": 1, "type": "demand", **value})


class Witnesses:
    """What a client demands of witnesses, and until when it was last found to be met. Thread-safe.

    What other clients of the home demand meanwhile is met from their next opening on.
    """

    def __init__(self, session: "Session") -> None:
        """Demand what the session's home does."""
        self._session = session
        self._demand = load_demand(session.home)
        self._lock = threading.Lock()
        self._until = 0.0  # on the monotonic clock

    @property
    def demand(self) -> Demand:
        """What is demanded."""
        return self._demand

    def change(self, demand: Demand) -> None:
        """Demand something else from now on."""
        with self._lock:
            save_demand(self._session.home, demand)
            self._demand, self._until = demand, 0.0

    def check(self) -> None:
        """Return if the demand is met; asks the node where it has to.

        Raises:
            WitnessesMissingError: too few witnesses have cosigned of late.
            LogForkedError: what they cosigned is another history than this client was shown.
            RefusedError, UnreachableError, NodeError: the node does not say.

        """
        if not self._demand.needed:
            return
        with self._lock:
            if time.monotonic() >= self._until:
                self._until = self._met()

    def _met(self) -> float:
        """Return, on the monotonic clock, until when what is there now will do."""
        demand, began = self._demand, time.monotonic()
        now = dt.datetime.now(dt.UTC)
        newest: dict[str, dt.datetime] = {}
        for item in self._proven(now):
            newest[item.key] = max(item.time, newest.get(item.key, item.time))
        if len(newest) < demand.needed:
            raise WitnessesMissingError(
                f"{len(newest)} of the {demand.needed} witnesses that this home demands have"
                f" cosigned the node's log within {demand.within:,} seconds",
                clause="log.witnesses",
                remedy="see who has: unseen audit head; demand less: unseen audit demand N",
            )
        oldest = sorted(newest.values(), reverse=True)[demand.needed - 1]
        return began + min(demand.within, (oldest - now).total_seconds() + demand.within)

    def _proven(self, now: dt.datetime) -> list[Witnessed]:
        """Return the cosignatures of late under heads that lead to the newest one."""
        session, found = self._session, list[Witnessed]()
        stub = log_pb2_grpc.LogServiceStub(session.channel.grpc)
        answer = session.call(stub.GetCheckpoint, log_pb2.GetCheckpointRequest())
        earliest = now - dt.timedelta(seconds=self._demand.within)
        for note in answer.cosigned:
            head = read_head("the node", note, session.trust)
            checkpoint = head.checkpoint
            if checkpoint.origin != session.profile.node.log_origin:
                raise AnswerInvalidError("a checkpoint is of another log", clause="log.origin")
            late = [item for item in head.witnesses if earliest < item.time <= now + _SKEW]
            if late:
                session.channel.prove(Head(checkpoint.size, checkpoint.root, note))
            found += late
        return found
