"""The iterations of an encrypted training: each a run, from its ciphertexts to the next weights.

An iteration is written down before anything is sent, and what its gradient leads to is kept before
its reply is. An end in between leaves a request that is gone on with, or weights that have its
gradient already: none is taken in twice, and none is paid for twice.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.jobs import Jobs
from unseen.client.local.home import write_file
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.queries.exchanging import Exchange
from unseen.client.queries.sets import forget, sweep
from unseen.client.queries.train_kept import Kept
from unseen.client.queries.train_runs import UNITS, TrainRun, iteration_of
from unseen.client.session import Session, counted
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.encrypted import SentGradient, SentWeights
from unseen.evidence.releases.shared import shared_name
from unseen.evidence.verify import VerifiedReceipt
from unseen.protocols.errors import PeerError
from unseen.streams.chunks import digest_with
from unseen.v1 import intersect_pb2, train_pb2, train_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unseen.protocols.he.training.buyer import Keys
    from unseen.streams.owned_rows import SealedRows

Message = train_pb2.TrainServiceRunRequest
_CONTEXT, _ROWS, _WEIGHTS = "context", "rows", "weights"  # clauses of refusals: the node waits
_ANSWER = "answer"
_PARTS = {
    _CONTEXT: intersect_pb2.PART_CONTEXT,
    _ROWS: intersect_pb2.PART_ROWS,
    _WEIGHTS: intersect_pb2.PART_WEIGHTS,
}


@dataclass(slots=True)
class Training:
    """A training under way: its terms, its key, how far it is, and the buyer's rows, if any."""

    contract: str
    terms: Terms
    clause: Encrypted = field(repr=False)
    keys: "Keys" = field(repr=False)
    kept: Kept = field(repr=False)
    rows: "SealedRows | None" = field(repr=False)


class Iterations:
    """The iterations of one client's trainings."""

    def __init__(self, session: Session, jobs: Jobs) -> None:
        """Use `session` for the calls, and `jobs` to wait."""
        self._session = session
        self._stub = train_pb2_grpc.TrainServiceStub(session.channel.grpc)
        self._runs = Exchange(session, jobs, self._stub, session.home.iteration)

    def take_next(self, training: Training) -> None:
        """Take the next iteration to its end: the one that was sent before, or a new one.

        Raises:
            RefusedError, UnreachableError, NodeError: the node did not answer; a later call goes
                on, or begins the iteration anew where it was not charged.
            JobNotDoneError: the node could not compute it; nothing was charged.
            PeerError, EvidenceError: the answer does not hold up, which is kept as evidence.

        """
        opening = self._pending(training.contract, training.kept.done)
        if opening is not None:
            self.go_on(training, opening)
            return
        asked, message = self._written(training)
        self._take(training, asked, message, fresh=True)

    def go_on(self, training: Training, opening: Opening) -> None:
        """Go on with an iteration that was written down; raises as `take_next`."""
        asked = TrainRun.written(opening, training.terms)
        self._take(training, asked, Message.FromString(opening.wire), fresh=False)

    def forget(self, contract: str) -> None:
        """Delete the ciphertexts of a training that is over."""
        for name in (_CONTEXT, _ROWS, f"{_ROWS}.part"):
            (self._session.home.encrypted(contract) / name).unlink(missing_ok=True)

    def _pending(self, contract: str, iteration: int) -> Opening | None:
        """Return the request for an iteration that was sent, and has no answer yet."""
        state = self._session.state
        for request in state.requests(contract, "sent"):
            opening = state.request(request)
            if opening is not None and iteration_of(opening) == iteration:
                return opening
        return None

    def _written(self, training: Training) -> tuple[TrainRun, Message]:
        """Encrypt the weights, sign the request over them, and write both down."""
        asked = TrainRun.new(training.contract, training.terms, training.kept.done)
        sweep(self._session.home.root / "iterations", self._is_known)
        try:
            part = self._encrypted(training, asked).encode()
            request, signed = self._runs.signed(asked, UNITS, part)
            message = Message(request=signed, weights=part)
            asking.write_down(
                self._session,
                request,
                asked.contract,
                manifest="",
                message=message,
                secret=asked.secret,
            )
        except BaseException:  # nobody can go on with it
            forget(self._folder(asked))
            raise
        return asked, message

    def _encrypted(self, training: Training, asked: TrainRun) -> SentWeights:
        """Write what an iteration is over into files, and return what names them."""
        keys, task = training.keys, training.clause.task()
        weights, target = training.kept.descent(task).asked, self._folder(asked) / _WEIGHTS
        with target.open("wb") as file:
            file.write(keys.weights(weights))
            if task.own_columns:
                for values, _ in self._own(training, "encrypting"):
                    file.write(keys.scores(values, weights[task.columns :]))
        suite = asked.suite
        context = digest_with(self._context_file(training), suite.digest)
        rows = (
            b"" if training.rows is None else digest_with(self._rows_file(training), suite.digest)
        )
        return SentWeights(
            suite=suite.id, context=context, rows=rows, digest=digest_with(target, suite.digest)
        )

    def _context_file(self, training: Training) -> Path:
        """Return the file of the public keys; it is made where it is missing."""
        path = self._session.home.encrypted(training.contract) / _CONTEXT
        if not path.exists():
            write_file(path, training.keys.context(training.kept.rows), private=True, durable=False)
        return path

    def _rows_file(self, training: Training) -> Path:
        """Return the file of subjects, labels and columns; it is made where it is missing."""
        path = self._session.home.encrypted(training.contract) / _ROWS
        if training.rows is not None and not path.exists():
            part = path.with_name(f"{_ROWS}.part")
            with part.open("wb") as file:
                for names in training.rows.names():
                    file.write(names)
                for values, labels in self._own(training, "encrypting rows"):
                    file.write(training.keys.block(values, labels))
            part.replace(path)
        return path

    def _own(self, training: Training, what: str) -> "Iterator[tuple[Any, Any]]":
        """Yield the buyer's columns and labels within their bounds, a block at a time."""
        from unseen.protocols.he.training.buyer import own_blocks  # noqa: PLC0415 - with vectors' library

        told = counted(self._session.progress, what, training.kept.rows)
        for values, labels in own_blocks(training.rows, training.keys.chain):
            yield values, labels
            told(len(values))

    def _take(self, training: Training, asked: TrainRun, message: Message, *, fresh: bool) -> None:
        """Take an iteration to its end, and its gradient into what is kept."""
        sent, send = SentWeights.decode(message.weights), partial(self._send, asked)
        parts = {_CONTEXT: lambda new: send(self._context_file(training), sent.context, fresh=new)}
        if training.rows is not None:
            parts[_ROWS] = lambda new: send(self._rows_file(training), sent.rows, fresh=new)
        parts[_WEIGHTS] = lambda new: send(self._folder(asked) / _WEIGHTS, sent.digest, fresh=new)
        answer = self._runs.answered(
            asked, lambda: self._runs.stepped(asked, self._stub.Run, message, parts, fresh=fresh)
        )
        self._runs.opened(
            asked,
            message,
            answer,
            lambda receipt: self._absorbed(training, asked, receipt, answer.value),
        )
        self._runs.end(asked)

    def _send(self, asked: TrainRun, path: Path, digest: bytes, *, fresh: bool) -> None:
        """Send what an iteration is over, which has a digest, unless the node has it."""
        if not path.exists() or digest_with(path, asked.suite.digest) != digest:
            self._runs.refused(asked)
            raise HomeError(
                "the ciphertexts of this iteration are gone",
                clause="home",
                remedy="train again: it begins anew, and was not charged",
            )
        under = "" if path.name == _WEIGHTS else shared_name(digest)
        self._runs.send(asked, _PARTS[path.name], path, fresh=fresh, under=under)

    def _absorbed(
        self, training: Training, asked: TrainRun, receipt: VerifiedReceipt, value: bytes
    ) -> None:
        """Take the gradient that `value` commits to into the weights, once, and keep them.

        What a receipt commits to never becomes another: where that is no gradient, the request is
        as one whose answer is lost, and the training can go on without it.
        """
        clause, state = training.clause, self._session.state
        try:
            sent = SentGradient.decode(value)
            _check(asked, receipt, sent)
        except (EvidenceError, PeerError):
            state.save_lost(asked.request)
            raise
        if asked.iteration != training.kept.done:
            return  # it was taken in before, or another request was in its place
        from unseen.protocols.he.training.samples import SAMPLE_BYTES  # noqa: PLC0415 - with numpy

        path = self._folder(asked) / _ANSWER
        self._runs.fetch_answer(asked, clause.samples * SAMPLE_BYTES, sent.digest, path)
        try:
            gradient = training.keys.gradient(path.read_bytes())
        except PeerError:
            state.save_lost(asked.request)
            raise
        training.kept = training.kept.stepped(clause.task(), asked.request, gradient)
        training.kept.write(state, training.contract)

    def _is_known(self, request: str) -> bool:
        return self._session.state.request(request) is not None

    def _folder(self, asked: TrainRun) -> Path:
        return self._session.home.iteration(asked.request)


def _check(asked: TrainRun, receipt: VerifiedReceipt, sent: SentGradient) -> None:
    """Refuse an answer that is another training's, or was charged otherwise than was agreed."""
    clause = asked.clause
    if (sent.suite, sent.samples) != (asked.suite.id, clause.samples):
        raise AnswerInvalidError("the answer is for another training", clause="answer.samples")
    if Fraction(receipt.privacy) != clause.charge:
        raise AnswerInvalidError(
            f"the receipt says that the iteration cost a rho of {receipt.privacy},"
            f" and the contract {float(clause.charge):.9g}",
            clause="receipt.privacy",
            remedy="keep the receipt and show it to the operator",
        )
