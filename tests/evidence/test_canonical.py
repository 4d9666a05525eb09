"""Canonical JSON against RFC 8785's own example, a second implementation, and hostile bytes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.errors import CanonicalError

texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER) | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(documents)
def test_equals_a_second_implementation_of_rfc_8785(value: Any) -> None:
    data = canonical.encode(value)
    assert data == rfc8785.dumps(value)
    assert canonical.decode(data) == value


@given(st.dictionaries(st.sampled_from(["", "a", "leaf", "m", "z"]), documents), documents)
def test_encoding_around_known_bytes_is_encoding_all_of_it(
    fields: dict[str, Any], known: Any
) -> None:
    rest = {name: item for name, item in fields.items() if name != "leaf"}
    around = canonical.encode_around(rest, "leaf", canonical.encode(known))
    assert around == canonical.encode(rest | {"leaf": known})


# RFC 8785 section 3.2.2 and 3.2.4, without its floating point numbers.
RFC_INPUT = (
    r'{"string": "\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/", '
    r'"literals": [null, true, false]}'
)
RFC_BYTES = bytes.fromhex(
    "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c"
    "22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
)


def test_example_of_rfc_8785() -> None:
    assert canonical.encode(canonical.load(RFC_INPUT.encode())) == RFC_BYTES


def test_escapes_exactly_what_rfc_8785_escapes() -> None:
    short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    for code in range(0x250):
        expected = short.get(code, f"\\u{code:04x}" if code < 32 else chr(code))
        assert canonical.encode(chr(code)) == f'"{expected}"'.encode()


def test_leaves_line_separators_and_emoji_as_they_are() -> None:
    assert (
        canonical.encode("\u2028\u2029\U0001f600\ufeff")
        == '"\u2028\u2029\U0001f600\ufeff"'.encode()
    )


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        "\ud800",
        {"\ud800": 1},
        {"é": 1},
        {1: 2},
        {None: 1},
        (1, 2),
        b"bytes",
        {1, 2},
        datetime(2026, 1, 1, tzinfo=UTC),
        [object()],
        {"a": {"b": [1.5]}},
    ],
)
def test_refuses_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(CanonicalError):
        canonical.encode(value)


def test_refuses_subclasses_of_the_json_types() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(CanonicalError):
        canonical.encode(Text("x"))


def test_holds_32_levels_and_refuses_33_and_circles() -> None:
    value: Any = 1
    for _ in range(32):
        value = [value]
    assert canonical.decode(canonical.encode(value)) == value
    with pytest.raises(CanonicalError, match="32 levels"):
        canonical.encode([value])
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(CanonicalError):
        canonical.encode(circle)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b"\xef\xbb\xbf1",
        b"01",
        b"-0",
        b"+1",
        b"1.0",
        b"1e3",
        b"1E400",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740992",
        b"1" * 5000,
        b"True",
        b"'a'",
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u000a"',
        b'"\\u001F"',
        b'"\\ud800"',
        b'"\xff"',
        b'"a',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1,}',
        b"[1,]",
        b"[1, 2]",
        b'{"\\u00e9":1}',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"' + b"a" * (1 << 20) + b'"',
        b"1 2",
        b"// x\n1",
    ],
)
def test_decode_refuses_any_other_form(data: bytes) -> None:
    with pytest.raises(CanonicalError):
        canonical.decode(data)


@given(st.binary(max_size=40))
def test_decode_gives_back_the_same_bytes_or_refuses(data: bytes) -> None:
    try:
        value = canonical.decode(data)
    except CanonicalError:
        return
    assert canonical.encode(value) == data


def test_load_takes_any_layout_and_stays_strict_otherwise() -> None:
    value = {"b": [1, None], "a": "ü"}
    assert canonical.load(json.dumps(value, indent=2).encode()) == value
    for data in (b'{"a":1,"a":1}', b"1.5", b"[NaN]", b"x", b'{"\\u00e9": 1}', b"[" * 99_999):
        with pytest.raises(CanonicalError):
            canonical.load(data)


@given(st.binary(max_size=70))
def test_base64url_round_trip(data: bytes) -> None:
    text = canonical.b64encode(data)
    assert canonical.b64decode(text) == data
    assert not set(text) & set("+/=")


@pytest.mark.parametrize(
    "text",
    ["A", "AA==", "AA=", "AB", "AAB", "A A", "AA\n", " AA", "+A", "/A", "é", "A*", "=", "AAAA="],
)
def test_base64url_refuses_any_other_spelling(text: str) -> None:
    with pytest.raises(CanonicalError):
        canonical.b64decode(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_time_round_trip_cuts_fractions(time: datetime) -> None:
    text = canonical.format_time(time)
    assert len(text) == 20
    assert canonical.parse_time(text) == time.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "2026-11-22",
        "2026-11-22T05:30:00",
        "2026-11-22T05:30:00z",
        "2026-11-22t05:30:00Z",
        "2026-11-22 05:30:00Z",
        "2026-11-22T05:30:00+00:00",
        "2026-11-22T05:30:00.5Z",
        "2026-11-22T05:30:00.000000Z",
        "2026-11-22T05:30Z",
        "20261122T053000Z",
        "2026-W47-7T05:30:00Z",
        "2026-02-30T05:30:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T05:30:60Z",
        " 2026-11-22T05:30:00Z",
        "2026-11-22T05:30:00Z\n",
        "２026-11-22T05:30:00Z",
    ],
)
def test_refuses_any_other_way_to_write_a_time(text: str) -> None:
    with pytest.raises(CanonicalError):
        canonical.parse_time(text)


@pytest.mark.parametrize(
    "time",
    [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))],  # noqa: DTZ001
)
def test_refuses_a_time_that_is_not_in_utc(time: datetime) -> None:
    with pytest.raises(CanonicalError, match="UTC"):
        canonical.format_time(time)
