"""Rounds that a node is in: how many, how long, how large; and what a step may be sent."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from threading import get_ident
from types import SimpleNamespace
from typing import Any

import pytest

from unseen.evidence.errors import ReleaseInvalidError
from unseen.node.errors import (
    FieldInvalidError,
    OverloadedError,
    RateExceededError,
    RoundNotFoundError,
)
from unseen.node.joint import rounds
from unseen.node.joint.contribution import Outline
from unseen.node.joint.kinds import contributor_of
from unseen.node.joint.rounds import MAX_AGE, MAX_PER_CONTRACT, MAX_PER_PARTY, Rounds, Running
from unseen.node.release.declared import Contributed
from unseen.node.release.examine import examine
from unseen.node.release.facts import MaskedFacts
from unseen.node.release.rules import Case, Mode, Outcome
from unseen.node.wire import joint as wire
from unseen.protocols.errors import MalformedMessageError, RoundReplayedError, UnseenError
from unseen.protocols.secagg.wire import Step
from unseen.v1 import joint_pb2

NOW = dt.datetime(2026, 11, 22, 5, 30, tzinfo=dt.UTC)
MOST = 1 << 20


def running(buyer: str = "lender", size: int = 1, begun: dt.datetime = NOW) -> Running:
    asked: Any = SimpleNamespace(contract=SimpleNamespace(buyer=buyer))
    party: Any = None
    return Running(asked, Outline(1), bytes(32), party, begun, size)


def begin(known: Rounds, contract: str, number: int, **more: Any) -> None:
    one = running(**more)
    known.check_room(contract, one.asked.contract.buyer, one.size, MOST)
    known.add(contract, bytes([number]) * 32, one)


def test_a_round_is_there_until_it_is_too_old() -> None:
    known = Rounds()
    begin(known, "c", 1)
    assert known.get("c", b"\x01" * 32, NOW + MAX_AGE).begun == NOW
    for contract, round_id in (("d", b"\x01" * 32), ("c", b"\x02" * 32)):
        with pytest.raises(RoundNotFoundError):
            known.get(contract, round_id, NOW)
    with pytest.raises(RoundNotFoundError):
        known.get("c", b"\x01" * 32, NOW + MAX_AGE + dt.timedelta(seconds=1))
    with pytest.raises(RoundReplayedError, match="node-1"):
        known.check_new("c", b"\x01" * 32, "node-1")
    known.check_new("d", b"\x01" * 32, "node-1")
    assert len(known) == 0


def test_the_oldest_round_of_a_contract_makes_room() -> None:
    known = Rounds()
    for number in range(MAX_PER_CONTRACT + 2):
        begin(known, "c", number)
    assert len(known) == MAX_PER_CONTRACT
    for number in (0, 1):
        assert known.find("c", bytes([number]) * 32, NOW) is None
        with pytest.raises(RoundReplayedError):
            known.check_new("c", bytes([number]) * 32, "n")
    assert known.find("c", b"\x02" * 32, NOW) is not None


def test_a_party_has_so_many_rounds_and_no_more() -> None:
    known = Rounds()
    for number in range(MAX_PER_PARTY):
        begin(known, f"c{number}", number)
    with pytest.raises(OverloadedError, match="of this party"):
        begin(known, "other", 99)
    begin(known, "other", 99, buyer="rival")


def test_rounds_begin_thrice_as_often_as_they_may_be_charged() -> None:
    known = Rounds()
    for number in range(2 * rounds.TRIES):
        known.check_rate("c", 2, NOW + dt.timedelta(seconds=number))
    with pytest.raises(RateExceededError):
        known.check_rate("c", 2, NOW + dt.timedelta(seconds=59))
    known.check_rate("d", 2, NOW)
    known.check_rate("c", 2, NOW + dt.timedelta(seconds=60))
    with pytest.raises(RateExceededError):
        known.check_rate("c", 2, NOW + dt.timedelta(seconds=60))


def test_vectors_take_no_more_memory_than_is_given() -> None:
    known = Rounds()
    begin(known, "c", 1, size=MOST - 10)
    with pytest.raises(OverloadedError, match="memory"):
        begin(known, "d", 2, size=11)
    begin(known, "d", 2, size=10)
    found = known.get("c", b"\x01" * 32, NOW)
    found.drop_vector()
    begin(known, "e", 3, size=MOST - 10)
    led = known.get("e", b"\x03" * 32, NOW)
    led.leads = True  # it has a sum to make yet
    led.drop_vector()
    with pytest.raises(OverloadedError, match="memory"):
        begin(known, "f", 4, size=11)


def test_what_was_over_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_REMEMBERED", 2)
    known = Rounds()
    for number in range(3):
        known.end("c", bytes([number]) * 32)
    known.check_new("c", bytes(32), "n")
    with pytest.raises(RoundReplayedError):
        known.check_new("c", b"\x01" * 32, "n")


def test_a_step_is_known_by_just_its_input() -> None:
    one = running()
    reply = one.keep(Step.SHARES, [b"ab", b"c"], rounds.Reply(b"said"))
    assert one.known(Step.SHARES, [b"ab", b"c"]) is reply
    for other in ([b"a", b"bc"], [b"abc"], [b"ab", b"c", b""], []):
        assert one.known(Step.SHARES, other) is None
    assert one.known(Step.CONFIRM, [b"ab", b"c"]) is None
    assert b"said" not in repr(one).encode()


def test_work_is_done_beside_the_loop() -> None:
    async def main() -> tuple[int, int]:
        known = Rounds()
        found = await asyncio.gather(known.compute(get_ident), known.compute(get_ident))
        known.close()
        return found[0], found[1]

    assert get_ident() not in asyncio.run(main())


async def sent(*parts: dict[str, Any]) -> AsyncIterator[joint_pb2.StepRequest]:
    for part in parts:
        yield joint_pb2.StepRequest(**part)


HEAD = {"head": joint_pb2.StepHead(contract="contracts/c")}


@pytest.mark.parametrize("parts", [[], [{"message": b"x"}], [{}]])
def test_a_step_begins_with_its_head(parts: list[dict[str, Any]]) -> None:
    with pytest.raises(MalformedMessageError):
        asyncio.run(wire.head(sent(*parts)))


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([HEAD], MalformedMessageError),
        ([{}], MalformedMessageError),
        ([{"chunk": b"12345"}], FieldInvalidError),
        ([{"chunk": b"123"}, {"chunk": b"45"}], FieldInvalidError),
        ([{"message": bytes(wire.MAX_MESSAGE_BYTES + 1)}], FieldInvalidError),
        ([{"message": b"x"}] * (wire.MAX_MESSAGES + 1), FieldInvalidError),
    ],
)
def test_a_step_takes_so_much_and_no_more(
    parts: list[dict[str, Any]], error: type[UnseenError]
) -> None:
    with pytest.raises(error):
        asyncio.run(wire.rest(sent(*parts), 4))


def test_what_a_step_was_sent_comes_in_its_order() -> None:
    found = asyncio.run(wire.rest(sent({"message": b"a"}, {"message": b"b"}, {"chunk": b"cd"}), 4))
    assert (found.messages, bytes(found.payload)) == ([b"a", b"b"], b"cd")
    assert wire.step(joint_pb2.JOINT_STEP_REVEAL) is Step.REVEAL
    with pytest.raises(FieldInvalidError):
        wire.step(joint_pb2.JOINT_STEP_UNSPECIFIED)


def test_a_vector_leaves_in_pieces() -> None:
    import numpy as np

    words = np.arange(100_000, dtype=np.uint64)
    answers = list(wire.responses(rounds.Reply(b"", words)))
    assert all(len(answer.chunk) <= 256 << 10 for answer in answers)
    assert b"".join(answer.chunk for answer in answers) == words.astype("<u8").tobytes()
    (alone,) = wire.responses(rounds.Reply(b"said"))
    assert alone.message == b"said"


GOOD = b"USA1\x03" + bytes(226)


@pytest.mark.parametrize(
    "parts", [[], [GOOD, GOOD], [GOOD + b"x"], [GOOD[:-1]], [b"USA1\x06" + GOOD[5:]], [b""]]
)
def test_what_leaves_has_the_form_of_a_signature_over_a_vector(parts: list[bytes]) -> None:
    assert Contributed().read([GOOD]).parts == (GOOD,)
    with pytest.raises(ReleaseInvalidError):
        Contributed().read(parts)


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        (MaskedFacts(people=10, private=True, measured=True), ()),
        (MaskedFacts(people=9, private=True, measured=True), ("joint.group",)),
        (MaskedFacts(people=10, private=False, measured=True), ("joint.bare",)),
        (MaskedFacts(people=10, private=False, measured=True, led=True), ()),
        (MaskedFacts(people=9, private=False, measured=True, led=True), ("joint.group",)),
        (None, ("facts.missing",)),
    ],
)
def test_the_gate_asks_for_people_and_noise(
    facts: MaskedFacts | None, rules: tuple[str, ...]
) -> None:
    case = Case(
        type="aggregate",
        mode=Mode.PASS,
        bits=1,
        bits_per_run=1,
        bits_in_all=1,
        used=0,
        facts=facts,
    )
    found = examine(case)
    assert found.rules == rules
    assert (found.outcome is Outcome.PASS) is not bool(rules)


def test_a_kind_that_adds_nothing_up_has_no_contributor() -> None:
    with pytest.raises(UnseenError, match="lookup"):
        contributor_of("lookup")
