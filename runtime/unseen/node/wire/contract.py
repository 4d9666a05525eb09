"""unseen.v1 contract messages <-> contracts."""

import secrets
from collections.abc import Sequence

from unseen.evidence.canonical import parse_time
from unseen.evidence.contracts.contract import Period, Quota
from unseen.evidence.contracts.states import State
from unseen.node.contracts.clauses.clause import Ask
from unseen.node.contracts.compile import Compiled, Refusal
from unseen.node.contracts.explain import Explanation
from unseen.node.contracts.register import Contract
from unseen.node.contracts.stops import Stop
from unseen.node.errors import FieldInvalidError
from unseen.node.resources import field_name
from unseen.v1 import contract_pb2

_MAX_OUTPUTS = 64
_STATES = {
    state: contract_pb2.ContractState.Name(
        contract_pb2.ContractState.Value(f"CONTRACT_STATE_{state.name}")
    )
    for state in State
}


def ask(message: contract_pb2.RequestContractRequest) -> Ask:
    """Return what a buyer asks for.

    Raises:
        ContractInvalidError: quota or period is out of range; names the clause.
        CanonicalError: a time is malformed.

    """
    return Ask(
        scenario=message.scenario,
        outputs=_outputs(message.outputs),
        quota=Quota(units=message.units, per_minute=message.units_per_minute),
        period=Period(start=parse_time(getattr(message, "from")), until=parse_time(message.until)),
        openings=message.openings,
        nonce=secrets.token_bytes(16),
        template=message.template,
        order=message.exchange_order,
        region=message.region,
        group=message.group,
        budget=message.budget,
        declarations=tuple(message.declarations),
        joint=message.joint,
        train=message.train,
        way=message.way,
        encrypted=message.encrypted,
    )


def _outputs(names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > _MAX_OUTPUTS:
        raise FieldInvalidError(f"a contract has at most {_MAX_OUTPUTS} outputs", clause="outputs")
    return tuple(field_name(name, "outputs") for name in names)


def names(identifiers: Sequence[str]) -> list[str]:
    """Return the resource names of contracts."""
    return [f"contracts/{identifier}" for identifier in identifiers]


def contract_message(contract: Contract, stops: Sequence[Stop] = ()) -> contract_pb2.Contract:
    """Return a contract as its parties see it; `stops` are those that stand."""
    return contract_pb2.Contract(
        name=f"contracts/{contract.id}",
        state=_STATES[contract.state],
        terms=contract.terms.encode(),
        plan=contract.plan.encode(),
        leakage=contract.leakage.encode(),
        units_used=contract.units_used,
        buyer=contract.buyer,
        approvals=[
            contract_pb2.Approval(role=role, token=contract.approvals[role])
            for role in contract.terms.approvals
            if role in contract.approvals
        ],
        cause=contract.cause,
        stops=[
            contract_pb2.Stop(
                by=stop.by, cause=stop.cause, since=stop.since, document=stop.document
            )
            for stop in stops
        ],
    )


def explanation_message(found: Explanation) -> contract_pb2.ExplainContractResponse:
    """Return an explanation as the caller sees it."""
    return contract_pb2.ExplainContractResponse(
        asked=_compilation(found.asked),
        narrowest=_compilation(found.narrowest),
        narrowings=[
            contract_pb2.Narrowing(
                clause=each.clause,
                asked=each.asked,
                narrowest=each.narrowest,
                why=each.why,
                why_zh=each.why_zh,
            )
            for each in found.narrowings
        ],
        demands=[
            contract_pb2.Demand(clause=each.clause, value=each.value, because=each.because)
            for each in found.demands
        ],
    )


def _compilation(outcome: Compiled | Refusal) -> contract_pb2.Compilation:
    if isinstance(outcome, Compiled):
        return contract_pb2.Compilation(
            terms=outcome.terms.encode(),
            plan=outcome.plan.encode(),
            leakage=outcome.leakage.encode(),
        )
    return contract_pb2.Compilation(
        refusals=[
            contract_pb2.ClauseRefusal(
                reason=error.reason, clause=error.clause, message=str(error), remedy=error.remedy
            )
            for error in outcome.errors
        ]
    )
