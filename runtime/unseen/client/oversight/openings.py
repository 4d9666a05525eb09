"""Openings of what this home asked: to a third party by choice, or to a regulator on its order.

Everything comes from this home: the request as it was sent, the subjects and blinds sealed in
its state, the answer, and, for a hidden lookup, the table of that epoch. Every bundle is verified
here as its reader will verify it before it is handed out.

What is opened is no longer hidden from whoever gets the bundle.
"""

from unseen.client.agreements.contracts import Contracts, resource
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.evidence import Evidence
from unseen.client.local.home import read_file
from unseen.client.local.state import Opening
from unseen.client.parties import Parties
from unseen.client.queries.epochs import Epoch, Epochs
from unseen.client.queries.hidden import Kept, Shown, seeds_of
from unseen.client.queries.lookups import read_secret
from unseen.client.queries.questions import KIND as STATISTICS
from unseen.client.queries.tables import load_announcement
from unseen.client.queries.verifies import VERDICTS, read_verdicts
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.contracts.intersection import KIND as INTERSECT
from unseen.evidence.contracts.scoring import KIND as SCORE
from unseen.evidence.contracts.training.clause import KIND as TRAIN
from unseen.evidence.fields import head
from unseen.evidence.oversight.clear import make_clear_opening, verify_clear_opening
from unseen.evidence.oversight.hidden import Batch, Item, Point
from unseen.evidence.oversight.opening import RowProver, verify_opening
from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.evidence.suite import suite_of
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import InputInvalidError
from unseen.protocols.lookup.match import encode_points
from unseen.protocols.lookup.subject import parse_value
from unseen.protocols.oprf.client import unblind_one
from unseen.v1 import lookup_pb2, meter_pb2, meter_pb2_grpc, verify_pb2

_OF_MANY = frozenset({STATISTICS, INTERSECT, SCORE, TRAIN})


class Openings:
    """The openings of one client home."""

    def __init__(self, session: Session, contracts: Contracts, evidence: Evidence) -> None:
        """Use `evidence` for what was asked and answered, and to fetch what is missing."""
        self._session = session
        self._contracts = contracts
        self._evidence = evidence
        self._meter = meter_pb2_grpc.MeterServiceStub(session.channel.grpc)
        self._prover: tuple[str, Epoch, RowProver] | None = None  # of the table hashed last

    def open(self, request: str, position: int = 0, contract: str | None = None) -> dict[str, Json]:
        """Return the bundle that shows a third party one subject and its answer."""
        if self._session.profile.role == "operator":
            _check_position(position, 1)
            return self.released(request, contract)
        opening = self.answered(request)
        if opening.kind in _OF_MANY:
            raise _about_nobody(request)
        if opening.kind == "verify":
            _check_position(position, 1)
            return self.clear(opening)
        hidden = self.hidden(opening)
        _check_position(position, hidden.size)
        bundle = head("opening", hidden.batch.terms.suite) | hidden.batch.to_json()
        bundle |= hidden.item(position).to_json()
        verify_opening(bundle, self._session.trust)
        return bundle

    def answered(self, request: str) -> Opening:
        """Return a request of this home with its answer, which is fetched if it is not here."""
        opening = self._evidence.written(request)
        if opening.reply:
            return opening
        self._evidence.fetch(request)
        return self._evidence.written(request)

    def released(self, request: str, contract: str | None = None) -> dict[str, Json]:
        """Return what `clear` does, from what the node keeps of a request (operator only)."""
        message = meter_pb2.OpenReleaseRequest(
            request=request, contract=resource(contract) if contract else ""
        )
        answer = self._session.call(self._meter.OpenRelease, message)
        Parties(self._session).list()  # whom the operator enrolled it trusts
        if verify_receipt(answer.release.receipt, self._session.trust).kind in _OF_MANY:
            raise _about_nobody(request)
        found, subject = short(answer.contract), canonical.decode(answer.subject)
        bundle = make_clear_opening(
            receipt=answer.release.receipt,
            terms=self._contracts.terms(found),
            subject=_values(subject),
            verdicts=_verdicts(answer.verdicts),
            request_nonce=answer.request_nonce,
            release_nonce=answer.release.nonce,
            plan=self._contracts.plan(found),
        )
        verify_clear_opening(bundle, self._session.trust)
        return bundle

    def hidden(self, opening: Opening) -> "Hidden":
        """Return a hidden lookup of this home, ready to be opened."""
        if self._prover is None or self._prover[0] != opening.manifest:
            epoch = Epochs(self._session, self._contracts).past(opening.contract, opening.manifest)
            self._session.progress("proving the rows", 0, 0)
            self._prover = opening.manifest, epoch, RowProver(epoch.manifest, epoch.table)
        return Hidden(self._session, self._contracts, self._evidence, opening, self._prover[1:])

    def clear(self, opening: Opening) -> dict[str, Json]:
        """Return the bundle that opens a verification in the clear."""
        sent = verify_pb2.VerifyRequest.FromString(opening.wire)
        answer = verify_pb2.VerifyResponse.FromString(opening.reply)
        plan = self._contracts.plan(opening.contract)
        bundle = make_clear_opening(
            receipt=self._evidence.receipt(opening.id).token,
            terms=self._contracts.terms(opening.contract),
            subject=_values(canonical.decode(sent.subject)),
            verdicts=[VERDICTS[one] for one in read_verdicts(answer, len(plan.outputs))],
            request_nonce=sent.request.nonce,
            release_nonce=answer.release.nonce,
            plan=plan,
        )
        verify_clear_opening(bundle, self._session.trust)
        return bundle


def _about_nobody(request: str) -> InputInvalidError:
    return InputInvalidError(
        "a question about many has no subject to be shown",
        clause="kind",
        remedy=f"show its receipt, and the answer: unseen receipt fetch {request}",
    )


def _values(subject: Json) -> list[str | int]:
    if not isinstance(subject, list):
        raise AnswerInvalidError("the request has no subject", clause="subject")
    return [value for value in subject if isinstance(value, (str, int))]


def _verdicts(data: bytes) -> list[bool | None]:
    words = canonical.decode(data)
    known = {answer.value: verdict for answer, verdict in VERDICTS.items()}
    if not isinstance(words, list) or not all(word in known for word in words):
        raise AnswerInvalidError("the node gave no verdicts", clause="verdicts")
    return [known[str(word)] for word in words]


class Hidden:
    """One hidden lookup of this home, ready to be opened: the batch, and an item a subject."""

    def __init__(
        self,
        session: Session,
        contracts: Contracts,
        evidence: Evidence,
        opening: Opening,
        proving: tuple[Epoch, RowProver],
    ) -> None:
        """Read what `opening` wrote down; `proving` is its epoch and what shows its rows."""
        self._subjects, self._blinds = read_secret(opening)
        self._epoch, self._prover = proving
        epoch = self._epoch
        self._shown = _shown(session, evidence, opening, epoch)
        sent = lookup_pb2.EvaluateRequest.FromString(opening.wire)
        answer = lookup_pb2.EvaluateResponse.FromString(opening.reply)
        self.batch = Batch(
            receipt=evidence.receipt(opening.id).token,
            terms=epoch.terms,
            manifest=read_file(session.home.table(f"{opening.manifest}.manifest")).decode(),
            announcement=load_announcement(session.home, opening.manifest),
            blinded=tuple(sent.blinded),
            evaluated=tuple(answer.evaluated),
            dleq=answer.proof,
            request_nonce=sent.request.nonce,
            release_nonce=answer.release.nonce,
            plan=contracts.plan(opening.contract),
            answers="" if self._shown is None else self._shown.token,
        )

    @property
    def size(self) -> int:
        """How many subjects the request asked about."""
        return len(self._subjects)

    def item(self, position: int) -> Item:
        """Return what opens the subject at `position`."""
        manifest, texts = self._epoch.manifest, self._subjects[position]
        pairs = zip(manifest.subject, texts, strict=True)
        values = [parse_value(column, text) for column, text in pairs]
        inputs = encode_points(manifest.subject, manifest.match, values, manifest.domain())
        first = position * len(inputs)
        point, *own = (self._point(first + place, data) for place, data in enumerate(inputs))
        return Item(
            subject=tuple(texts),
            position=position,
            blind=point.blind,
            rows=point.rows,
            id=own[0] if own else None,
            answered=point.answered,
        )

    def _point(self, place: int, data: bytes) -> Point:
        """Return what opens the element at `place` of the batch, which hides `data`."""
        blind = self._blinds[place]
        output = unblind_one(data, blind, self.batch.evaluated[place])
        answered = None if self._shown is None else self._shown.answered(place)
        return Point(blind, self._prover.rows(output), answered)


def _shown(session: Session, evidence: Evidence, opening: Opening, epoch: Epoch) -> Shown | None:
    """Return what opens the answers to a request, asked for again if it is not here any more."""
    if epoch.manifest.protocol != HIDDEN_TABLE:
        return None
    data = session.state.answers(opening.id)
    if data is None:
        evidence.fetch(opening.id)
        data = session.state.answers(opening.id)
    kept, seeds = Kept.decode(data or b""), seeds_of(opening.secret.get("seeds"))
    return Shown(suite_of(epoch.manifest.suite), kept, seeds)


def _check_position(position: int, size: int) -> None:
    if not 0 <= position < size:
        raise HomeError(
            f"the request asked about {size} subject{'s' * (size != 1)}",
            clause="position",
            remedy=f"give a position from 0 to {size - 1}",
        )
