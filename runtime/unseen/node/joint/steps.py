"""The steps of a round: who may take them, and taking them.

A buyer's client relays what nodes say to each other; each step is free. Keys and shares are random
and the vector is masked, so that none says anything of a row; what the buyer learns of a round that
ends early is that this node would, or would not, have taken part. What the contract does not allow
(a group too small) is refused before the vector is masked, by name.

A node confirms a list of those left only with the signature of each over its vector, which it hands
out when it has charged (`charging`). Else the shares of others would open what a node in the list
has not charged, and its privacy ledger would not hold.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from unseen.evidence.canonical import b64decode
from unseen.evidence.contracts.joint import Joint, context_of, joint_of, round_of
from unseen.evidence.releases.request import Request
from unseen.node.context import Node
from unseen.node.contracts.decide import Deny, decide
from unseen.node.contracts.register import Contract
from unseen.node.errors import FieldInvalidError, InternalError, JointRefusedError
from unseen.node.identity.parties import Caller
from unseen.node.joint.contribution import Asked, Contribution
from unseen.node.joint.kinds import contributor_of
from unseen.node.joint.rounds import Reply, Running
from unseen.node.metering.metered import check_going, check_held
from unseen.node.privacy.charging import Ledger
from unseen.node.privacy.spend import Spend
from unseen.node.release.rules import Limits
from unseen.protocols.errors import PartyDroppedError, PlanMismatchError

if TYPE_CHECKING:
    from unseen.protocols.secagg import Party
    from unseen.protocols.secagg.wire import Step

ROUND_BYTES = 32
VIEW_BYTES = 32


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a step is sent: messages of the other nodes; to the first, a payload and who is out."""

    messages: tuple[bytes, ...] = ()
    payload: bytes = field(default=b"", repr=False)
    without: tuple[str, ...] = ()


class _Would(NamedTuple):
    """A charge as far as the ledger looks at it."""

    contract: Contract
    privacy: Spend | None


def contract_for(node: Node, who: Caller, contract_id: str) -> tuple[Contract, Joint]:
    """Return the caller's contract and its joint clause.

    Raises:
        ContractNotFoundError: no such contract of the caller's.
        JointRefusedError: it has no joint clause.

    """
    contract = node.contracts.get(contract_id, buyer=who.party)
    clause = joint_of(contract.terms.parameters)
    if clause is None:
        raise JointRefusedError(
            "the contract is over this node alone",
            clause="joint",
            remedy="request a contract with a joint clause: unseen contract request --joint FILE",
        )
    return contract, clause


def own_name(node: Node, clause: Joint) -> str:
    """Return under which name this node stands in the roster.

    Raises:
        JointRefusedError: it does not.

    """
    for place in clause.nodes:
        if place.key == node.signer.public_key:
            return place.name
    raise JointRefusedError(
        "this node does not stand in the roster of the contract",
        clause="joint.nodes",
        remedy="request a contract whose roster holds the node's present key",
    )


def most_bytes(node: Node, who: Caller, contract_id: str, step: "Step") -> int:
    """Return how large the payload of this step may be.

    Raises:
        UnseenError: the contract adds nothing up with others.

    """
    contract, _ = contract_for(node, who, contract_id)
    return contributor_of(contract.terms.kind).most_bytes if step.name == "KEYS" else 0


async def take_step(
    node: Node, who: Caller, contract_id: str, round_id: bytes, step: "Step", spoken: Spoken
) -> Reply:
    """Take a step of the caller's round; the same step with the same input answers the same.

    Raises:
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    if step.name == "KEYS":
        if spoken.messages:
            raise FieldInvalidError("the first step takes a payload alone", clause="joint.step")
        return begin(node, who, contract_id, round_id, spoken)
    if spoken.without:
        raise FieldInvalidError("a round begins without a node", clause="joint.without")
    contract, _ = contract_for(node, who, contract_id)
    running = node.joint.get(contract.id, round_id, node.clock.now())
    return await take(node, running, step, spoken.messages)


def begin(node: Node, who: Caller, contract_id: str, round_id: bytes, spoken: Spoken) -> Reply:
    """Take up a round: announce keys.

    Raises:
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    from unseen.protocols.secagg import Party  # noqa: PLC0415 - vectors' library comes with it
    from unseen.protocols.secagg.wire import Step  # noqa: PLC0415

    contract, clause = contract_for(node, who, contract_id)
    payload, without = spoken.payload, spoken.without
    asked, name = Asked(contract, clause, payload), own_name(node, clause)
    if len(round_id) != ROUND_BYTES:
        raise FieldInvalidError("a round's id is 32 bytes", clause="joint.round")
    now, said = node.clock.now(), [payload, *(other.encode() for other in without)]
    found = node.joint.find(contract.id, round_id, now)
    if found is not None and (reply := found.known(Step.KEYS, said)):
        return reply
    node.joint.check_new(contract.id, round_id, name)
    check_beginning(node, contract)
    node.joint.check_rate(contract.id, contract.terms.quota.per_minute, now)
    outline = contributor_of(contract.terms.kind).outline(asked)
    check_budget(node, contract, Spend(rho=outline.rho))
    dimension = outline.dimension
    parameters = round_of(clause, node.suite, round_id, payload, dimension, without)
    size = dimension * (8 + 2 * parameters.ring // 8) + len(payload)
    node.joint.check_room(contract.id, contract.buyer, size, node.settings.memory_mb << 19)
    party = Party(parameters, name, node.signer.sign, secrets.token_bytes)
    running = Running(asked, outline, context_of(node.suite, payload), party, now, size)
    running.leads = clause.lead == name
    node.joint.add(contract.id, round_id, running)
    return running.keep(Step.KEYS, said, Reply(party.advertise()))


def check_beginning(node: Node, contract: Contract) -> None:
    """Return if a request under the contract would be let in now.

    Raises:
        UnseenError: the refusal, with its clause.

    """
    now = node.clock.now()
    would = Request(
        suite=contract.terms.suite,
        contract=b64decode(contract.id),
        request=secrets.token_hex(16),
        kind=contract.terms.kind,
        units=1,
        commitment=bytes(32),
        manifest=b"",
        epoch=0,
        issued_at=now,
    )
    node.mandates.check(contract, now)
    usage = node.meter.usage(contract.id, contract.units_used)
    verdict = decide(contract.terms, contract.state, would, usage, now, stopped=node.stops.cause())
    if isinstance(verdict, Deny):
        raise verdict.error
    node.releases.check(contract, would.request)


def check_budget(node: Node, contract: Contract, spend: Spend) -> None:
    """Return if the round's cost would be granted now; the charge asks once more, for good.

    Raises:
        PrivacyBudgetMissingError, PrivacyBudgetSpentError: it would not.
        PartitionPinnedError: a table is shown exactly in another way already.

    """
    would = _Would(contract, spend)
    ledger = Ledger.read(node.reader.connection, (would,))
    if error := ledger.against(contract, would.privacy):
        raise error


async def take(node: Node, running: Running, step: "Step", said: Sequence[bytes]) -> Reply:
    """Take a step after the first with what the other nodes said, one step at a time.

    Raises:
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    from unseen.protocols.secagg.wire import Step  # noqa: PLC0415

    async with running.lock:
        if reply := running.known(step, said):
            return reply
        check_going(node, running.asked.contract.id)
        party = running.party
        match step:
            case Step.SHARES:
                reply = Reply(await node.joint.compute(lambda: party.share(said)))
            case Step.MASKED:
                reply = await _masked(node, running, said)
            case Step.CONFIRM:
                reply = Reply(await node.joint.compute(lambda: _confirmed(party, said)))
            case Step.REVEAL:
                reply = Reply(await node.joint.compute(lambda: party.reveal(said)))
                running.drop_vector()
            case _:
                raise FieldInvalidError("no step of a round", clause="joint.step")
        return running.keep(step, said, reply)


def check_leaves(node: Node, contract_id: str) -> None:
    """Return if a step's answer may leave now; asked for each piece of it.

    Raises:
        NodeStoppedError: the node stands still.
        ReplyHeldError: the contract is suspended.

    """
    node.stops.check_node()
    check_held(node, node.contracts.get(contract_id))


async def _masked(node: Node, running: Running, said: Sequence[bytes]) -> Reply:
    if running.contribution is None:
        found = await _contribution(node, running)
        check_budget(node, running.asked.contract, Spend(rho=running.outline.rho, pins=found.pins))
        running.snapshot, running.consent_root = found.snapshot, found.consent_root
        running.contribution = found
    part, party = running.contribution, running.party
    done = await node.joint.compute(lambda: party.mask(said, part.vector, part.noise))
    running.head = done.message  # leaves when it is charged
    return Reply(b"", done.words)


async def _contribution(node: Node, running: Running) -> Contribution:
    asked, party = running.asked, running.party
    kind, name = asked.contract.terms.kind, party.name
    found = await contributor_of(kind).contribute(node, asked, party.parameters)
    if found.people < Limits().with_group(asked.contract.plan.group).group:
        raise JointRefusedError(
            f"{name}: fewer people stand behind its part than the contract's group",
            clause="group",
            remedy="ask for a contract without this node, or over a larger table",
        )
    if (found.noise is None) != bool(asked.clause.lead):
        raise JointRefusedError(
            f"{name}: sums that the buyer receives have noise, and only those",
            clause="joint.lead",
            remedy="ask for a contract whose clause names a lead, or for an answer with noise",
        )
    if asked.clause.lead and not found.pins:
        raise InternalError("an exact part of a sum that nothing pins")
    return found


def _confirmed(party: "Party", said: Sequence[bytes]) -> bytes:
    """Confirm a list, `said[0]`, in which each has signed its vector, in the list's order.

    A signature counts in the run that it was made in: one round may be run twice, under two
    contracts or after a node began anew, and what was charged for one run opens no other.
    """
    from unseen.protocols.secagg import wire  # noqa: PLC0415 - vectors' library comes with it

    if not said:
        raise FieldInvalidError("the step takes a list of those left", clause="joint.step")
    parameters = party.parameters
    left, _ = wire.opened_survivors(parameters, said[0])
    signed: set[int] = set()
    for message in said[1:]:
        sender, body = wire.opened(parameters, wire.Step.MASKED, message, 64)
        wire.check_new(parameters, sender, signed, left)
        if body[:VIEW_BYTES] != party.view:
            name = parameters.member(sender).name
            raise PlanMismatchError(name, "signed its vector in another run of this round")
        signed.add(sender)
    for index in left:
        if index not in signed:
            raise PartyDroppedError(parameters.member(index).name, "listed, and has not charged")
    return party.confirm(said[0])
