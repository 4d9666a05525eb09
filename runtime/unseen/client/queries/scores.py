"""Scores (kind `score`): rows of one's own, encrypted, and what the operator's model says of them.

Rows are checked against the public bounds of the model's columns, and encrypted under a key of the
contract that stays here; a run is written down before anything is sent, so that whatever ends this
process in between, the same run goes on, and is charged once.

The operator learns how many ciphertexts there are. What comes back is believed when the receipt
commits to it. By then the node was told that the run is over: nothing is sent that depends on a
score, and no score goes back. An operator that deviates may compute something else: nothing proves
which model a score is of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.jobs import Jobs
from unseen.client.local.home import write_file, writing
from unseen.client.local.state import Opening
from unseen.client.queries import asking
from unseen.client.queries.exchanging import Exchange
from unseen.client.queries.intersected import Cost
from unseen.client.queries.score_keys import Key
from unseen.client.queries.score_runs import ScoreRun, clause_of
from unseen.client.queries.scored import Scored
from unseen.client.queries.sets import alone, forget, sweep
from unseen.client.session import Session, counted
from unseen.evidence.releases.scored import SentBatches, SentScores
from unseen.streams.chunks import digest_with
from unseen.v1 import intersect_pb2, score_pb2, score_pb2_grpc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.protocols.train.spec import Feature

_CONTEXT, _BATCHES = "context", "batches"  # clauses of refusals: the node waits for it
_ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class _Run:
    """A run and the key of its contract."""

    asked: ScoreRun
    key: Key


class ScoreRuns:
    """The scores of one client."""

    def __init__(self, session: Session, contracts: Contracts, jobs: Jobs) -> None:
        """Use `session` for the calls, `contracts` for the terms, and `jobs` to wait."""
        self._session = session
        self._contracts = contracts
        self._stub = score_pb2_grpc.ScoreServiceStub(session.channel.grpc)
        self._runs = Exchange(session, jobs, self._stub, session.home.scoring)

    def ask(self, contract: str, rows: Any) -> Scored:
        """Return the scores of rows; see `Client.score`."""
        terms = self._contracts.terms(contract)
        features = self.columns(contract)
        from unseen.streams.feature_rows import matrix  # noqa: PLC0415 - with vectors' library

        values = matrix(features, rows)
        asked = ScoreRun.new(contract, terms, len(values))
        with writing(self._session.home.root):
            sweep(self._session.home.root / "scorings", self._is_known)
            run = _Run(asked, Key.of(self._session.state, contract, asked.clause.ring))
            with alone(self._folder(asked)):
                try:
                    message = self._written(run, values)
                except BaseException:  # nobody can go on with it
                    forget(self._folder(asked))
                    raise
                return self._exchange(run, message, fresh=True)

    def columns(self, contract: str) -> "tuple[Feature, ...]":
        """Return the columns of a contract's model."""
        return clause_of(contract, self._contracts.terms(contract)).model.features

    def finish(self, opening: Opening) -> Scored:
        """Go on with a run that was written down before, under the same id.

        Raises:
            HomeError: what was written down is no run's, another process goes on with it, or the
                disk is full.

        """
        asked = ScoreRun.written(opening, self._contracts.terms(opening.contract))
        message = score_pb2.ScoreServiceRunRequest.FromString(opening.wire)
        with writing(self._session.home.root), alone(self._folder(asked)):
            run = _Run(asked, Key.of(self._session.state, opening.contract, asked.clause.ring))
            return self._exchange(run, message, fresh=False)

    def _written(
        self, run: _Run, values: "NDArray[np.float64]"
    ) -> score_pb2.ScoreServiceRunRequest:
        """Encrypt the rows, sign the request over them, and write both down."""
        from unseen.streams.ciphertexts import encrypt  # noqa: PLC0415 - with vectors' library

        session, asked = self._session, run.asked
        batches, suite = self._folder(asked) / _BATCHES, asked.suite
        told = self._told("encrypting", asked.rows)
        encrypt(run.key.owner(), asked.clause.model.features, values, batches, told)
        part = SentBatches(
            suite=suite.id,
            responses=asked.units,
            context=run.key.digest(suite),
            digest=digest_with(batches, suite.digest),
        ).encode()
        request, signed = self._runs.signed(asked, asked.units, part)
        message = score_pb2.ScoreServiceRunRequest(request=signed, batches=part)
        asking.write_down(
            session, request, asked.contract, manifest="", message=message, secret=asked.secret
        )
        return message

    def _exchange(
        self, run: _Run, message: score_pb2.ScoreServiceRunRequest, *, fresh: bool
    ) -> Scored:
        asked = run.asked
        answer = self._runs.answered(asked, lambda: self._stepped(run, message, fresh=fresh))
        found = self._runs.opened(asked, message, answer, lambda _: self._opened(run, answer.value))
        forget(self._folder(asked))
        return found

    def _stepped(
        self, run: _Run, message: score_pb2.ScoreServiceRunRequest, *, fresh: bool
    ) -> score_pb2.ScoreServiceRunResponse:
        """Send the request until it is answered, and what the node lacks for it."""
        parts = {
            _CONTEXT: lambda new: self._send_context(run, fresh=new),
            _BATCHES: lambda new: self._send_batches(run, fresh=new),
        }
        return self._runs.stepped(run.asked, self._stub.Run, message, parts, fresh=fresh)

    def _send_context(self, run: _Run, *, fresh: bool) -> None:
        asked, path = run.asked, self._folder(run.asked) / _CONTEXT
        if not path.exists():
            write_file(path, run.key.context, private=True, durable=False)
        name = run.key.name(asked.suite)
        self._runs.send(asked, intersect_pb2.PART_CONTEXT, path, fresh=fresh, under=name)

    def _send_batches(self, run: _Run, *, fresh: bool) -> None:
        asked, path = run.asked, self._folder(run.asked) / _BATCHES
        if not path.exists():
            self._runs.refused(asked)
            raise HomeError(
                "the ciphertexts of this run are gone",
                clause="home",
                remedy="score the rows again; this run was not charged",
            )
        self._runs.send(asked, intersect_pb2.PART_BATCHES, path, fresh=fresh)

    def _opened(self, run: _Run, value: bytes) -> Scored:
        """Return the scores in the answer that `value` commits to."""
        from unseen.protocols.he.models import linked  # noqa: PLC0415 - with vectors' library

        asked, scores = run.asked, self._scores(run, SentScores.decode(value))
        model = asked.clause.model
        return Scored(
            contract=asked.contract,
            family=model.family,
            precision=asked.clause.precision,
            scores=scores,
            predicted=linked(model.family, scores),
            request_id=asked.request,
            receipt_path=self._session.home.receipt(asked.request),
            cost=Cost.of(asked.terms, asked.units),
        )

    def _scores(self, run: _Run, sent: SentScores) -> "NDArray[np.float64]":
        import numpy as np  # noqa: PLC0415 - a client is whole without it

        from unseen.streams.ciphertexts import decrypt  # noqa: PLC0415

        asked, state = run.asked, self._session.state
        if (sent.suite, sent.responses) != (asked.suite.id, asked.units):
            raise AnswerInvalidError("the answer is for another run", clause="answer.responses")
        known = state.answers(asked.request)
        if known is None:
            answer = self._fetched(asked, sent)
            self._runs.tell_end(asked)  # before anything is decrypted
            found = decrypt(run.key.owner(), answer, asked.rows, self._told("opening", asked.rows))
            state.save_answers(asked.request, found.astype("<f8").tobytes())
            return found
        return np.frombuffer(known, "<f8").astype(np.float64)

    def _fetched(self, asked: ScoreRun, sent: SentScores) -> Path:
        """Return the file of what returns, which is what the receipt commits to."""
        from unseen.protocols.he.checks import back_bytes  # noqa: PLC0415 - with its library

        answer = self._folder(asked) / _ANSWER
        size = asked.units * back_bytes(asked.clause.ring)
        self._runs.fetch_answer(asked, size, sent.digest, answer)
        return answer

    def _is_known(self, request: str) -> bool:
        return self._session.state.request(request) is not None

    def _folder(self, asked: ScoreRun) -> Path:
        return self._session.home.scoring(asked.request)

    def _told(self, what: str, total: int) -> Callable[[int], None]:
        return counted(self._session.progress, what, total)
