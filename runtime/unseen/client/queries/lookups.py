"""Hidden verification: asking about subjects without saying which (kind `lookup`).

The subject is encoded under the contract and epoch, blinded (RFC 9497), and only the blinded
element leaves this machine. The answer is believed when the batch proof holds under the key of
the signed, logged manifest, and the receipt commits to it. How the label is then opened is the
contract's way (`ways.py`).

The operator learns that a question was asked, when, and how many at once. It does not learn
about whom, nor whether the table had an answer. What was opened is kept, sealed, and asking
again within the epoch costs nothing and sends nothing.

What a label says decides nothing that is sent: a malformed one, which an operator could plant to
see who asks no further, is "no usable result" like any other. It stays in the table and in the
label store, from which an opening proves it; nothing more is written, so that nothing is slower.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import HomeError, RefusedError, WireError
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.queries.epochs import Epoch, Epochs
from unseen.client.queries.gather import Gatherer
from unseen.client.queries.hidden import EPOCH_OVER, HiddenTable
from unseen.client.queries.ways import Evaluated, SentTable, Way
from unseen.client.session import Session
from unseen.client.subjects import Subject, subject_texts, subject_values
from unseen.client.verdicts import Verdict, answer_of
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.evidence.releases.request import Request
from unseen.protocols.errors import MalformedMessageError, PeerError
from unseen.protocols.lookup.labels import unpack_verdicts
from unseen.protocols.lookup.match import encode_points, match_of
from unseen.protocols.oprf.client import Blinded, blind
from unseen.protocols.oprf.server import Evaluation
from unseen.protocols.oprf.suite import Mode
from unseen.v1 import lookup_pb2, lookup_pb2_grpc

_EPOCHS = 3
_RATE_SECONDS = 90.0
_RATE_PAUSE = 2.0
_ABSENT = b"\x00"
_FOUND = b"\x01"
_ID_BYTES = 16
_PLACE_BYTES = 2
_SCALAR_BYTES = 32


@dataclass(frozen=True, slots=True)
class Question:
    """One subject in both forms: values as text for people, encoded bytes for the protocol.

    `points` has one encoding, or two where whole subjects are matched: its own and its id's.
    """

    texts: tuple[str, ...]
    points: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """Return the encoding of the whole subject, which names it here."""
        return self.points[0]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as it was written down: what it is about, and what opens its answer."""

    questions: tuple[Question, ...]
    blinded: Blinded
    request: Request
    message: lookup_pb2.EvaluateRequest
    secret: dict[str, object] = field(repr=False)


class Lookups:
    """The hidden queries of one client."""

    def __init__(self, session: Session, contracts: Contracts, *, gather: bool) -> None:
        """Use `session` for the calls, `contracts` for terms; see `gather.py` for `gather`."""
        self._session = session
        self._gathering = gather
        self._gatherers: dict[str, Gatherer[Question, Verdict]] = {}
        self._epochs = Epochs(session, contracts)
        self._stub = lookup_pb2_grpc.LookupServiceStub(session.channel.grpc)

    def many(self, contract: str, subjects: Sequence[Subject]) -> list[Verdict]:
        """Return the verdict on each subject, in order; see `Client.lookup_many`."""
        for _ in range(_EPOCHS - 1):
            try:
                return self._many(self._epochs.present(contract), subjects)
            except WireError as error:
                # A new epoch has begun; nothing was charged, and the question is a new one.
                if error.reason not in EPOCH_OVER:
                    raise
            self._epochs.forget(contract)
        return self._many(self._epochs.present(contract), subjects)

    def finish(self, opening: Opening) -> list[Verdict]:
        """Fetch the answer to a request that was written down before, under the same id."""
        epoch = self._epochs.past(opening.contract, opening.manifest)
        message = lookup_pb2.EvaluateRequest.FromString(opening.wire)
        subjects, blinds = read_secret(opening)
        questions = [_question(epoch, subject) for subject in subjects]
        inputs = tuple(_points(questions))
        blinded = Blinded(inputs, blinds, tuple(message.blinded), Mode.VOPRF)
        request = Request.decode(message.request.statement)
        asked = _Asked(tuple(questions), blinded, request, message, opening.secret)
        return self._exchange(epoch, asked, fresh=False)

    def _many(self, epoch: Epoch, subjects: Sequence[Subject]) -> list[Verdict]:
        questions = [_question(epoch, subject) for subject in subjects]
        verdicts: dict[bytes, Verdict] = {}
        fresh: dict[bytes, Question] = {}
        for question in questions:
            known = self._known(epoch, question)
            if known is not None:
                verdicts[question.data] = known
            else:
                fresh[question.data] = question
        asked = list(fresh.values())
        if len(asked) == 1 and self._gathering:
            verdicts[asked[0].data] = self._gatherer(epoch).ask(asked[0])
            asked = []
        size = self._largest(epoch)
        for start in range(0, len(asked), size):
            batch = asked[start : start + size]
            for question, verdict in zip(
                batch, self._paced(epoch, batch, first=start == 0), strict=True
            ):
                verdicts[question.data] = verdict
            if len(asked) > size:
                done = start + len(batch)
                self._session.progress("asking", done, len(asked))
        return [verdicts[question.data] for question in questions]

    def _gatherer(self, epoch: Epoch) -> Gatherer[Question, Verdict]:
        def ask(questions: Sequence[Question]) -> list[Verdict]:
            distinct = {question.data: question for question in questions}
            verdicts = dict(zip(distinct, self._ask(epoch, list(distinct.values())), strict=True))
            return [verdicts[question.data] for question in questions]

        known = self._gatherers.get(epoch.id)
        if known is None:
            # Of two threads that come here at once, one's is kept: setdefault is atomic.
            gatherer = Gatherer(ask, self._largest(epoch))
            known = self._gatherers.setdefault(epoch.id, gatherer)
        return known

    def _largest(self, epoch: Epoch) -> int:
        units = max(self._way(epoch).largest // epoch.evaluations, 1)
        return min(units, epoch.terms.quota.per_minute)

    def _way(self, epoch: Epoch) -> Way:
        if epoch.manifest.protocol == HIDDEN_TABLE:
            return HiddenTable(self._session, epoch)
        return SentTable(epoch)

    def _paced(self, epoch: Epoch, batch: Sequence[Question], *, first: bool) -> list[Verdict]:
        """Ask one batch; from the second batch on, wait out the contract's rate per minute."""
        give_up = time.monotonic() + (0 if first else _RATE_SECONDS)
        while True:
            try:
                return self._ask(epoch, batch)
            except RefusedError as error:
                if error.reason != "RATE_EXCEEDED" or time.monotonic() > give_up:
                    raise
            time.sleep(_RATE_PAUSE)

    def _ask(self, epoch: Epoch, questions: Sequence[Question]) -> list[Verdict]:
        blinded = blind(_points(questions), Mode.VOPRF, secrets.token_bytes)
        request, signed = asking.new_request(
            self._session,
            contract=epoch.manifest.contract,
            kind="lookup",
            units=len(questions),
            parts=blinded.elements,
            manifest=epoch.id_bytes,
            epoch=epoch.manifest.epoch,
        )
        message = lookup_pb2.EvaluateRequest(request=signed, blinded=blinded.elements)
        secret: dict[str, object] = {
            "subjects": [list(question.texts) for question in questions],
            "blinds": b"".join(blinded.blinds).hex(),
        } | self._way(epoch).drawn(len(blinded.elements))
        asking.write_down(
            self._session,
            request,
            epoch.contract,
            manifest=epoch.id,
            message=message,
            secret=secret,
        )
        asked = _Asked(tuple(questions), blinded, request, message, secret)
        return self._exchange(epoch, asked, fresh=True)

    def _exchange(self, epoch: Epoch, asked: "_Asked", *, fresh: bool) -> list[Verdict]:
        session, way = self._session, self._way(epoch)
        request, message = asked.request, asked.message
        answer = asking.send(session, self._stub.Evaluate, message, request.request, fresh=fresh)
        evaluated = tuple(answer.evaluated)
        try:
            receipt = asking.check_receipt(session, request, answer.release, epoch.terms)
            parts = (*evaluated, answer.proof)
            asking.check_release(session, answer.release, parts, receipt.release)
            if not way.asks:
                asking.keep_reply(session, request.request, answer.SerializeToString())
            evaluation = Evaluation(evaluated, answer.proof)
            outputs = asked.blinded.finish(evaluation, epoch.manifest.public_key)
        except (EvidenceError, PeerError) as error:
            asking.keep_failed(session, request.request, message, answer, error)
            raise
        labels = way.labels(Evaluated(request, outputs, asked.secret))
        if way.asks:
            asking.keep_reply(session, request.request, answer.SerializeToString())
        each = iter(labels)
        found = [
            self._opened(epoch, question, [next(each) for _ in question.points], request, position)
            for position, question in enumerate(asked.questions)
        ]
        session.rest()
        return found

    def _opened(
        self,
        epoch: Epoch,
        question: Question,
        labels: Sequence[bytes | None],
        request: Request,
        position: int,
    ) -> Verdict:
        said = b"".join(_ABSENT if label is None else _FOUND + label for label in labels)
        kept = bytes.fromhex(request.request) + position.to_bytes(_PLACE_BYTES, "big") + said
        verdict = self._verdict(epoch, question, kept, cached=False)
        self._session.state.save_label(epoch.id, question.data, kept)
        return verdict

    def _known(self, epoch: Epoch, question: Question) -> Verdict | None:
        kept = self._session.state.label(epoch.id, question.data)
        return None if kept is None else self._verdict(epoch, question, kept, cached=True)

    def _verdict(self, epoch: Epoch, question: Question, kept: bytes, *, cached: bool) -> Verdict:
        request, rest = kept[:_ID_BYTES].hex(), kept[_ID_BYTES:]
        position, rest = int.from_bytes(rest[:_PLACE_BYTES], "big"), rest[_PLACE_BYTES:]
        labels, outputs = _labels(rest, epoch), epoch.manifest.outputs
        matched = bool(epoch.manifest.match)
        bits, malformed = _matched(labels) if matched else _read(labels[0], len(outputs))
        pairs = zip(outputs, bits, strict=True)
        answers = {name: answer_of(bit, matched=matched) for name, bit in pairs}
        return Verdict(
            contract=epoch.contract,
            subject=question.texts,
            answers=MappingProxyType(answers),
            found=any(label is not None for label in labels),
            cached=cached,
            request_id=request,
            position=position,
            receipt_path=self._session.home.receipt(request),
            malformed=malformed,
            matched=matched,
        )


def _question(epoch: Epoch, subject: Subject) -> Question:
    manifest = epoch.manifest
    values = subject_values(manifest.subject, subject)
    points = encode_points(manifest.subject, manifest.match, values, manifest.domain())
    return Question(subject_texts(values), points)


def _points(questions: Sequence[Question]) -> list[bytes]:
    """Return what is evaluated for these questions, in the order of a request's elements."""
    return [data for question in questions for data in question.points]


def _labels(kept: bytes, epoch: Epoch) -> list[bytes | None]:
    """Return the labels of a subject's points as they were kept, None for one not found."""
    found: list[bytes | None] = []
    while kept:
        size = epoch.manifest.label_bytes if kept[:1] == _FOUND else 0
        found.append(kept[1 : 1 + size] if size else None)
        kept = kept[1 + size :]
    return found


def _matched(labels: Sequence[bytes | None]) -> tuple[tuple[bool | None, ...], bool]:
    verdict, malformed = match_of(labels)
    return (verdict,), malformed


def _read(label: bytes | None, count: int) -> tuple[tuple[bool | None, ...], bool]:
    """Return the verdicts of a label, or of an absent subject, and whether it is malformed."""
    if label is not None:
        try:
            return unpack_verdicts(label, count), False
        except MalformedMessageError:
            pass
    return (None,) * count, label is not None


def read_secret(opening: Opening) -> tuple[list[list[str]], tuple[bytes, ...]]:
    """Return the subjects' texts and the blinds of a lookup, in the order of its batch."""
    subjects, blinds = opening.secret["subjects"], opening.secret["blinds"]
    if not isinstance(subjects, list) or not isinstance(blinds, str):
        raise HomeError("the record of this request is not a lookup's", clause="home")
    data = bytes.fromhex(blinds)
    scalars = (data[at : at + _SCALAR_BYTES] for at in range(0, len(data), _SCALAR_BYTES))
    return subjects, tuple(scalars)
