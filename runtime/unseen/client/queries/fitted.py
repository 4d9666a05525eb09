"""An encrypted training as people see it: how far it is, and the model that it ends with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unseen.client.cards import Card, Row, Said
from unseen.client.local.home import Home
from unseen.client.queries.intersected import Cost
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.contracts.privacy import charged_units, epsilon_text, rho_text
from unseen.evidence.contracts.statistics import menu_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.client.queries.train_kept import Kept
    from unseen.protocols.he.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What some iterations cost a person: rho, and epsilon at the menu's delta, decimal texts."""

    rho: str
    epsilon: str
    delta: str

    @classmethod
    def of(cls, terms: Terms, clause: Encrypted, iterations: int) -> "Spent":
        """Return what so many iterations of a contract cost."""
        units, delta = iterations * charged_units(clause.charge), menu_of(terms.parameters).delta
        return cls(rho=rho_text(units), epsilon=epsilon_text(units, delta), delta=delta)

    def said(self) -> Said:
        """Return it in one line."""
        return Said("epsilon {} at delta {} (rho {})", self.epsilon, self.delta, self.rho)


@dataclass(frozen=True, slots=True, repr=False)
class Fitting(Card):
    """How far an encrypted training is: `done` of `iterations`, and what those have `spent`.

    `rows` are how many the buyer brings of its own, 0 where it brings none; None before it has.
    `subject` are the columns by which it names them, in a vertical training. `weights` are those
    so far, as in `Fitted`.
    """

    contract: str
    clause: Encrypted = field(repr=False)
    subject: tuple[str, ...]
    done: int
    spent: Spent
    in_all: Spent
    rows: int | None
    weights: "NDArray[np.float64] | None" = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        contract: str,
        terms: Terms,
        clause: Encrypted,
        subject: tuple[str, ...],
        kept: "Kept | None",
    ) -> "Fitting":
        """Return how far a contract's training is; None is one that has not begun."""
        done = 0 if kept is None else kept.done
        return cls(
            contract=contract,
            clause=clause,
            subject=subject if clause.vertical else (),
            done=done,
            spent=Spent.of(terms, clause, done),
            in_all=Spent.of(terms, clause, clause.iterations),
            rows=None if kept is None else kept.rows,
            weights=None if kept is None else kept.place.weights,
        )

    @property
    def iterations(self) -> int:
        """How many iterations the training has."""
        return self.clause.iterations

    def _title(self) -> str:
        return "Encrypted training"

    def _rows(self) -> Iterator[Row]:
        clause = self.clause
        yield from _columns(clause)
        if clause.vertical:
            yield "subject", self.subject
        if clause.vertical and self.rows is not None:
            yield "own rows", f"{self.rows:,}"
        yield "iterations", Said("{} of {} are done", f"{self.done:,}", f"{self.iterations:,}")
        yield "privacy spent", self.spent.said()
        yield "privacy in all", self.in_all.said()


@dataclass(frozen=True, slots=True, repr=False)
class Fitted(Card):
    """A finished encrypted training. Its model is the buyer's alone: no node has seen it.

    `model` takes rows in the units of their columns, the buyer's own last. `weights` are those of
    what the training saw, each number from -1 to 1, with the intercept first. Whatever is done with
    either costs nobody more. `requests` are the ids of the iterations, `receipts` their files;
    `resumed` says how many were done before. One that was charged and lost is none of them.
    """

    contract: str
    clause: Encrypted = field(repr=False)
    model: "Model" = field(repr=False)
    weights: "NDArray[np.float64]" = field(repr=False, compare=False)
    spent: Spent
    rows: int  # of the buyer's own
    requests: tuple[str, ...] = field(repr=False)
    receipts: tuple[Path, ...] = field(repr=False, compare=False)
    cost: Cost
    resumed: int = field(compare=False)

    @classmethod
    def of(
        cls,
        home: Home,
        contract: str,
        terms: Terms,
        clause: Encrypted,
        kept: "Kept",
        resumed: int,
    ) -> "Fitted":
        """Return what the last iteration of a contract's training has led to."""
        from unseen.protocols.he.models import from_seen  # noqa: PLC0415 - with vectors' library

        weights = kept.place.weights
        features = (*clause.features, *clause.own)
        return cls(
            contract=contract,
            clause=clause,
            model=from_seen(clause.family, features, clause.label, weights),
            weights=weights,
            spent=Spent.of(terms, clause, kept.done),
            rows=kept.rows,
            requests=kept.requests,
            receipts=tuple(home.receipt(request) for request in kept.requests),
            cost=Cost.of(terms, kept.done),
            resumed=resumed,
        )

    @property
    def family(self) -> str:
        """The family of the model: linear or logistic."""
        return self.clause.family

    @property
    def iterations(self) -> int:
        """How many iterations there were."""
        return len(self.requests)

    def predict(self, rows: Any) -> "NDArray[np.float64]":
        """Return the probability, or the number, that the model predicts for each row.

        `rows` are as in `Client.score`: a matrix, columns by name, or a list of rows.

        Raises:
            InputInvalidError: a value is no number, out of bounds, or none of its column's.

        """
        from unseen.streams.feature_rows import matrix  # noqa: PLC0415 - with vectors' library

        return self.model.predict(matrix(self.model.features, rows))

    def files(self) -> dict[str, bytes]:
        """Return the model for other programs and people, by name of the file.

        Raises:
            InputInvalidError: `unseen[train]` is not installed.

        """
        from unseen.client.queries.fitted_files import files_of  # noqa: PLC0415 - as above

        return files_of(self)

    def save(self, folder: Path) -> list[Path]:
        """Write the model and its card into a folder, which is made; return the files.

        Raises:
            InputInvalidError: `unseen[train]` is not installed; nothing is written.
            OSError: they cannot be written.

        """
        made = self.files()
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, data in made.items():
            paths.append(folder / name)
            paths[-1].write_bytes(data)
        return paths

    def _title(self) -> str:
        return "Model of an encrypted training"

    def _rows(self) -> Iterator[Row]:
        yield from _columns(self.clause)
        yield "weights", f"{len(self.weights):,}"
        if self.clause.vertical:
            yield "own rows", f"{self.rows:,}"
        yield "iterations", f"{self.iterations:,}"
        yield "privacy", self.spent.said()
        yield from self.cost.rows()
        yield "receipts", f"{len(self.receipts):,}"


def _columns(clause: Encrypted) -> Iterator[Row]:
    yield "family", clause.family
    yield "features", tuple(feature.name for feature in clause.features)
    if clause.vertical:
        yield "own columns", tuple(feature.name for feature in clause.own)
    yield "predicts", clause.label.name
