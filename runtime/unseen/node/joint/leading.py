"""The lead of a round: it adds up what all nodes hold, and lets out what its gate leaves of that.

The buyer hands over every message of the round, in order; what the nodes revealed opens here alone
(`unseen.protocols.secagg.sealed`). This operator could read the exact sums, and is trusted not to:
of three nodes that is the sum of the other two. Its gate's table is what leaves, charged as a
request of its own: a unit and no privacy, for the numbers were pinned with each node's part.

A table whose numbers a node has made up is let out as any other: nobody can tell. But such a node
could ask again and again with the buyer, each time with other numbers of its own beside those that
the others have pinned, and see where rounding and hiding turn. So one table leaves, whatever later
rounds add up: the first that did. And few sums are opened until one does, each written down before,
since an error says something of a sum as well.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.contracts.joint import transcript_of
from unseen.evidence.contracts.statistics import Question, menu_of, shape_of
from unseen.evidence.contracts.statistics.summed import TableSum, read_summed, sizes_of
from unseen.evidence.errors import ReleaseInvalidError
from unseen.evidence.releases.request import Request
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    FieldInvalidError,
    InternalError,
    JointRefusedError,
    OverloadedError,
)
from unseen.node.identity.parties import Caller
from unseen.node.joint.rounds import Running
from unseen.node.joint.steps import contract_for, own_name
from unseen.node.metering.metered import SignedRequest, check_going, run_metered
from unseen.node.metering.paying import Answer, Work
from unseen.node.privacy.answers import Known, look
from unseen.node.privacy.spend import Spend
from unseen.node.release.rules import Limits
from unseen.node.statistics import exact
from unseen.node.statistics.evaluate import Run, hide_columns
from unseen.node.statistics.together import as_counted, columns_of_sum, facts_of_sum
from unseen.node.store.schema_privacy import privacy_openings
from unseen.node.store.writer import Change, Transaction
from unseen.protocols.errors import MalformedMessageError, RoundReplayedError

if TYPE_CHECKING:
    from unseen.protocols.secagg import Arrival, Lead

MOST_HANDED: Final = 3  # times that the messages of one round may be handed over
MOST_OPENED: Final = 3  # sums under one clause until one of them makes a table
_KIND: Final = "statistics"


@dataclass(frozen=True, slots=True)
class Piece:
    """What a lead is handed: a message of a node, or the next piece of the vector it is about."""

    message: bytes = b""
    chunk: bytes = field(default=b"", repr=False)


async def lead(
    node: Node, caller: Caller, signed: SignedRequest, pieces: AsyncIterator[Piece]
) -> Answer:
    """Release the exact table of a round; `signed.parts` are round, context and transcript.

    Without pieces it is the answer that was charged before under the same id.

    Raises:
        CohortError: a node's message is missing, or does not hold; it names the node.
        GroupTooSmallError: no number of the table can be shown.
        UnseenError: the refusal, with its clause; nothing was charged.

    """
    contract_id = b64encode(Request.decode(signed.statement).contract)
    contract, clause = contract_for(node, caller, contract_id)
    name = own_name(node, clause)
    if clause.lead != name:
        raise JointRefusedError(
            f"{name}: is not the lead of this contract's rounds",
            clause="joint.lead",
            remedy=f"ask {clause.lead}" if clause.lead else "ask for a contract with a lead",
        )
    round_id, context, transcript = signed.parts
    handed = await _handed(node, contract, (round_id, context, transcript), pieces)

    async def work(contract: Contract, request: Request) -> Work:
        if handed is None:
            raise MalformedMessageError(f"{name}: nothing of the round was handed over")
        running, table = handed
        if running.led not in ("", request.request):
            raise RoundReplayedError(name, "has shown this round's table under another request id")
        known = look(node, contract, _spend(node, contract, running))
        if known is not None:
            done = _once_more(known, running)
        elif table is not None:
            done = await _judged(node, contract, running, table)
        else:
            raise InternalError("a table that was let out is not kept")
        running.led = request.request
        return done

    return await run_metered(node, caller, _KIND, signed, 1, work)


async def _handed(
    node: Node,
    contract: Contract,
    named: tuple[bytes, bytes, bytes],
    pieces: AsyncIterator[Piece],
) -> tuple[Running, TableSum | None] | None:
    """Return the round and its sum; nothing, where nothing is handed over.

    Where a table was let out under this clause, nothing is opened, and there is no sum.
    """
    first = await anext(pieces, None)
    if first is None:
        return None
    round_id, context, transcript = named
    running = node.joint.get(contract.id, round_id, node.clock.now())
    if context != running.context:
        raise FieldInvalidError("the round is about another payload", clause="joint.context")
    async with running.lock:
        check_going(node, contract.id)
        if running.summed is not None and running.summed[0] == transcript:
            return running, running.summed[1]
        if running.handed >= MOST_HANDED:
            raise OverloadedError(
                "the messages of this round were handed over too often",
                clause="joint.round",
                remedy="begin a round under a fresh id",
            )
        opener = running.party.opener()  # or it is not its turn
        running.handed += 1
        from unseen.protocols.secagg import Lead  # noqa: PLC0415 - vectors' library comes with it

        heard = await _hear(node, Lead(opener), first, pieces)
        if transcript_of(node.suite, heard.messages) != transcript:
            raise FieldInvalidError(
                "what was signed is not what was handed over", clause="joint.transcript"
            )
        if look(node, contract, _spend(node, contract, running)) is not None:
            return running, None
        clause = b64encode(running.asked.clause.digest(node.suite))
        await node.writer.submit(Opened(clause, b64encode(transcript)))
        total = await node.joint.compute(heard.lead.finish)
        table = _read(contract, running.party.name, total.tolist(), len(opener.parameters.members))
        running.summed = transcript, table
        return running, table


@dataclass(frozen=True, slots=True)
class Opened(Change[None]):
    """Write down that a sum is opened, before it is."""

    clause: str
    transcript: str

    def apply(self, transaction: Transaction) -> None:
        """Write it, once for all that was handed over.

        Raises:
            JointRefusedError: as many were opened as may be.

        """
        columns = privacy_openings.c
        of = select(columns.transcript).where(columns.clause == self.clause)
        before = set(transaction.connection.execute(of).scalars())
        if self.transcript in before:
            return
        if len(before) >= MOST_OPENED:
            raise JointRefusedError(
                f"{MOST_OPENED} sums were opened under this clause, and none made a table",
                clause="joint.lead",
                remedy="ask the operators what their nodes add up; then ask with noise",
            )
        row = {"clause": self.clause, "transcript": self.transcript}
        transaction.connection.execute(insert(privacy_openings), [row])


def _spend(node: Node, contract: Contract, running: Running) -> Spend:
    """Return by what the one table is kept: the clause, and what else decides on it here."""
    body: dict[str, Json] = {
        "type": "led",
        "joint": b64encode(running.asked.clause.digest(node.suite)),
        "group": contract.plan.group,
        "rows": [b64encode(running.snapshot), b64encode(running.consent_root)],
    }
    if running.consent_root:  # rows that serve one buyer need not serve another one
        terms = contract.terms
        scenario = terms.consent.scenario if terms.consent else ""
        body["used"] = [terms.buyer, scenario, terms.product]
    return Spend(rho=0, answer=node.suite.digest(canonical.encode(body)))


def _once_more(known: Known, running: Running) -> Work:
    """Return the table that was let out before."""
    return Work(
        known.parts,
        known.snapshot,
        consent_root=running.consent_root,
        question=Question(what="partition"),
        led=True,
        privacy=known.spend,
    )


def _read(contract: Contract, name: str, total: list[int], nodes: int) -> TableSum:
    try:
        return read_summed(menu_of(contract.terms.parameters), total, nodes)
    except ReleaseInvalidError as error:
        raise JointRefusedError(
            f"{name}: {error}; nobody can tell which",
            clause="joint.sum",
            remedy="ask the operators what their nodes add up; then begin a round anew",
        ) from None


@dataclass(slots=True)
class _Heard:
    """The messages so far, and the vector that is coming, after the message over it."""

    lead: "Lead"
    messages: list[bytes] = field(default_factory=list)
    vector: "Arrival | None" = None

    def take(self, piece: Piece) -> Callable[[], None] | None:
        """Return what is to be computed now, if anything is.

        Raises:
            MalformedMessageError: a message before a vector has ended, or a vector without one.

        """
        if piece.message:
            self._check(fits=self.vector is None and len(self.messages) < 5 * self._nodes)
            self.messages.append(piece.message)
            self.vector = self._arriving(piece.message)
            return None if self.vector else lambda: self.lead.add(piece.message)
        vector = self.vector
        if vector is None or not piece.chunk:
            raise _not_a_round()
        vector.add(piece.chunk)
        if not vector.whole:
            return None
        message, self.vector = self.messages[-1], None
        return lambda: self.lead.add(message, vector.words)

    def end(self) -> None:
        """Return if the last vector was all there."""
        self._check(fits=self.vector is None)

    @property
    def _nodes(self) -> int:
        return len(self.lead.parameters.members)

    def _arriving(self, message: bytes) -> "Arrival | None":
        """Return room for the vector that a message is over, if it is over one."""
        from unseen.protocols.secagg import Arrival, wire  # noqa: PLC0415 - vectors' library

        masked = wire.step_of(message) is wire.Step.MASKED
        return Arrival(self.lead.parameters) if masked else None

    def _check(self, *, fits: bool) -> None:
        if not fits:
            raise _not_a_round()


def _not_a_round() -> MalformedMessageError:
    return MalformedMessageError("not the messages of a round", clause="joint.step")


async def _hear(node: Node, lead: "Lead", first: Piece, pieces: AsyncIterator[Piece]) -> _Heard:
    heard = _Heard(lead)
    piece: Piece | None = first
    while piece is not None:
        compute = heard.take(piece)
        if compute is not None:
            await node.joint.compute(compute)
        piece = await anext(pieces, None)
    heard.end()
    return heard


async def _judged(node: Node, contract: Contract, running: Running, table: TableSum) -> Work:
    """Return what of the sum is shown, with what the gate has to know."""
    menu, question = menu_of(contract.terms.parameters), Question(what="partition")
    shape, limits = shape_of(menu, question), Limits().with_group(contract.plan.group)
    columns = columns_of_sum(shape, menu, table, limits)
    hidden = await hide_columns(Run(node, contract.id, []), sizes_of(menu), columns)
    rows = exact.answer(shape, as_counted(menu, table), hidden, limits)
    return Work(
        (canonical.encode(rows),),
        running.snapshot,
        facts=facts_of_sum(menu, table, limits),
        consent_root=running.consent_root,
        question=question,
        led=True,
        privacy=_spend(node, contract, running),
    )
