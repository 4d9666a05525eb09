"""Where a node's part of a round is charged: before its signature over the masked vector leaves.

Other nodes give out shares only for vectors that are signed (`steps`), so what is not charged here
is never unmasked: a round that ends before this has cost nothing. Unit, privacy and the stored
signature are one transaction; a retry gets it again, also from a node that began anew since.

From here on privacy is spent, whatever becomes of the round: if too few nodes are left to end it,
what was charged is not given back.
"""

from unseen.evidence.canonical import b64encode
from unseen.evidence.releases.request import Request
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import FieldInvalidError
from unseen.node.identity.parties import Caller
from unseen.node.joint.steps import contract_for
from unseen.node.metering.metered import SignedRequest, run_metered
from unseen.node.metering.paying import Answer, Work
from unseen.node.privacy.spend import Spend
from unseen.node.release.facts import MaskedFacts
from unseen.protocols.errors import RoundReplayedError, StepOrderError


async def contribute(node: Node, caller: Caller, signed: SignedRequest) -> Answer:
    """Hand out the node's signature over its vector; `signed.parts` are round and context.

    Raises:
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    round_id, context = signed.parts

    async def work(contract: Contract, request: Request) -> Work:
        running = node.joint.get(contract.id, round_id, node.clock.now())
        part, name = running.contribution, running.party.name
        if context != running.context:
            raise FieldInvalidError("the round is about another payload", clause="joint.context")
        if part is None or not running.head:
            raise StepOrderError(f"{name} has no vector to sign: it is not masked, or out already")
        if running.request not in ("", request.request):
            raise RoundReplayedError(name, "was asked for its part under another request id")
        running.request = request.request
        facts = MaskedFacts(
            people=part.people,
            private=part.noise is not None,
            measured=True,
            led=bool(running.asked.clause.lead),
        )
        return Work(
            (running.head,),
            part.snapshot,
            facts=facts,
            consent_root=part.consent_root,
            privacy=Spend(rho=running.outline.rho, pins=part.pins),
        )

    contract, _ = contract_for(node, caller, b64encode(Request.decode(signed.statement).contract))
    return await run_metered(node, caller, contract.terms.kind, signed, 1, work)
