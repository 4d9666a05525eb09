"""What is too large for one message: sent and fetched in chunks, going on where it stopped.

A connection that breaks costs the chunk under way. What arrives is whole when it has the size that
was told; that it is the right one, its receiver checks by a digest.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from unseen.client.errors import AnswerInvalidError, UnreachableError
from unseen.client.session import Session
from unseen.streams.chunks import chunks, digest_with
from unseen.v1 import intersect_pb2, intersect_pb2_grpc, score_pb2_grpc, train_pb2_grpc

Stub: TypeAlias = (
    intersect_pb2_grpc.IntersectServiceStub
    | score_pb2_grpc.ScoreServiceStub
    | train_pb2_grpc.TrainServiceStub
)

_CALL_SECONDS = 600.0
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2


class Parcels:
    """Parts of one client's runs of one service."""

    def __init__(self, session: Session, stub: Stub) -> None:
        """Use `session` and `stub` for the calls."""
        self._session = session
        self._stub = stub

    def send(self, contract: str, request: str, part: intersect_pb2.Part, path: Path) -> None:
        """Send a part whole, from a file; what the node has of it already is not sent again.

        Raises:
            RefusedError: the node does not take it.
            UnreachableError, NodeError: it could not be sent; a later call goes on.

        """
        head = intersect_pb2.UploadRequest(
            contract=f"contracts/{contract}",
            request=request,
            part=part,
            digest=digest_with(path, self._session.suite.digest),
            size=path.stat().st_size,
        )
        for pause in _pauses():
            try:
                have = self._upload([head])
                if have.complete or self._upload(self._chunks(head, path, have.offset)).complete:
                    return
            except UnreachableError:
                if pause is None:
                    raise
            time.sleep(pause or 0)
        raise AnswerInvalidError("the node does not take what is sent", clause="upload.offset")

    def fetch(
        self, contract: str, request: str, part: intersect_pb2.Part, size: int, target: Path
    ) -> None:
        """Write a part, which has `size` bytes, to a file; what is there of it stays.

        Raises:
            AnswerInvalidError: it has another size, of which nothing is left.
            RefusedError: the node does not hand it out.
            UnreachableError, NodeError: it cannot be fetched; a later call goes on.
            OSError: the disk is full.

        """
        if target.exists():
            return
        arriving = target.with_name(f"{target.name}.part")
        for pause in _pauses():
            try:
                self._append(arriving, contract, request, part, size)
            except UnreachableError:
                if pause is None:
                    raise
                time.sleep(pause)
                continue
            break
        if arriving.stat().st_size != size:
            arriving.unlink()
            raise AnswerInvalidError("what was fetched has another size", clause="fetch.size")
        arriving.replace(target)

    def _append(
        self, arriving: Path, contract: str, request: str, part: intersect_pb2.Part, size: int
    ) -> None:
        with arriving.open("ab") as file:
            have = file.tell()
            ask = intersect_pb2.FetchRequest(
                contract=f"contracts/{contract}", request=request, part=part, offset=min(have, size)
            )
            if have >= size:
                return
            for answer in self._session.channel.stream(self._stub.Fetch, ask, _CALL_SECONDS):
                have += len(answer.chunk)
                file.write(answer.chunk)
                self._session.progress("fetching", have, size)
                if have > size:
                    return

    def _upload(
        self, messages: "Iterator[intersect_pb2.UploadRequest] | list[intersect_pb2.UploadRequest]"
    ) -> intersect_pb2.UploadResponse:
        return self._session.channel.unary(self._stub.Upload, iter(messages), _CALL_SECONDS)

    def _chunks(
        self, head: intersect_pb2.UploadRequest, path: Path, offset: int
    ) -> Iterator[intersect_pb2.UploadRequest]:
        yield head
        for chunk in chunks(path, offset):
            yield intersect_pb2.UploadRequest(offset=offset, chunk=chunk)
            offset += len(chunk)
            self._session.progress("sending", offset, head.size)


def _pauses() -> Iterator[float | None]:
    """Yield how long to wait before the next attempt, and None when there is none."""
    for attempt in range(_ATTEMPTS - 1):
        yield _FIRST_PAUSE * 2**attempt
    yield None
