"""Stops and what lifts them: each by whoever may, on an order signed for this step and no other.

What the node does by itself (`node`, `node:rules`, `node:mandate`) rests on nobody's signature. A
stop stands until whoever gave it lifts it: a node that goes on against a regulator's word is named.

It goes by the leaves: a stop that the node took and never wrote down is not seen here. Whoever
gave it holds the order, and the node's answer.
"""

from datetime import timedelta

from unseen.evidence import jws
from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Contracts
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.parties import Enrolled, Parties
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.stop import StopOrder
from unseen.evidence.releases.request import MAX_REQUEST_AGE

_NODE = "node"
# The node looks at an order's time when it comes, and dates the leaf when it is written.
_WINDOW = MAX_REQUEST_AGE + timedelta(minutes=1)
_WHOLE = b""  # the target that is the node itself


class Stops:
    """The stops that stand at the present leaf: by contract (base64url), who gave them."""

    def __init__(self, context: Context, contracts: Contracts, parties: Parties) -> None:
        """Start with none."""
        self._context, self._contracts, self._parties = context, contracts, parties
        self._standing: dict[bytes, set[str]] = {}
        self._used: set[bytes] = set()

    def stopped(self, index: int, leaf: Event) -> None:
        """Take note of a stop; nobody gives two at a time."""
        target, by = _target(leaf), str(leaf.fields.get("by"))
        self._check(index, leaf, "stop")
        standing = self._standing.setdefault(target, set())
        if by in standing or (standing and target == _WHOLE):
            self._context.fail("stop.again", index, "stops what this party has stopped already")
        standing.add(by)

    def lifted(self, index: int, leaf: Event) -> None:
        """Take note that a party lifts its stop; of the node itself, any of its operators."""
        target, by = _target(leaf), str(leaf.fields.get("by"))
        self._check(index, leaf, "resume")
        standing = self._standing.setdefault(target, set())
        if target == _WHOLE:
            standing.clear()
            return
        if by not in standing:
            self._context.fail("stop.other", index, f"{by} lifts a stop, and has given none")
        standing.discard(by)
        if len(standing) != leaf.fields.get("left", 0):
            others = ", ".join(sorted(standing)) or "nobody"
            what = f"goes by another number of stops than stand: those of {others}"
            self._context.fail("stop.left", index, what)

    def _check(self, index: int, leaf: Event, action: str) -> None:
        by = str(leaf.fields.get("by"))
        party = self._parties.by_name.get(by)
        if party is not None:
            self._check_party(index, leaf, action, party)
        elif (by != _NODE and not by.startswith(f"{_NODE}:")) or _target(leaf) == _WHOLE:
            self._context.fail("stop.by", index, "is the word of nobody who is enrolled")

    def _check_party(self, index: int, leaf: Event, action: str, party: Enrolled) -> None:
        fail = self._context.fail
        if not self._may(party, _target(leaf)):
            fail("stop.right", index, f"{party.name} has no right to it")
        read = self._context.documents.get(leaf.named())
        if "document" not in leaf.fields:
            fail("stop.document", index, f"{party.name} has signed no order for it")
        if read is None or not isinstance(read.facts, StopOrder):
            return  # what the leaf names and the export lacks is noted where documents are
        order, signer = read.facts, jws.peek(read.document.body).kid
        said = (order.action, b64encode(order.contract).encode(), order.cause, signer)
        if said != (action, _target(leaf), leaf.fields.get("cause"), party.key):
            fail("stop.document", index, "the signed order is another one than the leaf says")
        if abs(leaf.time - order.issued_at) > _WINDOW:
            fail("stop.time", index, "rests on an order that was signed at another time")
        if read.document.id in self._used:
            fail("stop.document", index, "rests on an order that was used before")
        self._used.add(read.document.id)

    def _may(self, party: Enrolled, target: bytes) -> bool:
        if party.revoked is not None:
            return False
        if party.role == "operator" or target == _WHOLE:
            return party.role == "operator"
        contract = self._contracts.by_id.get(target)
        named = () if contract is None else (contract.terms.approver, contract.terms.regulator)
        return party.key in named


def _target(leaf: Event) -> bytes:
    return str(leaf.fields.get("contract", "")).encode()
