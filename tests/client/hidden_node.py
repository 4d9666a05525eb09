"""A made-up node that keeps its table and answers queries (`lwe_pir`), as `conftest.FakeNode`."""

import dataclasses
import hashlib
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tests.client.conftest import COLUMNS, FakeNode, FakeWorld

from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.evidence.log import encode_leaf
from unseen.evidence.releases.answers import (
    Answers,
    sign_answers,
    tree_of_answer,
    tree_of_hashes,
    tree_of_queries,
)
from unseen.evidence.releases.manifest import Manifest, published_leaf
from unseen.evidence.suite import INTL
from unseen.protocols.lookup.lwe_pir import filters, hints, server
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.oprf_table import epoch_domain
from unseen.protocols.lookup.subject import encode_subject
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.server import evaluate_inputs
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.tlog import Tree, leaf_hash
from unseen.v1 import lookup_pb2

SHAPE = Shape(3, 1024, 1)


class HiddenNode(FakeNode):
    """Hooks as in `FakeNode`; and every step of the table, its hint and its answers.

    `spoil_rows` may change the matrix before its hint is made, `spoil_hint` the hint file before it
    is signed for, `altered` an answer before it is hashed, `said` what is signed, `streamed` the
    messages before they leave. `provider` names the public matrix. `got` holds every message of
    every stream of queries.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plan = dataclasses.replace(self.plan, protocol="lwe_pir")
        self.terms = dataclasses.replace(
            self.terms, protocol="lwe_pir", plan=self.plan.digest(INTL)
        )
        self.provider = self.signer.public_key
        self.spoil_rows: Callable[[Any], None] = lambda _: None
        self.spoil_hint: Callable[[list[bytes]], None] = lambda _: None
        self.altered: Callable[[list[bytes]], None] = lambda _: None
        self.said: Callable[[dict[str, Any]], None] = lambda _: None
        self.streamed: Callable[[list[Any]], None] = lambda _: None
        self.got: list[list[Any]] = []
        self.answers_signer = self.signer
        self.replies: dict[bytes, Any] = {}

    def publish(self, epoch: int = 1, **changes: Any) -> Manifest:
        """Build the table of an epoch under a fresh key, announce its manifest, answer under it."""
        self.key = keys.generate(secrets.token_bytes)
        domain = epoch_domain(self.terms.id(), epoch)
        self.parts = self._parts(domain)
        self.blocks = [
            server.build_block(SHAPE, domain, part, secrets.token_bytes) for part in self.parts
        ]
        self.rows = server.joined(SHAPE, self.blocks)
        self.spoil_rows(self.rows)
        self.table = self._hint_file()
        return self._announce(epoch, changes)

    def build_again(self, build: int = 2, **changes: Any) -> Manifest:
        """Build those blocks anew whose labels have changed, under the key that the epoch has."""
        domain, before = epoch_domain(self.terms.id(), 1), self.parts
        self.parts = self._parts(domain)
        for number, part in enumerate(self.parts):
            if part != before[number]:
                found = server.build_block(SHAPE, domain, part, secrets.token_bytes)
                self.blocks[number] = found
        self.rows = server.joined(SHAPE, self.blocks)
        self.table = self._hint_file()
        fields = {"build": build, "snapshot": secrets.token_bytes(32)}
        return self._announce(1, fields | changes)

    def _parts(self, domain: bytes) -> list[list[tuple[bytes, bytes]]]:
        subjects = [encode_subject(COLUMNS, (number,), domain) for number in self.labels]
        outputs = evaluate_inputs(self.key, subjects, Mode.VOPRF)
        parts: list[list[tuple[bytes, bytes]]] = [[] for _ in range(SHAPE.blocks)]
        self.outputs = dict(zip(self.labels, outputs, strict=True))
        for output, label in zip(outputs, self.labels.values(), strict=True):
            parts[filters.block_of(SHAPE, domain, output)].append((output, label))
        return parts

    def _hint_file(self) -> bytes:
        hint = server.hint(Public.of(self.provider, SHAPE), self.rows)
        size, found = SHAPE.cell_bytes, []
        for number, block in enumerate(self.blocks):
            part = slice(number * size, (number + 1) * size)
            digest = hashlib.sha256(self.rows[part].tobytes()).digest()
            row = hints.HintRow(block.nonce, digest, hint[part])
            found.append(hints.encode_row(SHAPE, row))
        self.spoil_hint(found)
        return b"".join(found)

    def _announce(self, epoch: int, changes: dict[str, Any]) -> Manifest:
        rows, size = Tree(), SHAPE.hint_row_bytes
        for start in range(0, len(self.table), size):
            rows.append(leaf_hash(self.table[start : start + size]))
        fields = self.manifest_fields(epoch) | {
            "rows": rows.size,
            "row_bytes": size,
            "nonce": secrets.token_bytes(32),
            "root": rows.root(),
            "digest": INTL.digest(self.table),
            "protocol": "lwe_pir",
            "width": SHAPE.width,
        }
        self.manifest = Manifest(**fields | changes)
        self.announced = encode_leaf(published_leaf(self.manifest, self.now))
        self.announced_at = self.tree.append(leaf_hash(self.announced))
        return self.manifest

    def answer(self, message: Any) -> Any:
        """Answer a request as `FakeNode` does, and the same one with the reply it had."""
        if isinstance(message, lookup_pb2.GetManifestRequest):
            return super().answer(message)
        statement = message.request.statement
        if statement not in self.replies:
            self.replies[statement] = super().answer(message)
        return self.replies[statement]

    def stream(self, messages: Iterator[Any]) -> list[Any]:
        """Return what is answered to a stream of queries."""
        got = list(messages)
        self.got.append(got)
        head, data = got[0].head, b"".join(message.queries for message in got[1:])
        queries = np.frombuffer(data, "<u4").reshape(head.count, SHAPE.width)
        found = server.answer(self.rows, queries.astype(np.uint32))
        answers = [each.astype("<u2").tobytes() for each in found]
        self.altered(answers)
        whole = [each.ljust(SHAPE.answer_bytes)[: SHAPE.answer_bytes] for each in answers]
        roots = [tree_of_answer(INTL, SHAPE, each).root() for each in whole]
        size = SHAPE.query_bytes
        asked = [data[at : at + size] for at in range(0, len(data), size)]
        fields: dict[str, Any] = {
            "suite": "intl",
            "contract": self.manifest.contract,
            "epoch": head.epoch,
            "manifest": head.manifest,
            "request": head.request,
            "count": head.count,
            "queries": tree_of_queries(INTL, asked).root(),
            "answers": tree_of_hashes(INTL, roots).root(),
            "time": self.now,
        }
        self.said(fields)
        token = sign_answers(self.answers_signer, Answers(**fields))
        sent = [lookup_pb2.AnswerResponse(answers=piece) for piece in pieces(b"".join(answers))]
        sent.append(lookup_pb2.AnswerResponse(signed=token))
        self.streamed(sent)
        return sent


def pieces(data: bytes) -> list[bytes]:
    """Return `data` in pieces that end anywhere."""
    return [data[at : at + 50] for at in range(0, len(data), 50)]


class HiddenWorld(FakeWorld):
    """A client's lookups against a `HiddenNode`. `cut` may end a stream before it is answered.

    `fetched` may change what is handed out of a hint, `hashed` the hashes of its rows; `between` is
    called before each chunk of rows. `asked` has what was asked for of hints, `came` what was sent.
    """

    node: HiddenNode

    def __init__(self, home: Home, profile: Profile) -> None:
        super().__init__(home, profile, HiddenNode())
        self.cut: Callable[[], None] = lambda: None
        self.fetched: Callable[[bytes], bytes] = lambda table: table
        self.hashed: Callable[[list[bytes]], list[bytes]] = lambda hashes: hashes
        self.between: Callable[[], None] = lambda: None
        self.asked: list[lookup_pb2.FetchTableRequest] = []
        self.came: list[bytes] = []
        self.seconds: list[float] = []
        self.session.channel.stream = self.stream

    def publish(self, epoch: int = 1, **changes: Any) -> Manifest:
        """Publish an epoch; its hint is fetched as any other is."""
        return self.node.publish(epoch, **changes)

    def stream(self, _call: object, request: Any, seconds: float) -> Iterator[Any]:
        """Answer a call with a stream of answers."""
        self.seconds.append(seconds)
        if isinstance(request, lookup_pb2.FetchTableRequest):
            yield from self._fetch(request)
            return
        answers = self.node.stream(request)
        self.cut()
        yield from answers

    def _fetch(self, request: lookup_pb2.FetchTableRequest) -> Iterator[Any]:
        """Hand out a hint, or of a further build's the rows that are named, or all rows' hashes."""
        assert request.manifest == self.node.manifest.id()
        self.asked.append(request)
        data, size = self.node.table, SHAPE.hint_row_bytes
        if request.hashes:
            starts = range(0, len(data), size)
            hashed = self.hashed([leaf_hash(data[at : at + size]) for at in starts])
            yield lookup_pb2.FetchTableResponse(chunk=b"".join(hashed))
            return
        if not request.ranges:
            chunk = self.fetched(data)[request.offset :]
            self.came.append(chunk)
            yield lookup_pb2.FetchTableResponse(chunk=chunk)
            return
        spans = ((each.first * size, (each.first + each.count) * size) for each in request.ranges)
        rows = self.fetched(b"".join(data[first:last] for first, last in spans))
        for start in range(0, len(rows), size - 1):
            self.between()
            self.came.append(rows[start : start + size - 1])
            yield lookup_pb2.FetchTableResponse(chunk=self.came[-1])
