"""Who may stop a contract beside its operator, and a stop in the middle of a table's download."""

import sqlite3
from collections.abc import Callable, Iterator

import pytest
from tests.promises.oversight import REGULATOR, agree, enrol
from tests.promises.stage import PREDICATES, Stage, serving

from unseen.client.errors import RefusedError
from unseen.evidence.contracts.states import State
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

OUTPUTS = [predicate.name for predicate in PREDICATES]


@pytest.fixture(scope="module")
def own(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage with a holder, a second approver and a regulator."""
    with serving(template.copy(tmp_path_factory.mktemp("stoppers") / "stage")) as stage:
        for party, role in (
            ("hospital", "holder"),
            ("ministry", "approver"),
            (REGULATOR, "regulator"),
        ):
            enrol(stage, party, role)
        yield stage


def refused(call: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        call()
    assert caught.value.clause
    assert caught.value.remedy
    return caught.value


def four_signatures(stage: Stage) -> str:
    """Return a contract in force over columns of level 4, which the second approver has signed."""
    stage.operator.label_table("people", {"earnings": ("enterprise", "4")})
    stage.operator.assign_holder("people", "hospital")
    found = stage.lender.request_contract(
        "clear",
        outputs=OUTPUTS,
        scenario="tests",
        units=20,
        days=1,
        order="EX-1",
        region="CN-44",
        openings=True,
    )
    for party in ("operator", "hospital", "ministry"):
        stage.client(party).approve(found.id)
    stage.lender.sign(found.id)
    return found.id


def ask(stage: Stage, contract: str) -> object:
    return stage.lender.verify(contract, stage.people[0].subject).answers


@pytest.fixture
def contract(own: Stage) -> Iterator[str]:
    found = four_signatures(own)
    yield found
    own.operator.label_table("people", {"*": ("public", "1")})


@pytest.mark.parametrize("party", ["ministry", REGULATOR])
def test_approver_and_regulator_stop_and_resume_the_contract_that_names_them(
    own: Stage, contract: str, party: str
) -> None:
    ask(own, contract)
    assert own.client(party).suspend(contract, "complaint 17").state is State.SUSPENDED
    (stop,) = own.lender.contract(contract).stops
    assert (stop.by, stop.cause) == (party, "complaint 17")
    assert refused(lambda: ask(own, contract)).reason == "CONTRACT_NOT_ACTIVE"
    # What one of them has stopped nobody else sets going again.
    other = "ministry" if party == REGULATOR else REGULATOR
    for stranger in ("operator", other):
        error = refused(lambda: own.client(stranger).resume(contract, "unfounded"))  # noqa: B023
        assert (error.reason, error.clause) == ("RIGHT_MISSING", "stop.by")
    assert own.client(other).suspend(contract, "ours too").state is State.SUSPENDED
    assert own.client(party).resume(contract, "unfounded").state is State.SUSPENDED
    assert refused(lambda: ask(own, contract)).reason == "CONTRACT_NOT_ACTIVE"
    assert own.client(other).resume(contract, "unfounded").state is State.ACTIVE
    ask(own, contract)
    assert own.lender.usage(contract).units_used == 2
    fields = [leaf.fields for leaf in own.operator.leaves() if "document" in leaf.fields]
    signed = {(leaf["by"], leaf.get("cause")) for leaf in fields if "by" in leaf}
    assert {(party, "complaint 17"), (other, "ours too")} <= signed


def test_nobody_stops_a_contract_that_does_not_name_them(own: Stage, contract: str) -> None:
    own.operator.label_table("people", {"*": ("public", "1")})
    found = own.contract("clear")  # operator and buyer alone have signed it
    error = refused(lambda: own.client("ministry").suspend(found, "x"))
    assert error.reason == "CONTRACT_NOT_FOUND"
    error = refused(lambda: own.client(REGULATOR).suspend(found, "x"))
    assert (error.reason, error.clause) == ("RIGHT_MISSING", "stop.by")
    assert refused(lambda: own.client("hospital").suspend(contract, "x")).reason == "RIGHT_MISSING"
    assert own.lender.contract(found).state is State.ACTIVE


@pytest.mark.parametrize("what", ["node", "operator", REGULATOR])
def test_a_stop_cuts_a_table_off_in_the_middle_of_its_download(own: Stage, what: str) -> None:
    hidden = agree(own, "hidden")
    own.lender.lookup(hidden, own.people[0].subject)  # the table is built
    own.stop()
    with (own.home / "tables" / f"{hidden}-1.table").open("ab") as table:
        table.write(bytes(16 << 20))  # a long one: the node streams as much as it knows of
        size = table.tell()
    with sqlite3.connect(own.home / "state.db") as connection:
        connection.execute("UPDATE epochs SET table_bytes = ? WHERE contract = ?", (size, hidden))
    own.start()
    channel = own.lender._session.channel
    stub = lookup_pb2_grpc.LookupServiceStub(channel.grpc)
    fetch = lookup_pb2.FetchTableRequest(contract=f"contracts/{hidden}", epoch=1)
    answers = channel.stream(stub.FetchTable, fetch, 60)
    assert next(answers).chunk
    if what == "node":
        own.operator.stop_node("a leak is looked into")
    else:
        own.client(what).suspend(hidden, "complaint 17")
    try:
        error = refused(lambda: list(answers))
    finally:
        if what == "node":
            own.operator.resume_node("closed")
    assert error.reason == ("NODE_STOPPED" if what == "node" else "CONTRACT_NOT_ACTIVE")
    assert own.lender.usage(hidden).units_used == 1
