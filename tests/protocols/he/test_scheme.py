"""Every scheme gives the scores of whole numbers, and refuses the same mistakes."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import CountMismatchError, InputInvalidError, MalformedMessageError
from unseen.protocols.he import clear, tenseal_scheme
from unseen.protocols.he.parameters import Demand, choose
from unseen.protocols.he.scheme import HeScheme, Wholes
from unseen.protocols.testing import seeded_rng

PARAMETERS = choose(
    Demand(
        columns=5,
        grid=10,
        weight_bits=12,
        sum_bits=15,
        reach_bits=26,
        precision_bits=14,
        responses=64,
    )
)
SCHEMES: dict[str, HeScheme[Any]] = {one.name: one for one in (tenseal_scheme.SCHEME, clear.SCHEME)}
UNIT = 1 << (PARAMETERS.demand.grid + PARAMETERS.demand.weight_bits)


class Pair:
    def __init__(self, scheme: HeScheme[Any]) -> None:
        self.scheme = scheme
        self.owner = scheme.owner(PARAMETERS)
        self.node = scheme.opened(PARAMETERS, self.owner.context())

    def scores(self, columns: Wholes, weights: list[int], bias: int) -> Any:
        sent = self.owner.encrypt(columns)
        found = self.node.weighted(sent, weights, bias)
        return self.owner.decrypt(self.node.private(found, seeded_rng(1)), columns.shape[1])


@pytest.fixture(scope="module", params=sorted(SCHEMES))
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(SCHEMES[request.param])


def columns(rows: int, seed: int) -> Wholes:
    rng = np.random.default_rng(seed)
    return rng.integers(-1024, 1025, (5, rows), dtype=np.int64)


@settings(deadline=None, max_examples=8)
@given(
    weights=st.lists(st.integers(-6553, 6553), min_size=5, max_size=5),
    bias=st.integers(-(1 << 24), 1 << 24),
    rows=st.integers(1, PARAMETERS.degree),
    seed=st.integers(0, 1 << 32),
)
def test_scores_are_those_of_whole_numbers(
    pair: Pair, weights: list[int], bias: int, rows: int, seed: int
) -> None:
    given_columns = columns(rows, seed)
    wanted = (np.array(weights) @ given_columns + bias) / UNIT
    found = pair.scores(given_columns, weights, bias)
    assert found.shape == (rows,)
    assert np.abs(found - wanted).max() <= 2.0**-PARAMETERS.demand.precision_bits


def test_the_ends_of_every_range_are_scored(pair: Pair) -> None:
    edges = np.array([[1024, -1024, 0]] * 5, np.int64)
    for weights in ([6553] * 5, [-6553] * 5, [1 << 15, 0, 0, 0, 0]):
        found = pair.scores(edges, weights, -(1 << 24))
        wanted = (np.array(weights) @ edges - (1 << 24)) / UNIT
        assert np.abs(found - wanted).max() <= 2.0**-14


def test_no_weights_at_all_leave_the_bias(pair: Pair) -> None:
    assert np.abs(pair.scores(columns(4, 1), [0] * 5, 1 << 22) - 1).max() <= 2.0**-14


def test_a_key_comes_back(pair: Pair) -> None:
    again = pair.scheme.owner(PARAMETERS, pair.owner.secret())
    sent = again.encrypt(columns(7, 3))
    back = pair.node.private(pair.node.weighted(sent, [1, 2, 3, 4, 5], 0), seeded_rng(2))
    assert pair.owner.decrypt(back, 7).tolist() == again.decrypt(back, 7).tolist()


def test_a_context_stays_the_same(pair: Pair) -> None:
    assert pair.owner.context() == pair.owner.context()


@pytest.mark.parametrize("what", ["few", "wide", "floats", "flat", "none", "many"])
def test_other_columns_are_not_encrypted(pair: Pair, what: str) -> None:
    given_columns: Any = {
        "few": columns(3, 1)[:4],
        "wide": columns(3, 1).astype(np.int32),
        "floats": columns(3, 1).astype(np.float64),
        "flat": columns(3, 1)[0],
        "none": columns(3, 1)[:, :0],
        "many": columns(PARAMETERS.degree + 1, 1),
    }[what]
    with pytest.raises(InputInvalidError):
        pair.owner.encrypt(given_columns)


@pytest.mark.parametrize("number", [1025, -1025, np.iinfo(np.int64).min])
def test_numbers_out_of_bounds_are_the_encoders_error(pair: Pair, number: int) -> None:
    given_columns = columns(9, 1)
    given_columns[3, 7] = number
    with pytest.raises(InputInvalidError, match="column 3 is out of bounds in row 7") as refused:
        pair.owner.encrypt(given_columns)
    assert refused.value.clause == "features.bounds"


def test_other_weights_are_refused(pair: Pair) -> None:
    sent = pair.owner.encrypt(columns(2, 1))
    for weights, bias in (
        ([6554] * 5, 0),
        ([-(1 << 15), 1, 0, 0, 0], 0),
        ([0] * 5, (1 << 26) + 1),
        ([0] * 5, -(1 << 27)),
    ):
        with pytest.raises(InputInvalidError) as refused:
            pair.node.weighted(sent, weights, bias)
        assert refused.value.clause == "score.weights"
    for few in ([1] * 4, [1] * 6, []):
        with pytest.raises(CountMismatchError):
            pair.node.weighted(sent, few, 0)
    with pytest.raises(CountMismatchError):
        pair.node.weighted(sent[:4], [1] * 5, 0)


def test_altered_bytes_are_refused(pair: Pair) -> None:
    sent = pair.owner.encrypt(columns(2, 1))
    pair.node.check(sent[0])
    back = pair.node.private(pair.node.weighted(sent, [1] * 5, 0), seeded_rng(1))
    for altered in (b"", sent[0][:-1], sent[0] + b"\x00", b"\x00" + sent[0][1:], back):
        with pytest.raises(MalformedMessageError):
            pair.node.check(altered)
        with pytest.raises(MalformedMessageError):
            pair.node.weighted([altered, *sent[1:]], [1] * 5, 0)
    for altered in (b"", back[:-1], back + b"\x00", b"\x00" + back[1:], sent[0]):
        with pytest.raises(MalformedMessageError):
            pair.owner.decrypt(altered, 2)
    for rows in (0, -1, PARAMETERS.degree + 1):
        with pytest.raises(InputInvalidError):
            pair.owner.decrypt(back, rows)


def test_foreign_contexts_and_unsafe_parameters_are_refused(pair: Pair) -> None:
    other = choose(replace(PARAMETERS.demand, precision_bits=10))
    unsafe = replace(PARAMETERS, flood_bits=PARAMETERS.flood_bits - 1)
    for context in (b"", pair.owner.context()[:-1], pair.scheme.owner(other).context()):
        with pytest.raises(MalformedMessageError):
            pair.scheme.opened(PARAMETERS, context)
    with pytest.raises(InputInvalidError, match="hides less"):
        pair.scheme.opened(unsafe, pair.owner.context())
    with pytest.raises(InputInvalidError, match="hides less"):
        pair.scheme.owner(unsafe)
    with pytest.raises(MalformedMessageError):
        pair.scheme.owner(PARAMETERS, b"no key")


def test_columns_that_come_from_a_file_are_never_in_memory_together() -> None:
    wide = choose(replace(PARAMETERS.demand, columns=1_000, sum_bits=23, reach_bits=34))
    owner = tenseal_scheme.SCHEME.owner(wide)
    one = owner._encrypted(np.ones(1, np.int64))
    node = tenseal_scheme.SCHEME.opened(wide, owner.context())
    read = (bytes(bytearray(one)) for _ in range(1_000))
    tracemalloc.start()
    try:
        found = node.weighted(read, [2] * 1_000, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * tenseal_scheme.AT_ONCE * len(one) < 1_000 * len(one) / 3
    (score,) = owner.decrypt(node.private(found, seeded_rng(1)), 1).tolist()
    assert abs(score - 2_000 / UNIT) <= 2.0**-14
