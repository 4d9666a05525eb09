"""Orders of openings as a client may believe them: every signature and every place in the log.

The node passes orders on. What is shown here was signed by the key that the contract names, and
what was answered by an instance that the contract's buyer certified; with proofs, each document
and each release is where the log says it is.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from unseen.client.agreements.contracts import Contracts
from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.canonical import b64encode, format_time, parse_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import EvidenceError
from unseen.evidence.log import RELEASE, ReleaseLeaf, decode_leaf
from unseen.evidence.oversight.order import Draw, Order, order_id, verify_draw, verify_order
from unseen.evidence.oversight.response import VerifiedResponse, verify_response
from unseen.evidence.releases.instance import verify_instance
from unseen.evidence.releases.request import verify_request
from unseen.evidence.suite import key_id, suite_of
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import ProofInvalidError
from unseen.protocols.tlog import Checkpoint, leaf_hash, verify_inclusion
from unseen.v1 import opening_pb2


@dataclass(frozen=True, slots=True)
class Responded:
    """A response to an order, verified. `time` is when the log took it, if that was proven."""

    token: str = field(repr=False)
    found: VerifiedResponse = field(repr=False)
    index: int
    time: dt.datetime | None

    @property
    def instance(self) -> str:
        """The name of the instance, as its party certified it."""
        return self.found.instance.name


@dataclass(frozen=True, slots=True)
class Release:
    """A release that an order wants opened, proven to be in the log.

    `signed` says that its request was signed by an instance of the buyer, as the certification
    that the node still has shows; None where it has none any more.
    """

    leaf: ReleaseLeaf = field(repr=False)
    index: int
    signed: bool | None


@dataclass(frozen=True, slots=True, repr=False)
class OrderCard(Card):
    """An order of openings. `token` and `draw_token` are the signed documents themselves."""

    id: str
    contract: str
    buyer: str
    buyer_key: bytes
    order: Order
    token: str
    index: int
    draw: Draw | None
    draw_token: str
    responses: tuple[Responded, ...]
    releases: tuple[Release, ...] = ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The requests to be opened; none before the sample is drawn."""
        return self.order.requests or (self.draw.requests if self.draw else ())

    @property
    def missing(self) -> tuple[str, ...]:
        """The requests that no instance has opened."""
        given = {parts.request for one in self.responses for parts in one.found.response.opened}
        return tuple(request for request in self.wanted if request not in given)

    def _title(self) -> str:
        return f"Order {self.id}"

    def _rows(self) -> Iterator[Row]:
        yield "contract", self.contract
        yield "buyer", self.buyer
        yield "reason", self.order.reason
        yield "given", format_time(self.order.issued_at)
        yield "until", format_time(self.order.deadline)
        sample = self.order.sample
        if sample is not None:
            drawn = "drawn" if self.draw else "not drawn yet"
            yield "sample", f"{sample.count:,} of the contract's releases, {drawn}"
        yield "wanted", f"{len(self.wanted):,} requests"
        yield "missing", f"{len(self.missing):,}"
        yield "log", f"entry {self.index:,}"


def read_order(
    session: Session,
    contracts: Contracts,
    message: opening_pb2.Order,
    checkpoint: str | None = None,
) -> OrderCard:
    """Return the order in a node's answer; with `checkpoint`, proven to be in the log.

    Raises:
        OrderInvalidError, ResponseInvalidError, SignatureInvalidError: a document does not hold.
        AnswerInvalidError: the parts do not belong together, or are not in the log.

    """
    contract = short(message.contract)
    terms = contracts.terms(contract)
    order = verify_order(message.order.token, terms)
    name = order_id(session.suite, message.order.token)
    if short(message.name) != b64encode(name):
        raise _wrong("the order is another one than its name says", "order")
    if key_id(session.suite, message.buyer_key) != terms.buyer:
        raise _wrong("the buyer's key is not the one that the contract names", "buyer")
    places = _Places(session, checkpoint)
    places.check(message.order, "opening.ordered")
    draw = None
    if message.draw.token:
        draw = verify_draw(message.draw.token, order, name)
        places.check(message.draw, "opening.drawn")
    responses = []
    for one in message.responses:
        found = verify_response(one.token, name, terms, message.buyer_key)
        time = places.check(one, "opening.answered")
        responses.append(Responded(one.token, found, one.index, time))
    return OrderCard(
        id=b64encode(name),
        contract=contract,
        buyer=short(message.buyer),
        buyer_key=message.buyer_key,
        order=order,
        token=message.order.token,
        index=message.order.index,
        draw=draw,
        draw_token=message.draw.token,
        responses=tuple(responses),
        releases=tuple(_release(places, one, terms, message.buyer_key) for one in message.releases),
    )


class _Places:
    """Checks where things are in the log; checks nothing where no head was given."""

    def __init__(self, session: Session, checkpoint: str | None) -> None:
        self._session = session
        self._head: Checkpoint | None = None
        if checkpoint is not None:
            self._head = verify_checkpoint(checkpoint, session.trust)
            if self._head.origin != session.profile.node.log_origin:
                raise _wrong("the order is in another log", "log")

    def check(self, logged: opening_pb2.LoggedDocument, kind: str) -> dt.datetime | None:
        """Return when the log took a document, if it is where it is said to be."""
        if self._head is None:
            return None
        leaf = decode_leaf(logged.leaf)
        digest = self._session.suite.digest(logged.token.encode())
        if leaf.get("type") != kind or leaf.get("document") != b64encode(digest):
            raise _wrong("the log names another document", "leaf")
        self.prove(logged.leaf, logged.index, list(logged.inclusion_proof))
        return parse_time(str(leaf["time"]))

    def prove(self, leaf: bytes, index: int, proof: list[bytes]) -> None:
        """Return if `leaf` is at `index` of the log."""
        if self._head is None:
            raise _wrong("a release came without the head of the log", "log")
        suite = self._session.suite
        hashed = leaf_hash(leaf, suite.hash)
        try:
            verify_inclusion(hashed, index, self._head.size, proof, self._head.root, suite.hash)
        except ProofInvalidError:
            raise _wrong("a leaf is not in the log where it is said to be", "log") from None


def _release(
    places: _Places, message: opening_pb2.OrderedRelease, terms: Terms, buyer_key: bytes
) -> Release:
    body = decode_leaf(message.leaf)
    if body.get("type") != RELEASE:
        raise _wrong("what is to be opened is no release", "releases")
    places.prove(message.leaf, message.index, list(message.inclusion_proof))
    leaf = ReleaseLeaf.from_json(body)
    if leaf.request.contract != terms.id():
        raise _wrong("a release is under another contract", "releases")
    return Release(leaf, message.index, _signed(leaf, message.certification, buyer_key))


def _signed(leaf: ReleaseLeaf, certification: str, buyer_key: bytes) -> bool | None:
    if not certification:
        return None
    try:
        latest = max(leaf.time, leaf.request.issued_at)
        instance = verify_instance(certification, buyer_key, latest)
        if instance.key_id != leaf.instance:
            return None
        suite = suite_of(leaf.suite)
        verify_request(leaf.request, leaf.signature, suite, instance.key)
    except EvidenceError:
        return False
    return True


def _wrong(message: str, clause: str) -> AnswerInvalidError:
    return AnswerInvalidError(
        message, clause=clause, remedy="stop using this node until its operator explains it"
    )
