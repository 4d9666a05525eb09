"""Cases of the bench `train_he`: an iteration of either training by its parts, then real data."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench.persons import Outcome, Study, nhefs, rand
from unseen.bench.registry import Case, Group, Parameters, Traffic
from unseen.bench.shelf import Shelf
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.buyer import Keys
from unseen.protocols.he.training.chain import SLOTS, Chain, chain_of
from unseen.protocols.he.training.parties import MODEL
from unseen.protocols.he.training.provider import Trainer, iteration
from unseen.protocols.he.training.rows import blocks
from unseen.protocols.he.training.task import Task
from unseen.protocols.testing import seeded_rng

NAME: Final = "train_he"
TARGET: Final = "<= 60 s an iteration at 1e5 x 30"
_LONG: Final = 1 << 15  # rows from which on one lap is enough
_SECURITY_BITS: Final = 128

Reals = NDArray[np.float64]


class Repeated:
    """A block of rows again and again: as many rows as wanted, in the memory of one block."""

    def __init__(self, values: Reals, labels: Reals, count: int) -> None:
        """Take a block."""
        self._values, self._labels = values, labels
        self.count = count

    def block(self, start: int, stop: int) -> tuple[Reals, Reals]:
        """Return some rows of it."""
        return self._values[: stop - start], self._labels[: stop - start]


class Iteration:
    """One iteration of a training over made-up rows, by both parties."""

    def __init__(self, task: Task, name: str, seed: int, folder: Path) -> None:
        """Make rows and keys; what is sent once lies in an empty folder."""
        source = np.random.default_rng(seed)
        self.task, self.name, self.seed = task, name, seed
        self.chain: Chain = chain_of(task)
        size = float(task.norm) / task.width
        self.values = source.uniform(-size, size, (SLOTS, task.width))
        self.labels = source.integers(0, 2, SLOTS).astype(float)
        self.weights = source.uniform(-0.5, 0.5, task.width)
        self.keys = Keys(self.chain)
        self.context = self.keys.context(task.most_rows)
        self.trainer = Trainer(self.chain, self.context)
        theirs, self.own = np.split(self.values, [task.columns], axis=1)
        self.rows = Repeated(theirs, self.labels, task.most_rows)
        self.shelf = Shelf(folder)
        self.sent: list[bytes] = []
        self.answer = b""
        self.found: Reals = np.zeros(0)
        self.exact: Reals = np.zeros(0)

    def once(self) -> None:
        """Encrypt what a buyer sends once, a block at a time."""
        for number, (start, stop) in enumerate(blocks(self.rows.count)):
            self.shelf[number] = self.keys.block(
                self.own[: stop - start], self.labels[: stop - start]
            )

    def buyer(self) -> None:
        """Encrypt weights, and the scores of the buyer's columns."""
        self.sent = [self.keys.weights(self.weights)]
        if self.task.own_columns:
            mine = self.weights[self.task.columns :]
            for start, stop in blocks(self.rows.count):
                self.sent.append(self.keys.scores(self.own[: stop - start], mine))

    def ready(self) -> None:
        """Have what a provider needs."""
        if self.task.vertical and not self.shelf:
            self.once()
        if not self.sent:
            self.buyer()

    def provider(self) -> None:
        """Compute the sums and what leaves of them."""
        first, *more = self.sent
        steps = iteration(self.trainer, self.rows, self.shelf, first)
        try:
            next(steps)
            for each in more:
                steps.send(each)
        except StopIteration as end:
            self.answer = self.trainer.answer(end.value, seeded_rng(self.seed))

    def answered(self) -> None:
        """Have what a buyer opens."""
        self.ready()
        if not self.answer:
            self.provider()

    def opened(self) -> None:
        """Open an answer."""
        self.found = self.keys.gradient(self.answer)

    def clear(self) -> None:
        """Compute the same gradient in the clear."""
        total = np.zeros(self.task.width)
        for start, stop in blocks(self.rows.count):
            part = slice(0, stop - start)
            total += clear.gradient(self.values[part], self.labels[part], self.weights, self.task)
        self.exact = total

    def off(self) -> str:
        """Return how far the answer was from the exact gradient, beside its noise."""
        self.opened()
        self.clear()
        noise = self.chain.deviation / float(self.task.shrink)
        most = float(np.abs(self.found - self.exact).max())
        count = len(blocks(self.rows.count))
        return f"noise of {noise:.1f}, off by {most / noise:.1f} times that; {count} blocks"


def groups(given: Parameters, folder: Path) -> Iterator[Group]:
    """Hand out both kinds of iteration, over files in an empty folder, then trainings on real data.

    Raises:
        InputInvalidError: there is no such training, or real data is not there.

    """
    one = _task(given, own=0)
    yield from _iteration(Iteration(one, f"{NAME}/secret", given["seed"], folder), TARGET)
    if given["own"]:
        both = _task(given, own=given["own"])
        yield from _iteration(Iteration(both, f"{NAME}/vertical", given["seed"], folder), "")
    if given["real"]:
        for study in (nhefs(given["epsilon"]), rand(given["epsilon"])):
            yield _study(study)


def _task(given: Parameters, own: int) -> Task:
    return Task(
        family="logistic",
        columns=given["features"],
        norm=Fraction(2),
        vertical=own > 0,
        own_columns=own,
        own_norm=Fraction(2 if own else 0),
        least_rows=100,
        most_rows=given["rows"],
        iterations=20,
        rho=Fraction(1, 100),
    )


def _iteration(one: Iteration, target: str) -> Iterator[Group]:
    lengths = ", ".join(str(prime.bit_length()) for prime in one.chain.primes)
    worst = float(2 * one.chain.error * one.chain.total_scale / SLOTS / one.chain.l2)
    about = f"primes of {lengths} bits, errors {worst:.2%} of the sensitivity at most"
    yield [
        _case(
            one,
            "keys",
            work=lambda: _made(one.chain),
            phase="set-up",
            traffic=lambda: Traffic(up=len(one.context), rounds=1),
            note=lambda: about,
        )
    ]
    if one.task.vertical:
        yield [
            _case(
                one,
                "once",
                work=one.once,
                units=one.rows.count,
                traffic=lambda: Traffic(up=one.shelf.bytes(), rounds=1),
            )
        ]
    yield [
        _case(
            one,
            "buyer",
            work=one.buyer,
            traffic=lambda: Traffic(up=sum(map(len, one.sent)), rounds=1),
        )
    ]
    yield [
        _case(one, "clear", work=one.clear, units=one.rows.count),
        _case(
            one,
            "provider",
            work=one.provider,
            prepare=one.ready,
            units=one.rows.count,
            limit=f"{one.name}/clear",
            target=target,
            traffic=lambda: Traffic(sum(map(len, one.sent)), len(one.answer), 1),
            note=one.off,
        ),
    ]
    yield [_case(one, "open", work=one.opened, prepare=one.answered)]


def _case(one: Iteration, part: str, *, phase: Any = "online", units: int = 1, **more: Any) -> Case:
    return Case(
        name=f"{one.name}/{part}",
        phase=phase,
        units=units,
        once=one.rows.count >= _LONG,
        threat_model="" if part == "clear" else MODEL,
        security_bits=0 if part == "clear" else _SECURITY_BITS,
        **more,
    )


def _study(study: Study) -> Group:
    found: list[Outcome] = []
    plain: list[float] = []
    name = f"{NAME}/{study.name}"

    def work() -> None:
        found[:] = [study.encrypted()]

    def beside() -> None:
        plain[:] = [study.clear()]

    def note() -> str:
        one = found[0]
        return (
            f"AUC {one.auc:.4f}; AUC {one.auc - plain[0]:+.4f}; epsilon {study.epsilon}, "
            f"{study.rows} rows x {study.task.width}, {study.task.iterations} iterations"
        )

    return [
        Case(
            name=f"{name}/clear",
            phase="online",
            units=1,
            work=beside,
            once=True,
            note=lambda: f"AUC {plain[0]:.4f}",
        ),
        Case(
            name=f"{name}/encrypted",
            phase="online",
            units=1,
            work=work,
            once=True,
            limit=f"{name}/clear",
            threat_model=MODEL,
            security_bits=_SECURITY_BITS,
            traffic=lambda: Traffic.of(found[0].transcript, "first", "second"),
            note=note,
        ),
    ]


def _made(chain: Chain) -> None:
    Trainer(chain, Keys(chain).context(0))
