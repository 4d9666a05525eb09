"""Whole trainings, both parties in one process, beside the same in the clear."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.protocols.he.training.tasks import KINDS, Bench, Reals, rows_of, run, task_of

from unseen.protocols.errors import (
    CountMismatchError,
    InputInvalidError,
    MalformedMessageError,
    UnseenError,
)
from unseen.protocols.he import seal
from unseen.protocols.he.training import clear, provider
from unseen.protocols.he.training.buyer import Wanted, bought
from unseen.protocols.he.training.chain import SLOTS, chain_of
from unseen.protocols.he.training.descent import Descent, State
from unseen.protocols.he.training.parties import Training
from unseen.protocols.he.training.provider import Provided, Trainer, provided
from unseen.protocols.he.training.rows import Held, Rows
from unseen.protocols.testing import drive_pair, seeded_rng

LOUD = Fraction(10**9)  # so much rho that noise is small: what is left shows the arithmetic


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(task_of())


class Counted:
    """Rows that lie elsewhere, and a note of which blocks were asked for."""

    def __init__(self, values: Reals, labels: Reals) -> None:
        """Take them."""
        self.held = Held(values, labels)
        self.asked: list[tuple[int, int]] = []

    @property
    def count(self) -> int:
        """Return how many."""
        return self.held.count

    def block(self, start: int, stop: int) -> tuple[Reals, Reals]:
        """Return some."""
        self.asked.append((start, stop))
        return self.held.block(start, stop)


def parties(rows: Rows, charge: Any = lambda _: None, **changes: Any) -> tuple[Any, Any, Any]:
    """Return a buyer, its first message and a provider that got it."""
    chain = chain_of(task_of(**changes))
    buyer = bought(chain, Wanted(Descent(chain.task)))
    context = next(buyer)
    return buyer, context, provided(chain, Provided(rows, charge), context, seeded_rng(1))


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [100, SLOTS, 9000])
def test_weights_are_those_of_a_training_in_the_clear(kind: str, count: int) -> None:
    task = task_of(kind, rho=LOUD, most_rows=max(count, 100))
    values, labels = rows_of(task, count)
    found = run(task, values, labels)
    wanted = clear.trained(values, labels, Descent(task))
    spread = chain_of(task).deviation / float(task.shrink) / task.most_rows
    assert float(np.abs(found.weights - wanted).max()) < 1e-6 + 100 * spread
    assert float(np.abs(wanted).max()) > 0.01
    assert found.charged == [chain_of(task).rho] * task.iterations


@pytest.mark.parametrize("momentum", [True, False])
def test_a_descent_goes_on_where_another_was(momentum: bool) -> None:
    task = task_of(iterations=6)
    values, labels = rows_of(task, 400)
    whole = Descent(task, rate=1.5, ridge=0.01, momentum=momentum)
    parts = Descent(task, rate=1.5, ridge=0.01, momentum=momentum)
    for _ in range(task.iterations):
        parts = Descent.resumed(task, parts.state, rate=1.5, ridge=0.01, momentum=momentum)
        for each in (whole, parts):
            each.step(clear.gradient(values, labels, each.asked, task))
    assert (parts.weights == whole.weights).all()
    assert (parts.asked == whole.asked).all()
    assert parts.state.age == whole.state.age


@pytest.mark.parametrize("wrong", [[0.0] * 4, [0.0, 0, 0, 0, np.nan], [5.0] * 5])
def test_a_descent_does_not_go_on_from_weights_of_another_task(wrong: list[float]) -> None:
    zero = np.zeros(5)
    for state in (State(np.array(wrong), zero, 1), State(zero, np.array(wrong), 1)):
        with pytest.raises(InputInvalidError):
            Descent.resumed(task_of(), state, rate=1, ridge=0)


def test_noise_moves_weights_as_it_does_in_the_clear() -> None:
    task = task_of(rho=Fraction(1, 100), most_rows=1000)
    values, labels = rows_of(task, 1000)
    apart = run(task, values, labels).weights - clear.trained(values, labels, Descent(task))
    assert 1e-4 < float(np.abs(apart).max()) < 3


def test_columns_and_tables_of_zeros_are_no_special_case() -> None:
    task = task_of(rho=LOUD, most_rows=9000)
    values, labels = rows_of(task, 9000)
    values[:SLOTS, 2] = 0
    values[:, 3] = 0
    found = run(task, values, labels).weights
    wanted = clear.trained(values, labels, Descent(task))
    assert float(np.abs(found - wanted).max()) < 1e-6
    for kind in ("logistic", "vertical"):
        task = task_of(kind, rho=LOUD, most_rows=1000)
        values, labels = rows_of(task, 1000)
        values[:, : task.columns] = 0
        wanted = clear.trained(values, labels, Descent(task))
        assert float(np.abs(run(task, values, labels).weights - wanted).max()) < 1e-5


@pytest.mark.parametrize("kind", ["linear", "vertical"])
@pytest.mark.parametrize("exponent", [-30, -36, -39, -60, -1000])
def test_a_number_however_small_ends_no_training(kind: str, exponent: int) -> None:
    """Else whether there is an answer says, without noise, what one row has."""
    task = task_of(kind, rho=LOUD, most_rows=1000)
    values, labels = rows_of(task, 1000)
    values[:, 2] = 0
    values[7, 2] = 2.0**exponent
    wanted = clear.trained(values, labels, Descent(task))
    assert float(np.abs(run(task, values, labels).weights - wanted).max()) < 1e-5


def test_rows_beyond_their_norm_are_drawn_in() -> None:
    task = task_of(rho=LOUD, most_rows=200)
    values, labels = rows_of(task, 200)
    large = values.copy()
    large[7] *= 1e200
    inside = values.copy()
    inside[7] *= 2 / np.linalg.norm(values[7])
    found = run(task, large, labels).weights
    wanted = clear.trained(inside, labels, Descent(task))
    assert float(np.abs(found - wanted).max()) < 1e-5


def test_rows_are_read_a_block_at_a_time() -> None:
    task = task_of(iterations=2)
    values, labels = rows_of(task, 9000)
    rows = Counted(values, labels)
    given = Provided(rows, lambda _: None)
    drive_pair(Training(chain_of(task)), (Wanted(Descent(task)), given), seeded_rng(2))
    assert rows.asked == [(0, SLOTS), (SLOTS, 9000)] * 2


def test_what_a_buyer_sends_once_lies_on_the_shelf() -> None:
    task = task_of("vertical", most_rows=9000)
    values, labels = rows_of(task, 9000)
    shelf: dict[int, bytes] = {}
    found = run(task, values, labels, shelf)
    assert sorted(shelf) == [0, 1]
    sent = found.transcript.bytes_from("first")
    again = run(task_of("vertical", most_rows=9000, iterations=1), values, labels)
    once = again.transcript.bytes_from("first")
    blocks = sum(map(len, shelf.values()))
    # An iteration more is weights and scores again, not what lies there.
    assert sent - once < once - blocks


@pytest.mark.parametrize("count", [99, 9001])
def test_too_few_or_too_many_rows_give_no_gradient(count: int) -> None:
    values, labels = rows_of(task_of(), count)
    _, _, provider = parties(Held(values, labels))
    with pytest.raises(InputInvalidError, match="100 to 9000 rows"):
        next(provider)


def test_nothing_is_answered_before_it_is_charged() -> None:
    values, labels = rows_of(task_of(), 200)

    def refuse(_: Fraction) -> None:
        raise InputInvalidError("no privacy is left")

    buyer, _, provider = parties(Held(values, labels), refuse)
    assert next(provider) == b""
    weights = buyer.send(b"")
    with pytest.raises(InputInvalidError, match="no privacy"):
        provider.send(weights)


def mutated(message: bytes) -> Iterator[bytes]:
    """Yield what is not quite a message."""
    yield b""
    yield message[:-1]
    yield message + b"\0"
    yield message[: len(message) // 2]
    yield b"\xff" * len(message)
    yield message[:16] + b"\0" * 32 + message[48:]
    yield message[:100] + bytes([message[100] ^ 1]) + message[101:]


@pytest.mark.parametrize("number", range(6))
def test_hostile_contexts_are_refused(number: int) -> None:
    values, labels = rows_of(task_of(), 200)
    _, context, _ = parties(Held(values, labels))
    sent = list(mutated(context))[number]
    provider = provided(
        chain_of(task_of()), Provided(Held(values, labels), lambda _: None), sent, seeded_rng(1)
    )
    with pytest.raises((MalformedMessageError, CountMismatchError)):
        next(provider)


@pytest.mark.parametrize("number", range(6))
def test_hostile_weights_are_refused(bench: Bench, number: int) -> None:
    message = bench.keys.weights(np.full(5, 0.1))
    with pytest.raises(MalformedMessageError):
        bench.trainer.weights(list(mutated(message))[number])
    assert len(list(bench.trainer.weights(message))) == 5


def test_ciphertexts_of_another_scale_or_without_a_seed_are_refused(bench: Bench) -> None:
    chain, keys = bench.chain, bench.keys
    wrong = keys._slots(np.zeros(3), chain.fresh, 2.0**47)
    with pytest.raises(MalformedMessageError, match="another scale"):
        bench.trainer.arithmetic.read(wrong, chain.fresh, 2.0**48)
    with pytest.raises(MalformedMessageError, match="another length"):
        bench.trainer.arithmetic.read(bench.trainer._stranger.zero(), chain.fresh, 1.0)
    lower = keys._slots(np.zeros(3), 2, 2.0**48)
    with pytest.raises(MalformedMessageError, match="another length"):
        bench.trainer.arithmetic.read(lower, chain.fresh, 2.0**48)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 5.0])
def test_a_buyer_does_not_send_weights_beyond_reach(bench: Bench, wrong: float) -> None:
    with pytest.raises(InputInvalidError):
        bench.keys.weights(np.array([0.1, wrong, 0, 0, 0]))


def test_a_buyer_takes_no_answer_out_of_turn() -> None:
    values, labels = rows_of(task_of(), 200)
    buyer, _, _ = parties(Held(values, labels))
    with pytest.raises(MalformedMessageError, match="before its turn"):
        buyer.send(b"more")


@pytest.mark.parametrize("count", [150, 250])
def test_parties_have_as_many_rows(count: int) -> None:
    task = task_of("vertical")
    values, labels = rows_of(task, 200)
    more, _ = rows_of(task, count)
    chain = chain_of(task)
    buyer = bought(chain, Wanted(Descent(task), Held(values[:, 5:], labels)))
    rows = Held(more[:, :5], np.zeros(0))
    provider = provided(chain, Provided(rows, lambda _: None), next(buyer), seeded_rng(1))
    with pytest.raises(CountMismatchError):
        next(provider)


def test_a_vertical_training_takes_rows_of_both() -> None:
    chain = chain_of(task_of("vertical"))
    with pytest.raises(InputInvalidError):
        next(bought(chain, Wanted(Descent(chain.task))))


def test_keys_can_be_kept(bench: Bench) -> None:
    again = type(bench.keys)(bench.chain, bench.keys.secret())
    answer = bench.trainer.answer(bench.trainer.arithmetic.sums(), seeded_rng(3))
    assert again.gradient(answer).tolist() == bench.keys.gradient(answer).tolist()


def test_all_refusals_are_this_projects() -> None:
    assert issubclass(CountMismatchError, UnseenError)
    assert Training(chain_of(task_of())).security_bits >= 128


@pytest.mark.parametrize("behind", [0, 16, 40, 64, 80, 64 + 150, 64 + 10_000, -64 - 17 - 8 - 100])
def test_keys_for_products_are_checked_before_seal_reads_them(bench: Bench, behind: int) -> None:
    """Eight bytes of ones in a head, or as a word: all but seeds are known or below a prime."""
    level = bench.chain.level(len(bench.chain.primes))
    start = 8 + seal.ciphertext_bytes(level, seeded=False)
    place = start + behind if behind >= 0 else len(bench.context) + behind
    sent = bench.context[:place] + b"\xff" * 8 + bench.context[place + 8 :]
    with pytest.raises(MalformedMessageError):
        Trainer(bench.chain, sent)


def test_altered_weights_are_refused_or_computed_with(bench: Bench) -> None:
    """Bytes changed, cut, doubled and moved about: one error, or a ciphertext like any other."""
    source = np.random.default_rng(50)
    message = bench.keys.weights(np.full(5, 0.1))
    size = len(message) // 5
    values, labels = rows_of(bench.task, 50)
    refused = 0
    for _ in range(150):
        sent = bytearray(message)
        # Heads and tails more often than words: there is more to get wrong.
        near = int(source.integers(0, 200)) - 100
        place = (int(source.integers(1, 5)) * size + near) % len(sent)
        length = int(source.integers(1, 40))
        match int(source.integers(0, 4)):
            case 0:
                sent[place : place + length] = source.bytes(length)
            case 1:
                del sent[place : place + length]
            case 2:
                sent[place:place] = sent[place : place + length]
            case _:
                sent[place] ^= 1 << int(source.integers(0, 8))
        try:
            weights = bench.trainer.weights(bytes(sent))
        except MalformedMessageError:
            refused += 1
            continue
        sums = bench.trainer.arithmetic.sums()
        bench.trainer.arithmetic.add_block(sums, values, labels, weights)
        assert len(bench.trainer.answer(sums, seeded_rng(51))) == 5 * 8 * 16385
    assert 75 < refused < 150


def test_many_weights_are_read_anew_and_give_the_same_sums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(task_of())
    values, labels = rows_of(bench.task, 200)
    weights = np.full(bench.task.width, 0.1)
    sent = bench.keys.weights(weights)

    def words(message: bytes) -> list[Any]:
        arithmetic = bench.trainer.arithmetic
        sums = arithmetic.sums()
        for _ in range(2):
            arithmetic.add_block(sums, values, labels, bench.trainer.weights(message))
        return arithmetic.words(sums)

    kept = words(sent)
    monkeypatch.setattr(provider, "AT_ONCE", 4)
    assert not isinstance(bench.trainer.weights(sent), list)
    assert all(map(np.array_equal, words(sent), kept))
    with pytest.raises(MalformedMessageError):
        words(sent[:-1])
    with pytest.raises(MalformedMessageError):
        words(sent[:-1000] + b"\xff" * 16 + sent[-984:])
