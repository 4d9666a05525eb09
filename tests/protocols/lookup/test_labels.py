"""Labels: every sequence of verdicts goes round, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.lookup.labels import (
    LABEL_SIZES,
    label_bytes_for,
    pack_verdicts,
    unpack_verdicts,
)

verdicts = st.lists(st.sampled_from([None, False, True]), min_size=1, max_size=128)


@given(verdicts)
def test_verdicts_go_round_at_every_size_that_holds_them(items: list[bool | None]) -> None:
    smallest = label_bytes_for(len(items))
    for size in LABEL_SIZES:
        if size >= smallest:
            label = pack_verdicts(items, size)
            assert len(label) == size
            assert unpack_verdicts(label, len(items)) == tuple(items)


def test_layout() -> None:
    assert pack_verdicts([True], 1) == b"\x02"
    assert pack_verdicts([False, True, None, True], 1) == b"\x89"
    assert pack_verdicts([None] * 4 + [False], 8) == b"\x00\x01" + bytes(6)


@given(st.sampled_from(LABEL_SIZES).flatmap(lambda n: st.binary(min_size=n, max_size=n)))
def test_what_is_read_packs_to_the_same_label(label: bytes) -> None:
    count = len(label) * 4
    try:
        items = unpack_verdicts(label, count)
    except MalformedMessageError:
        assert any(byte >> shift & 3 == 3 for byte in label for shift in (0, 2, 4, 6))
    else:
        assert pack_verdicts(items, len(label)) == label


@pytest.mark.parametrize(("count", "size"), [(1, 1), (4, 1), (5, 8), (32, 8), (33, 16), (128, 32)])
def test_smallest_size(count: int, size: int) -> None:
    assert label_bytes_for(count) == size


@pytest.mark.parametrize("count", [-1, 0, 129])
def test_counts_out_of_range(count: int) -> None:
    with pytest.raises(InputInvalidError):
        label_bytes_for(count)
    with pytest.raises(InputInvalidError):
        unpack_verdicts(bytes(32), count)


@pytest.mark.parametrize(("count", "size"), [(5, 1), (1, 2), (1, 0), (0, 1), (129, 32)])
def test_verdicts_that_do_not_fit(count: int, size: int) -> None:
    with pytest.raises(InputInvalidError):
        pack_verdicts([True] * count, size)


@pytest.mark.parametrize("label", [b"\x03", b"\x0c", b"\x04", b"\x80"], ids=lambda v: v.hex())
def test_malformed_codes_and_unused_bits(label: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        unpack_verdicts(label, 1)


@pytest.mark.parametrize("size", [0, 2, 31, 33])
def test_other_label_sizes(size: int) -> None:
    with pytest.raises(MalformedMessageError):
        unpack_verdicts(bytes(size), 1)
