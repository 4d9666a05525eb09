"""Consents as a hub hands them over, takes them back, and has them proven.

The hub signs on behalf of subjects without keys; others' signatures it passes on. For a proof the
node is asked about a place in its tree and not about a subject: the hub blinds the subject, checks
that the place is the subject's own, and verifies the whole before it is shown to anybody.
"""

import datetime as dt
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from unseen.client.cards import Card, Row
from unseen.client.catalog import Catalog
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.local.home import read_json, write_json
from unseen.client.session import Session
from unseen.client.subjects import Subject, subject_values
from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode, format_time
from unseen.evidence.consents.consent import (
    Consent,
    ConsentRole,
    Target,
    Withdrawal,
    read_consent,
    sign_consent,
    sign_withdrawal,
)
from unseen.evidence.consents.consent_proof import (
    ConsentProof,
    make_consent_proof,
    read_answer,
    verify_consent_proof,
)
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.consents.delegation import (
    NONCE_BYTES,
    Delegation,
    Holder,
    read_delegation,
    sign_delegation,
)
from unseen.evidence.consents.subjects import DataSubject
from unseen.evidence.errors import CanonicalError, ConsentInvalidError, DelegationInvalidError
from unseen.evidence.suite import Signer, signer_id
from unseen.evidence.verify import verify_checkpoint
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.subject import SubjectColumn, with_forms
from unseen.protocols.oprf.server import Evaluation
from unseen.protocols.smt.index import IndexProof, ask
from unseen.v1 import consent_pb2, consent_pb2_grpc

MAX_CALL = 100_000  # documents that the node takes in one call
_BATCH_BYTES = 400_000
_IMPORT_SECONDS = 600.0
_KEY_NAME = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a subject permits: `recipient` is a buyer of the trust file, or the name of its key.

    `notice` is the text that the subject was shown. Without `products` all of the table's are
    meant. `once` is for a single use, which serves verifications alone.
    """

    recipient: str
    scenario: str
    table: str
    until: dt.datetime
    notice: bytes = field(repr=False)
    products: tuple[str, ...] = ()
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusteeship:
    """Whose the public `key` is, and what its owner may consent to until `until`.

    `role` is `person`, `company` or `trustee`. The first two are for one `subject` of `table`; a
    trustee may act for all of the table. `links` is how often it may give this on. `recipients`
    (names of keys) and `scenarios` limit what it may consent to, where they are given.
    """

    key: bytes
    role: Holder
    until: dt.datetime
    table: str = ""
    subject: Subject | None = None
    links: int = 0
    recipients: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Given(Card):
    """A consent that the node has taken."""

    id: str
    root: int

    def _title(self) -> str:
        return f"Consent {self.id}"

    def _rows(self) -> Iterator[Row]:
        yield "in the tree since root", self.root


@dataclass(frozen=True, slots=True, repr=False)
class Imported(Card):
    """What became of many documents; `known` ones were there before."""

    added: int
    withdrawn: int
    known: int
    root: int

    def _title(self) -> str:
        return f"{self.added + self.withdrawn:,} documents taken"

    def _rows(self) -> Iterator[Row]:
        yield "consents", f"{self.added:,}"
        yield "withdrawals", f"{self.withdrawn:,}"
        yield "known before", f"{self.known:,}"
        yield "newest root", self.root


@dataclass(frozen=True, slots=True, repr=False)
class Registered(Card):
    """A consent as the node has it. Its signature is not checked here; a proof does that."""

    id: str
    consent: Consent
    added: int
    ended: int
    cause: str
    ended_at: str

    @property
    def in_force(self) -> bool:
        """Whether nobody has ended it; its time may be over."""
        return not self.ended

    def _title(self) -> str:
        return f"Consent {self.id}"

    def _rows(self) -> Iterator[Row]:
        consent = self.consent
        yield "to", consent.recipient
        yield "scenario", consent.scenario
        yield "of", ", ".join(consent.products) or f"table {consent.table}"
        yield "signed by", consent.role
        yield "from, until", f"{format_time(consent.given_at)}, {format_time(consent.until)}"
        yield "for one use", consent.once
        yield "in the tree since root", self.added
        if self.ended:
            yield "ended", f"{self.cause}, {self.ended_at}, not in root {self.ended}"


class Consents:
    """The consents that one hub has to do with."""

    def __init__(self, session: Session, catalog: Catalog) -> None:
        """Use `session` for the calls and `catalog` for the subject columns of tables."""
        self._session = session
        self._catalog = catalog
        self._stub = consent_pb2_grpc.ConsentServiceStub(session.channel.grpc)

    def sign(
        self,
        subject: Subject,
        permission: Permission,
        signer: Signer | None = None,
        delegation: str = "",
    ) -> str:
        """Return a signed consent; see `Client.sign_consent`."""
        key = signer or self._session.party_signer
        chain = self._chain(delegation) if delegation else ()
        role: ConsentRole = read_delegation(chain[-1]).role if chain else "hub"
        with _in_own_words():
            consent = Consent(
                suite=key.suite.id,
                subject=self.subject(permission.table, subject),
                role=role,
                by=signer_id(key),
                chain=tuple(read_delegation(link).id() for link in chain),
                recipient=self._recipient(permission.recipient),
                scenario=permission.scenario,
                table=permission.table,
                products=permission.products,
                once=permission.once,
                given_at=_now(),
                until=permission.until,
                notice=key.suite.digest(permission.notice),
                nonce=secrets.token_bytes(NONCE_BYTES),
            )
        return sign_consent(key, consent)

    def add(self, token: str) -> Given:
        """Hand one consent over."""
        request = consent_pb2.AddConsentRequest(consent=token)
        answer = self._session.call(self._stub.AddConsent, request)
        name = b64encode(read_consent(token).id())
        if answer.id != name:
            raise AnswerInvalidError("the node took another consent", clause="consent")
        return Given(name, answer.root)

    def bring(self, documents: Iterable[str], *, resume: bool = False) -> Imported:
        """Hand many consents and withdrawals over; see `Client.import_consents`."""
        found = Imported(0, 0, 0, 0)
        waiting = list(documents)
        for start in range(0, len(waiting), MAX_CALL):
            self._session.progress("handing consents over", start, len(waiting))
            answer = self._session.channel.unary(
                self._stub.ImportConsents,
                _messages(waiting[start : start + MAX_CALL], resume=resume),
                _IMPORT_SECONDS,
            )
            found = Imported(
                found.added + answer.added,
                found.withdrawn + answer.withdrawn,
                found.known + answer.known,
                answer.root,
            )
        return found

    def sign_withdrawal(
        self,
        name: str,
        target: Target = "consent",
        signer: Signer | None = None,
        *,
        consents: bool = False,
    ) -> str:
        """Return a signed withdrawal of a consent, or of a delegation."""
        key = signer or self._session.party_signer
        withdrawal = Withdrawal(
            suite=key.suite.id,
            by=signer_id(key),
            target=target,
            id=_identifier(name),
            at=_now(),
            consents=consents,
        )
        return sign_withdrawal(key, withdrawal)

    def withdraw(self, token: str) -> int:
        """Hand a withdrawal of a consent over; return the number of the newest root."""
        request = consent_pb2.WithdrawConsentRequest(withdrawal=token)
        return self._session.call(self._stub.WithdrawConsent, request).root

    def sign_delegation(self, wish: Trusteeship, signer: Signer | None = None) -> str:
        """Return a delegation signed by this hub, or by `signer`."""
        by, subject = signer or self._session.party_signer, wish.subject
        with _in_own_words():
            delegation = Delegation(
                suite=by.suite.id,
                by=signer_id(by),
                key=wish.key,
                role=wish.role,
                until=wish.until,
                nonce=secrets.token_bytes(NONCE_BYTES),
                links=wish.links,
                subject=None if subject is None else self.subject(wish.table, subject),
                recipients=wish.recipients,
                scenarios=wish.scenarios,
                tables=(wish.table,) if wish.table else (),
            )
        return sign_delegation(by, delegation)

    def delegate(self, token: str, parent: str = "") -> str:
        """Hand a delegation over, keep it in this home, and return its id."""
        request = consent_pb2.AddDelegationRequest(delegation=token, parent=parent)
        answer = self._session.call(self._stub.AddDelegation, request)
        name = b64encode(read_delegation(token).id())
        if answer.id != name:
            raise AnswerInvalidError("the node took another delegation", clause="delegation")
        kept: dict[str, Json] = {"v": 1, "type": "kept-delegation"}
        path = self._session.home.delegation(name)
        write_json(path, {**kept, "token": token, "parent": parent}, private=True)
        return name

    def withdraw_delegation(self, token: str) -> int:
        """Hand a withdrawal of a delegation over; return the number of the newest root."""
        request = consent_pb2.WithdrawDelegationRequest(withdrawal=token)
        answer = self._session.call(self._stub.WithdrawDelegation, request, _IMPORT_SECONDS)
        return answer.root

    def of(self, table: str, subject: Subject) -> list[Registered]:
        """Return every consent that was ever registered of a subject."""
        index, _ = self._index(self.subject(table, subject))
        request = consent_pb2.ListConsentsRequest(index=index)
        found = self._session.call(self._stub.ListConsents, request).consents
        return [_registered(each) for each in found]

    def prove(
        self, table: str, subject: Subject, about: consent_pb2.ProveConsentRequest
    ) -> tuple[dict[str, Json], ConsentProof]:
        """Return a proof of a subject's consents, verified; see `Client.prove_consent`."""
        session, named = self._session, self.subject(table, subject)
        index, shown = self._index(named)
        about.index = index
        answer = session.call(self._stub.ProveConsent, about).answer
        bundle = make_consent_proof(named, shown, answer)
        proof = verify_consent_proof(bundle, session.trust)
        note = read_answer(answer).checkpoint
        head = verify_checkpoint(note, session.trust)
        session.channel.follower.require(head.size, head.root, note)
        return bundle, proof

    def roots(self, after: int = 0) -> Iterator[tuple[int, ConsentRoot]]:
        """Yield the index of each root's leaf, and the root, in order."""
        while True:
            request = consent_pb2.ListConsentRootsRequest(after=after)
            page = self._session.call(self._stub.ListConsentRoots, request).roots
            for each in page:
                root = ConsentRoot.from_json(canonical.decode(each.document))
                if root.number != after + 1:
                    raise AnswerInvalidError("a root of consents is missing", clause="roots")
                after = root.number
                yield each.leaf_index, root
            if not page:
                return

    def subject(self, table: str, subject: Subject) -> DataSubject:
        """Return a subject of a table with the table's columns."""
        columns = self.columns(table)
        return DataSubject(columns, subject_values(columns, subject))

    def columns(self, table: str) -> tuple[SubjectColumn, ...]:
        """Return the subject columns of a table, as it writes their values.

        Raises:
            InputInvalidError: nothing is offered over a table of this name.

        """
        for product in self._catalog.products():
            if product.table == table:
                return with_forms(product.subject, {})
        raise InputInvalidError(
            f"nothing is offered over a table {table!r}",
            clause="consent.table",
            remedy="see: unseen product list",
        )

    def _index(self, subject: DataSubject) -> tuple[bytes, IndexProof]:
        asked = ask(subject.data(), secrets.token_bytes)
        request = consent_pb2.EvaluateSubjectsRequest(blinded=[asked.element])
        answer = self._session.call(self._stub.EvaluateSubjects, request)
        evaluation = Evaluation(tuple(answer.evaluated), answer.proof)
        return asked.finish(answer.public_key, evaluation)

    def _recipient(self, text: str) -> str:
        parties = self._session.trust.parties.values()
        named = [party.key_id for party in parties if party.name == text]
        if len(named) == 1:
            return named[0]
        if len(text) != _KEY_NAME:
            raise InputInvalidError(
                "the recipient is neither a party of parties.json nor the name of a key",
                clause="consent.recipient",
                remedy="see the keys, compare, accept: unseen audit keys",
            )
        return text

    def _chain(self, last: str) -> tuple[str, ...]:
        found: list[str] = []
        while last:
            path = self._session.home.delegation(last)
            kept = read_json(path) if path.exists() else {}
            token, parent = kept.get("token"), kept.get("parent")
            if not isinstance(token, str) or not isinstance(parent, str):
                raise HomeError(
                    "this home has not handed that delegation over",
                    clause="delegation",
                    remedy="use the home that did, or hand over: unseen consent delegate",
                )
            found.append(token)
            last = parent
        return tuple(reversed(found))


def _messages(
    documents: Sequence[str], *, resume: bool
) -> Iterator[consent_pb2.ImportConsentsRequest]:
    batch: list[str] = []
    size = 0
    for document in documents:
        if batch and size + len(document) > _BATCH_BYTES:
            yield consent_pb2.ImportConsentsRequest(documents=batch, resume=resume)
            batch, size = [], 0
        batch.append(document)
        size += len(document)
    yield consent_pb2.ImportConsentsRequest(documents=batch, resume=resume)


def _registered(message: consent_pb2.RegisteredConsent) -> Registered:
    consent = read_consent(message.consent)
    if b64encode(consent.id()) != message.id:
        raise AnswerInvalidError("a consent is not the one of its id", clause="consent")
    return Registered(
        message.id, consent, message.added, message.ended, message.cause, message.ended_at
    )


@contextmanager
def _in_own_words() -> Iterator[None]:
    """Say of a document that cannot be made that it was wished for wrongly, not that it lies."""
    try:
        yield
    except (ConsentInvalidError, DelegationInvalidError) as error:
        raise InputInvalidError(
            str(error), clause=error.clause, remedy="see the options: unseen consent --help"
        ) from None


def _identifier(text: str) -> bytes:
    try:
        return b64decode(text)
    except CanonicalError:
        raise InputInvalidError(
            "not an id: 43 letters, digits, - and _",
            clause="id",
            remedy="see: unseen consent show TABLE SUBJECT",
        ) from None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
