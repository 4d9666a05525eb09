"""Networks under encryption: the scores of whole numbers, within what parameters say."""

import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.protocols.he.models.credit import area, held_out, loans
from tests.protocols.he.models.credit import network as credit_network
from tests.protocols.he.networks.cases import (
    FEATURES,
    MODEL,
    PRECISION,
    apart,
    ideal,
    network,
    pair,
    phase,
    planned,
    rows,
)

from unseen.protocols.errors import (
    CountMismatchError,
    InputInvalidError,
    MalformedMessageError,
    ModelInvalidError,
)
from unseen.protocols.he import checks, privacy, seal
from unseen.protocols.he.models import WholeSquares, whole
from unseen.protocols.he.models.columns import unit_columns, whole_rows
from unseen.protocols.he.networks import contexts, tenseal_scheme
from unseen.protocols.he.networks import parameters as rings
from unseen.protocols.he.networks.demands import demanded
from unseen.protocols.he.networks.parameters import SquaresDemand, SquaresParameters, choose
from unseen.protocols.he.networks.tenseal_scheme import SquaresNode, SquaresOwner
from unseen.protocols.testing import seeded_rng

WHOLE, PARAMETERS = planned()


@given(st.sampled_from([1, 8, 100, PARAMETERS.rows]), st.integers(0, 1 << 32))
@settings(max_examples=4, deadline=None)
def test_scores_come_back_within_the_precision(count: int, seed: int) -> None:
    owner, node = pair()
    given_rows = rows(count, seed)
    sent = owner.encrypt(unit_columns(FEATURES, given_rows))
    response = node.private(node.scored(sent, WHOLE), seeded_rng(seed))
    found = owner.decrypt(response, count)
    assert np.abs(found - MODEL.predictor(given_rows)).max() <= PRECISION
    exact = [float(WHOLE.value(row)) for row in whole_rows(FEATURES, given_rows)[:20]]
    assert np.abs(found[:20] - exact).max() <= PARAMETERS.error


def test_real_loans_are_ranked_as_in_the_clear() -> None:
    features, given_rows, bad = loans()
    model, out = credit_network(), held_out()
    found, demand = demanded(model, Fraction(1, 10_000), 1024)
    parameters = choose(demand)
    owner = SquaresOwner(parameters)
    node = SquaresNode(parameters, owner.context())
    sent = owner.encrypt(unit_columns(features, given_rows))
    scores = owner.decrypt(node.private(node.scored(sent, found), seeded_rng(1)), len(bad))
    expected = model.predictor(given_rows)
    assert np.abs(scores - expected).max() < 1e-4
    assert area(scores[out], bad[out]) == pytest.approx(area(expected[out], bad[out]), abs=1e-4)


def test_units_that_cancel_on_the_way_leave_the_others() -> None:
    # SEAL takes a difference of equal squares for no ciphertext, and raises.
    parameters = choose(replace(PARAMETERS.demand, units=3))
    owner = SquaresOwner(parameters)
    node = SquaresNode(parameters, owner.context())
    (one, other), (bias, more), nothing = WHOLE.weights, WHOLE.biases, (0, 0, 0)
    some = replace(WHOLE, weights=(one, one, other), biases=(bias, bias, more), signs=(1, -1, 1))
    alone = replace(WHOLE, weights=(nothing, nothing, other), biases=(0, 0, more), signs=(1, -1, 1))
    sent = owner.encrypt(unit_columns(FEATURES, rows(5, 7)))
    found, wanted = (
        owner.decrypt(node.private(node.scored(sent, model), seeded_rng(3)), 5)
        for model in (some, alone)
    )
    assert np.abs(found - wanted).max() <= 2 * parameters.error


@pytest.mark.parametrize("ends", [False, True])
def test_no_error_before_the_flood_is_beyond_the_worst(ends: bool) -> None:
    owner, node = pair()
    columns = rows(PARAMETERS.rows, 5).T
    if ends:  # the largest sums there are, in every slot
        columns = np.ones_like(columns) * np.sign([[w[0]] for w in MODEL.layers[0].weights])
    total = node.scored(owner.encrypt(columns), WHOLE).words
    errors = apart(phase(total), ideal(columns, WHOLE))
    largest = max(map(abs, errors))
    assert largest <= PARAMETERS.worst
    # Worst cases add up sizes where errors add up squares: 2^-24 of them are seen, and more.
    assert largest << 24 > PARAMETERS.worst
    hidden = privacy.masked(total, zero(node), PARAMETERS, seeded_rng(2))
    flooded = apart(phase(hidden), ideal(columns, WHOLE))
    assert max(map(abs, flooded)) <= (1 << PARAMETERS.flood_bits) + PARAMETERS.worst
    assert max(map(abs, flooded)) > (1 << PARAMETERS.flood_bits) * 0.99
    assert np.array_equal(total[1], hidden[1]) is False


def zero(node: SquaresNode) -> NDArray[np.uint64]:
    level = checks.sent_level(PARAMETERS)
    return seal.read_ciphertext(node._stranger.zero(), level).words


def deviation(errors: list[int]) -> float:
    return float(np.std(np.array(errors, object).astype(np.float64)))


def test_errors_tell_models_of_one_score_apart_and_behind_the_flood_they_do_not() -> None:
    # In rows with b = c weights count by their sum: halves of it score the same, and err less.
    owner, node = pair()
    columns = np.repeat(np.array([[0.3], [0.5], [0.5]]), PARAMETERS.rows, axis=1)
    halves = tuple((a, (b + c) // 2, b + c - (b + c) // 2) for a, b, c in WHOLE.weights)
    twin = replace(WHOLE, weights=halves)
    sent = owner.encrypt(columns)
    before, behind = [], []
    for model in (WHOLE, twin):
        total = node.scored(sent, model).words
        expected = ideal(columns, model)
        before.append(deviation(apart(phase(total), expected)))
        masked = privacy.masked(total, zero(node), PARAMETERS, seeded_rng(3))
        behind.append(deviation(apart(phase(masked), expected)))
    assert max(abs(one) for one in apart(ideal(columns, WHOLE), ideal(columns, twin))) <= (
        PARAMETERS.worst
    )
    assert before[0] > 1.2 * before[1]
    assert behind[1] == pytest.approx(behind[0], rel=1e-9)
    uniform = (1 << PARAMETERS.flood_bits) / 3**0.5
    assert behind[0] == pytest.approx(uniform, rel=0.02)


def test_units_of_no_column_are_constants() -> None:
    owner, node = pair()
    still = replace(WHOLE, weights=((0, 0, 0), WHOLE.weights[1]))
    none = replace(WHOLE, weights=((0, 0, 0),) * 2)
    given_rows = rows(30, 2)
    sent = owner.encrypt(unit_columns(FEATURES, given_rows))
    for model in (still, none):
        found = owner.decrypt(node.private(node.scored(sent, model), seeded_rng(1)), 30)
        exact = [float(model.value(row)) for row in whole_rows(FEATURES, given_rows)]
        assert np.abs(found - exact).max() <= PARAMETERS.error


@pytest.mark.parametrize("live", [0, 1, 2])
def test_units_are_computed_whatever_their_weights(
    monkeypatch: pytest.MonkeyPatch, live: int
) -> None:
    """Else time tells how many of a network's units have weights at all."""
    owner, node = pair()
    evaluator, squared = node._squares._evaluator, 0

    class Counting:
        def square_inplace(self, ciphertext: object) -> None:
            nonlocal squared
            squared += 1
            evaluator.square_inplace(ciphertext)

        def __getattr__(self, name: str) -> object:
            return getattr(evaluator, name)

    monkeypatch.setattr(node._squares, "_evaluator", Counting())
    model = replace(WHOLE, weights=(*WHOLE.weights[:live], *((0, 0, 0),) * (2 - live)))
    node.scored(owner.encrypt(unit_columns(FEATURES, rows(30, 2))), model)
    assert squared == 2


def test_a_few_columns_and_units_at_a_time_are_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, node = pair()
    sent = owner.encrypt(unit_columns(FEATURES, rows(30, 2)))
    whole_total = node.scored(sent, WHOLE).words
    monkeypatch.setattr(tenseal_scheme, "COLUMNS_AT_ONCE", 2)
    monkeypatch.setattr(tenseal_scheme, "UNITS_AT_ONCE", 1)
    assert np.array_equal(node.scored(sent, WHOLE).words, whole_total)
    none = replace(WHOLE, weights=((0, 0, 0),) * 2)
    with pytest.raises(MalformedMessageError):
        node.scored([*sent[:2], b"\xff" * len(sent[2])], none)


def test_a_key_owner_comes_back_with_its_secret() -> None:
    owner, node = pair()
    again = SquaresOwner(PARAMETERS, owner.secret())
    sent = again.encrypt(unit_columns(FEATURES, rows(8, 1)))
    response = node.private(node.scored(sent, WHOLE), seeded_rng(1))
    assert np.abs(owner.decrypt(response, 8) - MODEL.predictor(rows(8, 1))).max() <= PRECISION
    assert owner.context() == owner.context()


@pytest.mark.parametrize(
    "columns",
    [
        np.zeros((2, 5)),
        np.zeros(3),
        np.zeros((3, 0)),
        np.zeros((3, PARAMETERS.rows + 1)),
        np.full((3, 1), 1.01),
        np.full((3, 1), np.nan),
    ],
)
def test_what_no_node_could_see_is_refused_before_it_is_encrypted(
    columns: NDArray[np.float64],
) -> None:
    with pytest.raises(InputInvalidError):
        pair()[0].encrypt(columns)


def test_other_ciphertexts_are_refused() -> None:
    owner, node = pair()
    sent = owner.encrypt(np.zeros((3, 1)))
    with pytest.raises(CountMismatchError):
        node.scored(sent[:2], WHOLE)
    for spoilt in (b"", sent[0][:-1], sent[0] + b"\0", b"\xff" * len(sent[0])):
        with pytest.raises(MalformedMessageError):
            node.scored([spoilt, *sent[1:]], WHOLE)
    with pytest.raises(MalformedMessageError):
        owner.decrypt(sent[0], 1)


def test_models_beyond_what_the_plan_says_are_refused() -> None:
    owner, node = pair()
    sent = owner.encrypt(np.zeros((3, 1)))
    demand = PARAMETERS.demand
    wrong: list[WholeSquares] = [
        replace(WHOLE, bits=WHOLE.bits + 1),
        replace(WHOLE, weights=WHOLE.weights[:1], biases=WHOLE.biases[:1], signs=(1,)),
        replace(WHOLE, weights=((1 << demand.sum_bits, 1, 0), WHOLE.weights[1])),
        replace(WHOLE, farthest=(1 << demand.unit_bits) + 1),
        replace(WHOLE, largest=(1 << demand.reach_bits) + 1),
        replace(WHOLE, constant=-(1 << demand.reach_bits) - 1),
    ]
    for model in wrong:
        with pytest.raises(InputInvalidError):
            node.scored(sent, model)


def test_contexts_that_are_none_are_refused() -> None:
    context = pair()[0].context()
    assert len(context) == len(contexts.write(PARAMETERS, b"", b"")) + (
        seal.ciphertext_bytes(seal.Level(PARAMETERS.degree, PARAMETERS.primes), seeded=False)
        + contexts.relin_bytes(PARAMETERS)
    )
    assert contexts.size(PARAMETERS) == len(context)
    spoilt = [b"", context[:-1], context + b"\0", b"\xff" * len(context)]
    at = len(context) - contexts.relin_bytes(PARAMETERS)
    for place in (0, 30, at - 1, at, at + 17, at + 50, at + 60, at + 70, at + 110, at + 140):
        changed = bytearray(context)
        changed[place] ^= 0xFF
        spoilt.append(bytes(changed))
    for data in spoilt:
        with pytest.raises(MalformedMessageError):
            SquaresNode(PARAMETERS, data)


@pytest.mark.slow
def test_altered_bytes_are_refused_or_make_other_scores_and_end_nothing() -> None:
    owner, _ = pair()
    rng = random.Random(5)
    sent = owner.encrypt(unit_columns(FEATURES, rows(8, 1)))
    expected = MODEL.predictor(rows(8, 1))
    refused = other = 0
    for place in range(40):
        context, given_bytes = bytearray(owner.context()), [bytearray(one) for one in sent]
        spoilt = context if place % 2 else given_bytes[rng.randrange(3)]
        for _ in range(rng.choice([1, 1, 3, 30])):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        try:
            node = SquaresNode(PARAMETERS, bytes(context))
            total = node.scored([bytes(one) for one in given_bytes], WHOLE)
        except MalformedMessageError:
            refused += 1
            continue
        found = owner.decrypt(node.private(total, seeded_rng(1)), 8)
        other += bool(np.abs(found - expected).max() > PRECISION)
    assert refused > 5
    assert other > 5


DEMANDS = st.builds(
    SquaresDemand,
    columns=st.integers(1, 1000),
    units=st.integers(1, 256),
    weight_bits=st.integers(0, 24),
    sum_bits=st.integers(0, 40),
    unit_bits=st.integers(46, 82),
    reach_bits=st.integers(92, 162),
    precision_bits=st.integers(0, 16),
    responses=st.sampled_from([1, 1024, 1 << 20]),
)


@given(DEMANDS)
@settings(max_examples=60, deadline=None)
def test_parameters_are_safe_and_serve_their_demand_or_there_are_none(
    demand: SquaresDemand,
) -> None:
    try:
        found = choose(demand)
    except InputInvalidError:
        return  # for half of them there is no ring
    assert found.hiding_bits >= 40
    assert found.error <= Fraction(1, 1 << demand.precision_bits)
    assert min(found.security.matzov, found.security.core) >= 128
    most = (1 << (demand.reach_bits + 2 * found.shift)) + (1 << found.flood_bits)
    assert 2 * (most + found.worst) < found.modulus
    assert choose(demand) == found
    rings.check(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"degree": 8192},
        {"degree": 12345},
        {"primes": PARAMETERS.primes[:2]},
        {"primes": (PARAMETERS.primes[0], *PARAMETERS.primes)},
        {"primes": (*PARAMETERS.primes[:-1], PARAMETERS.primes[-1] + 2)},
        {"primes": PARAMETERS.primes[::-1]},
        {"flood_bits": PARAMETERS.flood_bits - 1},
        {"flood_bits": PARAMETERS.flood_bits + 9},
        {"flood_bits": -1},
        {"shift": PARAMETERS.shift - 1},
        {"shift": -1},
        {"shift": PARAMETERS.shift + 60},
        {"demand": replace(PARAMETERS.demand, responses=1 << 20)},
        {"demand": replace(PARAMETERS.demand, units=200)},
        {"demand": replace(PARAMETERS.demand, reach_bits=200)},
    ],
)
def test_parameters_that_somebody_weakened_are_refused(changes: dict[str, object]) -> None:
    weakened: SquaresParameters = replace(PARAMETERS, **changes)  # type: ignore[arg-type]
    with pytest.raises(InputInvalidError) as refused:
        rings.check(weakened)
    assert refused.value.clause == "score.parameters"
    with pytest.raises(InputInvalidError):
        SquaresOwner(weakened)
    with pytest.raises(InputInvalidError):
        SquaresNode(weakened, b"")


@pytest.mark.parametrize("name", list(SquaresDemand.__dataclass_fields__))
def test_demands_have_ranges(name: str) -> None:
    for wrong in (-1, 1 << 60, 1.5, True):
        with pytest.raises(InputInvalidError):
            replace(PARAMETERS.demand, **{name: wrong})  # type: ignore[arg-type]


def test_parameters_have_the_bytes_and_the_primes_of_the_vector() -> None:
    path = Path(__file__).parents[3] / "vectors/he/squares_v1.json"
    for vector in json.loads(path.read_text(encoding="utf-8")):
        found = choose(SquaresDemand(**vector["demand"]))
        for name in ("degree", "shift", "flood_bits"):
            assert getattr(found, name) == vector[name]
        assert list(found.primes) == vector["primes"]
        assert found.encoded().hex() == vector["encoded"]


def test_a_plan_is_public_and_says_powers_of_two_alone() -> None:
    demand = PARAMETERS.demand
    for size, bits in (
        (WHOLE.absolute, demand.sum_bits),
        (WHOLE.farthest, demand.unit_bits),
        (max(WHOLE.largest, abs(WHOLE.constant)), demand.reach_bits),
    ):
        assert size <= 1 << bits < 2 * size
    assert WHOLE.error + Fraction(1, 1 << demand.precision_bits) <= PRECISION
    assert PARAMETERS.encoded() != replace(PARAMETERS, shift=1).encoded()


def test_precisions_and_models_that_there_are_none_for_are_refused() -> None:
    for precision in (Fraction(0), Fraction(2), Fraction(1, 1 << 21)):
        with pytest.raises(InputInvalidError):
            demanded(MODEL, precision, 1)
    with pytest.raises(InputInvalidError):
        choose(demanded(network([[1e6], [1e6], [1e6]], [1.0]), Fraction(1, 1 << 20), 1 << 40)[1])
    with pytest.raises(ModelInvalidError):
        whole(MODEL, PRECISION)
