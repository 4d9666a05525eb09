"""Stopping and resuming: signed orders, so that who stopped what does not rest on one word."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from unseen.client.session import Session
from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.stop import NONCE_BYTES, Action, StopOrder, sign_stop
from unseen.evidence.suite import key_id
from unseen.v1 import contract_pb2, node_pb2, node_pb2_grpc


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that stands: by a party, or by `node` with what it looked at; since when and why.

    `document` is the id of the signed order, empty where the node acted by itself.
    """

    by: str
    cause: str
    since: str
    document: str

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"{self.by} since {self.since}: {self.cause}"


def read_stops(messages: Sequence[contract_pb2.Stop]) -> tuple[Stop, ...]:
    """Return the stops of a contract."""
    return tuple(Stop(each.by, each.cause, each.since, each.document) for each in messages)


def order(session: Session, action: Action, contract: str, cause: str) -> str:
    """Return a signed order about a contract, or about the node where `contract` is empty.

    Raises:
        StopInvalidError: the cause is empty, not one line, or longer than 200 bytes.
        HomeError: the party's key is not in this home.

    """
    statement = StopOrder(
        suite=session.suite.id,
        action=action,
        node=key_id(session.suite, session.profile.node.evidence_key),
        contract=b64decode(contract) if contract else b"",
        cause=cause,
        issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    return sign_stop(session.party_signer, statement)


class NodeStops:
    """Stopping the whole node, and letting it go on: the operator's."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = node_pb2_grpc.NodeServiceStub(session.channel.grpc)

    def stop(self, cause: str) -> None:
        """Have the node stand still."""
        request = node_pb2.StopNodeRequest(order=order(self._session, "stop", "", cause))
        self._session.call(self._stub.StopNode, request)

    def resume(self, cause: str) -> None:
        """Have the node go on."""
        request = node_pb2.ResumeNodeRequest(order=order(self._session, "resume", "", cause))
        self._session.call(self._stub.ResumeNode, request)
