"""What a regulator gets to see: the responses to its order, decrypted and checked offline.

Each opening is checked as any third party would (`evidence.oversight.batch`, `.clear`), against
the release that the log holds and the order names. What was not opened is listed with the party,
the request and the entry of the log that shows that it was asked.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from unseen.client.cards import Card, Row
from unseen.client.oversight import envelope
from unseen.client.oversight.ordered import OrderCard, Release, Responded
from unseen.client.oversight.orders import Orders
from unseen.client.session import Session
from unseen.client.verdicts import answer_of
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.errors import EvidenceError, OpeningInvalidError
from unseen.evidence.oversight.batch import TYPE, verify_batch_opening
from unseen.evidence.oversight.clear import OpenedClear, verify_clear_opening
from unseen.evidence.oversight.opening import Opened
from unseen.evidence.oversight.order import order_id
from unseen.evidence.oversight.response import Parts, seal_info, unpad
from unseen.evidence.trust import Trust, TrustedParty
from unseen.protocols.errors import PeerError

Shown: TypeAlias = Opened | OpenedClear


class Outcome(Enum):
    """What became of one request that an order wants opened."""

    OPENED = "opened"
    INVALID = "invalid"  # answered with something that does not hold
    DENIED = "denied"  # by the very instance whose signature the log holds
    UNKNOWN = "unknown"  # another home of the buyer did not make it; the one that did is silent
    LOST = "lost"  # its home never got the answer
    WAITING = "waiting"  # nobody has answered, and there is still time
    MISSING = "missing"  # nobody has answered, and the deadline has passed


@dataclass(frozen=True, slots=True)
class Finding:
    """One request of an order: what became of it, who said so, and where the log has both.

    `release` is the release's entry of the log, `response` that of the response, if there is one.
    `late` says that it came after the deadline. `shown` holds subjects and answers.
    """

    request: str
    outcome: Outcome
    party: str
    instance: str
    release: int
    response: int | None
    late: bool
    why: str
    shown: tuple[Shown, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Json]:
        """Return the finding with its subjects."""
        return {
            "request": self.request,
            "outcome": self.outcome.value,
            "party": self.party,
            "instance": self.instance,
            "release": self.release,
            "response": self.response,
            "late": self.late,
            "why": self.why,
            "opened": [_shown_json(one) for one in self.shown],
        }


@dataclass(frozen=True, slots=True, repr=False)
class OpenedOrder(Card):
    """Everything that an order brought to light so far."""

    card: OrderCard
    findings: tuple[Finding, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many requests came to `outcome`."""
        return sum(one.outcome is outcome for one in self.findings)

    def _title(self) -> str:
        return f"Opened on order {self.card.id}"

    def _rows(self) -> Iterator[Row]:
        yield "contract", self.card.contract
        yield "buyer", self.card.buyer
        for outcome in Outcome:
            if self.count(outcome):
                yield outcome.value, f"{self.count(outcome):,} requests"
        yield "late", f"{sum(one.late for one in self.findings):,}"

    def to_json(self) -> dict[str, Json]:
        """Return the findings, with subjects."""
        return {
            "order": self.card.id,
            "contract": self.card.contract,
            "buyer": self.card.buyer,
            "findings": [one.to_json() for one in self.findings],
        }


class Opener:
    """Opens the answers to one home's orders."""

    def __init__(self, session: Session, orders: Orders) -> None:
        """Use `orders` to fetch what is not here yet."""
        self._session = session
        self._orders = orders

    def open(self, order: str, *, offline: bool) -> OpenedOrder:
        """Return what an order brought to light; see `Client.open_order`."""
        card = self._orders.kept(order) if offline else self._orders.get(order)
        private = self._orders.private_key(order)
        trust = self._trust(card)
        now = dt.datetime.now(dt.UTC)
        by_request = {one.leaf.request.request: one for one in card.releases}
        reading = _Reading(self._orders, self._session, card, private, trust)
        findings = []
        for number, request in enumerate(card.wanted):
            self._session.progress("checking openings", number, len(card.wanted))
            findings.append(_finding(reading, by_request[request], now))
        return OpenedOrder(card, tuple(findings))

    def _trust(self, card: OrderCard) -> Trust:
        """Return this home's trust, and the buyer of the contract, whose key the terms name."""
        known = self._session.trust
        if any(party.key == card.buyer_key for party in known.parties.values()):
            return known
        buyer = TrustedParty(card.buyer, "buyer", self._session.suite.id, card.buyer_key)
        return Trust.of([*known.parties.values(), buyer], known.logs.items())


@dataclass(frozen=True, slots=True)
class _Reading:
    """What reading one order's responses takes."""

    orders: Orders
    session: Session
    card: OrderCard
    private: bytes = field(repr=False)
    trust: Trust = field(repr=False)

    def opened(self, responded: Responded, parts: Parts, release: Release) -> tuple[Shown, ...]:
        """Return every subject of a request, from the parts that an instance handed over.

        Raises:
            EvidenceError, PeerError: something does not hold, or is left out.

        """
        shown: list[Shown] = []
        size = 1
        for number, digest in enumerate(parts.digests):
            bundle = self._bundle(responded, parts, number, digest)
            if isinstance(bundle, dict) and bundle.get("type") == TYPE:
                batch = verify_batch_opening(bundle, self.trust)
                size = batch.size
                shown.extend(batch.items)
            else:
                shown.append(verify_clear_opening(bundle, self.trust))
        for one in shown:
            if one.receipt.leaf != release.leaf:
                raise OpeningInvalidError("opening: it is of another release", clause="request")
        places = [one.position for one in shown if isinstance(one, Opened)]
        if len(shown) != size or len(set(places)) != len(places):
            raise OpeningInvalidError(
                f"opening: {len(set(places))} of {size} subjects are opened", clause="items"
            )
        return tuple(shown)

    def _bundle(self, responded: Responded, parts: Parts, number: int, digest: bytes) -> Json:
        instance = responded.found.instance.key_id
        sealed = self.orders.part(self.card, instance, (parts.request, number))
        suite = self.session.suite
        if suite.digest(sealed) != digest:
            raise OpeningInvalidError(
                "opening: a part is another one than the instance signed", clause="parts"
            )
        name = order_id(suite, self.card.token)
        info = seal_info(name, parts.request, number, len(parts.digests))
        text = envelope.unseal(self.card.order.seal, self.private, info, sealed)
        return canonical.decode(unpad(text))


def _finding(reading: _Reading, release: Release, now: dt.datetime) -> Finding:
    """Return what became of one request: the first response that opens it, or why none does."""
    card, request = reading.card, release.leaf.request.request
    said: list[tuple[Responded, Outcome, str]] = []
    for one in card.responses:
        response = one.found.response
        parts = next((parts for parts in response.opened if parts.request == request), None)
        if parts is not None:
            try:
                shown = reading.opened(one, parts, release)
            except (EvidenceError, PeerError) as error:
                said.append((one, Outcome.INVALID, str(error)))
                continue
            return _made(card, release, one, Outcome.OPENED, "", shown)
        if request in response.unknown:
            said.append(_unknown(one, release))
        elif request in response.lost:
            said.append((one, Outcome.LOST, "its home says that it never got the answer"))
    order = (Outcome.INVALID, Outcome.DENIED, Outcome.LOST)
    for outcome in order:
        for one, found, why in said:
            if found is outcome:
                return _made(card, release, one, outcome, why, ())
    late = now > card.order.deadline
    why = "no answer by its deadline" if late else "no answer yet"
    if said:
        why += f"; {said[0][2]}"
    outcome = Outcome.MISSING if late else (Outcome.UNKNOWN if said else Outcome.WAITING)
    return _made(card, release, None, outcome, why, ())


def _unknown(one: Responded, release: Release) -> tuple[Responded, Outcome, str]:
    if one.found.instance.key_id != release.leaf.instance:
        return one, Outcome.UNKNOWN, f"instance {one.instance} says that it did not make it"
    proof = {
        True: "its signature over the request stands",
        False: "a signature that does not verify stands",
        None: "a signature by its key's name stands",
    }[release.signed]
    why = f"instance {one.instance} denies it; {proof} in entry {release.index} of the log"
    return one, Outcome.DENIED, why


def _made(
    card: OrderCard,
    release: Release,
    responded: Responded | None,
    outcome: Outcome,
    why: str,
    shown: tuple[Shown, ...],
) -> Finding:
    late = bool(responded and responded.time and responded.time > card.order.deadline)
    return Finding(
        request=release.leaf.request.request,
        outcome=outcome,
        party=card.buyer,
        instance=responded.instance if responded else release.leaf.instance,
        release=release.index,
        response=responded.index if responded else None,
        late=late,
        why=why,
        shown=shown,
    )


def _shown_json(shown: Shown) -> dict[str, Json]:
    matched = isinstance(shown, Opened) and bool(shown.manifest.match)
    matched = matched or (shown.plan is not None and bool(shown.plan.match))
    texts = {output.name: output.text for output in shown.plan.outputs} if shown.plan else {}
    return {
        "subject": [str(value) for value in shown.subject],
        "answers": {
            name: answer_of(verdict, matched=matched).value
            for name, verdict in shown.verdicts.items()
        },
        "outputs": dict(texts),
    }
