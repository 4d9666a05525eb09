"""Orders of openings, their samples and responses, and objections, as an audit follows them.

    order      by the key that the contract names, over releases that the log held before it
    draw       salt, root and ranks recomputed: the sample is the one that nobody chose
    response   by a certified instance of the buyer, about requests that the order wants
    objection  each document of its party, in its turn (`evidence.oversight.objections`)

What was opened is not here: only the regulator reads it. That an answer is late or missing is no
fault of the log's; `audit open` names it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.contracts import Contracts, Standing
from unseen.evidence.audit.export import Document
from unseen.evidence.audit.leaves import Event
from unseen.evidence.audit.parties import Parties
from unseen.evidence.canonical import b64decode, b64encode
from unseen.evidence.errors import CanonicalError, EvidenceError
from unseen.evidence.oversight.objection import (
    Answered,
    Closed,
    Opened,
    read_document,
    verify_document,
)
from unseen.evidence.oversight.objections import (
    Objection,
    Status,
    advance,
    check_credit,
    check_opener,
)
from unseen.evidence.oversight.order import (
    NONCE_BYTES,
    Order,
    check_draw,
    verify_draw,
    verify_order,
)
from unseen.evidence.oversight.response import verify_response
from unseen.evidence.suite import key_id

_OBJECTIONS = {
    "objection.opened": Opened,
    "objection.answered": Answered,
    "objection.closed": Closed,
}


@dataclass(slots=True)
class Ordered:
    """An order since its leaf. `before` are the contract's releases until then, if it samples."""

    order: Order
    contract: Standing
    index: int
    root: bytes
    wanted: tuple[str, ...]
    before: frozenset[str]
    drawn: bool = False


@dataclass(slots=True)
class Oversight:
    """Orders and objections at the present leaf, by the base64url of their ids."""

    context: Context
    contracts: Contracts
    parties: Parties
    root: Callable[[], bytes] = bytes  # over the leaves so far, the present one too; set by check
    orders: dict[str, Ordered] = field(default_factory=dict)
    objections: dict[str, Objection] = field(default_factory=dict)

    def ordered(self, index: int, leaf: Event) -> None:
        """Take note of an order, if the contract's regulator may give it."""
        contract, document = self._parts(index, leaf, "order")
        if contract is None or document is None:
            return
        try:
            order = verify_order(document.body, contract.terms)
        except EvidenceError as error:
            self.context.refuse(index, "the order", error)
            return
        name, sampled = b64encode(document.id), order.sample is not None
        if name in self.orders:
            self._fail("order.again", index, "takes an order again, under another root")
            return
        if sampled and not _is_nonce(leaf.fields.get("nonce")):
            what = "has no nonce of the node's: its regulator could have computed the root before"
            self._fail("order.nonce", index, what)
        released = {request.decode() for request in contract.requests}
        if not released.issuperset(order.requests):
            self._fail("order.request", index, "wants a request opened that was not released")
        self.orders[name] = Ordered(
            order,
            contract,
            index,
            self.root() if sampled else b"",
            order.requests,
            frozenset(released) if sampled else frozenset(),
        )

    def drawn(self, index: int, leaf: Event) -> None:
        """Draw an order's sample again."""
        _, document = self._parts(index, leaf, "draw")
        ordered = self._ordered(index, leaf)
        if document is None or ordered is None:
            return
        sample = ordered.order.sample
        if sample is None or ordered.drawn:
            self._fail("draw.order", index, "draws a sample that was not due")
            return
        try:
            found = verify_draw(document.body, ordered.order, b64decode(str(leaf.fields["order"])))
            check_draw(found, sample.count, ordered.before)
        except EvidenceError as error:
            self.context.refuse(index, "the draw", error)
            return
        if (found.size, found.root) != (ordered.index + 1, ordered.root):
            self._fail("draw.root", index, "draws under another head than the one of its order")
        ordered.wanted, ordered.drawn = found.requests, True

    def answered(self, index: int, leaf: Event) -> None:
        """Check a response: whose it is, and that it is about what the order wants."""
        _, document = self._parts(index, leaf, "response")
        ordered = self._ordered(index, leaf)
        if document is None or ordered is None:
            return
        terms, order = ordered.contract.terms, b64decode(str(leaf.fields["order"]))
        try:
            buyer = self.context.owner(terms.buyer)
            found = verify_response(document.body, order, terms, buyer.key)
        except EvidenceError as error:
            self.context.refuse(index, "the response", error)
            return
        if not set(ordered.wanted).issuperset(found.response.requests):
            self._fail("response.request", index, "is about a request that the order did not want")
        self._check_instance(index, leaf, found.instance.key_id)
        said = tuple(leaf.fields.get(name) for name in ("opened", "unknown", "lost"))
        counted = (
            len(found.response.opened),
            len(found.response.unknown),
            len(found.response.lost),
        )
        if (leaf.fields.get("instance"), said) != (found.instance.key_id, counted):
            self._fail("response.leaf", index, "says something else than the response")

    def _check_instance(self, index: int, leaf: Event, key: str) -> None:
        """Find a response by an instance that may not ask any more: when it was, it says itself."""
        known = self.parties.instances.get(key.encode())
        if known is None or known.revoked is not None or known.party.revoked is not None:
            what = "is by an instance that nobody registered, or that was revoked before"
            self._fail("response.instance", index, what)
        elif leaf.time >= known.until:
            self._fail("response.instance", index, "came after the certification had ended")

    def objected(self, index: int, leaf: Event) -> None:
        """Follow an objection by one document."""
        contract, document = self._parts(index, leaf, "objection")
        if contract is None or document is None:
            return
        keys = {key: party.key for key, party in self.context.trust.parties.items()}
        terms = contract.terms
        try:
            found = verify_document(document.body, keys)
            if not isinstance(found, _OBJECTIONS.get(leaf.type, ())):
                self._fail("objection.leaf", index, "names a document of another step")
                return
            if isinstance(found, Opened):
                check_opener(found, terms)
                self._open(index, contract, Objection(document.id, found, None, None, Status.OPEN))
                return
            name = b64encode(found.objection)
            self._check_credit(contract, found)
            if name in self.objections:
                self.objections[name] = advance(self.objections[name], found, terms)
                return
        except EvidenceError as error:
            self.context.refuse(index, "the document of the objection", error)
            return
        self._fail("objection.order", index, "continues an objection that nobody opened")

    def _open(self, index: int, contract: Standing, objection: Objection) -> None:
        name, opened = b64encode(objection.id), objection.opened
        if name in self.objections:
            self._fail("objection.again", index, "opens an objection again")
            return
        if opened.role == "hub" and self.context.owner(opened.by).role != "hub":
            self._fail("objection.role", index, "is by a party that is no hub, as one")
        self.objections[name] = objection
        self._check_request(index, contract, opened)

    def _check_credit(self, contract: Standing, found: Answered | Closed) -> None:
        """Refuse a credit of more than all that was used comes to: others are paid from a bill."""
        if isinstance(found, Answered) and found.credit is not None:
            check_credit(found.credit, contract.terms, contract.used)

    def _check_request(self, index: int, contract: Standing, opened: Opened) -> None:
        if opened.request and opened.request.encode() not in contract.requests:
            self._fail("objection.request", index, "objects to a request that was not released")

    def _parts(self, index: int, leaf: Event, kind: str) -> tuple[Standing | None, Document | None]:
        """Return the contract and the document that a leaf names; what is wrong is noted."""
        contract = self.contracts.of(index, leaf)
        read = self.context.named(leaf.named(), index)
        if read is None or read.error is not None:
            return contract, None
        if read.document.type != kind:
            what = f"names a document of type {read.document.type} as {kind}"
            self._fail("document.type", index, what)
            return contract, None
        return contract, read.document

    def _ordered(self, index: int, leaf: Event) -> Ordered | None:
        found = self.orders.get(str(leaf.fields.get("order")))
        if found is None:
            self._fail("order.missing", index, "is about an order that the log does not hold")
        return found

    def _fail(self, rule: str, index: int, what: str) -> None:
        self.context.fail(rule, index, what)


def _is_nonce(value: object) -> bool:
    try:
        return isinstance(value, str) and len(b64decode(value)) >= NONCE_BYTES
    except CanonicalError:
        return False


def readable(document: Document, _context: Context) -> str:
    """Return the text of a document whose signature its leaf's handler checks."""
    return document.body


def objection(document: Document, context: Context) -> object:
    """Return a document of an objection, signed by a party that is trusted."""
    by = read_document(document.body).by
    party = context.owner(by)
    return verify_document(document.body, {key_id(context.suite, party.key): party.key})
