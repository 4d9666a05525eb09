"""Signed requests and releases, the same in every metered service."""

from collections.abc import Sequence

from unseen.node.metering.metered import SignedRequest
from unseen.node.metering.paying import Answer
from unseen.v1 import request_pb2


def signed_request(message: request_pb2.SignedRequest, parts: Sequence[bytes]) -> SignedRequest:
    """Return the domain value; `parts` are what the statement commits to."""
    return SignedRequest(message.statement, message.signature, message.nonce, tuple(parts))


def release(answer: Answer) -> request_pb2.Release:
    """Return the evidence of an answer."""
    return request_pb2.Release(receipt=answer.receipt, nonce=answer.nonce)
