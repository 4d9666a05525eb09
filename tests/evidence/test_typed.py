"""Typed releases: what decodes is worth exactly its bits, and nothing else decodes.

The twenty encoders are the ways in which somebody who may write the bytes of a result, but only of
the declared shape, would try to say more than the shape's bits.
"""

import dataclasses
import itertools
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts.cells import Boolean, Cell, Choice, Number, cell_from_json
from unseen.evidence.contracts.modelled import Model, Network, Trees
from unseen.evidence.contracts.typed import (
    MAX_CELLS,
    Histogram,
    Regression,
    Scalar,
    Shape,
    Table,
    Vector,
    Verdicts,
    decode,
    decode_verdicts,
    shape_from_json,
    unpack,
)
from unseen.evidence.errors import ReleaseInvalidError

COUNT = Number(use="count", low=0, high=1000, optional=True)
MEASURE = Number(use="measure", low=-500, high=500, decimals=2)
PARAMETER = Number(use="parameter", low=-(10**9), high=10**9, decimals=6)
WEIGHT = Number(use="parameter", low=-(10**9), high=10**9, decimals=6, digits=4)
SECTOR = Choice(of=("农业", "industry", "services"))
SHAPES: dict[str, Shape] = {
    "verdicts": Verdicts(count=3),
    "boolean": Scalar(cell=Boolean()),
    "scalar": Scalar(cell=MEASURE),
    "vector": Vector(cell=Number(use="measure", low=0, high=5), length=4),
    "histogram": Histogram(cell=COUNT, bins=("0-17", "18-64", "65+")),
    "table": Table(columns=(("sector", SECTOR), ("firms", COUNT), ("mean", MEASURE)), max_rows=3),
    "unordered": Table(columns=(("mean", MEASURE),), max_rows=2),
    "model": Model(family="logistic", format="json", cell=PARAMETER, parameters=5),
    "digits": Vector(
        cell=Number(use="measure", low=-1200, high=99_000, digits=2, optional=True), length=3
    ),
    "regression": Regression(
        terms=("age", "吸烟"), estimate=MEASURE, error=MEASURE, rows=COUNT, fit=MEASURE
    ),
    "network": Network(
        features=("a", "b"), layers=(2, 1), activation="relu", link="logistic", cell=WEIGHT
    ),
    "trees": Trees(
        features=("a", "b"),
        trees=2,
        depth=2,
        outputs=2,
        link="softmax",
        threshold=WEIGHT,
        leaf=WEIGHT,
    ),
    "constant": Scalar(cell=Number(use="measure", low=7, high=7)),
}


def cells(cell: Cell) -> st.SearchStrategy[Any]:
    return st.integers(0, cell.values - 1).map(cell.unpack)


def one_way(shape: Trees, rows: list[Any]) -> list[Any]:
    """Return rows as they may stand: below an end nothing splits, and leaves are the same."""
    splits = (1 << shape.depth) - 1
    for first in range(1, shape.most, shape.rows_each):
        for at in range(shape.rows_each):
            above = rows[first + (at - 1) // 2] if at else (0, 0)
            if at < splits and (None in rows[first + at] or None in above):
                rows[first + at] = (None, None)
        for at in range(splits - 1, -1, -1):
            if rows[first + at][0] is None:
                leaf = at
                while leaf < splits:
                    leaf = 2 * leaf + 1
                low = high = at
                while low < splits:
                    low, high = 2 * low + 1, 2 * high + 2
                for other in range(low, high + 1):
                    rows[first + other] = rows[first + leaf]
    return rows


@st.composite
def values(draw: st.DrawFn, shape: Shape) -> bytes:
    count = draw(st.integers(shape.fewest, shape.most))
    rows = [tuple(draw(cells(cell)) for cell in shape.cells_at(at)) for at in range(count)]
    if shape.keys:
        first = shape.cells_at(0)
        by_key = {tuple(first[at].pack(row[at]) for at in shape.keys): row for row in rows}
        rows = [by_key[key] for key in sorted(by_key)]
    if isinstance(shape, Trees):
        rows = one_way(shape, rows)
    return canonical.encode(shape.json_of(rows))


@pytest.fixture(params=sorted(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


@given(data=st.data())
@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_value_is_rebuilt_from_its_bits(name: str, data: st.DataObject) -> None:
    shape = SHAPES[name]
    written = data.draw(values(shape))
    packed = decode(shape, written).pack()
    assert 0 <= packed < 1 << shape.bits
    assert unpack(shape, packed).encode() == written


@given(data=st.data())
@pytest.mark.parametrize("name", sorted(SHAPES))
def test_an_integer_is_one_value_or_none(name: str, data: st.DataObject) -> None:
    shape = SHAPES[name]
    packed = data.draw(st.integers(0, (1 << shape.bits) - 1))
    try:
        value = unpack(shape, packed)
    except ReleaseInvalidError:
        return
    assert value.pack() == packed
    assert decode(shape, value.encode()) == value


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_an_integer_beyond_the_bits_is_none(name: str) -> None:
    for packed in (-1, 1 << SHAPES[name].bits):
        with pytest.raises(ReleaseInvalidError):
            unpack(SHAPES[name], packed)


SMALL: dict[str, Shape] = {
    "verdicts": Verdicts(count=2),
    "scalar": Scalar(cell=Number(use="measure", low=-1, high=1, optional=True)),
    "vector": Vector(cell=Boolean(optional=True), length=2),
    "table": Table(columns=(("k", Choice(of=("a", "b"))), ("v", Boolean())), max_rows=2),
    "unordered": Table(columns=(("v", Boolean()),), max_rows=2),
    "digits": Scalar(cell=Number(use="measure", low=-30, high=200, digits=1)),
    "regression": Regression(
        terms=("a",),
        estimate=Number(use="measure", low=0, high=1),
        error=Number(use="measure", low=0, high=2),
        rows=Number(use="count", low=0, high=1),
        fit=Number(use="measure", low=5, high=5),
    ),
    "tree": Trees(
        features=("a", "b"),
        trees=1,
        depth=2,
        outputs=1,
        link="identity",
        threshold=Number(use="parameter", low=0, high=0),
        leaf=Number(use="parameter", low=0, high=1),
    ),
}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_no_shape_has_more_values_than_its_bits_name(name: str) -> None:
    """Exhaustively: every integer of so many bits, and every list of admissible cells."""
    shape = SMALL[name]
    found = set()
    for packed in range(1 << shape.bits):
        try:
            found.add(unpack(shape, packed).encode())
        except ReleaseInvalidError:
            continue
    tried = set()
    own = [
        itertools.product(*(tuple(map(cell.unpack, range(cell.values))) for cell in row))
        for row in map(shape.cells_at, range(shape.most))
    ]
    choices = list(map(list, own))
    for count in range(shape.fewest, shape.most + 1):
        for rows in itertools.product(*choices[:count]):
            written = canonical.encode(shape.json_of(rows))
            try:
                decode(shape, written)
            except ReleaseInvalidError:
                continue
            tried.add(written)
    assert tried == found
    assert len(found) <= 1 << shape.bits


def test_bits_are_counted_by_the_value() -> None:
    assert Verdicts(count=3).bits == 6
    assert SHAPES["boolean"].bits == 1
    assert SHAPES["scalar"].bits == 10  # 1,001 values
    assert SHAPES["histogram"].bits == 3 * 10  # 1,002 values each, null included
    assert SHAPES["table"].bits == 2 + 3 * (2 + 10 + 10)
    assert SHAPES["model"].bits == 5 * 31
    assert SHAPES["regression"].bits == 5 * 10 + 10
    assert WEIGHT.values == 2 * (10_000 + 5 * 9_000) + 2 - 1  # six decades, two signs, one zero
    assert SHAPES["network"].bits == 9 * 17
    assert SHAPES["trees"].bits == 2 * 17 + 2 * (3 * (2 + 17) + 4 * 2 * 17)
    assert SHAPES["constant"].bits == 0


TABLE = SHAPES["table"]
GOOD: list[Any] = [["农业", 5, -1], ["industry", None, 500]]


def raw(text: str) -> Callable[[int], bytes]:
    return lambda bit: text.replace("@", "  " if bit else "").encode()


def dumped(**options: Any) -> Callable[[int], bytes]:
    def write(bit: int) -> bytes:
        return json.dumps(GOOD, **(options if bit else {"ensure_ascii": False})).encode()

    return write


# Each takes the bit to be smuggled and returns the bytes of a result that means GOOD, or nearly.
ENCODERS: dict[str, Callable[[int], bytes]] = {
    "float mantissa": lambda bit: b'[["industry",%.14f,-1]]' % (5.0 + bit * 2**-40),
    "integral float": lambda bit: b'[["industry",5.0,-1]]' if bit else b'[["industry",5e0,-1]]',
    "nan payload": lambda _: b'[["industry",NaN,-1]]',
    "infinity": lambda bit: b'[["industry",%s,-1]]' % (b"-Infinity" if bit else b"Infinity"),
    "negative zero": lambda bit: b'[["industry",5,%s]]' % (b"-0" if bit else b"0.0"),
    "oversize integer": lambda bit: b'[["industry",5,%d]]' % (2**64 + bit),
    "out of range": lambda bit: b'[["industry",%d,0]]' % (1001 + bit),
    "leading zero": lambda bit: b'[["industry",%s5,0]]' % (b"0" if bit else b"00"),
    "white space": raw('[["industry",@5,0]] '),
    "trailing bytes": raw('[["industry",5,0]]\x00@'),
    "key order": lambda bit: b'{"b":1,"a":2}' if bit else b'{"a":2,"b":1}',
    "duplicate keys": lambda _: b'[{"sector":"industry","sector":"services"}]',
    "object for a row": lambda _: b'[{"sector":"industry","firms":5,"mean":0}]',
    "unicode escape": lambda _: b'[["\\u519c\\u4e1a",5,0]]',
    "unicode look-alike": lambda _: '[["industry\u200b",5,0]]'.encode(),
    "unicode normal form": lambda _: '[["ındustry",5,0]]'.encode(),
    "lone surrogate": lambda _: b'[["\\ud800",5,0]]',
    "extra column": lambda bit: canonical.encode([["industry", 5, 0, bit]]),
    "extra row": lambda _: canonical.encode(GOOD + [["services", n, 0] for n in (1, 2)]),
    "row order": lambda _: canonical.encode(GOOD[::-1]),
    "repeated row": lambda _: canonical.encode([GOOD[0]] * 2),
    "boolean for a number": lambda bit: canonical.encode([["industry", bool(bit), 0]]),
    "text for a number": lambda _: b'[["industry","5",0]]',
    "null where none may be": lambda _: b'[["industry",5,null]]',
    "other JSON library": dumped(indent=1),
    "nested": lambda _: b'[["industry",[5],0]]',
    "free text": lambda bit: canonical.encode([[f"row {bit}", 5, 0]]),
    "base64 in a key": lambda _: b'[["aW5kdXN0cnk=",5,0]]',
    "byte order mark": lambda _: b'\xef\xbb\xbf[["industry",5,0]]',
    "another encoding": lambda _: '[["industry",5,0]]'.encode("utf-16"),
    "deep": lambda _: b"[" * 40 + b"]" * 40,
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("name", sorted(ENCODERS))
@pytest.mark.parametrize("bit", [0, 1])
def test_no_encoder_says_anything_beside_the_value(name: str, bit: int) -> None:
    written = ENCODERS[name](bit)
    assert len(ENCODERS) >= 20
    if name == "other JSON library" and not bit:
        written = canonical.encode(json.loads(written))
        assert decode(TABLE, written).encode() == written
        return
    with pytest.raises(ReleaseInvalidError) as caught:
        decode(TABLE, written)
    assert "row 1" not in str(caught.value)


@given(junk=st.binary(max_size=64))
def test_whatever_decodes_is_written_in_one_way(junk: bytes) -> None:
    for shape in SHAPES.values():
        try:
            value = decode(shape, junk)
        except ReleaseInvalidError:
            continue
        assert unpack(shape, value.pack()).encode() == junk


words: st.SearchStrategy[Any] = st.sampled_from(
    ["yes", "no", "no_usable_result", "maybe", "", "yes,no", 1, None, []]
)
spoilt = st.tuples(st.integers(0, 40), st.sampled_from([b"", b" ", b",", b"[", b"]", b'"', b"x"]))


@given(found=st.lists(words, max_size=4), spoil=st.one_of(st.none(), spoilt))
def test_verdicts_are_read_as_every_shape_is(
    found: list[Any], spoil: tuple[int, bytes] | None
) -> None:
    data = canonical.encode(found)
    if spoil:
        data = data[: spoil[0]] + spoil[1] + data[spoil[0] :]
    shape = Verdicts(count=3)
    try:
        expected = decode(shape, data)
    except ReleaseInvalidError:
        with pytest.raises(ReleaseInvalidError):
            decode_verdicts(shape, data)
    else:
        assert decode_verdicts(shape, data) == expected
        assert expected.encode() == data


def test_a_shape_comes_back_from_its_declaration(shape: Shape) -> None:
    again = shape_from_json(canonical.decode(canonical.encode(shape.to_json())))
    assert again == shape
    assert again.to_json() == shape.to_json()


def places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


WRONG: tuple[Any, ...] = (None, True, -1, 2**53, "", "x", "a\n", [], ["x", "x"], [1], {}, {"x": 1})


def test_a_declaration_is_read_exactly_or_refused(shape: Shape) -> None:
    whole = json.dumps(shape.to_json())
    for path in places(json.loads(whole)):
        for wrong in WRONG:
            broken = json.loads(whole)
            holder = broken
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = wrong
            try:
                again = shape_from_json(broken)
            except ReleaseInvalidError:
                continue
            assert again.to_json() == broken


@pytest.mark.parametrize("broken", [None, [], "table", {}, {"type": "pickle"}, {"type": 1}])
def test_refuses_what_declares_nothing(broken: Any) -> None:
    with pytest.raises(ReleaseInvalidError):
        shape_from_json(broken)
    with pytest.raises(ReleaseInvalidError):
        cell_from_json(broken)


def network(**changes: Any) -> Shape:
    return dataclasses.replace(cast("Network", SHAPES["network"]), **changes)


def trees(**changes: Any) -> Shape:
    one: dict[str, Any] = {"outputs": 1, "link": "identity"}
    return dataclasses.replace(cast("Trees", SHAPES["trees"]), **one | changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Number(use="count", low=-1, high=5),
        lambda: Number(use="count", low=0, high=5, decimals=1),
        lambda: Number(use="measure", low=5, high=4),
        lambda: Number(use="other", low=0, high=1),  # type: ignore[arg-type]
        lambda: Choice(of=()),
        lambda: Choice(of=("a", "a")),
        lambda: Scalar(cell="number"),  # type: ignore[arg-type]
        lambda: Vector(cell=COUNT, length=0),
        lambda: Histogram(cell=COUNT, bins=("a", "a")),
        lambda: Table(columns=(("a", COUNT), ("a", COUNT)), max_rows=1),
        lambda: Table(columns=(("a", COUNT),), max_rows=MAX_CELLS + 1),
        lambda: Model(family="tree", format="pickle", cell=PARAMETER, parameters=1),
        lambda: Model(family="tree", format="json", cell=COUNT, parameters=1),
        lambda: Number(use="measure", low=0, high=12_345, digits=4),
        lambda: Number(use="measure", low=0, high=1, digits=-1),
        lambda: Regression(terms=(), estimate=MEASURE, error=MEASURE, rows=COUNT, fit=MEASURE),
        lambda: Regression(
            terms=("a",), estimate=MEASURE, error=MEASURE, rows=MEASURE, fit=MEASURE
        ),
        lambda: network(layers=()),
        lambda: network(layers=(0,)),
        lambda: network(layers=(1,)),
        lambda: network(activation="none"),
        lambda: network(activation="sign"),
        lambda: network(link="softmax"),
        lambda: network(cell=MEASURE),
        lambda: network(layers=(1024, 1024)),
        lambda: network(layers=[2, 1]),
        lambda: trees(depth=13),
        lambda: trees(trees=1024, depth=12),
        lambda: trees(trees=0),
        lambda: trees(link="softmax"),
        lambda: trees(leaf=dataclasses.replace(WEIGHT, optional=True)),
        lambda: trees(threshold=COUNT),
        lambda: trees(features=("a", "a")),
    ],
)
def test_refuses_a_declaration_that_is_out_of_range(make: Callable[[], object]) -> None:
    with pytest.raises(ReleaseInvalidError):
        make()


def test_a_value_keeps_its_rows_out_of_its_repr() -> None:
    value = decode(SHAPES["scalar"], b"123")
    assert "123" not in repr(value)


def test_a_packed_table_names_a_number_of_rows_and_ends_with_them() -> None:
    shape = SMALL["unordered"]  # two bits for the number of rows, then one for each
    assert unpack(shape, 0b1011).encode() == b"[[true],[true]]"
    for packed in (0b1100, 0b0101):
        with pytest.raises(ReleaseInvalidError):
            unpack(shape, packed)


def test_a_null_is_a_value_of_its_own() -> None:
    cell = Boolean(optional=True)
    assert [cell.unpack(code) for code in range(cell.values)] == [False, True, None]
    with pytest.raises(ReleaseInvalidError):
        cell.unpack(3)
    with pytest.raises(ReleaseInvalidError):
        Boolean().unpack(2)


@given(digits=st.integers(1, 5), share=st.integers(-(10**6), 10**6 - 1))
def test_numbers_of_so_many_digits_stand_in_their_order(digits: int, share: int) -> None:
    most = 10**15
    cell = Number(use="measure", low=-most, high=most, digits=digits)
    place = cell.place_of(most) * share // 10**6
    number = cell.value_of(place)
    assert cell.place_of(number) == place
    assert len(str(abs(number)).rstrip("0")) <= digits
    assert cell.value_of(place + 1) > number
    between = (number + cell.value_of(place + 1)) // 2
    assert cell.place_of(between) in {place, place + 1}


@given(low=st.integers(-5000, 0), high=st.integers(0, 5000), digits=st.integers(1, 3))
def test_values_are_those_of_so_many_digits(low: int, high: int, digits: int) -> None:
    def fine(number: int) -> bool:
        return len(str(abs(number)).rstrip("0")) <= digits

    low, high = (n if fine(n) else 0 for n in (low, high))
    cell = Number(use="measure", low=low, high=high, digits=digits)
    expected = [number for number in range(low, high + 1) if fine(number)]
    assert [cell.value_at(code) for code in range(cell.own_values)] == expected
    for number in {low - 1, high + 1, 12_345, *range(low, min(low + 40, high))} - set(expected):
        with pytest.raises(ReleaseInvalidError):
            cell.code(number)


def test_what_says_nothing_is_not_written_down() -> None:
    declared = dict(MEASURE.to_json())
    assert "digits" not in declared
    with pytest.raises(ReleaseInvalidError):
        cell_from_json(declared | {"digits": 0})


def test_a_tree_is_written_in_one_way() -> None:
    shape = SMALL["tree"]
    end: list[Any] = [None, None]
    good: list[Any] = [[0], ["a", 0], end, ["b", 0], [1], [1], [0], [1]]
    assert decode(shape, canonical.encode(good)).encode() == canonical.encode(good)
    for at, other in (
        (2, ["a", None]),  # half a split
        (2, [None, 0]),
        (1, end),  # what is below an end splits
        (4, [0]),  # the leaves below an end differ
    ):
        broken = [*good]
        broken[at] = other
        with pytest.raises(ReleaseInvalidError) as caught:
            decode(shape, canonical.encode(broken))
        assert caught.value.clause == "tree"
    stump: list[Any] = [[0], end, end, end, [1], [1], [0], [0]]
    with pytest.raises(ReleaseInvalidError):
        decode(shape, canonical.encode(stump))
