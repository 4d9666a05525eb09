"""Rows of scores, however they are given: one matrix, or an error that names no value."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.he import clear
from unseen.protocols.he.models import Feature, line
from unseen.protocols.he.models.columns import grid_columns
from unseen.protocols.he.parameters import Demand, Parameters, choose
from unseen.streams.ciphertexts import batches_of, decrypt, encrypt
from unseen.streams.feature_rows import matrix, numbers

FEATURES = (
    Feature(name="amount", low=-5_00, high=90_00, decimals=2),
    Feature(name="kind", values=("a", "b", "c")),
    Feature(name="count", low=0, high=40),
)
rows = st.lists(
    st.tuples(st.integers(-5_00, 90_00), st.sampled_from("abc"), st.integers(0, 40)),
    min_size=1,
    max_size=20,
)


class Frame:
    """What has columns by name and is no mapping, as a data frame."""

    def __init__(self, columns: dict[str, Sequence[Any]]) -> None:
        self._columns = columns

    def keys(self) -> Any:
        """Return the names."""
        return self._columns.keys()

    def __getitem__(self, name: str) -> Any:
        """Return a column."""
        return np.array(self._columns[name])


def texts(row: tuple[Any, ...]) -> list[str]:
    return [str(one) for one in row]


@settings(max_examples=60, deadline=None)
@given(given=rows)
def test_every_way_to_give_rows_gives_the_same(given: list[tuple[int, str, int]]) -> None:
    listed = [(Decimal(cents) / 100, kind, count) for cents, kind, count in given]
    names = [feature.name for feature in FEATURES]
    wanted = np.array([[float(a), "abc".index(b), c] for a, b, c in listed])
    columns: dict[str, Sequence[Any]] = {
        "else": ["x"] * len(listed),
        **dict(zip(names, zip(*listed, strict=True), strict=True)),
    }
    counted = columns | {"amount": wanted[:, 0], "count": wanted[:, 2].astype(np.int32)}
    ways: list[Any] = [
        wanted,
        listed,
        [texts(row) for row in listed],
        [dict(zip(names, row, strict=True)) | {"else": None} for row in listed],
        [dict(zip(names, texts(row), strict=True)) for row in listed],
        columns,
        counted,
        Frame({name: [str(one) for one in column] for name, column in columns.items()}),
        iter(listed),
        np.array([texts(row) for row in listed], object),
    ]
    for way in ways:
        assert (matrix(FEATURES, way) == wanted).all()


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "nan", "inf", "1_0", "0x1", "١", "1,5", "1e", "--1", "1e9999", None, True, b"1"),
        *([1], float("nan"), float("inf"), 10**400, np.bool_(True), "1 2", 91, "-5.01"),
    ],
)
def test_what_is_no_number_within_bounds_is_named_by_its_place_alone(value: Any) -> None:
    given = [[1, "a", 2], [3, "b", 4], [value, "c", 5]]
    with pytest.raises(InputInvalidError) as caught:
        matrix(FEATURES, given)
    assert caught.value.clause == "features.bounds"
    assert str(caught.value).startswith("amount is ")
    assert str(caught.value).endswith(" in row 2")
    columns = dict(zip(("amount", "kind", "count"), zip(*given, strict=True), strict=True))
    with pytest.raises(InputInvalidError) as again:
        matrix(FEATURES, columns)
    assert str(again.value) == str(caught.value)


def test_rows_are_read_in_blocks_and_counted_through() -> None:
    count = 40_000
    given = ([1, "b", row % 41] for row in range(count))
    found = matrix(FEATURES, given)
    assert (found[:, 2] == np.arange(count) % 41).all()
    wrong = ([1, "b" if row != 35_000 else "d", 2] for row in range(count))
    with pytest.raises(InputInvalidError, match="kind is none of its values in row 35000"):
        matrix(FEATURES, wrong)


@pytest.mark.parametrize("value", ["d", "A", "", None, 0, 1.0, True])
def test_what_is_none_of_a_column_s_values_is_an_error_not_a_row_without_one(value: Any) -> None:
    with pytest.raises(InputInvalidError, match="kind is none of its values in row 0"):
        matrix(FEATURES, [[1, value, 2]])


def test_a_matrix_may_have_rows_without_a_value() -> None:
    assert matrix(FEATURES, np.array([[1, -1, 2]])).tolist() == [[1.0, -1.0, 2.0]]
    for code in (3, -2, 0.5):
        with pytest.raises(InputInvalidError, match="kind is none of its values in row 1"):
            matrix(FEATURES, np.array([[1, 0, 2], [1, code, 2]]))


@pytest.mark.parametrize(
    ("given", "clause"),
    [
        ([], "rows"),
        (np.empty((0, 3)), "rows"),
        (np.zeros(3), "rows"),
        (np.zeros((2, 2)), "rows"),
        (np.zeros((2, 3, 1)), "rows"),
        ("rows", "rows"),
        (b"rows", "rows"),
        (7, "rows"),
        ([[1, "a"]], "rows"),
        (["row"], "rows"),
        ([7], "rows"),
        ([{"amount": 1, "kind": "a"}], "features"),
        ({"amount": [1], "kind": ["a"]}, "features"),
        ({"amount": [1, 2], "kind": ["a"], "count": [3]}, "rows"),
        ({"amount": [], "kind": [], "count": []}, "rows"),
    ],
)
def test_what_are_no_rows_of_the_model_is_an_error(given: Any, clause: str) -> None:
    with pytest.raises(InputInvalidError) as caught:
        matrix(FEATURES, given)
    assert caught.value.clause == clause
    assert caught.value.remedy


class Twin:
    """A key owner without a key, as a `RowOwner`."""

    def __init__(self, ring: Parameters) -> None:
        self.ring = ring
        self._owner = clear.SCHEME.owner(ring)

    def context(self) -> bytes:
        """Return a digest of the ring."""
        return self._owner.context()

    def encrypt(self, features: Sequence[Feature], values: Any) -> list[bytes]:
        """Return each column as it is."""
        return self._owner.encrypt(grid_columns(features, values))

    def decrypt(self, response: bytes, rows: int) -> Any:
        """Return scores."""
        return self._owner.decrypt(response, rows)


def owner() -> Any:
    demand = Demand(
        columns=5,
        grid=14,
        weight_bits=10,
        sum_bits=14,
        reach_bits=28,
        precision_bits=8,
        responses=4,
    )
    return Twin(choose(demand))


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_batches_go_through_files_in_order(tmp_path: Path, beyond: int) -> None:
    who = owner()
    count = who.ring.degree + beyond
    values = np.stack(
        [
            np.linspace(-5, 90, count),
            np.arange(count) % 3,
            np.arange(count) % 41,
        ],
        axis=1,
    )
    told: list[int] = []
    encrypt(who, FEATURES, values, tmp_path / "batches", told.append)
    assert (sum(told), len(told)) == (count, batches_of(count, who.ring.degree))
    assert [path.name for path in tmp_path.iterdir()] == ["batches"]
    data = (tmp_path / "batches").read_bytes()
    columns = who.ring.demand.columns
    size = len(data) // (columns * len(told))
    node = clear.SCHEME.opened(who.ring, who.context())
    model = line("linear", FEATURES, [0.0] * 5, 0.0)
    assert model.width == columns
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    returned = b"".join(
        node.private(node.weighted(pieces[at : at + columns], [0, 0, 0, 0, 1024], 0), bytes)
        for at in range(0, len(pieces), columns)
    )
    (tmp_path / "answer").write_bytes(returned)
    found = decrypt(who, tmp_path / "answer", count, lambda _: None)
    assert (np.rint(found * 64) == values[:, 2]).all()  # 2^6 reaches its bounds


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: b"", lambda data: data * 3])
def test_an_answer_of_another_size_is_none(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    who = owner()
    node = clear.SCHEME.opened(who.ring, who.context())
    sent = who.encrypt(FEATURES, np.zeros((3, 3)))
    answer = node.private(node.weighted(sent, [0] * 5, 0), bytes)
    (tmp_path / "answer").write_bytes(spoil(answer))
    with pytest.raises(MalformedMessageError):
        decrypt(who, tmp_path / "answer", 3, lambda _: None)


def test_numbers_are_read_whatever_their_bounds() -> None:
    found = numbers(FEATURES, [[1e9, "b", -4]])
    assert found.tolist() == [[1e9, 1, -4]]
    with pytest.raises(InputInvalidError):
        numbers(FEATURES, [])
