"""What a lead is handed: heard once, in order, whole; and what of it can be released."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.evidence.menus import DEFINITION
from tests.evidence.test_joint import make
from tests.node.counted import offered
from tests.protocols.secagg.test_lead import Relay, led

from unseen.evidence.contracts.joint import transcript_of
from unseen.evidence.contracts.statistics import Menu, Partition, Question, shape_of
from unseen.evidence.contracts.statistics.summed import (
    AmountSum,
    CellSum,
    TableSum,
    read_summed,
    summed_dimension,
    write_summed,
)
from unseen.evidence.errors import QuestionInvalidError
from unseen.evidence.suite import INTL
from unseen.node.errors import (
    FieldInvalidError,
    JointRefusedError,
    OverloadedError,
    RoundNotFoundError,
)
from unseen.node.joint import exact, leading
from unseen.node.joint.contribution import Asked, Outline
from unseen.node.joint.leading import MOST_HANDED, Piece
from unseen.node.joint.rounds import Rounds, Running
from unseen.node.release.gate import Ask
from unseen.node.wire import joint as wire
from unseen.protocols.errors import (
    CohortSignatureError,
    MalformedMessageError,
    StepOrderError,
    SurvivorsTooFewError,
    UnseenError,
)
from unseen.protocols.kernels.words import wire_bytes
from unseen.v1 import joint_pb2

NOW = dt.datetime(2026, 11, 22, 5, 30, tzinfo=dt.UTC)
ROUND, CONTEXT = b"\x01" * 32, b"\x02" * 32
MENU = offered(1, by_visit=False, exact=Partition(by=("urgent",))).menu
# Nine coordinates, as the rounds of the protocol's tests have them.
NINE = replace(MENU, partition=Partition(by=(), measures=("days",)))


async def stream(pieces: Sequence[Piece]) -> AsyncIterator[Piece]:
    for piece in pieces:
        yield piece


def pieces_of(relay: Relay, size: int = 40) -> list[Piece]:
    found = []
    for message, words in relay.heard:
        found.append(Piece(message=message))
        data = b"" if words is None else bytes(wire_bytes(words))
        found += [Piece(chunk=data[at : at + size]) for at in range(0, len(data), size)]
    return found


async def _noted(_change: Any) -> None:
    """Write nothing down: `test_joint_leading.py` asks what is."""


class House:
    """As much of a node as hears a round, which it is in."""

    def __init__(self, relay: Relay, monkeypatch: pytest.MonkeyPatch, party: Any = None) -> None:
        monkeypatch.setattr(leading, "check_going", lambda *_: None)
        monkeypatch.setattr(leading, "_read", lambda _contract, _name, total, _nodes: total)
        monkeypatch.setattr(leading, "look", lambda *_: None)  # no table was let out before
        self.joint = Rounds()
        self.writer = SimpleNamespace(submit=_noted)
        self.suite = INTL
        self.clock = SimpleNamespace(now=lambda: NOW)
        clause = make(lead="hospital-01")
        asked: Any = SimpleNamespace(contract=SimpleNamespace(buyer="lender"), clause=clause)
        lead = party or relay.parties[relay.parameters.lead]
        self.running = Running(asked, Outline(9), CONTEXT, lead, NOW, 1)
        self.joint.add("c", ROUND, self.running)

    def hear(
        self, pieces: Sequence[Piece], transcript: bytes, context: bytes = CONTEXT
    ) -> tuple[Running, Any] | None:
        terms = SimpleNamespace(id="c", plan=SimpleNamespace(group=10))
        node, contract = cast("Any", self), cast("Any", terms)
        named = ROUND, context, transcript
        return asyncio.run(leading._handed(node, contract, named, stream(pieces)))


@pytest.fixture
def relay() -> Relay:
    return Relay(led(3, 1))


@pytest.fixture
def house(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(relay, monkeypatch)


def transcript(relay: Relay) -> bytes:
    return transcript_of(INTL, [message for message, _ in relay.heard])


@pytest.mark.parametrize("size", [1, 7, 72, 1000])
def test_a_round_is_heard_in_pieces_of_any_size(relay: Relay, house: House, size: int) -> None:
    expected = relay.lead().finish().tolist()
    assert house.hear(pieces_of(relay, size), transcript(relay)) == (house.running, expected)
    assert house.running.summed == (transcript(relay), expected)
    # Whoever sends it again, or the beginning of it, gets the same without another look.
    again = house.hear(pieces_of(relay)[:1], transcript(relay))
    assert again == (house.running, expected)


def test_nothing_handed_over_is_no_round(house: House) -> None:
    assert house.hear([], bytes(32)) is None


Spoil = Callable[[list[Piece]], list[Piece]]
SPOILT: dict[str, tuple[Spoil, type[UnseenError]]] = {
    "a message too few": (lambda said: said[1:], SurvivorsTooFewError),
    "cut off": (lambda said: said[:-3], SurvivorsTooFewError),
    "cut off in a vector": (lambda said: said[:8], MalformedMessageError),
    "a vector without its message": (
        lambda said: [Piece(chunk=b"x" * 72), *said],
        MalformedMessageError,
    ),
    "a message within a vector": (
        lambda said: [*said[:8], said[0], *said[8:]],
        MalformedMessageError,
    ),
    "a vector that goes on": (
        lambda said: [*said[:7], Piece(chunk=b"x" * 73), *said[8:]],
        MalformedMessageError,
    ),
    "nothing at all": (lambda _: [Piece()], MalformedMessageError),
    "no message": (lambda _: [Piece(message=b"USA1")], MalformedMessageError),
    "an aggregator's message": (
        lambda _: [Piece(message=b"USA1\x04" + bytes(102))],
        MalformedMessageError,
    ),
    "one more": (lambda said: [*said, said[-1]], MalformedMessageError),
    "another signature": (
        lambda said: [Piece(message=said[0].message[:-1] + b"\x00"), *said[1:]],
        CohortSignatureError,
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_not_a_whole_round_adds_up_to_nothing(
    relay: Relay, house: House, name: str
) -> None:
    spoil, kind = SPOILT[name]
    pieces = spoil(pieces_of(relay))
    said = transcript_of(INTL, [piece.message for piece in pieces if piece.message])
    with pytest.raises(kind):
        house.hear(pieces, said)
    assert house.running.summed is None
    assert house.hear(pieces_of(relay), transcript(relay)) is not None  # it may be done right


def test_what_was_signed_is_what_is_heard(relay: Relay, house: House) -> None:
    with pytest.raises(FieldInvalidError) as caught:
        house.hear(pieces_of(relay), bytes(32))
    assert caught.value.clause == "joint.transcript"
    with pytest.raises(FieldInvalidError) as caught:
        house.hear(pieces_of(relay), transcript(relay), bytes(32))
    assert caught.value.clause == "joint.context"


def test_a_round_is_handed_over_so_often_and_no_more(relay: Relay, house: House) -> None:
    for _ in range(MOST_HANDED):
        with pytest.raises(SurvivorsTooFewError):
            house.hear(pieces_of(relay)[1:], transcript(relay))
    with pytest.raises(OverloadedError):
        house.hear(pieces_of(relay), transcript(relay))


def test_who_does_not_lead_or_is_not_so_far_opens_nothing(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = relay.group.party("party-1", lambda count: bytes([7]) * count)
    for party in (relay.parties["party-0"], early):
        house = House(relay, monkeypatch, party)
        with pytest.raises(StepOrderError, match=party.name):
            house.hear(pieces_of(relay), transcript(relay))


def test_of_a_round_that_is_over_nothing_is_heard(relay: Relay, house: House) -> None:
    house.joint.end("c", ROUND)
    with pytest.raises(RoundNotFoundError):
        house.hear(pieces_of(relay), transcript(relay))


def test_what_no_tables_add_up_to_names_the_lead_and_nobody_else() -> None:
    contract: Any = SimpleNamespace(terms=SimpleNamespace(parameters={"menu": NINE.to_json()}))
    total = write_summed(NINE, TableSum(9, (CellSum(4, 3, 0, (AmountSum(7, 7, 2, 0),)),)))
    assert leading._read(contract, "node-1", total, 3) == read_summed(NINE, total, 3)
    with pytest.raises(JointRefusedError, match=r"node-1: .*garbage") as caught:
        leading._read(contract, "node-1", [-1, *total[1:]], 3)
    assert caught.value.clause == "joint.sum"


async def sent(*parts: dict[str, Any]) -> AsyncIterator[joint_pb2.LeadRequest]:
    for part in parts:
        yield joint_pb2.LeadRequest(**part)


async def _read_all(*parts: dict[str, Any]) -> list[Piece]:
    return [piece async for piece in wire.pieces(sent(*parts))]


def test_pieces_are_messages_and_chunks() -> None:
    found = asyncio.run(_read_all({"message": b"a"}, {"chunk": b"b"}))
    assert found == [Piece(message=b"a"), Piece(chunk=b"b")]


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"message": b""},
        {"chunk": b""},
        {"head": joint_pb2.LeadHead()},
        {"message": b"x" * 70_000},
    ],
)
def test_what_is_no_piece_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(UnseenError) as caught:
        asyncio.run(_read_all({"message": b"a"}, part))
    assert caught.value.clause == "joint.step"


@pytest.mark.parametrize("parts", [[], [{"message": b"x"}], [{}]])
def test_what_a_lead_is_handed_begins_with_a_head(parts: list[dict[str, Any]]) -> None:
    with pytest.raises(MalformedMessageError):
        asyncio.run(wire.lead_head(sent(*parts)))


def test_a_lead_s_question_is_the_exact_table_at_no_cost() -> None:
    menu: Menu = DEFINITION.menu
    found = exact.outline_exact(menu, Question(what="partition"))
    assert found == Outline(summed_dimension(menu))
    for asked, given in (
        (Question(what="count", rho="0.1"), menu),
        (Question(what="partition"), replace(menu, partition=None)),
    ):
        with pytest.raises(QuestionInvalidError):
            exact.outline_exact(given, asked)


@pytest.mark.parametrize(
    ("protocol", "led", "shaped"),
    [
        ("secagg", True, True),
        ("secagg", False, False),  # its answer is over this node alone, or a part of a sum
        ("dp_statistics", False, True),
    ],
)
def test_the_gate_reads_a_table_of_a_joint_contract_from_its_lead_alone(
    protocol: str, led: bool, shaped: bool
) -> None:
    terms = SimpleNamespace(parameters={"menu": NINE.to_json()})
    contract: Any = SimpleNamespace(plan=SimpleNamespace(protocol=protocol), terms=terms)
    question = Question(what="partition")
    ask = Ask(contract, "id", 1, question=question, led=led)
    assert ask.shape == (shape_of(NINE, question) if shaped else None)


def test_a_part_is_pinned_by_its_numbers_and_by_whom_it_is_added_up_with() -> None:
    clause = SimpleNamespace(digest=lambda _suite: bytes(32))
    other = SimpleNamespace(digest=lambda _suite: b"\x01" * 32)
    salts = {"snapshot/t": b"salt", "snapshot/u": b"other"}
    node: Any = SimpleNamespace(vault=SimpleNamespace(open=lambda name, _sealed: salts[name]))

    def pin(table: str, with_whom: Any, partition: bytes, numbers: list[int]) -> bytes:
        contract = SimpleNamespace(terms=SimpleNamespace(suite="intl"))
        asked = Asked(cast("Any", contract), with_whom, b"")
        snapshot = SimpleNamespace(sealed_salt=b"")
        behind: Any = SimpleNamespace(name=table, snapshot=snapshot)
        return exact._pinned(node, asked, behind, partition, np.array(numbers, np.int64))

    one = pin("t", clause, bytes(32), [1, 2])
    assert one == pin("t", clause, bytes(32), [1, 2])
    others = [
        pin("u", clause, bytes(32), [1, 2]),
        pin("t", other, bytes(32), [1, 2]),
        pin("t", clause, bytes([1]) * 32, [1, 2]),
        pin("t", clause, bytes(32), [1, 3]),
        pin("t", clause, bytes(32), [1, 2, 0]),
    ]
    assert len({one, *others}) == 6
