"""Joint rounds over real nodes: the right sum or a clear error, charged when and only when due."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from tests.promises.jointly import Consortium, check_sum, consortium, payload

from unseen.client.errors import RefusedError
from unseen.client.joint import rounds
from unseen.client.joint.seats import Seat
from unseen.evidence.contracts.joint import round_of
from unseen.protocols.errors import (
    InputInvalidError,
    PeerError,
    PlanMismatchError,
    SurvivorsTooFewError,
)
from unseen.protocols.secagg import Aggregator
from unseen.protocols.secagg.parameters import Round
from unseen.protocols.secagg.wire import survivors_message
from unseen.v1 import joint_pb2, joint_pb2_grpc

DIMENSION = 300
SECONDS = 20.0


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with consortium(tmp_path_factory.mktemp("joint"), 5) as made:
        yield made


@pytest.fixture(scope="module")
def three(nodes: Consortium) -> dict[int, str]:
    return nodes.contracts(nodes.clause([1, 2, 3]))


@pytest.fixture(scope="module")
def five(nodes: Consortium) -> dict[int, str]:
    return nodes.contracts(nodes.clause([1, 2, 3, 4, 5]))


@pytest.fixture
def uncharged(nodes: Consortium, three: dict[int, str]) -> Iterator[None]:
    before = nodes.used(three)
    yield
    assert nodes.used(three) == before


@dataclass
class Walk:
    """A round taken step by step over the three nodes."""

    seats: list[Seat]
    round: Round
    server: Aggregator
    payload: bytes

    def keys(self) -> tuple[bytes, ...]:
        for seat in self.seats:
            self.server.add_keys(seat.keys(self.round, self.payload, SECONDS))
        return self.server.close_keys()

    def shares(self) -> dict[str, tuple[bytes, ...]]:
        roster = self.keys()
        for seat in self.seats:
            self.server.add_shares(seat.shares(self.round, roster, SECONDS))
        return self.server.close_shares()

    def contributed(self) -> list[bytes]:
        deals, signed = self.shares(), []
        for seat in self.seats:
            arrival = seat.masked(self.round, deals[seat.name], SECONDS)
            signed.append(seat.contribute(self.round).message)
            self.server.add_arrived(signed[-1], arrival)
        return signed


def walk(nodes: Consortium, contracts: Mapping[int, str]) -> Walk:
    seats = [nodes.stages[n - 1].lender.seat(contract) for n, contract in contracts.items()]
    said, suite = payload(DIMENSION), seats[0].suite
    found = round_of(seats[0].clause, suite, secrets.token_bytes(32), said, DIMENSION)
    return Walk(seats, found, Aggregator(found), said)


def refused(reason: str, work: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        work()
    assert caught.value.reason == reason, caught.value
    assert not caught.value.charged
    return caught.value


def test_three_nodes_make_one_sum_and_each_is_charged(nodes: Consortium) -> None:
    contracts = nodes.contracts(nodes.clause([1, 2, 3]))
    found = nodes.cohort(contracts).sum(payload(DIMENSION), DIMENSION)
    check_sum(found, [1, 2, 3], DIMENSION)
    assert nodes.used(contracts) == {1: 1, 2: 1, 3: 1}
    assert found.gone == ()
    for number, contract in contracts.items():
        one = found.contributed[f"node-{number}"]
        assert (one.receipt.units, one.receipt.total) == (1, 1)
        kept = nodes.stages[number - 1].lender.receipts(contract)
        assert [receipt.facts.request for receipt in kept] == [one.request]


def test_what_a_joint_contract_leaks_is_said_before_it_is_signed(
    nodes: Consortium, five: dict[int, str]
) -> None:
    found = nodes.stages[0].lender.contract(five[1])
    said = {line.what: line for line in found.leakage.statements}
    assert "noise of at least 3 nodes" in said["joint-sum"].text
    assert "garbage" in said["joint-garbage"].text
    assert "up to 1 of the 5 nodes" in found.plan.threat_model
    assert found.plan.protocol == "secagg"
    assert "node-5" in str(found)


@pytest.mark.parametrize("step", ["keys", "shares", "vectors", "charges", "lists", "opening"])
def test_five_nodes_go_on_without_one_that_drops_out(
    nodes: Consortium, five: dict[int, str], step: str
) -> None:
    before = nodes.used(five)
    asked = nodes.cohort(five, hook=lambda what: nodes.stop(4) if what == step else None)
    try:
        found = asked.sum(payload(DIMENSION), DIMENSION)
    finally:
        nodes.start(4)
    late = step in ("lists", "opening")  # after it was charged: its part is in the sum
    check_sum(found, [1, 2, 3, 4, 5] if late else [1, 2, 3, 5], DIMENSION)
    assert found.gone == ("node-4",)
    used = nodes.used(five)
    assert {n: used[n] - before[n] for n in used} == {1: 1, 2: 1, 3: 1, 4: int(late), 5: 1}


@pytest.fixture
def two_fit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a client hold two vectors that are not signed; return a dimension of many pieces."""
    dimension = 200_000
    monkeypatch.setattr(rounds, "UNSIGNED_BYTES", 2 * 8 * dimension)
    return dimension


def test_vectors_that_do_not_fit_wait_at_their_nodes(
    nodes: Consortium, five: dict[int, str], two_fit: int
) -> None:
    before = nodes.used(five)
    steps: list[str] = []
    asked = nodes.cohort(five, hook=steps.append)
    check_sum(asked.sum(payload(two_fit), two_fit), [1, 2, 3, 4, 5], two_fit)
    assert steps == ["keys", "shares", *["vectors", "charges"] * 3, "lists", "opening"]
    assert nodes.used(five) == {number: used + 1 for number, used in before.items()}


def test_a_node_that_is_gone_before_its_vector_is_fetched_is_not_charged(
    nodes: Consortium, five: dict[int, str], two_fit: int
) -> None:
    before, steps = nodes.used(five), []

    def hook(what: str) -> None:
        steps.append(what)
        if what == "vectors" and steps.count("vectors") == 2:
            nodes.stop(4)

    try:
        found = nodes.cohort(five, hook=hook).sum(payload(two_fit), two_fit)
    finally:
        nodes.start(4)
    check_sum(found, [1, 2, 3, 5], two_fit)
    assert found.gone == ("node-4",)
    assert nodes.used(five) == {number: used + (number != 4) for number, used in before.items()}


def test_a_node_that_begins_anew_has_dropped_out_and_joins_the_next_round(
    nodes: Consortium, three: dict[int, str]
) -> None:
    before, steps = nodes.used(three), []

    def hook(what: str) -> None:
        steps.append(what)
        if what == "shares" and steps.count("keys") == 1:  # long before anybody is charged
            nodes.restart(2)

    found = nodes.cohort(three, hook=hook).sum(payload(DIMENSION), DIMENSION)
    check_sum(found, [1, 2, 3], DIMENSION)
    assert steps.count("keys") == 2
    assert nodes.used(three) == {number: used + 1 for number, used in before.items()}


@pytest.mark.usefixtures("uncharged")
def test_three_nodes_are_all_needed(nodes: Consortium, three: dict[int, str]) -> None:
    nodes.stop(2)
    try:
        with pytest.raises(SurvivorsTooFewError, match="node-2: missing") as caught:
            nodes.cohort(three, seconds=4).sum(payload(DIMENSION), DIMENSION)
    finally:
        nodes.start(2)
    assert (caught.value.found, caught.value.expected) == (2, 3)


def test_of_four_one_is_left_out_where_three_are_vouched_for(nodes: Consortium) -> None:
    contracts = nodes.contracts(nodes.clause([1, 2, 3, 4], honest=3))
    nodes.stop(4)
    try:
        found = nodes.cohort(contracts, seconds=4).sum(payload(DIMENSION), DIMENSION)
    finally:
        nodes.start(4)
    check_sum(found, [1, 2, 3], DIMENSION)
    assert nodes.used(contracts) == {1: 1, 2: 1, 3: 1, 4: 0}


@pytest.mark.usefixtures("uncharged")
@pytest.mark.parametrize("lie", ["roster", "plan"])
def test_a_node_that_lies_about_roster_or_plan_is_named(
    nodes: Consortium, three: dict[int, str], lie: str
) -> None:
    with nodes.fault(2, lie), pytest.raises(PlanMismatchError) as caught:
        nodes.cohort(three).sum(payload(DIMENSION), DIMENSION)
    assert caught.value.party == "node-2"


def test_a_contract_with_another_clause_is_named_before_anything_is_sent(
    nodes: Consortium, three: dict[int, str]
) -> None:
    other = nodes.contract(3, nodes.clause([1, 2, 3], task=b"\x01" * 32))
    with pytest.raises(PlanMismatchError) as caught:
        nodes.cohort({**three, 3: other})
    assert caught.value.party == "node-3"
    with pytest.raises(InputInvalidError, match="node-3"):
        nodes.cohort({1: three[1], 2: three[2]})


@pytest.mark.parametrize("step", ["KEYS", "SHARES", "MASKED", "CONFIRM", "REVEAL"])
def test_a_node_that_sends_garbage_is_named(
    nodes: Consortium, three: dict[int, str], step: str
) -> None:
    before = nodes.used(three)
    with nodes.fault(3, f"garbage at {step}"), pytest.raises(PeerError, match="node-3"):
        nodes.cohort(three).sum(payload(DIMENSION), DIMENSION)
    # A node may still be charging when another is named; by the end of the next round it is not.
    check_sum(nodes.cohort(three).sum(payload(DIMENSION), DIMENSION), [1, 2, 3], DIMENSION)
    paid = step in ("MASKED", "CONFIRM", "REVEAL")  # what is wrong shows after the charge
    after = nodes.used(three)
    assert all(1 <= after[number] - before[number] <= 1 + paid for number in after)


def test_a_node_that_is_late_has_dropped_out(nodes: Consortium, five: dict[int, str]) -> None:
    with nodes.fault(5, "late at SHARES"):
        found = nodes.cohort(five, seconds=4).sum(payload(DIMENSION), DIMENSION)
    check_sum(found, [1, 2, 3, 4], DIMENSION)
    assert found.gone == ("node-5",)


@pytest.mark.usefixtures("uncharged")
@pytest.mark.parametrize(
    ("fault", "reason", "said"),
    [
        ("people", "JOINT_REFUSED", "fewer people"),
        ("bare", "JOINT_REFUSED", "noise"),
        ("overflow", "RING_OVERFLOW", "coordinate 5"),
        ("dimension", "DIMENSION_MISMATCH", "299 coordinates, expected 300"),
    ],
)
def test_what_a_node_may_not_contribute_is_refused_by_name(
    nodes: Consortium, three: dict[int, str], fault: str, reason: str, said: str
) -> None:
    with nodes.fault(2, fault):
        error = refused(reason, lambda: nodes.cohort(three).sum(payload(DIMENSION), DIMENSION))
    assert str(error).startswith("node-2: ")
    assert said in str(error)
    assert not str(error).startswith("node-2: node-2: ")


def test_a_contract_that_is_used_up_is_named_before_anybody_is_charged(
    nodes: Consortium, three: dict[int, str]
) -> None:
    contracts = {**three, 2: nodes.contract(2, nodes.clause([1, 2, 3]), units=1)}
    nodes.cohort(contracts).sum(payload(DIMENSION), DIMENSION)
    before = nodes.used(contracts)
    asked = nodes.cohort(contracts)
    error = refused("QUOTA_EXHAUSTED", lambda: asked.sum(payload(DIMENSION), DIMENSION))
    assert str(error).startswith("node-2: ")
    assert nodes.used(contracts) == before


@pytest.mark.usefixtures("uncharged")
def test_a_sum_that_costs_privacy_needs_a_budget(nodes: Consortium, three: dict[int, str]) -> None:
    asked = nodes.cohort(three)
    error = refused(
        "PRIVACY_BUDGET_MISSING", lambda: asked.sum(payload(DIMENSION, "0.001"), DIMENSION)
    )
    assert str(error).startswith("node-")


@pytest.mark.usefixtures("uncharged")
def test_a_round_is_run_once(nodes: Consortium, three: dict[int, str]) -> None:
    one = walk(nodes, three)
    roster, seat = one.keys(), one.seats[0]
    assert seat.keys(one.round, one.payload, SECONDS) == roster[0]
    error = refused("ROUND_REPLAYED", lambda: seat.keys(one.round, payload(DIMENSION), SECONDS))
    assert "node-1" in str(error)
    refused("STEP_ORDER", lambda: seat.masked(one.round, [], SECONDS))
    other = walk(nodes, three).keys()
    assert "node-1" in str(
        refused("ROUND_REPLAYED", lambda: seat.shares(one.round, other, SECONDS))
    )
    twice = [*roster, roster[2]]
    assert "node-3" in str(
        refused("COHORT_PARTY_DUPLICATE", lambda: seat.shares(one.round, twice, SECONDS))
    )
    assert "node-3" in str(
        refused("SURVIVORS_TOO_FEW", lambda: seat.shares(one.round, roster[:2], SECONDS))
    )
    refused("MALFORMED_MESSAGE", lambda: seat.shares(one.round, [b"x"], SECONDS))
    shares = seat.shares(one.round, roster, SECONDS)
    assert seat.shares(one.round, roster, SECONDS) == shares
    refused("STEP_ORDER", lambda: seat.shares(one.round, roster[::-1], SECONDS))


@pytest.mark.usefixtures("uncharged")
def test_a_round_that_nobody_began_is_not_found(nodes: Consortium, three: dict[int, str]) -> None:
    one = walk(nodes, three)
    refused("ROUND_NOT_FOUND", lambda: one.seats[0].shares(one.round, [b"x"], SECONDS))
    refused("ROUND_NOT_FOUND", lambda: one.seats[0].contribute(one.round))
    one.keys()
    refused("STEP_ORDER", lambda: one.seats[0].contribute(one.round))


def test_nobody_opens_what_a_node_has_not_charged(nodes: Consortium, three: dict[int, str]) -> None:
    one = walk(nodes, three)
    deals, seat = one.shares(), one.seats[0]
    for each in one.seats:
        each.masked(one.round, deals[each.name], SECONDS)
    signed = [each.contribute(one.round).message for each in one.seats[:2]]
    listed = survivors_message(one.round, [0, 1, 2], [])
    error = refused(
        "COHORT_PARTY_DROPPED", lambda: seat.confirm(one.round, listed, signed, SECONDS)
    )
    assert "node-3" in str(error)
    again = [*signed, signed[1]]
    refused("COHORT_PARTY_DUPLICATE", lambda: seat.confirm(one.round, listed, again, SECONDS))
    refused("SURVIVORS_TOO_FEW", lambda: _confirm_two(one, signed))


def test_what_is_charged_under_one_contract_opens_nothing_under_another(
    nodes: Consortium, three: dict[int, str]
) -> None:
    one = walk(nodes, three)
    signed = one.contributed()
    more = nodes.contracts(one.seats[0].clause)
    seats = [nodes.stages[n - 1].lender.seat(contract) for n, contract in more.items()]
    other = Walk(seats, one.round, Aggregator(one.round), one.payload)  # the same round once more
    deals = other.shares()
    for seat in seats:
        seat.masked(one.round, deals[seat.name], SECONDS)
    listed = survivors_message(one.round, [0, 1, 2], [])
    for seat in seats:
        confirm = partial(seat.confirm, one.round, listed, signed, SECONDS)
        assert "another run" in str(refused("PLAN_MISMATCH", confirm))
    assert nodes.used(more) == {1: 0, 2: 0, 3: 0}


def _confirm_two(one: Walk, signed: list[bytes]) -> bytes:
    listed = survivors_message(one.round, [0, 1], [2])
    return one.seats[0].confirm(one.round, listed, signed, SECONDS)


def test_never_both_shares_of_one_node(nodes: Consortium, five: dict[int, str]) -> None:
    one = walk(nodes, five)
    signed = one.contributed()
    seat = one.seats[0]
    all_left = survivors_message(one.round, range(5), [])
    mine = seat.confirm(one.round, all_left, signed, SECONDS)
    assert seat.confirm(one.round, all_left, signed, SECONDS) == mine
    without = survivors_message(one.round, range(4), [4])
    error = refused("SHARE_CONFLICT", lambda: seat.confirm(one.round, without, signed[:4], SECONDS))
    assert "node-5" in str(error)
    both = survivors_message(one.round, range(5), [4])
    refused("SHARE_CONFLICT", lambda: one.seats[1].confirm(one.round, both, signed, SECONDS))
    confirmed = [mine, *(s.confirm(one.round, all_left, signed, SECONDS) for s in one.seats[1:])]
    refused("SURVIVORS_TOO_FEW", lambda: seat.reveal(one.round, confirmed[:3], SECONDS))
    shares = seat.reveal(one.round, confirmed, SECONDS)
    assert seat.reveal(one.round, confirmed, SECONDS) == shares
    refused("STEP_ORDER", lambda: seat.reveal(one.round, confirmed[:4], SECONDS))


def test_one_round_is_charged_once_whatever_the_request_is_called(
    nodes: Consortium, three: dict[int, str]
) -> None:
    one, before = walk(nodes, three), nodes.used(three)
    one.contributed()
    refused("ROUND_REPLAYED", lambda: one.seats[1].contribute(one.round))
    assert nodes.used(three) == {number: used + 1 for number, used in before.items()}


def test_the_answer_is_kept_over_a_restart(nodes: Consortium, three: dict[int, str]) -> None:
    one = walk(nodes, three)
    deals = one.shares()
    one.seats[1].masked(one.round, deals["node-2"], SECONDS)
    found = one.seats[1].contribute(one.round)
    nodes.restart(2)
    opening = nodes.stages[1].lender._session.state.request(found.request)
    assert opening is not None
    again = one.seats[1].finish(opening)
    assert again.message == found.message
    assert again.receipt.index == found.receipt.index
    refused("ROUND_NOT_FOUND", lambda: one.seats[1].confirm(one.round, b"", [], SECONDS))
    lender = nodes.stages[1].lender
    before = nodes.used(three)
    (folder := lender.home.receipt(found.request)).unlink()
    lender.receipt(found.request)
    assert folder.exists()
    assert nodes.used(three) == before


def test_a_suspended_contract_takes_no_step(nodes: Consortium) -> None:
    contracts = nodes.contracts(nodes.clause([1, 2, 3]))
    one = walk(nodes, contracts)
    roster = one.keys()
    operator = nodes.stages[0].operator
    operator.suspend(contracts[1], "looking into it")
    refused("CONTRACT_NOT_ACTIVE", lambda: one.seats[0].shares(one.round, roster, SECONDS))
    operator.resume(contracts[1], "all is well")
    assert one.seats[0].shares(one.round, roster, SECONDS)


def test_a_contract_over_one_node_has_no_seat(nodes: Consortium) -> None:
    stage = nodes.stages[0]
    stage.offer("clear", "people", "verify")
    contract = stage.contract("clear")
    with pytest.raises(InputInvalidError, match="over one node alone"):
        stage.lender.seat(contract)
    head = joint_pb2.StepHead(
        contract=f"contracts/{contract}", round=bytes(32), step=joint_pb2.JOINT_STEP_KEYS
    )
    call = joint_pb2_grpc.JointServiceStub(stage.lender._session.channel.grpc).Step
    sent = iter([joint_pb2.StepRequest(head=head)])
    refused(
        "JOINT_REFUSED", lambda: list(stage.lender._session.channel.stream(call, sent, SECONDS))
    )


def test_a_node_refuses_a_roster_that_it_does_not_stand_in(nodes: Consortium) -> None:
    def ask(**changes: Any) -> RefusedError:
        clause = nodes.clause([2, 3, 4], **changes)
        return refused("JOINT_REFUSED", lambda: nodes.contract(1, clause))

    assert ask().clause == "joint.nodes"
    swapped = nodes.clause([1, 2, 3]).nodes
    names = [(place.name, other.key) for place, other in zip(swapped, swapped[::-1], strict=True)]
    places = tuple(type(swapped[0])(name=name, key=key) for name, key in names)
    assert ask(nodes=places).clause == "joint.nodes"
    assert ask(nodes=swapped, lead="node-2").clause == "joint.lead"
    few = {"nodes": swapped, "sigma2": "0.1"}
    assert ask(**few).clause == "joint.sigma2"
    wide = {"nodes": swapped, "sigma2": "100", "bound": 64}
    assert ask(**wide).clause == "joint.bound"


def test_a_message_in_the_place_of_another_nodes_is_refused(
    nodes: Consortium, three: dict[int, str]
) -> None:
    one = walk(nodes, three)
    roster = one.keys()
    changed = bytearray(roster[1])
    changed[110] ^= 1
    error = refused(
        "COHORT_SIGNATURE_INVALID",
        lambda: one.seats[0].shares(one.round, [roster[0], bytes(changed), roster[2]], SECONDS),
    )
    assert "node-2" in str(error)
