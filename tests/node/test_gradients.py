"""One iteration of an encrypted training over a table, opened and held against the clear one."""

import errno
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.node.counted import World
from tests.node.encrypted_reading import hash_of, listed, permit, read, reading
from tests.node.test_train_rows import visits

from unseen.evidence import canonical
from unseen.evidence.contracts.encrypted import Encrypted
from unseen.evidence.suite import suite_of
from unseen.node.data import gradients
from unseen.node.data.listed import Reading, decode_reading, encode_reading
from unseen.node.errors import StorageFullError
from unseen.node.jobs.tasks import TASKS
from unseen.protocols.errors import CountMismatchError, InputInvalidError, MalformedMessageError
from unseen.protocols.he.training import clear
from unseen.protocols.he.training.buyer import Keys
from unseen.protocols.he.training.descent import within_reach
from unseen.protocols.he.training.rows import blocks, kept
from unseen.protocols.train.spec import Feature

pytest.importorskip("tenseal.sealapi")

Reals = NDArray[np.float64]
OWN = (Feature(name="visits", low=0, high=10), Feature(name="smokes", low=0, high=1))
COUNT = 9_000  # two blocks


@dataclass
class Bench:
    """A table, a buyer's keys and one iteration's files."""

    asked: Reading
    sent: gradients.Sent
    keys: Keys
    weights: Reals
    own: Reals
    labels: Reals

    @property
    def clause(self) -> Encrypted:
        return self.asked.clause

    def send(self, rows: int | None = None) -> None:
        """Write what a buyer sends."""
        vertical, count = self.clause.vertical, self.asked.count
        own = count if vertical else 0
        self.sent.context.write_bytes(self.keys.context(own if rows is None else rows))
        columns = self.clause.columns
        messages = [self.keys.weights(self.weights)]
        if self.sent.rows is not None:
            head = b"".join(hash_of(visit) for visit in range(count))
            parts = [
                self.keys.block(self.own[start:stop], self.labels[start:stop])
                for start, stop in blocks(count)
            ]
            self.sent.rows.write_bytes(head + b"".join(parts))
        if self.clause.own:
            messages += [
                self.keys.scores(self.own[start:stop], self.weights[columns:])
                for start, stop in blocks(count)
            ]
        self.sent.weights.write_bytes(b"".join(messages))

    def gradient(self, secret: bytes = b"", told: Callable[[int], None] = lambda _: None) -> Reals:
        """Return what a buyer opens."""
        suite = suite_of("intl")
        digest = gradients.gradient(self.asked, self.sent, suite, secret, told)
        answer = (self.sent.folder / "answer").read_bytes()
        assert digest == suite.digest(answer)
        return self.keys.gradient(answer)

    def clear(self, secret: bytes = b"") -> Reals:
        """Return the same in the clear, without noise."""
        values, labels = read(self.asked, secret)
        task = self.clause.task()
        theirs = kept(values, task.columns, task.norm)
        whole = np.concatenate([theirs, self.own], axis=1)
        told = self.labels if self.clause.vertical else labels
        return clear.gradient(whole, told, self.weights, task)

    def near(self, secret: bytes = b"") -> None:
        """Refuse a gradient that is not the clear one, give or take its noise."""
        found, wanted = self.gradient(secret), self.clear(secret)
        deviation = self.clause.chain().deviation / float(self.clause.task().shrink)
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() < 8 * deviation
        assert np.abs(wanted).max() > 20 * deviation
        assert np.abs(found - wanted).max() > 0


def bench(
    folder: Path,
    label: str = "stayed",
    own: tuple[Feature, ...] = (),
    count: int = COUNT,
    **said: Any,
) -> Bench:
    """Return a table of visits and an iteration over it."""
    world = World(folder, visits(count), [])
    world.write()
    changes: dict[str, Any] = {"own": own, "own_norm": "1"} if own else {}
    theirs = None if label else listed(folder, [hash_of(visit) for visit in range(count)])
    asked = reading(world, label, listed=theirs)
    clause = replace(asked.clause, rho="10", reach="3", **changes | said)
    asked = replace(asked, clause=clause)
    source = np.random.default_rng(3)
    task = clause.task()
    values = source.uniform(-0.5, 0.5, (count, task.own_columns))
    weights = within_reach(source.normal(0, 0.3, task.width), task)
    return Bench(
        asked,
        gradients.Sent(
            folder / "context", folder / "weights", folder, folder / "rows" if theirs else None
        ),
        Keys(clause.chain()),
        weights,
        values,
        (source.random(count) < 0.3).astype(float),
    )


@pytest.fixture(scope="module")
def secret_model(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = bench(tmp_path_factory.mktemp("secret"))
    made.send()
    return made


@pytest.fixture(scope="module")
def vertical(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = bench(tmp_path_factory.mktemp("vertical"), "", OWN)
    made.send()
    return made


def test_a_gradient_of_a_secret_model_is_the_clear_one_with_noise(secret_model: Bench) -> None:
    secret_model.near()


def test_a_vertical_gradient_is_over_both_parties_columns(vertical: Bench) -> None:
    vertical.near()


def test_a_linear_training_has_labels_between_its_bounds(tmp_path: Path) -> None:
    made = bench(tmp_path, "days")
    made.send()
    made.near()


def test_who_does_not_consent_is_in_no_sum(secret_model: Bench) -> None:
    world = World(secret_model.sent.folder, visits(COUNT), [])
    chosen = replace(secret_model, asked=permit(secret_model.asked, world, range(0, COUNT, 2)))
    chosen.near(b"s" * 32)
    assert np.abs(chosen.clear(b"s" * 32) - secret_model.clear()).max() > 100


def test_each_attempt_draws_other_noise_and_tells_of_rows(secret_model: Bench) -> None:
    told: list[int] = []
    first = secret_model.gradient(told=told.append)
    assert told == [8192, COUNT - 8192]
    assert (first != secret_model.gradient()).all()


def ask_of(made: Bench) -> bytes:
    """Return what a worker is told."""
    ask: Any = {
        "reading": encode_reading(made.asked),
        "suite": "intl",
        "context": str(made.sent.context),
        "weights": str(made.sent.weights),
        "folder": str(made.sent.folder),
    }
    return canonical.encode(ask)


def test_a_worker_is_told_in_json(secret_model: Bench) -> None:
    asked, sent = secret_model.asked, secret_model.sent
    assert decode_reading(canonical.decode(canonical.encode(encode_reading(asked)))) == asked
    (digest,) = TASKS["train_gradient"]([ask_of(secret_model)], lambda _rows: None)
    assert digest == suite_of("intl").digest((sent.folder / "answer").read_bytes())


def test_a_reading_of_a_list_comes_back_from_json(vertical: Bench) -> None:
    found = canonical.decode(canonical.encode(encode_reading(vertical.asked)))
    assert decode_reading(found) == vertical.asked


def test_too_few_rows_or_too_many_are_refused(secret_model: Bench) -> None:
    for count in (99, 20_001):
        asked = replace(secret_model.asked, count=count)
        with pytest.raises(InputInvalidError) as caught:
            replace(secret_model, asked=asked).gradient()
        assert caught.value.clause == "train_he.rows"


@pytest.mark.parametrize("which", ["context", "weights", "rows"])
@pytest.mark.parametrize(
    "hurt",
    [
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: data[:-1000] + b"\xff" * 16 + data[-984:],
    ],
    ids=["cut", "short", "beyond"],
)
def test_what_is_no_ciphertext_is_refused_and_nothing_is_written(
    vertical: Bench, tmp_path: Path, which: str, hurt: Callable[[bytes], bytes]
) -> None:
    paths = {name: getattr(vertical.sent, name) for name in ("context", "weights", "rows")}
    (tmp_path / which).write_bytes(hurt(paths[which].read_bytes()))
    sent = gradients.Sent(**paths | {which: tmp_path / which}, folder=tmp_path)
    asked = vertical.asked
    if which == "rows" and asked.listed is not None:
        asked = replace(asked, listed=replace(asked.listed, file=tmp_path / which))
    with pytest.raises(MalformedMessageError):
        replace(vertical, asked=asked, sent=sent).gradient()
    assert not (tmp_path / "answer").exists()


def test_keys_for_another_number_of_rows_are_refused(vertical: Bench, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.write_bytes(vertical.keys.context(COUNT - 1))
    with pytest.raises(CountMismatchError):
        replace(vertical, sent=replace(vertical.sent, context=context)).gradient()


def test_a_full_disk_is_said(secret_model: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(gradients, "write_whole", full)
    with pytest.raises(StorageFullError):
        secret_model.gradient()


_PEAK = """
import sys
from pathlib import Path
from unseen.node.data import gradients
from unseen.node.jobs.tasks import TASKS

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

before = peak()
TASKS["train_gradient"]([Path(sys.argv[1]).read_bytes()], lambda rows: None)
print(peak() - before)
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["stayed", ""], ids=["secret model", "vertical"])
def test_ten_times_the_rows_take_no_more_memory_than_the_database_may_have(
    tmp_path: Path, kind: str
) -> None:
    taken = []
    for count in (20_000, 200_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        made = bench(folder, kind, () if kind else OWN, count, most_rows=count)
        made.send()
        (folder / "ask").write_bytes(ask_of(made))
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, str(folder / "ask")],
            capture_output=True,
            text=True,
            check=True,
        )
        taken.append(int(done.stdout) >> 10)
    assert taken[1] < taken[0] + 128  # of the 256 MiB given the database has half
    assert taken[1] < 384
