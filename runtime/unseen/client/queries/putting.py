"""Putting queries to a table that stays with its owner, and collecting what it answers.

The queries of one charged request go out in one stream, in the order of its elements. The answers
come back as one run of bytes, for which the node signs at the end (`evidence/releases/answers.py`).
How many messages there are, how long each is and in which order they go follows from the table's
shape and the number of elements alone. Where the connection fails, the same bytes are sent again.

Memory: the queries, one answer, and what the caller takes of each.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from unseen.client.agreements.contracts import resource
from unseen.client.errors import AnswerInvalidError, WireError
from unseen.client.queries.asking import NOT_YET
from unseen.client.queries.epochs import Epoch
from unseen.client.session import Session
from unseen.evidence.errors import SignatureInvalidError
from unseen.evidence.releases.answers import tree_of_answer, tree_of_hashes, verify_answers
from unseen.protocols.tlog.tree import Tree
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

MESSAGE_BYTES: Final = (1 << 20) - 1024  # of queries in a message: under 1 MiB with what is round
_SECONDS: Final = 120.0  # for a stream, and more for each query: a node reads its table for it
_QUERY_SECONDS: Final = 2.0
_ATTEMPTS: Final = 3  # a node answers four queries for each element; unanswered ones do not count
_FIRST_PAUSE: Final = 0.1

Take = Callable[[int, bytes, Tree], None]
"""`take(number, answer, tree)`: one answer, from 0 on, and the tree over its blocks."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the node signed, and the roots of the answers that came, 32 bytes each, in order."""

    token: str
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """The queries that follow one charged request, and the hash of each."""

    epoch: Epoch
    request: str
    queries: Sequence[bytes] = field(repr=False)
    hashes: Sequence[bytes] = field(repr=False)


class Unfinished:
    """What has come of the answers so far: for the evidence where they do not hold up."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.token = ""
        self.roots: list[bytes] = []


def put(session: Session, asking: Asking, take: Take, got: Unfinished) -> Told:
    """Send the queries, hand each answer to `take`, and return what the node signed.

    After a failed connection `take` gets all of them again.

    Raises:
        RefusedError, UnreachableError, NodeError: there is no answer.
        AnswerInvalidError: there are fewer answers or more than queries, or the node signed others.
        AnswersInvalidError, SignatureInvalidError, CanonicalError: what it signed is malformed, or
            not the node's.

    """
    pause = _FIRST_PAUSE
    for _ in range(_ATTEMPTS - 1):
        try:
            return _once(session, asking, take, got)
        except WireError as error:
            if error.retry != "same-id" or error.reason in NOT_YET:
                raise
        time.sleep(pause)
        pause *= 2
    return _once(session, asking, take, got)


def messages(asking: Asking) -> Iterator[lookup_pb2.AnswerRequest]:
    """Yield what is sent: the head, then whole queries, as many as fit a message."""
    epoch = asking.epoch
    head = lookup_pb2.AnswerHead(
        contract=resource(epoch.contract),
        epoch=epoch.manifest.epoch,
        manifest=epoch.id_bytes,
        request=asking.request,
        count=len(asking.queries),
    )
    yield lookup_pb2.AnswerRequest(head=head)
    size = max(1, MESSAGE_BYTES // epoch.manifest.shape().query_bytes)
    for start in range(0, len(asking.queries), size):
        part = b"".join(asking.queries[start : start + size])
        yield lookup_pb2.AnswerRequest(queries=part)


def _once(session: Session, asking: Asking, take: Take, got: Unfinished) -> Told:
    got.token, got.roots = "", []
    stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
    size, held = asking.epoch.manifest.shape().answer_bytes, bytearray()
    seconds = _SECONDS + _QUERY_SECONDS * len(asking.queries)
    for message in session.channel.stream(stub.Answer, messages(asking), seconds):
        if got.token or not (message.answers or message.signed):
            raise _wrong("answers", "the node sent more than answers to what was asked")
        got.token = message.signed
        held += message.answers
        while len(held) >= size and len(got.roots) < len(asking.queries):
            _taken(session, asking, bytes(held[:size]), take, got)
            del held[:size]
        if held and len(got.roots) == len(asking.queries):
            raise _wrong("answers", "the node sent more answers than there were queries")
    if held or len(got.roots) < len(asking.queries) or not got.token:
        raise _wrong("answers", "the node ended before it had answered every query")
    _check(session, asking, got)
    return Told(got.token, tuple(got.roots))


def _taken(session: Session, asking: Asking, answer: bytes, take: Take, got: Unfinished) -> None:
    tree = tree_of_answer(session.suite, asking.epoch.manifest.shape(), answer)
    take(len(got.roots), answer, tree)
    got.roots.append(tree.root())


def _check(session: Session, asking: Asking, got: Unfinished) -> None:
    """Return if the node signed that it answered these queries like that."""
    suite, manifest = session.suite, asking.epoch.manifest
    try:
        found = verify_answers(got.token, suite, session.profile.node.evidence_key)
    except SignatureInvalidError:
        raise SignatureInvalidError(
            "what the node sent with its answers is not signed by it", clause="answers.signed"
        ) from None
    for clause, said, seen in (
        ("contract", found.contract, manifest.contract),
        ("epoch", found.epoch, manifest.epoch),
        ("manifest", found.manifest, asking.epoch.id_bytes),
        ("request", found.request, asking.request),
        ("count", found.count, len(asking.queries)),
        ("queries", found.queries, tree_of_hashes(suite, asking.hashes).root()),
        ("answers", found.answers, tree_of_hashes(suite, got.roots).root()),
    ):
        if said != seen:
            raise _wrong(clause, f"the node signed another {clause} than was exchanged")


def _wrong(clause: str, text: str) -> AnswerInvalidError:
    return AnswerInvalidError(
        text,
        clause=f"answers.{clause}" if clause != "answers" else clause,
        remedy="show what was kept of it to the operator",
    )
