"""What still leaves while a stop comes, chunk by chunk; and which causes may stand in the log."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.node.conftest import NOW
from tests.node.gating import caller, made

from unseen.evidence.contracts.states import State
from unseen.node.contracts import lifecycle
from unseen.node.contracts.decide import node_stopped
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    ContractNotActiveError,
    EpochNotReadyError,
    FieldInvalidError,
    ManifestStaleError,
    NodeStoppedError,
    ReplyHeldError,
)
from unseen.node.identity.rights import Role
from unseen.node.jobs import serving
from unseen.node.jobs.states import State as JobState
from unseen.node.resources import line_of
from unseen.node.services import job as job_service
from unseen.node.services import lookup as lookup_service
from unseen.v1 import job_pb2, lookup_pb2

LENDER = caller("lender", Role.BUYER)
CHUNK = 256 << 10


class Node:
    """A node as far as something leaves it: one contract, one table, one result."""

    def __init__(self, home: Path) -> None:
        self.contract = made("lookup")
        self.identifier = self.contract.id
        self.number, self.build, self.cause, self.protocol = 1, 1, "", "lwe_pir"
        self.home, self.clock = home, SimpleNamespace(now=lambda: NOW)
        self.path = home / "table"
        self.path.write_bytes(bytes(range(6)) * (CHUNK // 2))
        self.contracts = SimpleNamespace(get=self.get)
        self.stops = SimpleNamespace(check_node=self.check_node)
        self.consents = SimpleNamespace(deadlines={})
        self.epochs = SimpleNamespace(
            current=lambda _contract: SimpleNamespace(
                number=self.number,
                build=self.build,
                manifest_id=bytes([self.number, self.build]),
                manifest=SimpleNamespace(protocol=self.protocol, rows=6, row_bytes=CHUNK // 2),
                table_bytes=3 * CHUNK,
            ),
            newest_failure=lambda _contract: None,
        )
        self.job = SimpleNamespace(
            id="0" * 32,
            account="lender",
            owner="lender",
            contract=self.identifier,
            state=JobState.DONE,
        )
        self.jobs = SimpleNamespace(get=lambda _identifier: self.job)

    @property
    def stopped(self) -> bool:
        return bool(self.cause)

    def get(self, identifier: str, *, buyer: str | None = None) -> Contract:
        assert identifier == self.identifier
        assert buyer in (None, "lender")
        return self.contract

    def check_node(self) -> None:
        if self.cause:
            raise node_stopped(self.cause)

    def table_path(self, contract: str, epoch: int, build: int) -> Path:
        assert (contract, epoch, build) == (self.identifier, self.number, self.build)
        return self.path

    def stop(self) -> None:
        self.cause = "a leak"

    def suspend(self) -> None:
        self.contract = dataclasses.replace(self.contract, state=State.SUSPENDED)

    def revoke(self) -> None:
        self.contract = dataclasses.replace(self.contract, state=State.REVOKED)

    def rotate(self) -> None:
        self.number += 1

    def build_again(self) -> None:
        self.build += 1

    def overdue(self) -> None:
        self.consents.deadlines[self.identifier] = NOW


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    for module in (lookup_service, job_service):
        monkeypatch.setattr(module, "caller", lambda: LENDER)
    return Node(tmp_path)


def table(node: Node, **changes: Any) -> AsyncIterator[Any]:
    service = lookup_service.LookupService(cast("Any", node))
    fields: dict[str, Any] = {"contract": f"contracts/{node.identifier}", "epoch": 1} | changes
    return service.FetchTable(lookup_pb2.FetchTableRequest(**fields), cast("Any", None))


async def whole(answers: AsyncIterator[Any]) -> bytes:
    return b"".join([answer.chunk async for answer in answers])


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("stop", NodeStoppedError),
        ("suspend", ContractNotActiveError),
        ("revoke", ContractNotActiveError),
        ("rotate", ManifestStaleError),
        ("build_again", ManifestStaleError),
        ("overdue", EpochNotReadyError),
    ],
)
async def test_a_table_leaves_no_further_once_it_may_not(
    node: Node, event: str, error: type[Exception]
) -> None:
    chunks = table(node)
    assert len((await anext(chunks)).chunk) == CHUNK
    getattr(node, event)()
    with pytest.raises(error):
        await anext(chunks)


async def test_a_table_that_nothing_stops_leaves_whole(node: Node) -> None:
    assert sum([len(answer.chunk) async for answer in table(node)]) == 3 * CHUNK


@pytest.mark.parametrize(
    "ranges", [[(0, 6)], [(0, 1)], [(5, 1)], [(1, 2), (4, 1)], [(0, 1), (1, 1), (3, 3)]]
)
async def test_rows_of_a_hint_leave_as_they_are_named(
    node: Node, ranges: list[tuple[int, int]]
) -> None:
    data, size = node.path.read_bytes(), CHUNK // 2
    named = [lookup_pb2.RowRange(first=first, count=count) for first, count in ranges]
    expected = b"".join(data[first * size : (first + n) * size] for first, n in ranges)
    assert await whole(table(node, ranges=named, manifest=b"\x01\x01")) == expected


@pytest.mark.parametrize(
    "ranges",
    [
        [(-1, 2)],
        [(0, 0)],
        [(0, -1)],
        [(0, 7)],
        [(6, 1)],
        [(1 << 62, 1 << 62)],
        [(3, 1), (0, 1)],
        [(0, 2), (1, 1)],
        [(0, 1)] * 4097,
    ],
    ids=lambda ranges: str(ranges[:2]),
)
async def test_rows_that_are_not_there_or_out_of_order_are_refused(
    node: Node, ranges: list[tuple[int, int]]
) -> None:
    named = [lookup_pb2.RowRange(first=first, count=count) for first, count in ranges]
    with pytest.raises(FieldInvalidError) as caught:
        await whole(table(node, ranges=named))
    assert caught.value.clause == "ranges"


async def test_rows_are_those_of_a_hint_and_of_one_manifest(node: Node) -> None:
    named = [lookup_pb2.RowRange(first=0, count=1)]
    with pytest.raises(FieldInvalidError):
        await whole(table(node, ranges=named, offset=1))
    node.protocol = "oprf_table"
    with pytest.raises(FieldInvalidError):
        await whole(table(node, ranges=named))
    for manifest in (b"\x01\x02", b"\x01", bytes(32)):
        with pytest.raises(ManifestStaleError):
            await whole(table(node, manifest=manifest))


async def test_hashes_are_those_of_a_further_build(node: Node) -> None:
    with pytest.raises(FieldInvalidError) as caught:
        await whole(table(node, hashes=True))
    assert caught.value.clause == "hashes"
    hashes = bytes(range(192))
    node.path.with_suffix(".hashes").write_bytes(hashes)
    assert await whole(table(node, hashes=True)) == hashes
    named = [lookup_pb2.RowRange(first=0, count=1)]
    wrong: tuple[dict[str, Any], ...] = ({"offset": 1}, {"ranges": named})
    for changes in wrong:
        with pytest.raises(FieldInvalidError):
            await whole(table(node, hashes=True, **changes))


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "open_result", lambda *_: bytes(3 * CHUNK))


def fetched(node: Node) -> AsyncIterator[Any]:
    node.engine = SimpleNamespace(connect=_Nothing)  # type: ignore[attr-defined]
    node.vault = None  # type: ignore[attr-defined]
    service = job_service.JobService(cast("Any", node))
    request = job_pb2.FetchResultRequest(name=f"jobs/{node.job.id}")
    return service.FetchResult(request, cast("Any", None))


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("event", "error"), [("stop", NodeStoppedError), ("suspend", ReplyHeldError)]
)
@pytest.mark.usefixtures("result")
async def test_a_result_leaves_no_further_once_node_or_contract_stands_still(
    node: Node, event: str, error: type[Exception]
) -> None:
    chunks = fetched(node)
    assert len((await anext(chunks)).chunk) == CHUNK
    getattr(node, event)()
    with pytest.raises(error):
        await anext(chunks)
    with pytest.raises(error):  # nor does it begin anew
        await anext(fetched(node))


@pytest.mark.usefixtures("result")
async def test_a_result_under_no_contract_asks_for_none(node: Node) -> None:
    node.job.contract = ""
    node.suspend()
    assert sum([len(answer.chunk) async for answer in fetched(node)]) == 3 * CHUNK


@pytest.mark.parametrize(
    "text", ["x" * 201, "查" * 67, "two\nlines", "\x1b[2J", "x\u202ey", "\ud800" * 3]
)
async def test_a_cause_is_one_line_that_may_stand_in_the_log(node: Node, text: str) -> None:
    with pytest.raises(FieldInvalidError) as caught:
        line_of(text, "job.cause")
    assert caught.value.clause == "job.cause"
    with pytest.raises(FieldInvalidError) as caught:
        await lifecycle.revoke(cast("Any", node), node.contract, "lender", text)
    assert caught.value.clause == "contract.cause"


@pytest.mark.parametrize("text", ["", "x" * 200, "查" * 66, "the purpose has ended"])
def test_a_line_is_taken_as_it_is(text: str) -> None:
    assert line_of(text, "job.cause") == text
