"""Promise 2: without a contract in force there is no job; the refusal names the clause."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.promises.asks import ASKS, Ask, blind_ask, verify_ask
from tests.promises.stage import Stage, now, wait_until

from unseen.client import Client
from unseen.client.errors import RefusedError
from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.states import State
from unseen.v1 import contract_pb2, contract_pb2_grpc, lookup_pb2, lookup_pb2_grpc

_OVER: dict[Path, dict[str, str]] = {}  # by a stage's folder: contracts by their product


@dataclass(frozen=True)
class Case:
    """How a contract came to be of no use, and what a request under it is told."""

    make: Callable[[Stage, str], str]
    reason: str
    clause: str


def _exhausted(stage: Stage, product: str) -> str:
    contract = stage.contract(product, units=1)
    ASKS[product](stage.lender, contract, stage.people[0].subject).send()
    return contract


def _revoked(by: str) -> Callable[[Stage, str], str]:
    def make(stage: Stage, product: str) -> str:
        contract = stage.contract(product)
        stage.client(by).revoke(contract)
        return contract

    return make


def _approved(stage: Stage, product: str) -> str:
    contract = stage.propose(product)
    stage.operator.approve(contract)
    return contract


def _not_begun(stage: Stage, product: str) -> str:
    return _timed(stage, product, 3600, 7200)


def _expired(stage: Stage, product: str) -> str:
    """A contract whose period is over. One of each product is made at once and waited for once."""
    if stage.root not in _OVER:
        made = {each: _timed(stage, each, -60, 6) for each in ("hidden", "clear")}
        over = now() + dt.timedelta(seconds=6)
        wait_until(lambda: now() >= over)
        _OVER[stage.root] = made
    return _OVER[stage.root][product]


def _timed(stage: Stage, product: str, start: int, end: int) -> str:
    """A contract whose period begins and ends so many seconds from now."""
    contract = ask_contract(stage.lender, product, start, end)
    stage.operator.approve(contract)
    stage.lender.sign(contract)
    return contract


def ask_contract(client: Client, product: str, start: int, end: int) -> str:
    """Ask for a contract with a period of the test's own; return its id."""
    times = [format_time(now() + dt.timedelta(seconds=at)) for at in (start, end)]
    stub = contract_pb2_grpc.ContractServiceStub(client._session.channel.grpc)
    request = contract_pb2.RequestContractRequest(
        product=f"products/{product}",
        scenario="tests",
        units=10,
        units_per_minute=10,
        until=times[1],
    )
    setattr(request, "from", times[0])  # a keyword of Python
    return client._session.call(stub.RequestContract, request).contract.name.split("/")[1]


def _foreign(stage: Stage, product: str) -> str:
    return stage.contract(product, buyer="rival")


CASES = {
    "proposed": Case(Stage.propose, "CONTRACT_NOT_ACTIVE", "state"),
    "approved": Case(_approved, "CONTRACT_NOT_ACTIVE", "state"),
    "revoked by the buyer": Case(_revoked("lender"), "CONTRACT_NOT_ACTIVE", "state"),
    "revoked by the operator": Case(_revoked("operator"), "CONTRACT_NOT_ACTIVE", "state"),
    "exhausted": Case(_exhausted, "QUOTA_EXHAUSTED", "quota.units"),
    "foreign": Case(_foreign, "CONTRACT_NOT_FOUND", "contract"),
    "unknown": Case(lambda stage, product: "A" * 43, "CONTRACT_NOT_FOUND", "contract"),
    "not begun": Case(_not_begun, "CONTRACT_NOT_STARTED", "period.from"),
    "expired": Case(_expired, "CONTRACT_EXPIRED", "period.until"),
}


@pytest.mark.parametrize("product", ["hidden", "clear"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_done_without_a_contract_in_force(stage: Stage, name: str, product: str) -> None:
    case = CASES[name]
    contract = case.make(stage, product)
    size, used = _books(stage, contract)
    ask = _any_ask(stage.lender, contract, product, stage.people[1].subject)
    with pytest.raises(RefusedError) as caught:
        ask.send()
    assert (caught.value.reason, caught.value.clause) == (case.reason, case.clause)
    assert caught.value.remedy
    assert not caught.value.charged
    assert _books(stage, contract) == (size, used)


@pytest.mark.parametrize("name", [name for name in CASES if name != "exhausted"])
def test_no_table_leaves_without_a_contract_in_force(stage: Stage, name: str) -> None:
    """An exhausted one keeps its table: what was paid for can still be opened."""
    contract = CASES[name].make(stage, "hidden")
    session = stage.lender._session
    stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)
    resource = f"contracts/{contract}"
    with pytest.raises(RefusedError) as caught:
        session.call(stub.GetManifest, lookup_pb2.GetManifestRequest(contract=resource))
    assert caught.value.reason in {"CONTRACT_NOT_ACTIVE", "CONTRACT_NOT_FOUND"}
    request = lookup_pb2.FetchTableRequest(contract=resource, epoch=1, offset=0)
    with pytest.raises(RefusedError) as caught:
        list(session.channel.stream(stub.FetchTable, request, 30))
    assert caught.value.reason in {"CONTRACT_NOT_ACTIVE", "CONTRACT_NOT_FOUND"}


@pytest.mark.parametrize("product", ["hidden", "clear"])
def test_a_contract_is_for_one_kind(stage: Stage, product: str) -> None:
    contract = stage.contract(product)
    other = "clear" if product == "hidden" else "hidden"
    ask = _any_ask(stage.lender, contract, other, stage.people[1].subject)
    with pytest.raises(RefusedError) as caught:
        ask.send()
    assert (caught.value.reason, caught.value.clause) == ("KIND_REFUSED", "kind")
    assert stage.lender.usage(contract).requests == 0


def test_a_revocation_is_felt_by_the_next_request_and_ends_keys_and_tables(stage: Stage) -> None:
    contract = stage.contract()
    person = stage.people[1]
    stage.lender.lookup(contract, person.subject)
    ask = ASKS["hidden"](stage.lender, contract, person.subject)
    (table,) = stage.home.glob(f"tables/{contract}-*.table")
    stage.operator.revoke(contract)
    with pytest.raises(RefusedError) as caught:
        ask.send()
    assert caught.value.reason == "CONTRACT_NOT_ACTIVE"
    assert not table.exists()
    assert stage.lender.contract(contract).state is State.REVOKED


def test_a_revocation_during_the_build_leaves_a_sound_node(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start()
    contracts = [stage.contract() for _ in range(3)]
    for contract in contracts:
        stage.operator.revoke(contract)
    other = stage.contract()
    stage.lender.lookup(other, stage.people[1].subject)
    assert len(list(stage.home.glob("tables/*.table"))) == 1
    stage.stop()
    stage.start()
    assert {stage.lender.contract(each).state for each in contracts} == {State.REVOKED}
    person = stage.people[2]
    verdict = stage.lender.lookup(other, person.subject)
    assert {name: answer.value for name, answer in verdict.answers.items()} == person.answers


def test_only_the_named_signers_put_a_contract_in_force(stage: Stage) -> None:
    """The operator cannot sign for the buyer, nor the buyer before the operator, nor twice."""
    contract, other = stage.propose(), stage.propose()
    with pytest.raises(RefusedError) as caught:
        stage.lender.sign(contract)
    assert caught.value.reason == "CONTRACT_STATE"
    approval = stage.operator.approve(contract).approvals["operator"]
    session = stage.operator._session
    stub = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
    request = contract_pb2.ApproveContractRequest(name=f"contracts/{other}", approval=approval)
    with pytest.raises(RefusedError) as caught:
        session.call(stub.ApproveContract, request)
    assert caught.value.reason in {"CONTRACT_INVALID", "SIGNATURE_INVALID"}
    session = stage.lender._session
    stub = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
    signing = contract_pb2.SignContractRequest(name=f"contracts/{contract}", approval=approval)
    with pytest.raises(RefusedError) as caught:
        session.call(stub.SignContract, signing)
    assert caught.value.reason in {"CONTRACT_INVALID", "SIGNATURE_INVALID"}
    assert stage.lender.contract(contract).state is State.APPROVED
    stage.lender.sign(contract)
    with pytest.raises(RefusedError) as caught:
        stage.lender.sign(contract)
    assert caught.value.reason == "CONTRACT_STATE"


def _any_ask(client: Client, contract: str, product: str, subject: str) -> Ask:
    """Return a request that is well-formed also where no epoch can be fetched."""
    return (
        verify_ask(client, contract, subject) if product == "clear" else blind_ask(client, contract)
    )


def _books(stage: Stage, contract: str) -> tuple[int, int]:
    """Return the releases in the whole log, and the units used of a contract if there is one."""
    releases = sum(leaf.type == "release" for leaf in stage.operator.leaves())
    known = {each.id: each.units_used for each in stage.operator.contracts()}
    return releases, known.get(contract, 0)
