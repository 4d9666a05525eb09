"""Executing a hidden lookup: one VOPRF evaluation for each blinded element."""

from collections.abc import Sequence

from unseen.evidence.contracts.states import State
from unseen.evidence.releases.request import Request
from unseen.node.consent.rotation import check_deadline
from unseen.node.context import Node
from unseen.node.contracts.epochs import Epoch
from unseen.node.contracts.register import Contract
from unseen.node.errors import ContractNotActiveError
from unseen.node.identity.parties import Caller
from unseen.node.kinds.batches import evaluate_batch
from unseen.node.metering.charge import epoch_over
from unseen.node.metering.metered import SignedRequest, check_going, run_metered
from unseen.node.metering.paying import Answer, Work

_FETCHABLE = (State.ACTIVE, State.EXHAUSTED)


async def evaluate(node: Node, caller: Caller, signed: SignedRequest) -> Answer:
    """Answer one request; its parts are the blinded elements, a unit each, or two of a match.

    The answer's parts are the evaluated elements in order, then the batch's proof.
    """

    async def work(contract: Contract, request: Request) -> Work:
        epoch = node.epochs.current(contract.id)
        check_deadline(node, contract.id)
        if (request.epoch, request.manifest) != (epoch.number, epoch.manifest_id):
            raise epoch_over(request.epoch)
        reply = await evaluate_batch(
            node.executor, epoch.key, signed.parts, lambda: check_going(node, contract.id)
        )
        manifest = epoch.manifest
        return Work(tuple(reply), manifest.snapshot, consent_root=manifest.consent_root)

    return await run_metered(node, caller, "lookup", signed, len(signed.parts), work)


def epoch_for(node: Node, caller: Caller, contract_id: str) -> Epoch:
    """Return the present epoch of the caller's contract, if its table may be fetched now.

    Raises:
        ContractNotActiveError: the contract is not in force.
        EpochNotReadyError: the table is not built yet, or has to make way for one without
            somebody who withdrew.

    """
    contract = node.contracts.get(contract_id, buyer=caller.party)
    stands = contract.state in _FETCHABLE
    if not stands or not contract.terms.period.covers(node.clock.now()):
        raise ContractNotActiveError(
            "the contract's period is not now"
            if stands
            else f"the contract is {contract.state.value}",
            clause="state",
            remedy="see who has to act next: unseen contract show ID",
        )
    check_deadline(node, contract.id)
    return node.epochs.current(contract.id)


def parts_of(answer: Answer) -> tuple[Sequence[bytes], bytes]:
    """Return an answer's evaluated elements and their proof."""
    return answer.reply[:-1], answer.reply[-1]
