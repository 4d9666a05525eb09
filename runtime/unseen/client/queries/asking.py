"""A charged request from signing to a checked receipt, whatever the job kind.

The request is written down before it is sent; a retry sends the identical bytes, and the node
hands out the stored reply without charging again. Nothing that comes back is believed before
the receipt verifies offline, names this very request, and commits to exactly what came back.

The node sees when and how often it is asked. Retries do not depend on what an answer says.
"""

import datetime as dt
import secrets
import time
from collections.abc import Sequence
from typing import Protocol

from unseen.client.channel import Answer, Unary
from unseen.client.errors import AnswerInvalidError, RefusedError, WireError
from unseen.client.local.home import write_json, write_new
from unseen.client.local.state import Opening
from unseen.client.session import Session
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.verify import VerifiedReceipt, verify_receipt, verify_terms
from unseen.protocols.errors import UnseenError
from unseen.v1 import request_pb2

NONCE_BYTES = 32
BEFORE_REPLY = frozenset(
    {
        "CERTIFICATE_UNKNOWN",
        "CERTIFICATE_REVOKED",
        "RIGHT_MISSING",
        "RPC_UNKNOWN",
        "INSTANCE_UNKNOWN",
        "CONTRACT_NOT_FOUND",
        "REFUSED",
    }
)
HELD = "RELEASE_HELD"  # computed, and a person has to let it out; charged then
NOT_YET = frozenset({HELD, "RATE_EXCEEDED", "NODE_STOPPED", "REPLY_HELD"})  # not at once
REPLY_LOST = "REPLY_NOT_FOUND"  # charged, and the reply is no longer kept
_ATTEMPTS = 5
_FIRST_PAUSE = 0.1


class Sent(Protocol):
    """A message of any job kind."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf names it
        """Return the message as bytes."""


def new_request(
    session: Session,
    *,
    contract: bytes,
    kind: str,
    units: int,
    parts: Sequence[bytes],
    manifest: bytes = b"",
    epoch: int = 0,
) -> tuple[Request, request_pb2.SignedRequest]:
    """Return a fresh request over `parts`, and the same signed by this instance.

    Raises:
        WitnessesMissingError: the home demands witnesses, and too few have cosigned of late.
        LogForkedError: what they cosigned is another history than this client was shown.

    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    request = Request(
        suite=session.suite.id,
        contract=contract,
        request=secrets.token_hex(16),
        kind=kind,
        units=units,
        commitment=commit(session.suite, nonce, parts),
        manifest=manifest,
        epoch=epoch,
        issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
    )
    return request, signed(session, request, nonce)


def signed(session: Session, request: Request, nonce: bytes) -> request_pb2.SignedRequest:
    """Return a request signed by this instance, with what opens its commitment.

    Raises:
        As `new_request`.

    """
    session.witnesses.check()
    signature = sign_request(session.instance_signer, request)
    return request_pb2.SignedRequest(statement=request.bytes(), signature=signature, nonce=nonce)


def write_down(
    session: Session,
    request: Request,
    contract: str,
    *,
    manifest: str,
    message: Sent,
    secret: dict[str, object],
) -> Opening:
    """Write a request and what opens its answer to disk, before anything is sent."""
    opening = Opening(
        id=request.request,
        contract=contract,
        kind=request.kind,
        units=request.units,
        manifest=manifest,
        created=format_time(request.issued_at),
        wire=message.SerializeToString(),
        secret=secret,
    )
    session.state.save_request(opening)
    return opening


def send(
    session: Session,
    method: Unary[Answer],
    message: object,
    request: str,
    *,
    fresh: bool,
    timeout: float | None = None,
    lacking: frozenset[str] = frozenset(),
) -> Answer:
    """Send a request that was written down; tries the same bytes again where that may help.

    `fresh` says that it was never sent before, `timeout` how many seconds a call may take. What is
    refused by a clause of `lacking` is sent again when the node has what it lacks.

    Raises:
        RefusedError: it was refused. Where that shows that it was not charged, or that it was
            and the reply is gone, it is marked as one that will never be answered.
        UnreachableError, NodeError: no answer yet; the request stays written down.

    """
    pause = _FIRST_PAUSE
    for _ in range(_ATTEMPTS - 1):
        try:
            return session.call(method, message, timeout)
        except WireError as error:
            if error.retry != "same-id" or error.reason in NOT_YET:
                if not isinstance(error, RefusedError) or error.clause not in lacking:
                    _mark(session, request, error, fresh=fresh)
                raise
            fresh = fresh and isinstance(error, RefusedError)
        time.sleep(pause)
        pause *= 2
    try:
        return session.call(method, message, timeout)
    except WireError as error:
        _mark(session, request, error, fresh=fresh)
        raise


def _mark(session: Session, request: str, error: WireError, *, fresh: bool) -> None:
    """Mark a request as lost, or as refused if no earlier attempt can have been charged."""
    if error.reason == REPLY_LOST:
        session.state.save_lost(request)
        session.rest()
        return
    if not isinstance(error, RefusedError) or error.charged or error.reason == HELD:
        return
    # The node looks for a stored reply before it decides; these reasons come even before that.
    if fresh or error.reason not in BEFORE_REPLY:
        session.state.save_refusal(request)
        session.rest()


def check_receipt(
    session: Session, request: Request, release: request_pb2.Release, terms: Terms
) -> VerifiedReceipt:
    """Return the verified receipt of `request` and keep it: from now on the charge is proven.

    Raises:
        ReceiptInvalidError, SignatureInvalidError, TrustMissingError: the receipt fails.
        AnswerInvalidError: it is another request's, or hangs in another log.
        LogForkedError: it hangs in another history of the log than the answer it came with.

    """
    receipt = verify_receipt(release.receipt, session.trust)
    if receipt.leaf.request != request or receipt.instance_key != session.instance_key_id:
        raise AnswerInvalidError("the receipt is another request's", clause="receipt.request")
    if receipt.origin != session.profile.node.log_origin:
        raise AnswerInvalidError("the receipt is in another log", clause="receipt.checkpoint")
    head = receipt.checkpoint
    session.channel.follower.require(head.size, head.root, release.receipt)
    write_new(session.home.receipt(request.request), release.receipt.encode() + b"\n")
    verify_terms(receipt, terms)
    return receipt


def kept_receipt(session: Session, request: str, release: request_pb2.Release) -> VerifiedReceipt:
    """Return the receipt that came with an answer of before; puts its file back if it is gone.

    Raises:
        ReceiptInvalidError, SignatureInvalidError, TrustMissingError: it no longer verifies.

    """
    receipt = verify_receipt(release.receipt, session.trust)
    path = session.home.receipt(request)
    if not path.exists():
        write_new(path, release.receipt.encode() + b"\n")
    return receipt


def check_release(
    session: Session, release: request_pb2.Release, parts: Sequence[bytes], committed: bytes
) -> None:
    """Return if the receipt's commitment, `committed`, is to `parts`, which came with it.

    Raises:
        AnswerInvalidError: it is to something else.

    """
    if len(release.nonce) != NONCE_BYTES:
        raise AnswerInvalidError("the release's nonce is not 32 bytes", clause="release.nonce")
    if commit(session.suite, release.nonce, parts) != committed:
        raise AnswerInvalidError(
            "the receipt commits to another answer than the one that came with it",
            clause="receipt.release",
            remedy="keep the receipt and show it to the operator",
        )


def keep_reply(session: Session, request: str, reply: bytes) -> None:
    """Keep an answer that its receipt commits to."""
    session.state.save_reply(request, reply)


def keep_failed(
    session: Session, request: str, sent: Sent, answer: Sent, error: UnseenError
) -> None:
    """Keep an answer that does not hold up as evidence: what was sent, what came, what is wrong.

    It holds what the request showed to the node, and no blinds.
    """
    path = session.home.evidence(f"answer-{request}.json")
    value: dict[str, Json] = {
        "v": 1,
        "type": "answer",
        "request": request,
        "reason": error.reason,
        "clause": error.clause,
        "sent": b64encode(sent.SerializeToString()),
        "answer": b64encode(answer.SerializeToString()),
    }
    write_json(path, value, private=True)
