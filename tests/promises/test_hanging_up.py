"""Whoever hangs up in the middle of a call cuts nothing off that the call has begun."""

import time
from collections.abc import Callable
from typing import Any

from tests.promises.stage import PREDICATES, Stage, serving, wait_until

from unseen.client.agreements.stops import order
from unseen.evidence.contracts.states import State
from unseen.v1 import contract_pb2, contract_pb2_grpc

OUTPUTS = [predicate.name for predicate in PREDICATES]
TRIES = 40


def hang_up(call: Any, message: object, seconds: float) -> None:
    """Make a call and cancel it `seconds` later."""
    running = call.future(message, timeout=60)
    time.sleep(seconds)
    running.cancel()


def leaves(stage: Stage, kind: str) -> list[Any]:
    return [leaf.fields["contract"] for leaf in stage.operator.leaves() if leaf.type == kind]


def test_what_is_written_counts_at_once_though_nobody_waits_for_the_answer(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    with serving(stage):
        contracts = [stage.contract("clear") for _ in range(10)]
        period: Any = stage.lender.contract(contracts[0]).terms.to_json()["period"]
        ask = contract_pb2.RequestContractRequest(
            product="products/clear",
            outputs=OUTPUTS,
            scenario="tests",
            units=5,
            units_per_minute=5,
            **period,
        )
        buyer = contract_pb2_grpc.ContractServiceStub(stage.lender._session.channel.grpc)
        for number in range(TRIES):
            hang_up(buyer.RequestContract, ask, number / 2_000)
        session = stage.operator._session
        operator = contract_pb2_grpc.ContractServiceStub(session.channel.grpc)
        for number, contract in enumerate(contracts):
            stop = contract_pb2.SuspendContractRequest(
                name=f"contracts/{contract}", order=order(session, "stop", contract, "why")
            )
            hang_up(operator.SuspendContract, stop, number / 1_000)
        time.sleep(1)

        def agree() -> bool:
            found = stage.operator.contracts()
            still = {one.id for one in found if one.state is State.SUSPENDED}
            return {one.id for one in found} == set(leaves(stage, "contract.proposed")) and (
                still == set(leaves(stage, "contract.suspended"))
            )

        wait_until(agree)
        assert leaves(stage, "contract.suspended")
