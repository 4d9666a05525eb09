"""Sums over intersections: a second program's messages, small sets, and parties that deviate."""

import contextlib
import hashlib
import itertools
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import (
    ElementInvalidError,
    InputInvalidError,
    MalformedMessageError,
    ProofInvalidError,
    StepOrderError,
    UnseenError,
)
from unseen.protocols.group import discrete_log, elgamal, fixed, ristretto255
from unseen.protocols.party import Rng
from unseen.protocols.psi import messages
from unseen.protocols.psi import sum as sums
from unseen.protocols.testing import seeded_rng

VECTOR = json.loads(
    (Path(__file__).parents[2] / "vectors/psi/sum_v1.json").read_text(encoding="utf-8")
)
SESSION = bytes(range(32))
ITEMS = [b"a", b"b", b"", b"a longer one"]
VALUES = [5, -700, 0, 123456]
BOUND = 1 << 20
HEAD = 96
SUBSETS = [list(chosen) for size in range(1, 5) for chosen in itertools.combinations(ITEMS, size)]
tables = st.dictionaries(st.binary(max_size=2), st.integers(-1000, 1000), min_size=1, max_size=8)


class Run(NamedTuple):
    buyer: sums.Buyer
    provider: sums.Provider
    ask: bytes
    answer: bytes
    mixed: bytes


def run(mine: list[bytes], theirs: dict[bytes, int], rng: Rng) -> Run:
    buyer = sums.Buyer(SESSION, mine, rng)
    provider = sums.Provider(SESSION, list(theirs), list(theirs.values()), rng)
    ask = buyer.ask()
    answer = provider.answer(ask)
    return Run(buyer, provider, ask, answer, buyer.mix(answer))


def streamed(seed: str) -> Rng:
    everything = hashlib.shake_256(bytes.fromhex(VECTOR[seed])).digest(4096)
    drawn = 0

    def rng(count: int) -> bytes:
        nonlocal drawn
        drawn += count
        return everything[drawn - count : drawn]

    return rng


def test_messages_are_the_second_program_s() -> None:
    session, mine, theirs = (
        bytes.fromhex(VECTOR["session"]),
        [bytes.fromhex(each) for each in VECTOR["buyer"]],
        [bytes.fromhex(each) for each in VECTOR["provider"]],
    )
    buyer = sums.Buyer(session, mine, streamed("buyer_seed"))
    provider = sums.Provider(session, theirs, VECTOR["values"], streamed("provider_seed"))
    assert buyer.ask().hex() == VECTOR["ask"]
    answer = provider.answer(buyer.ask())
    assert answer.hex() == VECTOR["answer"]
    mixed = buyer.mix(answer)
    assert mixed.hex() == VECTOR["mixed"]
    assert provider.count(mixed) == VECTOR["count"]
    closed = provider.close(VECTOR["noise"], 2)
    assert closed.hex() == VECTOR["closed"]
    assert buyer.finish(closed, BOUND) == VECTOR["sum"]


@pytest.mark.parametrize("mine", SUBSETS, ids=len)
def test_every_pair_of_small_sets(mine: list[bytes]) -> None:
    rng = seeded_rng(len(mine))
    values = dict(zip(ITEMS, VALUES, strict=True))
    for theirs in SUBSETS[:: 1 + len(mine)]:
        both = [values[item] for item in mine if item in theirs]
        made = run(mine, {item: values[item] for item in theirs}, rng)
        assert made.provider.count(made.mixed) == len(both)
        if both:
            assert made.buyer.finish(made.provider.close(9, 1), BOUND) == sum(both) + 9


@settings(max_examples=20, deadline=None)
@given(
    mine=st.lists(st.binary(max_size=2), min_size=1, max_size=8, unique=True),
    theirs=tables,
    noise=st.integers(-1000, 1000),
    seed=st.integers(0, 2**32),
)
def test_a_sum_is_what_sets_say(
    mine: list[bytes], theirs: dict[bytes, int], noise: int, seed: int
) -> None:
    made = run(mine, theirs, seeded_rng(seed))
    both = [value for item, value in theirs.items() if item in mine]
    assert made.provider.count(made.mixed) == len(both)
    if both:
        found = made.buyer.finish(made.provider.close(noise, 1), BOUND)
        assert found == sum(both) + noise
    else:
        with pytest.raises(InputInvalidError):
            made.provider.close(noise, 1)


def test_fewer_items_than_the_least_give_no_sum_and_end_the_run() -> None:
    made = run(ITEMS, {b"a": 1, b"b": 2}, seeded_rng(1))
    assert made.provider.count(made.mixed) == 2
    with pytest.raises(InputInvalidError, match="so few"):
        made.provider.close(0, 3)
    with pytest.raises(StepOrderError):
        made.provider.close(0, 1)


def test_noise_beyond_64_bits_gives_none() -> None:
    made = run(ITEMS, {b"a": 1}, seeded_rng(1))
    made.provider.count(made.mixed)
    with pytest.raises(InputInvalidError, match="noise"):
        made.provider.close(1 << 63, 1)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63)])
def test_values_beyond_64_bits_are_refused(value: int) -> None:
    with pytest.raises(InputInvalidError):
        sums.Provider(SESSION, [b"a"], [value], seeded_rng(1))
    with pytest.raises(InputInvalidError):
        sums.Provider(SESSION, [b"a"], [1, 2], seeded_rng(1))


def test_the_largest_values_cancel() -> None:
    most = sums.MAX_VALUE
    made = run([b"a", b"b"], {b"a": most, b"b": -most}, seeded_rng(1))
    made.provider.count(made.mixed)
    assert made.buyer.finish(made.provider.close(-3, 2), 10) == -3


def test_a_sum_beyond_the_bound_is_an_error() -> None:
    made = run([b"a"], {b"a": 1001}, seeded_rng(1))
    made.provider.count(made.mixed)
    closed = made.provider.close(0, 1)
    with pytest.raises(MalformedMessageError, match="beyond the bound"):
        made.buyer.finish(closed, 1000)
    assert made.buyer.finish(closed, 1001) == 1001
    for bound in (-1, discrete_log.MAX_BOUND + 1):
        with pytest.raises(InputInvalidError):
            made.buyer.finish(closed, bound)


def test_a_share_that_cancels_the_other_is_not_proven() -> None:
    """A buyer that names X - pk of the provider could open alone: it cannot prove that it may."""
    rng = seeded_rng(1)
    provider = sums.Provider(SESSION, ITEMS, VALUES, rng)
    other = sums.Provider(SESSION, ITEMS, VALUES, rng).answer(sums.Buyer(SESSION, ITEMS, rng).ask())
    buyer = sums.Buyer(SESSION, ITEMS, rng)
    rogue = ristretto255.subtract(ristretto255.GENERATOR, other[:32])
    ask = buyer.ask()
    for head in (
        rogue + ask[32:HEAD],
        other[:HEAD],  # a proof for the other party
        sums.Buyer(bytes(32), ITEMS, rng).ask()[:HEAD],  # and for another run
        ask[:32] + bytes(64),
        ask[:63] + b"\xff" + ask[64:HEAD],
        ask[:64] + ask[32:64],
    ):
        with pytest.raises(ProofInvalidError):
            provider.answer(head + ask[HEAD:])
    for element in (bytes(32), b"\xff" * 32):
        with pytest.raises(ElementInvalidError):
            provider.answer(element + ask[32:])
    answer = provider.answer(ask)
    with pytest.raises(ProofInvalidError):
        buyer.mix(rogue + answer[32:])
    assert len(buyer.mix(answer)) == 4 + 96 * len(ITEMS)


def test_what_comes_back_has_no_element_in_common_with_what_went() -> None:
    made = run(ITEMS, dict(zip(ITEMS, VALUES, strict=True)), seeded_rng(1))
    went = made.answer[HEAD + 4 :]
    parts = {went[start : start + 32] for start in range(0, len(went), 32)}
    back = made.mixed[4:]
    assert parts.isdisjoint(back[start : start + 32] for start in range(0, len(back), 32))


def test_ciphertexts_of_one_value_differ() -> None:
    made = run(ITEMS, dict.fromkeys(ITEMS, 7), seeded_rng(1))
    parts = made.answer[HEAD + 4 :]
    assert len({parts[start : start + 32] for start in range(0, len(parts), 32)}) == 12


def test_messages_have_the_same_shape_whatever_is_in_both() -> None:
    shapes = set()
    for theirs in ({b"a": 0, b"b": 0}, {b"x": 1 << 40, b"y": -5}):
        made = run(ITEMS, theirs, seeded_rng(1))
        shapes.add((len(made.ask), len(made.answer), len(made.mixed)))
    assert len(shapes) == 1


def test_steps_come_in_order_and_once() -> None:
    rng = seeded_rng(1)
    buyer, provider = sums.Buyer(SESSION, ITEMS, rng), sums.Provider(SESSION, ITEMS, VALUES, rng)
    with pytest.raises(StepOrderError):
        provider.count(b"")
    with pytest.raises(StepOrderError):
        provider.close(0, 1)
    with pytest.raises(StepOrderError):
        buyer.finish(bytes(64), 1)
    answer = provider.answer(buyer.ask())
    with pytest.raises(StepOrderError):
        provider.answer(buyer.ask())
    mixed = buyer.mix(answer)
    with pytest.raises(StepOrderError):
        buyer.mix(answer)
    provider.count(mixed)
    with pytest.raises(StepOrderError):
        provider.count(mixed)


def records(message: bytes) -> list[bytes]:
    return [message[start : start + 96] for start in range(4, len(message), 96)]


def packed(found: list[bytes]) -> bytes:
    return len(found).to_bytes(4, "big") + b"".join(found)


HOSTILE = ["nothing", "cut", "more", "empty", "descending", "twice", "a count beyond it"]


def bent(message: bytes, name: str) -> bytes:
    found = records(message)
    return {
        "nothing": b"",
        "cut": message[:-1],
        "more": message + b"\x00",
        "empty": bytes(4),
        "descending": packed(found[::-1]),
        "twice": packed([found[0], found[0], *found[2:]]),
        "a count beyond it": b"\xff" * 4 + message[4:],
    }[name]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_records_are_refused_and_change_nothing(name: str) -> None:
    rng = seeded_rng(1)
    buyer, provider = sums.Buyer(SESSION, ITEMS, rng), sums.Provider(SESSION, ITEMS, VALUES, rng)
    answer = provider.answer(buyer.ask())
    with pytest.raises(MalformedMessageError):
        buyer.mix(answer[:HEAD] + bent(answer[HEAD:], name))
    mixed = buyer.mix(answer)
    with pytest.raises(MalformedMessageError):
        provider.count(bent(mixed, name))
    assert provider.count(mixed) == 4
    assert buyer.finish(provider.close(1, 4), BOUND) == sum(VALUES) + 1


@pytest.mark.parametrize("bad", [bytes(32), b"\xff" * 32], ids=["identity", "no element"])
def test_ciphertexts_that_are_none_are_refused(bad: bytes) -> None:
    rng = seeded_rng(1)
    buyer, provider = sums.Buyer(SESSION, ITEMS, rng), sums.Provider(SESSION, ITEMS, VALUES, rng)
    answer = provider.answer(buyer.ask())
    for place in (32, 64):
        spoiled = [each[:place] + bad + each[place + 32 :] for each in records(answer[HEAD:])]
        with pytest.raises(ElementInvalidError):
            buyer.mix(answer[:HEAD] + packed(spoiled))
    mixed = buyer.mix(answer)
    spoiled = [each[:32] + bad + each[64:] for each in records(mixed)]
    with pytest.raises(ElementInvalidError):
        provider.count(packed(spoiled))
    provider.count(mixed)
    closed = provider.close(0, 1)
    with pytest.raises((MalformedMessageError, ElementInvalidError)):
        buyer.finish(bad + closed[32:], BOUND)
    for length in (0, 63, 65):
        with pytest.raises(MalformedMessageError):
            buyer.finish(bytes(length), BOUND)


@pytest.mark.parametrize("column", [1, 2])
@pytest.mark.parametrize("present", [True, False])
def test_a_number_that_is_none_says_nothing_of_whose_it_is(column: int, *, present: bool) -> None:
    """Or a refusal, which costs nothing and has no noise, would say who is in both sets."""
    rng = seeded_rng(3)
    said = []
    for place in range(len(ITEMS)):
        asked = ITEMS if present else [b"nobody %d" % number for number in range(len(ITEMS))]
        buyer = sums.Buyer(SESSION, asked, rng)
        provider = sums.Provider(SESSION, ITEMS, VALUES, rng)
        each = records(buyer.mix(provider.answer(buyer.ask())))
        bad = each[place]
        each[place] = bad[: 32 * column] + b"\xff" * 32 + bad[32 * column + 32 :]
        with pytest.raises(ElementInvalidError) as caught:
            provider.count(packed(each))
        said.append((str(caught.value), caught.value.position))
    assert set(said) == {("invalid group element", None)}


@given(
    mask=st.lists(st.booleans(), min_size=1, max_size=8),
    bad=st.sets(st.tuples(st.integers(0, 7), st.booleans()), max_size=3),
)
@settings(deadline=None, max_examples=30)
def test_the_same_work_is_done_whichever_numbers_are_summed_up(
    mask: list[bool], bad: set[tuple[int, bool]]
) -> None:
    """Or the time would say how many are in both sets, before any noise."""
    rng = seeded_rng(4)
    key = ristretto255.multiply_base(ristretto255.random_scalar(rng))
    columns = elgamal.encrypt_each(key, bytes(8 * len(mask)), rng)
    each = [
        [
            b"\xff" * 32 if (place, second) in bad else columns[second][32 * place :][:32]
            for place in range(len(mask))
        ]
        for second in (False, True)
    ]
    chosen: list[int] = []
    looked_at: list[bytes] = []
    check = ristretto255.check_element

    def choose(count: int) -> fixed.Implementation:
        chosen.append(count)
        return fixed._PORTABLE

    def look(element: bytes) -> None:
        looked_at.append(element)
        check(element)

    def part(wanted: bool) -> elgamal.Ciphertexts:
        kept = [
            b"".join(itertools.compress(column, [one is wanted for one in mask])) for column in each
        ]
        return elgamal.Ciphertexts(*kept)

    wrong = any(place < len(mask) for place, _ in bad)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixed, "_chosen", choose)
        patch.setattr(ristretto255, "check_element", look)
        with pytest.raises(ElementInvalidError) if wrong else contextlib.nullcontext():
            sums.gathered(part(True), part(False))
    assert set(chosen) == {len(mask)}
    assert sorted(looked_at) == sorted(itertools.chain(*each))


def test_records_for_another_set_are_refused() -> None:
    made = run(ITEMS, dict(zip(ITEMS, VALUES, strict=True)), seeded_rng(1))
    with pytest.raises(MalformedMessageError, match="another number"):
        made.provider.count(packed(records(made.mixed)[1:]))


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), widths=st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_any_bytes_are_read_as_records_or_refused(data: bytes, widths: list[int]) -> None:
    try:
        columns = messages.unpack_records(data, widths)
    except UnseenError:
        return
    assert messages.pack_records(columns, widths) == data
