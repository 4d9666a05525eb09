"""One metered request from its statement to its receipt, the same for every job kind.

Who signed it, under which contract, opened from its commitment, not answered before, allowed
now; then the kind's own work; then charge, leaf and reply in one transaction; then the receipt.
A duplicate in flight waits for the first; a retry gets the stored reply and nothing is computed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from unseen.evidence.canonical import b64encode, parse_time
from unseen.evidence.commitment import NONCE_BYTES, commit
from unseen.evidence.contracts.plan import CKKS
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.request import (
    MAX_HELD_AGE,
    MAX_REQUEST_AGE,
    Request,
    verify_request,
)
from unseen.evidence.suite import Suite, suite_of
from unseen.node.context import Node
from unseen.node.contracts.decide import Deny, decide, interrupted
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    DrainingError,
    FieldInvalidError,
    InstanceUnknownError,
    OverloadedError,
    ReplyHeldError,
    ReplyNotFoundError,
    RequestIdReusedError,
)
from unseen.node.failpoints import hit
from unseen.node.identity.parties import Caller, Instance
from unseen.node.metering.charged import Charged, digest_of, find_charge, stored_charge
from unseen.node.metering.opening import IN_THE_CLEAR, seal_opening
from unseen.node.metering.paying import Admitted, Answer, Work, answer, pay
from unseen.node.release.register import check_bits


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What arrives: the statement's canonical bytes, the instance's signature, the opening nonce.

    `parts` are the request's parts that the statement commits to.
    """

    statement: bytes
    signature: bytes
    nonce: bytes
    parts: tuple[bytes, ...] = field(repr=False)


Worker = Callable[[Contract, Request], Awaitable[Work]]


async def run_metered(
    node: Node, caller: Caller, kind: str, signed: SignedRequest, asked: int, work: Worker
) -> Answer:
    """Answer one request of `kind`, by `work` or from the store.

    `asked` counts its elements or subjects; a unit has as many as the contract's plan says.

    Raises:
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    admitted = admit(node, caller, kind, signed, asked)
    key = (admitted.contract.id, admitted.request.request)
    running = node.in_flight.get(key)
    if running is None:
        known = stored(node, admitted)
        if known is not None:
            check_held(node, admitted.contract)
            return answer(node, caller.party, known)
        check_allowed(node, caller.party, admitted)
        running = node.in_flight[key] = (
            admitted.statement_digest,
            _begin(node, caller.party, admitted, work),
        )
    elif running[0] != admitted.statement_digest:
        raise RequestIdReusedError(
            "this request id is under way for another request",
            clause="request.id",
            remedy="take a fresh id",
        )
    # The work goes on if this caller hangs up: its reply is then stored and waits for the retry.
    charged = await asyncio.shield(running[1])
    found = answer(node, caller.party, charged)
    hit("receipt.before_answer")
    return found


def receipt_again(node: Node, caller: Caller, contract_id: str, request: str) -> Answer:
    """Return the receipt of a charged request, without its reply.

    Raises:
        ContractNotFoundError: no such contract of the caller's.
        ReplyNotFoundError: no request of this id was charged under it.

    """
    contract = node.contracts.get(contract_id, buyer=caller.party)
    found = find_charge(node.reader.connection, contract.id, request)
    if found is None:
        raise ReplyNotFoundError(
            "no request of this id was charged under the contract",
            clause="request.id",
            remedy="see what was: unseen receipt list",
        )
    kept = Charged(found.leaf_index, found.release_nonce, found.instance, ())
    return answer(node, caller.party, kept)


def _begin(node: Node, party: str, admitted: Admitted, work: Worker) -> "asyncio.Task[Charged]":
    """Start the work; what it may use up is held from now on, before anyone else is let in."""
    contract, units = admitted.contract.id, admitted.request.units
    node.load[party] += 1
    node.meter.reserve(contract, units)

    def forget(task: "asyncio.Task[Charged]") -> None:
        node.in_flight.pop((contract, admitted.request.request), None)
        node.load[party] -= 1
        node.meter.release(contract, units)
        if not task.cancelled():
            task.exception()  # seen, even if every caller has hung up

    task = asyncio.create_task(_execute(node, admitted, work))
    task.add_done_callback(forget)
    return task


def admit(node: Node, caller: Caller, kind: str, signed: SignedRequest, asked: int) -> Admitted:
    """Return a request that may be looked at: who signed it, for what, and what it commits to.

    Raises:
        UnseenError: it is malformed, another's, or not what its statement says.

    """
    request = Request.decode(signed.statement)
    contract = node.contracts.get(b64encode(request.contract), buyer=caller.party)
    suite = suite_of(contract.terms.suite)
    instance = _instance(node, caller, request)
    verify_request(request, signed.signature, suite, instance.key)
    each = contract.plan.evaluations
    if request.kind != kind or request.units * each != asked:
        raise FieldInvalidError(
            "the statement's kind or units are not those of the call",
            clause="request.units",
            remedy="sign one unit for each element or subject"
            if each == 1
            else f"send {each} elements for each unit: the whole subject's and its id's",
        )
    _check_commitment(suite, signed, request)
    opening = None
    if kind in IN_THE_CLEAR and contract.terms.protocol != CKKS:
        opening = seal_opening(node.vault, request, signed.nonce, signed.parts)
    signature, key = signed.signature, instance.key_id
    return Admitted(contract, request, digest_of(request), signature, key, opening)


def _instance(node: Node, caller: Caller, request: Request) -> Instance:
    party = node.parties.get(caller.party)
    instance = party.instances.get(caller.instance) if party else None
    # Valid when it signed and when it is answered, or the receipt would verify nowhere.
    latest = max(node.clock.now(), request.issued_at)
    if instance is None or parse_time(instance.until) <= latest:
        raise InstanceUnknownError(
            "this client instance has shown no valid certification by its party",
            clause="identity.instance",
            remedy="certify it again: unseen instance add NAME",
        )
    return instance


def _check_commitment(suite: Suite, signed: SignedRequest, request: Request) -> None:
    if len(signed.nonce) != NONCE_BYTES or request.commitment != commit(
        suite, signed.nonce, signed.parts
    ):
        raise FieldInvalidError(
            "the statement's commitment does not open to what was sent",
            clause="request.commitment",
        )


def stored(node: Node, admitted: Admitted) -> Charged | None:
    """Return the charge of a request that was answered before, with its reply.

    Raises:
        RequestIdReusedError: another request was charged under its id.
        ReplyNotFoundError: its reply is no longer kept.

    """
    contract, request = admitted.contract.id, admitted.request.request
    known = stored_charge(node.reader.connection, contract, request, admitted.statement_digest)
    if known is not None and not known.reply:
        raise ReplyNotFoundError(
            "the reply to this request is no longer kept: its epoch has ended",
            clause="epoch",
            remedy="the charge stands in the log; ask anew with a fresh request id",
        )
    return known


def check_allowed(node: Node, party: str, admitted: Admitted, *, again: bool = False) -> None:
    """Return if a request may be computed now, as far as that is known before it is.

    `again` says that an earlier step of its work was: the minute has counted its units, and a leaf
    holds it since.

    Raises:
        UnseenError: the refusal, with its clause.

    """
    contract, request = admitted.contract, admitted.request
    node.releases.check(contract, request.request)
    _check_capacity(node, party)
    _decide(node, admitted, again=again)
    check_bits(contract, request.units)


def check_load(node: Node, party: str) -> None:
    """Return if the node takes one more call of this party's at once.

    Raises:
        DrainingError: it takes none any more.
        OverloadedError: as many as may be are in flight.

    """
    if node.draining:
        raise DrainingError(
            "the node is shutting down", clause="node", remedy="send the same request again later"
        )
    if node.load[party] >= node.settings.max_in_flight_per_party:
        raise OverloadedError(
            f"{node.settings.max_in_flight_per_party} requests of this party are in flight",
            clause="node.max_in_flight_per_party",
            remedy="send the same request again in a moment",
        )


def _check_capacity(node: Node, party: str) -> None:
    check_load(node, party)
    if len(node.in_flight) >= node.settings.max_in_flight:
        raise OverloadedError(
            f"{node.settings.max_in_flight} requests are in flight",
            clause="node.max_in_flight",
            remedy="send the same request again in a moment",
        )


def _decide(node: Node, admitted: Admitted, *, again: bool) -> None:
    contract, request, now = admitted.contract, admitted.request, node.clock.now()
    node.mandates.check(contract, now)
    usage = node.meter.usage(contract.id, contract.units_used)
    usage = replace(usage, this_minute=0) if again else usage
    window = MAX_HELD_AGE if again else MAX_REQUEST_AGE
    stopped = node.stops.cause()
    verdict = decide(contract.terms, contract.state, request, usage, now, window, stopped)
    if isinstance(verdict, Deny):
        raise verdict.error


def check_held(node: Node, contract: Contract) -> None:
    """Let no reply out while node or contract stands still, though it is paid for.

    Raises:
        ReplyHeldError: one of them does.

    """
    if node.stopped or contract.state is State.SUSPENDED:
        raise ReplyHeldError(
            "the request is charged, and its reply is held while node or contract is stopped",
            clause="node.stopped" if node.stopped else "state",
            remedy="send the same request again when it goes on: unseen receipt fetch ID",
        )


def check_going(node: Node, contract_id: str) -> None:
    """Return if work under a contract that has begun may go on; asked between its steps.

    Raises:
        UnseenError: node or contract stands still, or the contract has ended; nothing is charged.

    """
    contract = node.contracts.get(contract_id)
    error = interrupted(contract.terms, contract.state, node.clock.now(), node.stops.cause())
    if error is not None:
        raise error


async def _execute(node: Node, admitted: Admitted, work: Worker) -> Charged:
    contract, request = admitted.contract, admitted.request
    hit("request.admitted")
    done = await work(contract, request)
    hit("request.evaluated")
    return await pay(node, admitted, done)
