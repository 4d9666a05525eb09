"""Objections: opened, answered and closed from a party's home, and what they take off the bill.

Documents are signed with the party's own key. What the node shows is checked as the other side
would check it, and every document that was seen is kept here: an answer that the node has shown
once still counts for the bill if it is not shown again.
"""

import datetime as dt
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unseen.client.agreements.billing import money
from unseen.client.agreements.contracts import Contracts, contract_bytes, resource
from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError
from unseen.client.local.home import read_json, write_json
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.canonical import Json, b64decode, b64encode, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import ReceiptInvalidError
from unseen.evidence.oversight.objection import (
    NONCE_BYTES,
    Answered,
    Closed,
    Correction,
    Credit,
    Opened,
    commit_words,
    objection_id,
    sign_document,
)
from unseen.evidence.oversight.objections import Objection, Status, credits_of, follow
from unseen.evidence.suite import key_id
from unseen.evidence.verify import verify_receipt
from unseen.v1 import objection_pb2, objection_pb2_grpc


@dataclass(frozen=True, slots=True, repr=False)
class ObjectionCard(Card):
    """An objection whose documents were verified. Words are empty for who may not read them."""

    id: str
    contract: str
    by: str
    status: Status
    opened: Opened
    answered: Answered | None
    closed: Closed | None
    words: str
    answer_words: str

    def _title(self) -> str:
        return f"Objection {self.id}"

    def _rows(self) -> Iterator[Row]:
        yield "status", self.status.value
        yield "contract", self.contract
        yield "opened by", f"{self.by} ({self.opened.role})"
        yield "about", f"request {self.opened.request}" if self.opened.request else "the contract"
        yield "reason", self.opened.reason
        yield "opened at", format_time(self.opened.opened_at)
        if self.words:
            yield "words", self.words
        if self.answered is not None:
            yield "answered", format_time(self.answered.answered_at)
            credit, correction = self.answered.credit, self.answered.correction
            if credit is not None:
                yield (
                    "credit",
                    f"{credit.units:,} units, {money(credit.amount)} in the contract's currency",
                )
            if correction is not None:
                epoch = f", epoch {correction.epoch}" if correction.epoch else ""
                yield "corrected in", f"snapshot {b64encode(correction.snapshot)}{epoch}"
        if self.answer_words:
            yield "answer says", self.answer_words
        if self.closed is not None:
            yield "closed", format_time(self.closed.closed_at)


class Objections:
    """The objections of one client home."""

    def __init__(self, session: Session, contracts: Contracts) -> None:
        """Use `contracts` for the terms."""
        self._session = session
        self._contracts = contracts
        self._stub = objection_pb2_grpc.ObjectionServiceStub(session.channel.grpc)

    def open(self, contract: str, request: str, reason: str, text: str) -> ObjectionCard:
        """Object; see `Client.open_objection`."""
        session, nonce = self._session, secrets.token_bytes(NONCE_BYTES)
        document = Opened(
            suite=session.suite.id,
            contract=contract_bytes(contract),
            by=session.profile.key_id,
            role=session.profile.role,
            request=request,
            reason=reason,
            words=commit_words(session.suite, nonce, text),
            opened_at=_now(),
            nonce=secrets.token_bytes(16),
        )
        token = sign_document(session.party_signer, document)
        message = objection_pb2.OpenObjectionRequest(
            contract=resource(contract),
            opened=token,
            words=objection_pb2.Words(text=text, nonce=nonce),
        )
        answer = session.call(self._stub.OpenObjection, message).objection
        return self._read(answer, b64encode(objection_id(session.suite, token)))

    def answer(
        self,
        objection: str,
        text: str,
        *,
        accepted: bool,
        credit: Credit | None,
        correction: Correction | None,
    ) -> ObjectionCard:
        """Answer an objection of the other side; see `Client.answer_objection`."""
        session, nonce = self._session, secrets.token_bytes(NONCE_BYTES)
        known = self.get(objection)
        document = Answered(
            suite=known.opened.suite,
            objection=b64decode(objection),
            by=session.profile.key_id,
            accepted=accepted,
            credit=credit,
            correction=correction,
            words=commit_words(session.suite, nonce, text),
            answered_at=_now(),
        )
        message = objection_pb2.AnswerObjectionRequest(
            name=f"objections/{objection}",
            answered=sign_document(session.party_signer, document),
            words=objection_pb2.Words(text=text, nonce=nonce),
        )
        return self._read(session.call(self._stub.AnswerObjection, message).objection, objection)

    def close(self, objection: str, *, agreed: bool) -> ObjectionCard:
        """Close an objection of one's own; see `Client.close_objection`."""
        known = self.get(objection)
        document = Closed(
            suite=known.opened.suite,
            objection=b64decode(objection),
            by=self._session.profile.key_id,
            agreed=agreed,
            closed_at=_now(),
        )
        token = sign_document(self._session.party_signer, document)
        message = objection_pb2.CloseObjectionRequest(name=f"objections/{objection}", closed=token)
        answer = self._session.call(self._stub.CloseObjection, message).objection
        return self._read(answer, objection)

    def all(self, contract: str | None) -> "list[ObjectionCard]":
        """Return the objections that this party may see, oldest first."""
        found, token = [], ""
        while True:
            request = objection_pb2.ListObjectionsRequest(
                contract=resource(contract) if contract else "", page_token=token
            )
            answer = self._session.call(self._stub.ListObjections, request)
            found += [self._read(one, None) for one in answer.objections]
            if answer.next_page_token <= token:  # a page never leads back
                return sorted(found, key=lambda one: (one.opened.opened_at, one.id))
            token = answer.next_page_token

    def get(self, objection: str) -> ObjectionCard:
        """Return an objection, with the words where this party may read them."""
        request = objection_pb2.GetObjectionRequest(name=f"objections/{objection}")
        answer = self._session.call(self._stub.GetObjection, request)
        return self._read(answer.objection, objection)

    def credit(self, contract: str, *, offline: bool = False) -> Credit | None:
        """Return what the operator credits under a contract, from all documents ever seen here.

        `offline` does not ask the node for further ones.

        Raises:
            ObjectionInvalidError: one side has signed documents that contradict each other.

        """
        if not offline:
            self.all(contract)
        tokens: list[str] = []
        keys: dict[str, bytes] = {}
        for path in sorted(self._session.home.objections().glob("*.json")):
            kept = read_json(path)
            if kept.get("contract") != contract or kept.get("role") == "hub":
                continue
            tokens += _texts(kept, "tokens")
            for text in _texts(kept, "keys"):
                key = b64decode(text)
                keys[key_id(self._session.suite, key)] = key
        return credits_of(self._contracts.terms(contract), tokens, keys)

    def receipted(self, token: str) -> tuple[str, str]:
        """Return contract and request of a receipt that this party may object over.

        Raises:
            ReceiptInvalidError: it is somebody else's.
            EvidenceError: it does not verify.

        """
        facts = verify_receipt(token, self._session.trust)
        if (
            self._session.profile.role == "buyer"
            and facts.buyer_key != self._session.profile.key_id
        ):
            raise ReceiptInvalidError(
                "receipt: it is another buyer's",
                clause="buyer",
                remedy="object over a receipt of your own: unseen receipt list",
            )
        return b64encode(facts.contract), facts.request

    def _read(self, message: objection_pb2.Objection, expected: str | None) -> ObjectionCard:
        suite, contract = self._session.suite, short(message.contract)
        terms = Terms.decode(message.terms)
        if b64encode(terms.id()) != contract:
            raise AnswerInvalidError("the terms are another contract's", clause="terms")
        keys = {key_id(suite, key): key for key in (message.opener_key, message.other_key)}
        tokens = [one for one in (message.opened, message.answered, message.closed) if one]
        (found,) = follow(tokens, terms, keys)
        name = b64encode(found.id)
        if expected not in {None, name} or short(message.name) != name:
            raise AnswerInvalidError("the node shows another objection", clause="objection")
        self._keep(message, found, contract)
        return ObjectionCard(
            id=name,
            contract=contract,
            by=short(message.by),
            status=found.status,
            opened=found.opened,
            answered=found.answered,
            closed=found.closed,
            words=self._words(message.opened_words, found.opened.words),
            answer_words=self._words(
                message.answered_words, found.answered.words if found.answered else b""
            ),
        )

    def _words(self, said: objection_pb2.Words, committed: bytes) -> str:
        if not said.text:
            return ""
        if len(said.nonce) != NONCE_BYTES or committed != commit_words(
            self._session.suite, said.nonce, said.text
        ):
            raise AnswerInvalidError("the words are others than were signed", clause="words")
        return said.text

    def _keep(self, message: objection_pb2.Objection, found: Objection, contract: str) -> None:
        path = self._session.home.objections() / f"{b64encode(found.id)}.json"
        known = read_json(path) if path.exists() else {}
        tokens = [one for one in (message.opened, message.answered, message.closed) if one]
        keys = [b64encode(key) for key in (message.opener_key, message.other_key)]
        # What contradicts what was seen before joins it, so that both are there to be shown.
        value: dict[str, Json] = {
            "contract": contract,
            "role": found.opened.role,
            "tokens": list(dict.fromkeys([*_texts(known, "tokens"), *tokens])),
            "keys": list(dict.fromkeys([*_texts(known, "keys"), *keys])),
        }
        if value != known:
            write_json(path, value, private=True)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def _texts(kept: Mapping[str, Json], name: str) -> list[str]:
    """Return the texts that a kept objection lists under `name`."""
    found = kept.get(name, [])
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
