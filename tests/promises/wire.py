"""Everything that crosses a socket: each message in the clear, and the bytes TLS makes of them."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc


class Recorder:
    """What clients sent and got, as serialized messages and as metadata. Thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self.sent: list[tuple[str, bytes]] = []
        self.received: list[tuple[str, bytes]] = []

    def channel(self, *arguments: Any, **options: Any) -> "RecordingChannel":
        """Stand in for `grpc.secure_channel`."""
        return RecordingChannel(_secure_channel(*arguments, **options), self)

    def serializer(self, method: str, inner: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
        """Return `inner`, noting what it makes."""

        def noted(message: Any) -> bytes:
            data = inner(message)
            self.sent.append((method, data))
            return data

        return noted

    def deserializer(self, method: str, inner: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        """Return `inner`, noting what it is given."""

        def noted(data: bytes) -> Any:
            self.received.append((method, data))
            return inner(data)

        return noted

    def metadata(self, method: str, call: Any) -> None:
        """Note what came beside the messages of a call that is over."""
        for part in (call.initial_metadata() or (), call.trailing_metadata() or ()):
            for key, value in part:
                data = value if isinstance(value, bytes) else value.encode()
                self.received.append((f"{method} {key}", data))
        self.received.append((f"{method} details", (call.details() or "").encode()))


_secure_channel = grpc.secure_channel


class RecordingChannel:
    """A channel whose calls are recorded."""

    def __init__(self, inner: Any, recorder: Recorder) -> None:
        """Record the calls of `inner`."""
        self._inner, self._recorder = inner, recorder

    def unary_unary(
        self, method: str, request_serializer: Any, response_deserializer: Any, **options: Any
    ) -> "_Unary":
        """Return a recorded call."""
        call = self._inner.unary_unary(
            method,
            self._recorder.serializer(method, request_serializer),
            self._recorder.deserializer(method, response_deserializer),
            **options,
        )
        return _Unary(method, call, self._recorder)

    def unary_stream(
        self, method: str, request_serializer: Any, response_deserializer: Any, **options: Any
    ) -> Any:
        """Return a recorded call; it needs no metadata, which FetchTable answers with last."""
        return self._inner.unary_stream(
            method,
            self._recorder.serializer(method, request_serializer),
            self._recorder.deserializer(method, response_deserializer),
            **options,
        )

    def stream_unary(
        self, method: str, request_serializer: Any, response_deserializer: Any, **options: Any
    ) -> Any:
        """Return a recorded call; only its messages are noted."""
        return self._inner.stream_unary(
            method,
            self._recorder.serializer(method, request_serializer),
            self._recorder.deserializer(method, response_deserializer),
            **options,
        )

    def stream_stream(
        self, method: str, request_serializer: Any, response_deserializer: Any, **options: Any
    ) -> Any:
        """Return a recorded call; only its messages are noted."""
        return self._inner.stream_stream(
            method,
            self._recorder.serializer(method, request_serializer),
            self._recorder.deserializer(method, response_deserializer),
            **options,
        )

    def close(self) -> None:
        """Close the channel."""
        self._inner.close()


class _Unary:
    def __init__(self, method: str, inner: Any, recorder: Recorder) -> None:
        self._method, self._inner, self._recorder = method, inner, recorder

    def with_call(self, *arguments: Any, **options: Any) -> Any:
        try:
            answer, call = self._inner.with_call(*arguments, **options)
        except grpc.RpcError as error:
            self._recorder.metadata(self._method, error)
            raise
        self._recorder.metadata(self._method, call)
        return answer, call


class Proxy:
    """Passes TCP on to a port of the loopback, and keeps all bytes of both directions."""

    def __init__(self, target: int) -> None:
        """Listen on a free port."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.seen = {"up": bytearray(), "down": bytearray()}
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                self._start(self._pass, near, far, "up")
                self._start(self._pass, far, near, "down")

    def _pass(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.seen[way] += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(60)


@contextlib.contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """Run a proxy before `target`."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
