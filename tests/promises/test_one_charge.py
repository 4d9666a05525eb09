"""Promise 3: no answer without a charge, no charge twice, no charge without its answer."""

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.promises.asks import ASKS, Ask, lookup_ask, receipt_of
from tests.promises.stage import Stage

from unseen.client.errors import RefusedError, UnreachableError, WireError
from unseen.evidence.contracts.states import State
from unseen.node.failpoints import POINTS
from unseen.v1 import lookup_pb2_grpc

REQUEST_POINTS = [point for point in POINTS if point.startswith(("request", "charge", "receipt"))]
BEFORE_COMMIT = ("request.admitted", "request.evaluated", "charge.before_commit")
# How often a node is killed at random: 2,000 is the bar of a nightly run.
KILLS = int(os.environ.get("UNSEEN_TEST_KILLS", "10"))


@pytest.mark.sampled
@pytest.mark.parametrize("point", REQUEST_POINTS)
def test_a_kill_between_admission_and_answer_loses_and_doubles_nothing(
    copy: Callable[[], Stage], point: str
) -> None:
    stage = copy()
    kind = "clear" if point == "receipt.before_sign" else "hidden"
    stage.start(UNSEEN_FAILPOINT=point)
    contract = stage.contract(kind)
    ask = ASKS[kind](stage.lender, contract, stage.people[1].subject)
    message = ask.message
    before = stage.operator.log_size()
    with pytest.raises(UnreachableError):
        ask.send()
    assert stage.wait_dead() == -9

    stage.start()
    lender = stage.lender
    assert stage.operator.log_size() >= before + 1  # at least: the node was started
    charged = stage.lender.usage(contract).requests
    assert charged == (0 if point in BEFORE_COMMIT else 1)
    again = Ask(lender, ask.request, ask.parts, ask.nonce)
    assert again.message == message
    replies = [again.send() for _ in range(3)]
    usage = lender.usage(contract)
    assert (usage.requests, usage.units_used) == (1, 1)
    receipts = [receipt_of(lender, reply) for reply in replies]
    assert len({receipt.index for receipt in receipts}) == 1
    assert len({receipt.leaf.release for receipt in receipts}) == 1
    for reply in replies:
        reply.release.ClearField("receipt")  # it may stand under a newer checkpoint
    assert len({reply.SerializeToString(deterministic=True) for reply in replies}) == 1


@pytest.mark.sampled
@pytest.mark.parametrize("point", [p for p in POINTS if p.startswith(("epoch", "contract"))])
def test_a_kill_while_a_contract_comes_into_force_leaves_it_usable(
    copy: Callable[[], Stage], point: str
) -> None:
    stage = copy()
    stage.start(UNSEEN_FAILPOINT=point)
    contract = stage.propose()
    stage.operator.approve(contract)
    if point.startswith("contract"):
        with pytest.raises(UnreachableError):
            stage.lender.sign(contract)
    else:
        stage.lender.sign(contract)
    assert stage.wait_dead() == -9

    stage.start()
    if point == "contract.before_activate":
        assert stage.lender.contract(contract).state is State.APPROVED
        stage.lender.sign(contract)
    assert stage.lender.contract(contract).state is State.ACTIVE
    person = stage.people[2]
    verdict = stage.lender.lookup(contract, person.subject)
    assert {name: answer.value for name, answer in verdict.answers.items()} == person.answers
    assert stage.lender.usage(contract).units_used == 1


@pytest.mark.long
def test_a_node_killed_at_random_keeps_its_books(copy: Callable[[], Stage]) -> None:
    """Four threads ask without pause while the node is killed again and again."""
    stage = copy()
    stage.start()
    contract = stage.contract("clear", units=1_000_000)
    chance = random.Random(20261122)
    asks: list[Ask] = []

    def hammer() -> None:
        """Ask until there is no answer; every ask is noted before it is sent."""
        lender = stage.lender
        while True:
            ask = ASKS["clear"](lender, contract, chance.choice(stage.people).subject)
            asks.append(ask)
            try:
                ask.send()
            except WireError:
                return

    for _ in range(KILLS):
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(hammer) for _ in range(4)]
            time.sleep(chance.uniform(0.05, 0.4))
            assert stage.process is not None
            stage.process.kill()
            for each in running:
                each.result()
        stage.kill()
        stage.start()
    lender = stage.lender
    leaves = set()
    for ask in asks:
        again = Ask(lender, ask.request, ask.parts, ask.nonce)
        leaves.add(receipt_of(lender, again.send()).index)
    usage = lender.usage(contract)
    assert usage.requests == usage.units_used == len(asks) == len(leaves)
    settled = [leaf for leaf in stage.operator.leaves() if leaf.type == "release"]
    assert {leaf.index for leaf in settled} == leaves
    assert [leaf.fields["total"] for leaf in settled] == list(range(1, len(asks) + 1))


def test_one_id_from_64_clients_is_one_charge_and_one_reply(stage: Stage) -> None:
    contract = stage.contract()
    ask = lookup_ask(stage.lender, contract, [p.subject for p in stage.people[:3]])
    gate = threading.Barrier(64)

    def once(_: int) -> bytes:
        gate.wait()
        reply = ask.send()
        reply.release.ClearField("receipt")
        return reply.SerializeToString(deterministic=True)

    with ThreadPoolExecutor(64) as pool:
        assert len(set(pool.map(once, range(64)))) == 1
    usage = stage.lender.usage(contract)
    assert (usage.requests, usage.units_used) == (1, 3)


@pytest.mark.parametrize("together", [False, True])
def test_one_id_with_two_bodies_is_refused(stage: Stage, together: bool) -> None:
    contract = stage.contract()
    ask = lookup_ask(stage.lender, contract, [p.subject for p in stage.people[:2]])
    other = ask.over(ask.parts[:1])
    asks = [ask, other] * (8 if together else 1)

    with ThreadPoolExecutor(len(asks) if together else 1) as pool:
        outcomes = list(pool.map(_outcome, asks))
    kinds = set(outcomes[0::2]), set(outcomes[1::2])
    assert sorted(map(sorted, kinds)) == [["REQUEST_ID_REUSED"], ["answered"]]
    assert stage.lender.usage(contract).requests == 1


def test_32_threads_on_the_last_unit_never_take_two(stage: Stage) -> None:
    for _ in range(4):
        contract = stage.contract("clear", units=3)
        for person in stage.people[:2]:
            stage.lender.verify(contract, person.subject)
        asks = [ASKS["clear"](stage.lender, contract, p.subject) for p in stage.people[:32]]
        outcomes = _race(asks)
        assert outcomes.count("answered") == 1
        assert set(outcomes) == {"answered", "QUOTA_EXHAUSTED"}
        assert stage.lender.usage(contract).units_used == 3
        assert stage.lender.contract(contract).state is State.EXHAUSTED


def test_32_threads_within_a_minute_keep_to_the_rate(stage: Stage) -> None:
    contract = stage.contract("clear", units=1000, per_minute=5)
    asks = [ASKS["clear"](stage.lender, contract, p.subject) for p in stage.people[:32]]
    outcomes = _race(asks)
    assert outcomes.count("answered") == 5
    assert set(outcomes) == {"answered", "RATE_EXCEEDED"}


def test_a_caller_that_hangs_up_is_charged_once_and_gets_its_answer_later(stage: Stage) -> None:
    contract = stage.contract()
    ask = lookup_ask(stage.lender, contract, [p.subject for p in stage.people])
    session = stage.lender._session
    stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
    with pytest.raises(WireError):
        session.call(stub.Evaluate, ask.message, 0.004)
    receipt = receipt_of(stage.lender, ask.send())
    assert receipt.units == len(ask.parts)
    usage = stage.lender.usage(contract)
    assert (usage.requests, usage.units_used) == (1, len(ask.parts))


def _outcome(ask: Ask) -> str:
    try:
        ask.send()
    except RefusedError as error:
        return "may be charged" if error.charged else error.reason
    return "answered"


def _race(asks: list[Ask]) -> list[str]:
    gate = threading.Barrier(len(asks))

    def outcome(ask: Ask) -> str:
        gate.wait()
        return _outcome(ask)

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(outcome, asks))
