"""Encrypted trainings (kind `train`, protocol `ckks`): a model that its provider never sees.

Weights are encrypted under a key of the contract that stays here, as are the labels and columns of
a vertical training. An iteration is a run: it is written down before anything is sent, and what its
gradient leads to is kept, sealed, before the next one begins. So whatever ends this process, the
same training goes on, and no iteration is charged twice.

The operator learns how many weights and iterations there are, and of a vertical training which
subjects the buyer trains on: its own, and others that it guesses. A gradient is believed when the
receipt commits to it. An operator that deviates may compute something else: nothing proves which
rows a gradient is of.
"""

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from unseen.client.agreements.contracts import Contracts
from unseen.client.errors import HomeError
from unseen.client.jobs import Jobs
from unseen.client.local.home import writing
from unseen.client.local.state import Opening
from unseen.client.queries.fitted import Fitted, Fitting
from unseen.client.queries.intersected import Intersected
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.sets import alone
from unseen.client.queries.train_iterations import Iterations, Training
from unseen.client.queries.train_kept import Kept
from unseen.client.queries.train_rows import read_rows
from unseen.client.queries.train_runs import clause_of, is_encrypted
from unseen.client.session import Session
from unseen.client.subjects import subject_texts, subject_values
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.contracts.intersection import ITEMS
from unseen.protocols.errors import InputInvalidError

if TYPE_CHECKING:
    from unseen.protocols.he.training.buyer import Keys
    from unseen.streams.owned_rows import Given, SealedRows

_USE: Final = "train"  # of the contract's key
_RATE, _RIDGE = 1.0, 0.0  # where nobody says others


class Trainings:
    """The encrypted trainings of one client."""

    def __init__(
        self, session: Session, contracts: Contracts, jobs: Jobs, intersections: Intersections
    ) -> None:
        """Use `session` for the calls, `contracts` for the terms, and `jobs` to wait."""
        self._session = session
        self._contracts = contracts
        self._intersections = intersections
        self._iterations = Iterations(session, jobs)

    def covers(self, contract: str) -> bool:
        """Return whether a contract is over an encrypted training."""
        return is_encrypted(self._contracts.terms(contract))

    def fit(
        self,
        contract: str,
        rows: Any = None,
        *,
        aligned_by: str = "",
        rate: float | None = None,
        ridge: float | None = None,
    ) -> Fitted:
        """Take all iterations that are left, and return the model; see `Client.fit`."""
        terms = self._contracts.terms(contract)
        clause = clause_of(contract, terms)
        _check_steps(rate, ridge)
        with writing(self._session.home.root), alone(self._session.home.encrypted(contract)):
            given = self._given(contract, clause, rows, aligned_by)
            kept = self._kept(contract)
            resumed = 0 if kept is None else kept.done
            if kept is None:
                kept = self._begun(contract, clause, given, aligned_by, rate, ridge)
            else:
                _check_same(kept, given, aligned_by, rate, ridge)
            if self._left(contract, clause, kept):
                kept = self._trained(self._training(contract, kept))
            self._swept(contract, clause, kept)
        return Fitted.of(self._session.home, contract, terms, clause, kept, resumed)

    def show(self, contract: str) -> Fitting:
        """Return what is trained, and how far it is; nothing is asked of the node but its terms."""
        terms = self._contracts.terms(contract)
        clause = clause_of(contract, terms)
        return Fitting.of(contract, terms, clause, self._subject(contract), self._kept(contract))

    def finish(self, opening: Opening) -> Fitting:
        """Go on with an iteration that was written down before, under the same id.

        Raises:
            HomeError: what was written down is no iteration, another process goes on with the
                training, or the disk is full.

        """
        contract = opening.contract
        clause_of(contract, self._contracts.terms(contract))  # says which library is missing
        with writing(self._session.home.root), alone(self._session.home.encrypted(contract)):
            kept = self._kept(contract)
            if kept is None:
                raise HomeError("what is kept of this training is gone", clause="home")
            training = self._training(contract, kept)
            self._iterations.go_on(training, opening)
            self._swept(contract, training.clause, training.kept)
        subject, clause = self._subject(contract), training.clause
        return Fitting.of(contract, training.terms, clause, subject, training.kept)

    def _subject(self, contract: str) -> tuple[str, ...]:
        return tuple(column.name for column in self._contracts.plan(contract).subject_columns)

    def _kept(self, contract: str) -> Kept | None:
        return Kept.read(self._session.state, contract)

    def _given(
        self, contract: str, clause: Encrypted, rows: Any, aligned_by: str
    ) -> "Given | None":
        """Return rows as they were given, before they are aligned."""
        if not clause.vertical:
            if rows is not None or aligned_by:
                raise InputInvalidError(
                    "the rows of this training are the operator's alone",
                    clause="rows",
                    remedy="leave out --rows and --aligned-by (rows=, aligned_by=)",
                )
            return None
        if rows is None:
            return None
        terms, plan = self._contracts.terms(contract), self._contracts.plan(contract)
        return read_rows(terms, plan, clause, rows)

    def _begun(
        self,
        contract: str,
        clause: Encrypted,
        given: "Given | None",
        aligned_by: str,
        rate: float | None,
        ridge: float | None,
    ) -> Kept:
        """Align and seal the rows, and write down that the training begins."""
        if clause.vertical and given is None:
            raise InputInvalidError(
                "a vertical training takes rows of yours",
                clause="rows",
                remedy="give subjects, labels and your own columns by name: --rows FILE (rows=)",
            )
        self._key(contract, clause)  # what is missing for it is said before anything is paid
        kept = Kept.new(
            clause.task(),
            rate=_RATE if rate is None else rate,
            ridge=_RIDGE if ridge is None else ridge,
        )
        if given is not None:
            _check_count(given, clause)
            used = self._aligned(contract, given, aligned_by) if aligned_by else given
            _check_count(used, clause)
            kept = kept.over(len(used), given.digest_with(aligned_by))
            self._sealed(contract, clause, len(used)).keep(used)
        kept.write(self._session.state, contract)
        return kept

    def _aligned(self, contract: str, given: "Given", by: str) -> "Given":
        """Return the rows whose subjects the table of another contract has; pays for that."""
        import numpy as np  # noqa: PLC0415 - a client is whole without it

        if self._contracts.terms(by).outputs != (ITEMS,):
            raise InputInvalidError(
                "rows are aligned by an intersection that says which items the table has",
                clause="aligned_by",
                remedy="name a contract over the output items",
            )
        names = self._subject(contract)
        items = [dict(zip(names, texts, strict=True)) for texts in given.texts]
        there = frozenset(self._found(by, items, given.digest_with(by)).found)
        columns = self._contracts.plan(by).subject_columns
        here = [subject_texts(subject_values(columns, item)) in there for item in items]
        return given.only(np.array(here, bool))

    def _found(self, by: str, items: list[dict[str, str]], question: bytes) -> Intersected:
        """Return which items a table has; what was asked before an end is gone on with."""
        state = self._session.state
        known = state.asked(by, question)
        opening = None if known is None else state.request(known)
        if opening is not None and opening.state in {"sent", "answered"}:
            return self._intersections.finish(opening)

        def wrote(request: str) -> None:
            state.save_asked(by, question, request)

        return self._intersections.ask(by, items, wrote)

    def _training(self, contract: str, kept: Kept) -> Training:
        terms = self._contracts.terms(contract)
        clause = clause_of(contract, terms)
        rows = self._sealed(contract, clause, kept.rows) if clause.vertical else None
        return Training(contract, terms, clause, self._key(contract, clause), kept, rows)

    def _key(self, contract: str, clause: Encrypted) -> "Keys":
        """Return the key of a contract; it is drawn, and kept, where there is none."""
        from unseen.protocols.he.training.buyer import Keys  # noqa: PLC0415 - with its libraries

        chain, state = clause.chain(), self._session.state
        kept = state.key(contract, _USE)
        if kept is not None:
            return Keys(chain, kept)
        drawn = Keys(chain)
        secret = drawn.secret()
        first = state.save_key(contract, _USE, secret)
        return drawn if first == secret else Keys(chain, first)

    def _trained(self, training: Training) -> Kept:
        """Take all iterations that are left."""
        contract, clause = training.contract, training.clause
        while left := self._left(contract, clause, training.kept):
            self._session.progress("iterations", clause.iterations - left, clause.iterations)
            self._iterations.take_next(training)
        self._session.progress("iterations", clause.iterations, clause.iterations)
        return training.kept

    def _left(self, contract: str, clause: Encrypted, kept: Kept) -> int:
        """Return how many iterations are left: one that is charged and lost cannot be taken in."""
        lost = len(self._session.state.requests(contract, "lost"))
        return max(0, clause.iterations - kept.done - lost)

    def _sealed(self, contract: str, clause: Encrypted, rows: int) -> "SealedRows":
        from unseen.streams.owned_rows import SealedRows  # noqa: PLC0415 - with vectors' library

        folder, state = self._session.home.encrypted(contract) / "sealed", self._session.state

        def placed(place: str) -> str:
            return f"training/{contract}/{place}"

        def seal(place: str, data: bytes) -> bytes:
            return state.seal(placed(place), data)

        def unseal(place: str, data: bytes) -> bytes:
            return state.unseal(placed(place), data)

        return SealedRows(folder, (seal, unseal), rows, clause.own_columns)

    def _swept(self, contract: str, clause: Encrypted, kept: Kept) -> None:
        """Delete the rows and ciphertexts of a training that is over."""
        if not self._left(contract, clause, kept):
            self._sealed(contract, clause, kept.rows).forget()
            self._iterations.forget(contract)


def _check_steps(rate: float | None, ridge: float | None) -> None:
    steps = (rate is None or rate > 0) and (ridge is None or ridge >= 0)
    if not steps or not all(isfinite(one) for one in (rate, ridge) if one is not None):
        raise InputInvalidError(
            "steps have a rate above 0 and a ridge of 0 or more",
            clause="rate",
            remedy="leave them out: a rate of 1 is safe for any rows",
        )


def _check_count(given: "Given", clause: Encrypted) -> None:
    if not clause.least_rows <= len(given) <= clause.most_rows:
        raise InputInvalidError(
            f"a gradient of this contract is over {clause.least_rows:,} to {clause.most_rows:,}"
            f" rows, and these are {len(given):,}",
            clause="parameters.encrypted.least_rows",
            remedy="bring others, or ask for a contract over as many",
        )


def _check_same(
    kept: Kept,
    given: "Given | None",
    aligned_by: str,
    rate: float | None,
    ridge: float | None,
) -> None:
    """Refuse to go on with other rows or steps than the training was begun with."""
    steps = rate in {None, kept.rate} and ridge in {None, kept.ridge}
    rows = given is None or kept.given == given.digest_with(aligned_by)
    if not steps or not rows:
        raise InputInvalidError(
            "this contract's training was begun with other "
            + ("rows, or aligned otherwise" if steps else f"steps: rate {kept.rate}, {kept.ridge}"),
            clause="rows" if steps else "rate",
            remedy="leave them out to go on with it, or ask for another contract",
        )
