"""One connection to the node: mutual TLS, the log followed on every call, errors translated."""

import contextlib
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import grpc

from unseen.client.errors import (
    AnswerInvalidError,
    NodeError,
    RefusedError,
    UnreachableError,
    WireError,
    from_rpc_error,
)
from unseen.client.follow import Follower, Head
from unseen.client.local.home import Home, read_file
from unseen.evidence.errors import EvidenceError
from unseen.protocols.errors import PeerError
from unseen.v1 import log_pb2, log_pb2_grpc

SERVER_NAME = "unseen-node"
_SIZE = "unseen-tree-size"
_CHECKPOINT = "unseen-checkpoint-bin"
_CONSISTENCY = "unseen-consistency-bin"
_ORDERS = "unseen-orders"
_ROUNDS = 8
_CUT_OFF = ("CERTIFICATE_UNKNOWN", "CERTIFICATE_REVOKED", "RIGHT_MISSING")
_OPTIONS = (
    ("grpc.ssl_target_name_override", SERVER_NAME),
    ("grpc.use_local_subchannel_pool", 1),  # a client has its own connection
    ("grpc.enable_http_proxy", 0),  # a proxy could only break what TLS pins end to end
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.enable_retries", 0),  # the client itself sends again, and says what became of it
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),  # less than a request is retried for
)

Metadata = Iterable[tuple[str, str | bytes]]
Answer_co = TypeVar("Answer_co", covariant=True)
Answer = TypeVar("Answer")


class Unary(Protocol[Answer_co]):
    """A gRPC call with one request and one answer, as a generated stub has it."""

    def with_call(
        self,
        request: Any,
        timeout: float | None = None,
        metadata: Any = None,
    ) -> tuple[Answer_co, grpc.Call]:
        """Do the call."""


class Stream(Protocol[Answer_co]):
    """A gRPC call with one request, or a stream of them, and a stream of answers."""

    def __call__(
        self, request: Any, /, timeout: float | None = None, metadata: Any = None
    ) -> Iterator[Answer_co]:
        """Start the call."""


def instance_credentials(home: Home) -> grpc.ChannelCredentials:
    """Return the TLS credentials of the client instance of `home`."""
    chain = read_file(home.tls("instance.pem")) + read_file(home.tls("party.pem"))
    return grpc.ssl_channel_credentials(
        read_file(home.tls("ca.pem")), read_file(home.tls("instance.key")), chain
    )


def open_channel(address: str, credentials: grpc.ChannelCredentials) -> grpc.Channel:
    """Return a connection to `address` as every client here makes it; nothing is sent yet."""
    return grpc.secure_channel(address, credentials, options=_OPTIONS)


class Channel:
    """Calls to one node. Thread-safe; one connection however many threads."""

    def __init__(
        self,
        address: str,
        credentials: grpc.ChannelCredentials,
        follower: Follower,
        timeout: float = 30.0,
    ) -> None:
        """Prepare a connection to `address`; nothing is sent yet. `timeout` is in seconds."""
        self._address = address
        self.follower = follower
        self._timeout = timeout
        self.orders = 0  # orders of openings that wait for this instance, says the last answer
        self._linking = threading.Lock()
        self.grpc = open_channel(address, credentials)
        self._log = log_pb2_grpc.LogServiceStub(self.grpc)

    def unary(self, call: Unary[Answer], request: object, timeout: float | None = None) -> Answer:
        """Return the answer to `request`, after checking the head of the log that came with it.

        Raises:
            RefusedError, UnreachableError, NodeError: there is no answer.
            LogForkedError, CheckpointInvalidError: the log that came with it does not hold.
            AnswerInvalidError: no head of the log came with it.

        """
        answer = self._unary(call, request, timeout)
        due = self.follower.due()
        if due and self._linking.acquire(blocking=False):  # else another thread is at it
            try:
                # What cannot be asked now is asked again; the answer itself is already here.
                with contextlib.suppress(UnreachableError, NodeError):
                    self._link(due)
            finally:
                self._linking.release()
        return answer

    def stream(
        self, call: Stream[Answer], request: object, timeout: float
    ) -> Generator[Answer, None, None]:
        """Yield the answers to `request`; checks the head of the log at the end.

        Raises:
            As `unary`, when the stream begins or ends.

        """
        base = self.follower.begin()
        answers: Any = None  # grpc gives an iterator that is also the call
        try:
            answers = call(request, timeout=timeout, metadata=_sent(base))
            yield from answers
            self._follow(base, answers.trailing_metadata(), required=True)
        except grpc.RpcError as error:
            raise self._failure(error, base) from None
        finally:
            if answers is not None:
                answers.cancel()  # whoever reads no further leaves nothing open
            self.follower.end(base)

    def link(self) -> None:
        """Have the node prove that every head it has shown leads to its newest one.

        Raises:
            LogForkedError: it cannot.
            UnreachableError, NodeError: it does not answer.

        """
        with self._linking:
            for _ in range(_ROUNDS):  # more than one only while other calls go on
                if not (ends := self.follower.unlinked()):
                    return
                self._link(ends)

    def prove(self, head: Head) -> None:
        """Have the node prove that `head`, which the log's key has signed, leads to its newest one.

        Raises:
            As `link`.

        """
        with self._linking:
            self._link((head,))

    def settle(self) -> None:
        """Do as `link` does if the node can be reached; else the next run does it."""
        with contextlib.suppress(WireError):
            self.link()

    def close(self) -> None:
        """Close the connection."""
        self.grpc.close()

    def _unary(
        self,
        call: Unary[Answer],
        request: object,
        timeout: float | None = None,
        *,
        shared: bool = False,
    ) -> Answer:
        base = self.follower.begin(shared=shared)
        try:
            answer, done = call.with_call(
                request, timeout=timeout or self._timeout, metadata=_sent(base)
            )
            self._follow(base, done.trailing_metadata(), required=True)
            self.orders = _waiting(done.trailing_metadata())
        except grpc.RpcError as error:
            raise self._failure(error, base) from None
        finally:
            self.follower.end(base)
        return answer

    def _link(self, ends: Iterable[Head]) -> None:
        for end in ends:
            request = log_pb2.GetConsistencyProofRequest(old_size=end.size)
            try:
                answer = self._unary(self._log.GetConsistencyProof, request, shared=True)
            except RefusedError as error:
                if error.reason in _CUT_OFF:
                    raise
                # No end is larger than the log, so there is nothing to refuse in it.
                raise self.follower.refused(end) from None
            self.follower.accept(end, answer.checkpoint, b"".join(answer.proof))

    def _failure(self, error: grpc.RpcError, base: Head | None) -> Exception:
        call: Any = error  # grpc raises objects that are both
        try:
            self._follow(base, call.trailing_metadata() or (), required=False)
        except (EvidenceError, PeerError) as forked:
            return forked  # a node that rewrites its log is worse news than any refusal
        return from_rpc_error(error, self._address)

    def _follow(self, base: Head | None, metadata: Metadata, *, required: bool) -> None:
        note: bytes | None = None
        proof = b""
        for key, value in metadata:
            if isinstance(value, bytes):
                if key == _CHECKPOINT:
                    note = value
                elif key == _CONSISTENCY:
                    proof = value
        if note is not None:
            self.follower.accept(base, note.decode("utf-8", "replace"), proof)
        elif required:
            raise AnswerInvalidError(
                "the node answered without the head of its log",
                clause="log.checkpoint",
                remedy="stop using this node until its operator explains it",
            )


def _sent(base: Head | None) -> tuple[tuple[str, str], ...]:
    return ((_SIZE, "0" if base is None else str(base.size)),)


def _waiting(metadata: Metadata) -> int:
    """Return how many orders of openings wait, by the node's word; the orders themselves prove."""
    said = next((value for key, value in metadata if key == _ORDERS), "")
    return int(said) if isinstance(said, str) and said.isdecimal() and len(said) < 7 else 0
