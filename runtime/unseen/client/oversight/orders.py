"""Orders of openings: a regulator gives them, a buyer's home answers them.

What is opened is sealed here to the key of the order (RFC 9180), part by part, before it goes to
the node, which learns sizes that follow from the request alone. The regulator's private keys and
salts lie in its home, one folder an order, written before the order is sent.
"""

import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from unseen.client.agreements.contracts import Contracts, resource
from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError, ClientError, HomeError
from unseen.client.local.home import read_file, write_file
from unseen.client.local.state import Opening
from unseen.client.oversight import envelope
from unseen.client.oversight.ids import find_id
from unseen.client.oversight.openings import Hidden, Openings
from unseen.client.oversight.ordered import OrderCard, read_order
from unseen.client.session import Session
from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import EvidenceError, OrderInvalidError
from unseen.evidence.log import RELEASE, decode_leaf
from unseen.evidence.oversight.batch import make_batch_opening, verify_batch_opening
from unseen.evidence.oversight.order import (
    SALT_BYTES,
    Draw,
    Order,
    Sample,
    check_draw,
    commit_salt,
    draw,
    order_id,
    sign_draw,
    sign_order,
    verify_order,
)
from unseen.evidence.oversight.response import (
    Parts,
    Response,
    item_bytes,
    items_per_part,
    pad,
    seal_info,
    sign_response,
)
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import PeerError
from unseen.protocols.tlog import Frontier, leaf_hash
from unseen.v1 import log_pb2, log_pb2_grpc, opening_pb2, opening_pb2_grpc

_PAGE = 500
_LONG_SECONDS = 120.0


@dataclass(frozen=True, slots=True, repr=False)
class Answered(Card):
    """What this home said to an order.

    `opened` requests went to the regulator, `unknown` ones this home did not make, `lost` ones it
    made and got no answer to. `failed` could not be opened here, for the reason beside them, and
    nothing was said about them: mend it and answer again.
    """

    order: str
    opened: tuple[str, ...]
    unknown: tuple[str, ...]
    lost: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]

    def _title(self) -> str:
        return f"Answer to order {self.order}"

    def _rows(self) -> Iterator[Row]:
        yield "opened", f"{len(self.opened):,} requests"
        yield "not made by this home", f"{len(self.unknown):,}"
        if self.lost:
            yield "made, and never answered", self.lost
        for request, why in self.failed:
            yield "failed", f"{request}: {why}"


class Orders:
    """The orders of one client home, from either side."""

    def __init__(self, session: Session, contracts: Contracts, openings: Openings) -> None:
        """Use `openings` for what this home can open."""
        self._session = session
        self._contracts = contracts
        self._openings = openings
        self._stub = opening_pb2_grpc.OpeningServiceStub(session.channel.grpc)
        self._log = log_pb2_grpc.LogServiceStub(session.channel.grpc)

    def order(
        self,
        contract: str,
        requests: Sequence[str],
        sample: int,
        reason: str,
        notice: dt.timedelta,
    ) -> OrderCard:
        """Give an order; see `Client.order_openings`."""
        session, named = self._session, self._contracts.terms(contract).regulator
        if named != session.profile.key_id:
            raise OrderInvalidError(
                "the contract names another party as its regulator"
                if named
                else "the contract names no regulator: it agrees to no openings",
                clause="regulator",
                remedy="run it in the home of the regulator: unseen contract show ID names the key"
                if named
                else "ask for a contract with openings: unseen contract request --openings",
            )
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        asked = partial(
            Order,
            suite=session.suite.id,
            contract=self._contracts.terms(contract).id(),
            key=session.party_signer.public_key,
            reason=reason,
            issued_at=now,
            deadline=now + notice,
            requests=tuple(requests),
            seal=envelope.SCHEME,
        )
        name, private, salt, token = self._drawn(asked, sample)
        verify_order(token, self._contracts.terms(contract))
        for what, data in (("seal", private), ("salt", salt), ("order", token.encode())):
            write_file(session.home.order(name, what), data, private=True)
        request = opening_pb2.SubmitOrderRequest(contract=resource(contract), order=token)
        card = self._read(session.call(self._stub.SubmitOrder, request).order, name)
        return self.draw(name) if sample else card

    def _drawn(self, asked: Callable[..., Order], sample: int) -> tuple[str, bytes, bytes, str]:
        """Return an order's id, private key, salt and signed form.

        An id that begins with a dash, which a shell's option does, is drawn anew.
        """
        session = self._session
        while True:
            private, salt = secrets.token_bytes(32), secrets.token_bytes(SALT_BYTES)
            drawn = (
                Sample(count=sample, commitment=commit_salt(session.suite, salt))
                if sample
                else None
            )
            order = asked(sample=drawn, seal_key=envelope.public_key(private))
            token = sign_order(session.party_signer, order)
            name = b64encode(order_id(session.suite, token))
            if not name.startswith("-"):
                return name, private, salt, token

    def draw(self, order: str) -> OrderCard:
        """Draw the sample of an order given from this home; see `Client.draw_sample`."""
        session = self._session
        card, message = self._get(order)
        if card.order.sample is None:
            raise HomeError("the order names its requests", clause="order")
        if card.draw is not None:
            return card
        note = message.order_checkpoint
        head = verify_checkpoint(note, session.trust)
        if head.size != card.index + 1:
            raise AnswerInvalidError("the head is not the one after the order", clause="log")
        session.channel.follower.accept(None, note, b"")
        session.channel.link()
        population = self._population(card, head.root)
        salt = read_file(session.home.order(order, "salt"))
        suite, name = session.suite, order_id(session.suite, card.token)
        found = Draw(
            suite=suite.id,
            order=name,
            salt=salt,
            size=head.size,
            root=head.root,
            requests=draw(name, salt, head.root, population, card.order.sample.count, suite),
        )
        check_draw(found, card.order.sample.count, population)
        token = sign_draw(session.party_signer, found)
        request = opening_pb2.DrawSampleRequest(name=f"orders/{order}", draw=token)
        return self._read(session.call(self._stub.DrawSample, request).order, order)

    def all(self, contract: str | None) -> list[OrderCard]:
        """Return the orders that this party may see; see `Client.orders`."""
        found: list[OrderCard] = []
        token = ""
        while True:
            request = opening_pb2.ListOrdersRequest(
                contract=resource(contract) if contract else "", page_token=token
            )
            answer = self._session.call(self._stub.ListOrders, request)
            found += [read_order(self._session, self._contracts, one) for one in answer.orders]
            if not answer.orders or answer.next_page_token in ("", token):
                return found
            token = answer.next_page_token

    def get(self, order: str) -> OrderCard:
        """Return one order with its releases, all proven to be in the log."""
        return self._get(order)[0]

    def waiting(self) -> list[OrderCard]:
        """Return the orders that wait for this home."""
        return [card for card in self.all(None) if self._due(card)]

    def answer(self, order: str) -> Answered:
        """Open what an order wants of this home; see `Client.answer_order`."""
        card = self.get(order)
        opened: list[Parts] = []
        unknown: list[str] = []
        lost: list[str] = []
        failed: list[tuple[str, str]] = []
        due = self._due(card)
        for number, request in enumerate(due):
            self._session.progress("opening", number, len(due))
            written = self._session.state.request(request)
            if written is None:
                unknown.append(request)
                continue
            if written.state == "lost":
                lost.append(request)
                continue
            try:
                opened.append(Parts(request, tuple(self._hand_over(card, request))))
            except (ClientError, EvidenceError, PeerError) as error:
                failed.append((request, str(error)))
        if opened or unknown or lost:
            self._respond(card, opened, unknown, lost)
        return Answered(
            order=card.id,
            opened=tuple(parts.request for parts in opened),
            unknown=tuple(unknown),
            lost=tuple(lost),
            failed=tuple(failed),
        )

    def kept_id(self, text: str) -> str:
        """Return the id of the one fetched order that begins with `text`; asks nobody.

        Raises:
            InputInvalidError: none does, or more than one.

        """
        return find_order((path.parent.name for path in self._session.home.answers()), text)

    def kept(self, order: str) -> OrderCard:
        """Return an order as it was fetched last, verified again; asks nobody."""
        data = read_file(self._session.home.order(order, "answer"))
        answer = opening_pb2.GetOrderResponse.FromString(data)
        return read_order(self._session, self._contracts, answer.order, answer.checkpoint)

    def private_key(self, order: str) -> bytes:
        """Return the key that opens the answers to an order given from this home.

        Raises:
            HomeError: the order was given from another home.

        """
        path = self._session.home.order(order, "seal")
        if not path.exists():
            raise HomeError(
                "this home did not give the order and cannot open the answers",
                clause="order",
                remedy="run it in the home that gave the order",
            )
        return read_file(path)

    def part(self, card: OrderCard, instance: str, place: tuple[str, int]) -> bytes:
        """Return one encrypted part, fetched if it is not here yet."""
        request, number = place
        path = self._session.home.order(card.id, f"{instance}-{request}-{number}")
        if not path.exists():
            message = opening_pb2.FetchPartRequest(
                name=f"orders/{card.id}", instance=instance, request=request, number=number
            )
            answer = self._session.call(self._stub.FetchPart, message, _LONG_SECONDS)
            write_file(path, answer.ciphertext, private=True, durable=False)
        return read_file(path)

    def _due(self, card: OrderCard) -> list[str]:
        """Return the requests that nobody has opened and this home has said nothing about."""
        own = self._session.instance_key_id
        said = {
            request
            for one in card.responses
            if one.found.instance.key_id == own
            for request in one.found.response.requests
        }
        return [request for request in card.missing if request not in said]

    def _hand_over(self, card: OrderCard, request: str) -> Iterator[bytes]:
        """Store every part of a request's opening at the node; yield the parts' hashes."""
        bundles = list(self._bundles(self._openings.answered(request)))
        name = order_id(self._session.suite, card.token)
        for number, padded in enumerate(bundles):
            info = seal_info(name, request, number, len(bundles))
            sealed = envelope.seal(card.order.seal, card.order.seal_key, info, padded)
            message = opening_pb2.PutPartRequest(
                name=f"orders/{card.id}", request=request, number=number, ciphertext=sealed
            )
            self._session.call(self._stub.PutPart, message, _LONG_SECONDS)
            yield self._session.suite.digest(sealed)

    def _bundles(self, opening: Opening) -> Iterator[bytes]:
        """Yield the padded bundles that open a request: each was verified as it will be read."""
        if opening.kind == "verify":
            yield pad(canonical.encode(self._openings.clear(opening)), 1, 1)
            return
        hidden: Hidden = self._openings.hidden(opening)
        plan = self._contracts.plan(opening.contract)
        size, points = item_bytes(plan), plan.evaluations
        each = items_per_part(hidden.size, size, points)
        for start in range(0, hidden.size, each):
            items = [hidden.item(at) for at in range(start, min(start + each, hidden.size))]
            bundle = make_batch_opening(hidden.batch, items)
            verify_batch_opening(bundle, self._session.trust)
            yield pad(canonical.encode(bundle), hidden.size, len(items), size, points)

    def _respond(
        self, card: OrderCard, opened: list[Parts], unknown: list[str], lost: list[str]
    ) -> None:
        session = self._session
        certification = read_file(session.home.instance(session.profile.instance)).decode()
        response = Response(
            suite=session.suite.id,
            order=order_id(session.suite, card.token),
            certification=certification,
            issued_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
            opened=tuple(opened),
            unknown=tuple(unknown),
            lost=tuple(lost),
        )
        token = sign_response(session.instance_signer, response)
        request = opening_pb2.RespondOrderRequest(name=f"orders/{card.id}", response=token)
        self._read(session.call(self._stub.RespondOrder, request).order, card.id)

    def _population(self, card: OrderCard, root: bytes) -> list[str]:
        """Return the contract's releases before the order, from the whole log up to it."""
        suite, found, tree = self._session.suite, [], Frontier(self._session.suite.hash)
        index, total = 0, card.index + 1
        while index < total:
            request = log_pb2.ListLeavesRequest(start=index, page_size=min(_PAGE, total - index))
            leaves = self._session.call(self._log.ListLeaves, request).leaves
            if not leaves:
                raise AnswerInvalidError("the log ends before the order", clause="log")
            for data in leaves:
                tree.append(leaf_hash(data, suite.hash))
                request_id = _request_under(data, card.contract) if index < card.index else None
                if request_id is not None:
                    found.append(request_id)
                index += 1
            self._session.progress("reading the log", index, total)
        if tree.root() != root:
            raise AnswerInvalidError(
                "the leaves that the node shows are not those under its signed head",
                clause="log",
                remedy="stop using this node until its operator explains it",
            )
        return found

    def _get(self, order: str) -> tuple[OrderCard, opening_pb2.Order]:
        request = opening_pb2.GetOrderRequest(name=f"orders/{order}")
        answer = self._session.call(self._stub.GetOrder, request)
        card = read_order(self._session, self._contracts, answer.order, answer.checkpoint)
        if card.id != order:
            raise AnswerInvalidError("the node shows another order", clause="order")
        head = verify_checkpoint(answer.checkpoint, self._session.trust)
        self._session.channel.follower.require(head.size, head.root, answer.checkpoint)
        path = self._session.home.order(order, "answer")
        write_file(path, answer.SerializeToString(), private=True)
        return card, answer.order

    def _read(self, message: opening_pb2.Order, expected: str) -> OrderCard:
        card = read_order(self._session, self._contracts, message)
        if card.id != expected:
            raise AnswerInvalidError("the node shows another order", clause="order")
        return card


def find_order(known: Iterable[str], text: str) -> str:
    """Return the id of the one order that begins with `text`; errors as `find_id`."""
    return find_id(known, text, "order", "unseen audit orders")


def _request_under(data: bytes, contract: str) -> str | None:
    """Return the id of the request that a leaf releases under `contract`, if it does."""
    leaf = decode_leaf(data)
    request = leaf.get("request")
    if leaf.get("type") != RELEASE or not isinstance(request, dict):
        return None
    return str(request["request"]) if request.get("contract") == contract else None
